"""Pictures of a person who speaks, drawn ahead: what a test sends where drawing live would disturb it."""

from __future__ import annotations

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.picture import PictureConverter
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
        converter = PictureConverter(width, height)
        images: list[Image] = []
        while len(images) < seconds * fps:
            for packet in runtime.step():
                for frame in packet.frames:
                    if frame.image is None:
                        images.append(images[-1])
                        continue
                    planes = converter.planes(frame.image)
                    images.append(Image(width, height, "i420", planes.pixels.copy()))
        return tuple(images)
    finally:
        runtime.close()
