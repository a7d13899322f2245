"""Groups rows by their rig, so that each rig's matrices are applied to all its avatars at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.rig import Rig, Rigs


def rig_groups(column: NDArray[np.float32], rigs: Rigs) -> Iterator[tuple[Rig, Any]]:
    """(rig, rows): rows is a slice when all avatars share one rig, else an index array."""
    indices = column[:, 0].astype(np.intp)
    if len(indices) == 0:
        return
    first = int(indices[0])
    if (indices == first).all():
        yield _used(rigs, first), slice(None)
        return
    for index in np.unique(indices).tolist():
        yield _used(rigs, index), np.flatnonzero(indices == index)


def _used(rigs: Rigs, index: int) -> Rig:
    rig = rigs.items[index]
    if rig is None:
        raise LookupError(f"rig {index} was freed while an avatar still shows it")
    return rig
