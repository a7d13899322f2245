"""Rebuilds the bundled background pictures and their manifest, or compares them with a quick rebuild."""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import time
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from tools.backgrounds.developing import developed, jpeg
from tools.backgrounds.rooms import ROOMS
from tools.backgrounds.tracing import traced

FOLDER = Path(__file__).resolve().parents[2] / "assets" / "backgrounds"
WIDTH, HEIGHT = 480, 270
SAMPLES = 112
SEED = 1
QUICK_SAMPLES = 6
MOST_APART = 7.0
"""Mean difference (of 255, on a grid of 32 x 18 tiles) to a quick rebuild: noise gives 1 to 3, another room 25."""


def main() -> int:
    """Entry point of `python -m tools.backgrounds`."""
    parser = argparse.ArgumentParser(prog="python -m tools.backgrounds", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"which ones (default: all): {', '.join(ROOMS)}")
    parser.add_argument("--check", action="store_true", help="compare instead of rebuilding")
    parser.add_argument("--samples", type=int, default=None, help=f"paths per pixel (default {SAMPLES})")
    parser.add_argument("--out", type=Path, default=FOLDER)
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in ROOMS]
    if unknown:
        parser.error(f"no picture '{unknown[0]}'; known: {', '.join(ROOMS)}")
    names = options.names or list(ROOMS)
    if options.check:
        return max([_check(name, options.out, options.samples or QUICK_SAMPLES) for name in names])
    options.out.mkdir(parents=True, exist_ok=True)
    for name in names:
        _build(name, options.out, options.samples or SAMPLES)
    _write_manifest(options.out)
    return 0


def _picture(name: str, samples: int) -> NDArray[np.uint8]:
    room = ROOMS[name]()

    def progress(done: float) -> None:
        if sys.stderr.isatty():
            print(f"\r{name} {done:4.0%}", end="", file=sys.stderr)

    return developed(traced(room, WIDTH, HEIGHT, samples, SEED, progress), room, SEED)


def _build(name: str, folder: Path, samples: int) -> None:
    start = time.process_time()
    data = jpeg(_picture(name, samples))
    (folder / f"{name}.jpg").write_bytes(data)
    print(f"{name}.jpg  {len(data) / 1000:.0f} kB  {time.process_time() - start:.0f} s")


def _write_manifest(folder: Path) -> None:
    entries = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            size = list(image.size)
        entries.append(
            {
                "file": path.name,
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "size": size,
                "licence": "CC0-1.0",
                "origin": "computed by this project's own path tracer; no photograph, no foreign model or texture",
                "command": f"python -m tools.backgrounds {path.stem}",
            }
        )
    text = "# Background pictures. Written by `python -m tools.backgrounds`.\n"
    text += yaml.safe_dump({"backgrounds": entries}, sort_keys=False, width=110)
    (folder / "manifest.yaml").write_text(text, encoding="utf-8")


def _check(name: str, folder: Path, samples: int) -> int:
    path = folder / f"{name}.jpg"
    if not path.is_file():
        print(f"{path}: missing; run python -m tools.backgrounds {name}")
        return 1
    with Image.open(path) as image:
        there = _tiles(np.asarray(image.convert("RGB")))
    with Image.open(io.BytesIO(jpeg(_picture(name, samples)))) as image:
        apart = float(np.abs(_tiles(np.asarray(image)) - there).mean())
    verdict = "as built" if apart <= MOST_APART else f"differs; run python -m tools.backgrounds {name}"
    print(f"{name}.jpg  {apart:.1f} of 255 apart  {verdict}")
    return int(apart > MOST_APART)


def _tiles(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(Image.fromarray(pixels).resize((32, 18), Image.Resampling.BOX), np.float64)


if __name__ == "__main__":
    raise SystemExit(main())
