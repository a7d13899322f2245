"""Only backgrounds: colour, gradient or picture as finished pixels of one size, blurred, vignetted and dithered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from avatar_engine.engine.render.base import Background

VIGNETTE = 0.16  # how much darker the corners are
DITHER_SEED = 7


def paint(background: Background, width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 4) BGRA, top row first."""
    if background.kind == "image" and background.image is not None:
        picture = _fill(background.image, width, height, background.blur)
        vignette = VIGNETTE
    else:
        colours = np.array(background.colours, np.float64).reshape(-1, 3)
        if background.kind == "colour" or len(colours) == 1:
            picture = np.broadcast_to(colours[0], (height, width, 3)).copy()
            vignette = 0.0
        else:
            picture = _gradient(colours, width, height, background.radial)
            vignette = VIGNETTE
    x = (np.arange(width) + 0.5) / width * 2.0 - 1.0
    y = (np.arange(height) + 0.5) / height * 2.0 - 1.0
    fall = (x**2)[None, :] * 0.5 + (y**2)[:, None] * 0.5
    picture = picture * (1.0 - vignette * fall)[..., None]
    # Triangular noise of one step: no bands in gradients, and the encoder keeps it cheap because it never moves.
    noise = np.random.Generator(np.random.PCG64(DITHER_SEED)).random((height, width, 2))
    picture = picture * 255.0 + (noise[..., :1] - noise[..., 1:]) * (0.0 if background.kind == "colour" else 1.0)
    out = np.full((height, width, 4), 255, np.uint8)
    out[..., :3] = np.clip(np.round(picture), 0, 255).astype(np.uint8)[..., ::-1]
    return out


def _gradient(colours: NDArray[np.float64], width: int, height: int, radial: bool) -> NDArray[np.float64]:
    if radial:
        x = ((np.arange(width) + 0.5) / width - 0.5) * (width / height)
        y = (np.arange(height) + 0.5) / height - 0.42
        at = np.clip(np.hypot(x[None, :], y[:, None]) / (0.5 * np.hypot(width / height, 1.0)), 0.0, 1.0)
    else:
        at = np.repeat(((np.arange(height) + 0.5) / height)[:, None], width, axis=1)
    at = at * at * (3.0 - 2.0 * at) if len(colours) == 2 else at
    stops = np.linspace(0.0, 1.0, len(colours))
    return np.stack([np.interp(at, stops, colours[:, k]) for k in range(3)], axis=-1)


def _fill(image: NDArray[np.uint8], width: int, height: int, blur: float) -> NDArray[np.float64]:
    picture = Image.fromarray(np.ascontiguousarray(image[..., :3]))
    scale = max(width / picture.width, height / picture.height)
    size = (max(width, round(picture.width * scale)), max(height, round(picture.height * scale)))
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    picture = picture.crop((left, top, left + width, top + height))
    if blur > 0.0:
        picture = picture.filter(ImageFilter.GaussianBlur(blur * height / 40.0))
    return np.asarray(picture, np.float64) / 255.0
