"""Only makes today's pictures the golden ones: `python -m tests.golden.bless [NAME...]`. Look before committing."""

from __future__ import annotations

import sys

from PIL import Image

from tests.golden.pictures import BLESSED, SHOTS, studio


def main(names: list[str]) -> None:
    """Draw and store all shots, or the named ones."""
    known = {shot.name for shot in SHOTS}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise SystemExit(f"no such picture: {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    BLESSED.mkdir(exist_ok=True)
    with studio() as place:
        if "llvmpipe" not in place.renderer.info.device.lower():
            raise SystemExit(f"golden pictures are drawn by llvmpipe, this is {place.renderer.info.device}")
        for shot in SHOTS:
            if not names or shot.name in names:
                path = BLESSED / f"{shot.name}.png"
                Image.fromarray(place.draw(shot)).save(path, optimize=True)
                print(path)


if __name__ == "__main__":
    main(sys.argv[1:])
