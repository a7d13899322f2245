"""Only the pictures of fabrics: small tiles with weave, knit or rib, quiet enough not to shimmer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from avatar_engine.maker.relief import bumps

Weave = Literal["suiting", "knit", "rib", "poplin", "drill"]
SIZE = 512
TILE_DM = {"suiting": 0.8, "knit": 0.9, "rib": 0.9, "poplin": 0.8, "drill": 0.8}
"""Width of cloth (dm) that one tile shows."""


DEPTH_TEXELS: dict[Weave, float] = {"suiting": 6.0, "knit": 22.0, "rib": 24.0, "poplin": 6.0, "drill": 8.0}
"""How far threads stand out, in texels per unit of their brightness."""


@dataclass(frozen=True, slots=True)
class Fabric:
    """Tiles of 512 x 512 that repeat without a seam: colours, and normals as `Material.relief`."""

    picture: Image.Image
    relief: Image.Image


def fabric(color: tuple[int, int, int], weave: Weave, rng: np.random.Generator) -> Fabric:
    """Cloth of a colour."""
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    two_pi = 2 * np.pi
    slub = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 3, mode="wrap")
    slub /= slub.std()
    grain = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 1.1, mode="wrap")
    grain /= grain.std()
    cloud = gaussian_filter(rng.normal(size=(SIZE, SIZE)), 40, mode="wrap")
    cloud /= cloud.std()
    if weave == "suiting":
        twill = np.sin(two_pi * (x + y) * 48)
        f = 0.022 * twill + 0.014 * grain + 0.008 * slub
    elif weave == "knit":
        column = x * 30
        v_shape = np.abs((column % 1.0) - 0.5)
        stitch = np.sin(two_pi * (y * 30 + 1.1 * v_shape))
        valley = np.cos(two_pi * column)
        f = 0.035 * stitch - 0.045 * valley + 0.015 * grain
    elif weave == "rib":
        ridge = np.cos(two_pi * x * 16)
        f = 0.10 * np.sign(ridge) * np.abs(ridge) ** 0.7 + 0.02 * np.sin(two_pi * y * 30) + 0.012 * grain
        f = gaussian_filter(f, 1.2, mode="wrap")
    elif weave == "poplin":
        f = 0.006 * (np.sin(two_pi * x * 64) + np.sin(two_pi * y * 64)) + 0.010 * grain + 0.008 * slub
    else:
        f = 0.014 * np.sin(two_pi * (x * 40 - y * 40)) + 0.012 * grain + 0.010 * slub
    relief = bumps(gaussian_filter(f, 1.0, mode="wrap") * DEPTH_TEXELS[weave], 1.0, 1.0, wrap=True)
    f = f + 0.004 * cloud
    # Dark cloth needs a little more contrast to be seen as cloth at all.
    base = np.array(color) / 255.0
    gain = 1.0 + 0.5 * (1 - base.mean())
    picture = np.clip(base * (1 + gain * f[..., None]), 0, 1)
    return Fabric(Image.fromarray((picture * 255 + 0.5).astype(np.uint8)), relief)
