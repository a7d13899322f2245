"""Only backgrounds: colour, gradient or picture as finished pixels of one size, blurred, vignetted and dithered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from avatar_engine.engine.render.base import Background

VIGNETTE = 0.16  # how much darker the corners are
DITHER_SEED = 7
STRIP = 48  # rows


def paint(background: Background, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 4) BGRA, top row first. Worked on in strips: whole pictures of floats would be many megabytes."""
    out = np.full((height, width, 4), 255, np.uint8)
    draw = np.random.Generator(np.random.PCG64(DITHER_SEED))
    colours = np.array(background.colours, np.float32).reshape(-1, 3)
    flat = background.kind == "colour" or (background.kind == "gradient" and len(colours) == 1)
    image = background.image if background.kind == "image" else None
    filled = None if image is None else _fill(image, width, height, background.blur)
    vignette = 0.0 if flat or (filled is None and background.kind == "image") else VIGNETTE
    x = (np.arange(width, dtype=np.float32) + 0.5) / width
    for top in range(0, height, STRIP):
        y = (np.arange(top, min(top + STRIP, height), dtype=np.float32) + 0.5) / height
        if filled is not None:
            picture = filled[top : top + STRIP].astype(np.float32) / 255.0
        elif flat or background.kind == "image":
            picture = np.broadcast_to(colours[0], (len(y), width, 3))
        else:
            picture = _gradient(colours, x, y, width / height, background.radial)
        fall = (2.0 * x - 1.0) ** 2 * 0.5 + ((2.0 * y - 1.0) ** 2 * 0.5)[:, None]
        picture = picture * (255.0 * (1.0 - vignette * fall))[..., None]
        if not flat:
            # Triangular noise of one step: no bands in gradients, and it never moves, so encoders keep it cheap.
            noise = draw.random((len(y), width, 2), np.float32)
            picture += noise[..., :1] - noise[..., 1:]
        out[top : top + STRIP, :, :3] = np.clip(np.rint(picture), 0, 255).astype(np.uint8)[..., ::-1]
    return out


def _gradient(
    colours: NDArray[np.floating], x: NDArray[np.floating], y: NDArray[np.floating], aspect: float, radial: bool
) -> NDArray[np.float32]:
    if radial:
        far = np.hypot(((x - 0.5) * aspect)[None, :], (y - 0.42)[:, None])
        at = np.clip(far / (0.5 * np.hypot(aspect, 1.0)), 0.0, 1.0)
    else:
        at = np.repeat(y[:, None], len(x), axis=1)
    at = at * at * (3.0 - 2.0 * at) if len(colours) == 2 else at
    stops = np.linspace(0.0, 1.0, len(colours))
    return np.stack([np.interp(at, stops, colours[:, k]) for k in range(3)], axis=-1).astype(np.float32)


def _fill(image: NDArray[np.uint8], width: int, height: int, blur: float) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(image[..., :3]))
    scale = max(width / picture.width, height / picture.height)
    size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    picture = picture.crop((left, top, left + width, top + height))
    if blur > 0.0:
        picture = picture.filter(ImageFilter.GaussianBlur(blur * height / 40.0))
    return np.asarray(picture, np.uint8)
