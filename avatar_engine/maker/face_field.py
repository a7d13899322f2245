"""Only says where on a face a texel of its skin lies, for whoever paints there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.maker.parts import Floats


@dataclass(frozen=True, slots=True)
class Field:
    """Texels of the skin: q (k, 3) head coordinates in eye distances, p (k, 3) dm, masks (k,) 0..1."""

    p: Floats
    q: Floats
    normal: Floats
    open_: Floats
    lips: Floats
    lids: Floats
    ears: Floats
    island: NDArray[np.int64]
    lip_line: Floats
    lash_line: Floats
    mouth: Floats
    nose: Floats

    def spot(self, centre: tuple[float, float, float], size: tuple[float, float, float]) -> Floats:
        """A soft Gaussian spot."""
        return np.asarray(np.exp(-(((self.q - np.array(centre)) / np.array(size)) ** 2).sum(1)))

    def pair(self, centre: tuple[float, float, float], size: tuple[float, float, float]) -> Floats:
        """The same spot on both sides."""
        x, y, z = centre
        return self.spot((x, y, z), size) + self.spot((-x, y, z), size)
