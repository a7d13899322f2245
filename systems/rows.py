"""Which rows something happens in, of the few in which it does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Float = NDArray[np.float32]


def due(mask: Mask) -> list[int]:
    """Rows where the mask is true."""
    rows: list[int] = np.flatnonzero(mask).tolist()
    return rows
