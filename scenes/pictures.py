"""Only reads background pictures into sRGB arrays; checks size and kind before a pixel is decoded."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from avatar_engine.engine.errors import SceneError

MAX_BYTES = 40_000_000
MAX_PIXELS = 40_000_000
LONGEST_SIDE = 3840
"""Larger pictures are scaled down: nothing is drawn larger than 4K."""


def picture(path: Path, brightness: float = 1.0, mirror: bool = False) -> NDArray[np.uint8]:
    """(h, w, 3) uint8 sRGB, top row first, read-only and shared. Raises SceneError."""
    try:
        stat = path.stat()
    except OSError as error:
        raise SceneError(str(path), f"no such picture ({error.strerror})", "give a JPEG or PNG file") from None
    if not path.is_file():
        raise SceneError(str(path), "is not a file", "give a JPEG or PNG file")
    if stat.st_size > MAX_BYTES:
        raise SceneError(str(path), f"is larger than {MAX_BYTES // 1_000_000} MB", "scale it down to 4K")
    return _decoded(path, stat.st_mtime_ns, stat.st_size, brightness, mirror)


@lru_cache(maxsize=4)
def _decoded(path: Path, mtime_ns: int, size: int, brightness: float, mirror: bool) -> NDArray[np.uint8]:
    # mtime and size are part of the cache's key: a picture that was changed on disk is read again
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise SceneError(str(path), f"has {opened.width}x{opened.height} pixels", "scale it down to 4K")
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
            image = ImageOps.exif_transpose(opened)
            if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
                image = image.convert("RGBA")
                image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
            image = image.convert("RGB")
    except UnidentifiedImageError:
        raise SceneError(str(path), "is not a picture that can be read", "give a JPEG or PNG file") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SceneError(str(path), f"is damaged ({error})", "export it again as JPEG or PNG") from None
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    pixels: NDArray[np.uint8] = np.asarray(image)
    if mirror:
        pixels = pixels[:, ::-1]
    if brightness != 1.0:
        pixels = _brightness_table(brightness)[pixels]
    pixels = np.ascontiguousarray(pixels)
    pixels.flags.writeable = False
    return pixels


def _brightness_table(factor: float) -> NDArray[np.uint8]:
    """(256,) sRGB value -> sRGB value of `factor` times the light."""
    value = np.arange(256) / 255
    light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) * factor
    light = np.minimum(light, 1.0)
    encoded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(encoded * 255), np.uint8)
