"""Only turns heights into pictures of normals, as glTF has them: tangent space, y up."""

from __future__ import annotations

import numpy as np
from PIL import Image

from avatar_engine.maker.parts import Floats


def bumps(height: Floats, wide: Floats | float, tall: Floats | float, wrap: bool = False) -> Image.Image:
    """height (rows, columns), in the unit of the texels' width and height; `wrap`: the picture is a tile."""
    around = np.pad(height, 1, mode="wrap" if wrap else "edge")
    right = (around[1:-1, 2:] - around[1:-1, :-2]) / (2 * np.maximum(wide, 1e-6))
    below = (around[2:, 1:-1] - around[:-2, 1:-1]) / (2 * np.maximum(tall, 1e-6))
    normal = np.stack([-right, below, np.ones_like(right)], -1)
    normal /= np.sqrt((normal**2).sum(-1, keepdims=True))
    return Image.fromarray(((normal * 0.5 + 0.5) * 255 + 0.5).astype(np.uint8))
