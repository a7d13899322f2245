"""One picture in memory, as the renderer hands it on; knows its layout and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

PixelFormat = Literal["bgra", "i420"]


@dataclass(frozen=True, slots=True)
class Image:
    """Top row first. bgra: pixels (height, width, 4) uint8. i420: pixels (height * 3 // 2, width) uint8,
    BT.709 limited range, the planes Y, U, V one after the other. Contiguous; owned by the receiver."""

    width: int
    height: int
    format: PixelFormat
    pixels: NDArray[np.uint8]
