"""Shows the mind at work: contact sheets for the docs, and clips of every emotion and turn to look at.

python -m tools.mind_sheets                      docs/images/turns.jpg and docs/images/emotions.jpg
python -m tools.mind_sheets --clips FOLDER       a 30-second MP4 and a strip of pictures for every emotion and every turn
                            [--only NAME ...]    of some
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import GAZE
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.sinks import sink_for
from avatar_engine.engine.messages import AudioChunk, ClearSpeech, Command, SetAgentState, SetEmotion, Trigger
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
CELL, CAPTION = 216, 26
CLIP_S = 30
CLIP_SIZE = (640, 360)
STRIP_S = (1, 3, 5, 8, 11, 14, 17, 20, 23, 26, 28, 29.5)  # a strip shows these moments of a clip
AWAY = GAZE.index("away")
SIXTEEN = emotion_book().names[:16]


@dataclass(frozen=True)
class Part:
    """A session to show. speaks_s: from when on it speaks. at: (second, command) in order. look_s: seconds to draw."""

    name: str
    options: SessionOptions
    look_s: tuple[float, ...]
    speaks_s: float = math.inf
    at: tuple[tuple[float, Command], ...] = ()


def turns(width: int, height: int) -> list[Part]:
    """One part per turn state."""
    base = SessionOptions(width=width, height=height, framing="head", seed=12)
    times = (1.5, 3.0, 4.5, 6.0, 7.5, 9.0)
    cut = (ClearSpeech(), Trigger("user_speech_start"))
    yielding = tuple((k * 2.4 + 1.8, command) for k in range(12) for command in cut)
    return [
        Part("idle", base, times),
        Part("listening", base, times, at=((0.0, Trigger("user_speech_start")),)),
        Part("thinking", base, times, at=((0.0, SetAgentState("thinking")),)),
        Part("tool_wait", base, times, at=((0.0, Trigger("tool_start")),)),
        Part("speaking", base, times, speaks_s=0.0),
        Part("yielding", base, (1.7, 1.85, 1.95, 2.05, 2.2, 2.4), speaks_s=0.0, at=yielding),
    ]


def emotions(width: int, height: int) -> list[Part]:
    """One part per emotion, silent and then speaking."""
    return [
        Part(
            name,
            SessionOptions(width=width, height=height, framing="head", style="playful", seed=21),
            (1.2, 2.4, 4.5, 6.5),
            speaks_s=2.8,
            at=((0.0, SetEmotion(name)),),
        )
        for name in SIXTEEN
    ]


def main() -> None:
    """Sheets, or clips."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, metavar="FOLDER")
    parser.add_argument("--only", nargs="*", default=(), metavar="NAME", help="clips of these emotions and turns only")
    options = parser.parse_args()
    runtime = make_runtime(RuntimeOptions())
    try:
        if options.clips:
            options.clips.mkdir(parents=True, exist_ok=True)
            for part in (*turns(*CLIP_SIZE), *emotions(*CLIP_SIZE)):
                # the state "thinking" and the emotion are two clips
                name = f"turn_{part.name}" if part in turns(*CLIP_SIZE) else part.name
                if not options.only or name in options.only:
                    print(write_clip(runtime, part, options.clips / f"{name}.mp4"), flush=True)
        else:
            IMAGES.mkdir(parents=True, exist_ok=True)
            write_sheet(runtime, turns(2 * CELL, 2 * CELL), IMAGES / "turns.jpg", columns=1)
            write_sheet(runtime, emotions(2 * CELL, 2 * CELL), IMAGES / "emotions.jpg", columns=2)
    finally:
        runtime.close()


