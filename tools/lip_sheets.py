"""Shows the lips at work: for each of p b m f v o u a eight pictures in a row, a thirtieth of a second apart.

python -m tools.lip_sheets [--avatar ID] [--out FOLDER]      docs/images/lips_en.jpg and lips_it.jpg

The bundled recordings are spoken through the whole engine without their text; the pictures of a row surround one
phone of the recording, and those whose moment lies inside it are marked.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime
from avatar_engine.spoken_file import read_audio

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
HZ, RATE = 30, 16_000
ROWS = ("p", "b", "m", "f", "v", "o", "u", "a")
# Phones that show the mouth of a row, where a language has not the plain one.
KINDRED = {"o": "oɔ", "u": "uʊw", "a": "aɑæ"}
BEFORE, AFTER = 4, 3  # pictures before and after the middle of the phone
SIZE = 640
CELL_W, CELL_H, CAPTION = 128, 104, 22
# Where the mouth is in a picture framed on the head, as shares: centre and width.
MOUTH_X, MOUTH_Y, MOUTH_W = 0.5, 0.625, 0.27
DARK, GREY, LIGHT, MARK = (24, 26, 30), (150, 154, 160), (232, 234, 238), (255, 196, 84)


@dataclass(frozen=True, slots=True)
class Moment:
    """A phone of a recording to look at."""

    row: str
    word: str
    start_s: float
    end_s: float

    def ticks(self, heard_from_s: float) -> list[int]:
        """Ticks of the pictures around its middle."""
        middle = round((heard_from_s + (self.start_s + self.end_s) / 2) * HZ - 0.5)
        return list(range(middle - BEFORE, middle + AFTER + 1))


def moments(recording: dict[str, list[list[float | str]]]) -> list[Moment]:
    """The longest phone of every row that has speech on both sides."""
    phones = [(float(a), float(b), str(p)) for a, b, p in recording["phones"]]
    words = [(float(a), float(b), str(w)) for a, b, w in recording["words"]]
    found = []
    for row in ROWS:
        inside = [
            (b - a, a, b)
            for (_, _, left), (a, b, phone), (_, _, right) in zip(phones, phones[1:], phones[2:])
            if phone[0] in KINDRED.get(row, row) and "sil" not in (left, right)
        ]
        if inside:
            _, a, b = max(inside)
            word = next((w for start, end, w in words if start <= (a + b) / 2 <= end), "")
            found.append(Moment(row, word, a, b))
    return found


def pictures(
    runtime: Runtime, options: SessionOptions, samples: NDArray[np.float32], wanted: list[Moment]
) -> Image.Image:
    """The sheet of one recording, spoken by a fresh runtime."""
    sheet = Image.new("RGB", (80 + (BEFORE + AFTER + 1) * CELL_W, len(wanted) * (CELL_H + CAPTION)), DARK)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    session = runtime.open_session(options, "lips")
    for _ in range(HZ):
        runtime.step(draw=False)
    runtime.push_audio(session, AudioChunk(samples, RATE, segment=0, last=True))
    heard_from_s: float | None = None
    places: dict[int, list[tuple[int, int, bool]]] = {}
    tick = HZ
    while heard_from_s is None or tick <= max(places):
        packet = runtime.step(draw=tick in places)[0]
        for frame in packet.frames:
            for x, y, marked in places.get(tick, []) if frame.image is not None else []:
                _paste(sheet, frame.image.pixels[:, :, 2::-1], x, y, marked)
        starts = [packet.start_sample + span.offset for span in packet.spans if span.position == 0]
        if heard_from_s is None and starts:
            heard_from_s = starts[0] / RATE
            for number, moment in enumerate(wanted):
                y = number * (CELL_H + CAPTION)
                pen.text((10, y + CAPTION + 20), moment.row, LIGHT, ImageFont.load_default(34))
                pen.text((84, y + 2), f"{moment.word}  ({moment.end_s - moment.start_s:.2f} s)", GREY, font)
                for column, at in enumerate(moment.ticks(heard_from_s)):
                    heard_s = (at + 0.5) / HZ - heard_from_s
                    place = (80 + column * CELL_W, y + CAPTION, moment.start_s <= heard_s < moment.end_s)
                    places.setdefault(at, []).append(place)
        tick += 1
    runtime.close_session(session)
    return sheet


def _paste(sheet: Image.Image, pixels: NDArray[np.uint8], x: int, y: int, marked: bool) -> None:
    wide = MOUTH_W * SIZE
    high = wide * CELL_H / CELL_W
    box = (MOUTH_X * SIZE - wide / 2, MOUTH_Y * SIZE - high / 2, MOUTH_X * SIZE + wide / 2, MOUTH_Y * SIZE + high / 2)
    picture = Image.fromarray(pixels).resize((CELL_W - 4, CELL_H - 4), Image.Resampling.LANCZOS, box)
    ImageDraw.Draw(sheet).rectangle((x, y, x + CELL_W - 1, y + CELL_H - 1), fill=MARK if marked else DARK)
    sheet.paste(picture, (x + 2, y + 2))


def main() -> None:
    """One sheet per bundled recording."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatar", default="ada")
    parser.add_argument("--out", type=Path, default=IMAGES)
    args = parser.parse_args()
    options = SessionOptions(avatar=args.avatar, width=SIZE, height=SIZE, framing="head", seed=4)
    for recording in yaml.safe_load(asset_path("speech", "manifest.yaml").read_text("utf-8"))["speech"]:
        samples = read_audio(asset_path("speech", recording["file"]))
        path = args.out / f"lips_{recording['lang']}.jpg"
        runtime = make_runtime(RuntimeOptions(hz=HZ, audio_rate=RATE))
        try:
            pictures(runtime, options, samples, moments(recording)).save(path, quality=82, optimize=True)
        finally:
            runtime.close()
        print(path)


if __name__ == "__main__":
    main()
