"""Which entity lives in which row, for the rare events that need an entity's own random stream."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.world import Row, World

Mask = NDArray[np.bool_]
Float = NDArray[np.float32]


def entities_by_row(world: World) -> list[int]:
    """Entity of every row, in row order."""
    found = [0] * world.batch.count
    for entity, row in world.each(Row):
        found[row.index] = entity
    return found


def due(mask: Mask) -> list[int]:
    """Rows where the mask is true."""
    rows: list[int] = np.flatnonzero(mask).tolist()
    return rows
