"""Pictures of a person who speaks, drawn ahead: what a test sends where drawing live would disturb it."""

from __future__ import annotations

import av
import numpy as np

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime

RATE = 24_000


def drawn_ahead(width: int, height: int, fps: int, seconds: float) -> tuple[Image, ...]:
    """The frames of that many seconds of the bundled English speech, I420."""
    runtime = make_runtime(RuntimeOptions(hz=60, audio_rate=RATE))
    try:
        session = runtime.open_session(SessionOptions(width=width, height=height, fps=fps))
        speech = read_speech(asset_path("speech", "demo_en.flac"), RATE)
        runtime.push_audio(session, AudioChunk(speech, RATE, 0, True))
        images: list[Image] = []
        while len(images) < seconds * fps:
            for packet in runtime.step():
                for frame in packet.frames:
                    images.append(_i420(frame.image) if frame.image is not None else images[-1])
        return tuple(images)
    finally:
        runtime.close()


def _i420(image: Image) -> Image:
    if image.format == "i420":
        return Image(image.width, image.height, "i420", image.pixels.copy())
    planes = av.VideoFrame.from_ndarray(np.ascontiguousarray(image.pixels), format="bgra").reformat(format="yuv420p")
    return Image(image.width, image.height, "i420", planes.to_ndarray())