def write_sheet(runtime: Runtime, parts: list[Part], path: Path, columns: int) -> None:
    """One row (or half a row) of pictures per part, captions on the left."""
    count = len(parts[0].look_s)
    rows = -(-len(parts) // columns)
    sheet = Image.new("RGB", (columns * count * CELL, rows * (CELL + CAPTION)), (24, 26, 30))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(16)
    for number, part in enumerate(parts):
        x, y = number % columns * count * CELL, number // columns * (CELL + CAPTION)
        pen.text((x + 8, y + 4), part.name, (232, 234, 238), font)
        wanted = {round(second * 30) for second in part.look_s}
        for shown, (_, pixels) in enumerate(play(runtime, part, wanted)):
            sheet.paste(_face(Image.fromarray(pixels)), (x + shown * CELL, y + CAPTION))
    sheet.save(path, quality=84, optimize=True)


def write_clip(runtime: Runtime, part: Part, path: Path) -> str:
    """An MP4 with sound and a strip of its pictures beside it; returns what happened in it as a row of a table."""
    sink = sink_for(str(path))
    sink.open(part.options.width, part.options.height, part.options.fps, runtime.options.audio_rate)
    session = _open(runtime, part)
    waiting = list(part.at)
    batch = runtime.world.batch
    strip: list[Image.Image] = []
    wanted = {round(second * 30) for second in STRIP_S}
    blinks, away, spoken, was = 0, 0, 0, 0.0
    for tick in range(CLIP_S * 30):
        _send(runtime, session, part, waiting, tick)
        packet = runtime.step()[0]
        for frame in packet.frames:
            sink.write_video(frame.image)
            if tick in wanted and frame.image is not None:
                strip.append(Image.fromarray(np.ascontiguousarray(frame.image.pixels[:, :, 2::-1])))
        sink.write_audio(packet.samples)
        closing = float(batch["layer.blink"][0].max())
        blinks += was <= 0.5 < closing
        away += bool(batch["gaze"][0, AWAY] > 0.0)
        spoken += packet.speaking
        was = closing
    sink.close()
    runtime.close_session(session)
    _write_strip(strip, path.with_suffix(".jpg"))
    share = 100 * away / (CLIP_S * 30)
    return f"| {path.stem} | {spoken / 30:.0f} s | {blinks} | {share:.0f} % | {path.stat().st_size / 1e6:.1f} MB |"


def _write_strip(pictures: list[Image.Image], path: Path) -> None:
    """Two rows of the middles of pictures."""
    columns = -(-len(pictures) // 2)
    sheet = Image.new("RGB", (columns * CELL, 2 * CELL))
    for number, picture in enumerate(pictures):
        sheet.paste(_face(picture), (number % columns * CELL, number // columns * CELL))
    sheet.save(path, quality=84, optimize=True)


def _face(picture: Image.Image) -> Image.Image:
    """The head in a picture that is framed around it, as a cell of a sheet."""
    side = 0.72 * picture.height
    left, top = (picture.width - side) / 2, 0.06 * picture.height
    return picture.resize((CELL, CELL), Image.Resampling.LANCZOS, (left, top, left + side, top + side))


def play(runtime: Runtime, part: Part, wanted: set[int]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Runs a part until the last wanted tick; the pictures of the wanted ticks."""
    session = _open(runtime, part)
    waiting = list(part.at)
    for tick in range(max(wanted) + 1):
        _send(runtime, session, part, waiting, tick)
        packet = runtime.step(draw=tick in wanted)[0]
        images = [frame.image for frame in packet.frames if frame.image is not None]
        if tick in wanted and images:
            yield tick, images[-1].pixels[:, :, 2::-1]
    runtime.close_session(session)


def _open(runtime: Runtime, part: Part) -> str:
    return runtime.open_session(part.options, part.name)


def _send(runtime: Runtime, session: str, part: Part, waiting: list[tuple[float, Command]], tick: int) -> None:
    if tick >= part.speaks_s * 30 and runtime.buffered_s(session) < 1.0:
        samples, rate = _speech()
        runtime.push_audio(session, AudioChunk(samples, rate, segment=tick, last=True))
    while waiting and waiting[0][0] * 30 <= tick:
        runtime.send(session, waiting.pop(0)[1])


def _speech() -> tuple[NDArray[np.float32], int]:
    with av.open(str(asset_path("speech", "demo_en.flac"))) as file:
        stream = file.streams.audio[0]
        parts = [frame.to_ndarray().reshape(-1) for frame in file.decode(stream)]
        samples = np.concatenate(parts)
        scale = np.iinfo(samples.dtype).max if samples.dtype.kind == "i" else 1.0
        return (samples / scale).astype(np.float32), int(stream.rate)


if __name__ == "__main__":
    main()
