"""Only what a surface knows of itself: smooth normals, also of displaced vertices, across texture seams."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def weld(positions: NDArray[np.floating]) -> NDArray[np.int64]:
    """(n,) group number of every vertex; vertices at one place (texture seams) share a group."""
    size = float(np.ptp(positions, axis=0).max()) if len(positions) else 0.0
    grid = np.round(positions / max(size * 1e-6, 1e-12)).astype(np.int64)
    _, groups = np.unique(grid, axis=0, return_inverse=True)
    return groups.reshape(-1)


def smooth_normals(
    positions: NDArray[np.floating], triangles: NDArray[np.integer], groups: NDArray[np.int64] | None = None
) -> Floats:
    """(n, 3) unit normals, faces weighted by area; vertices of one group share theirs."""
    if groups is None:
        groups = weld(positions)
    corners = positions[triangles].astype(np.float64)
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    owners = groups[triangles].ravel()
    count = int(groups.max(initial=-1)) + 1
    summed = np.stack([np.bincount(owners, np.repeat(face[:, k], 3), count) for k in range(3)], 1)
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    unit = np.where(length > 1e-20, summed / np.maximum(length, 1e-20), np.array([0.0, 0.0, 1.0]))
    return unit[groups]
