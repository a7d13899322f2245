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


class NormalField:
    """Smooth normals of one surface, ready to say how they turn when a few vertices move."""

    def __init__(self, positions: NDArray[np.floating], triangles: NDArray[np.integer]) -> None:
        self._positions = positions.astype(np.float64)
        self._triangles = triangles.astype(np.int64)
        self._groups = weld(positions)
        self._owners = self._groups[self._triangles]  # (m, 3)
        self._count = int(self._groups.max(initial=-1)) + 1
        self._faces = _face_normals(self._positions, self._triangles)
        self._summed = _gather(self._faces, self._owners, self._count)
        self.normals = _unit(self._summed)[self._groups]  # (n, 3)

    def turned(self, index: NDArray[np.integer], delta: NDArray[np.floating]) -> tuple[NDArray[np.int64], Floats]:
        """Vertices (k,) whose normal changes when `index` moves by `delta`, and the changes (k, 3)."""
        displaced = self._positions.copy()
        displaced[index] += delta
        moved = np.zeros(len(displaced), bool)
        moved[index] = True
        faces = np.flatnonzero(moved[self._triangles].any(axis=1))
        change = _face_normals(displaced, self._triangles[faces]) - self._faces[faces]
        touched = np.unique(self._owners[faces])
        slot = np.searchsorted(touched, self._owners[faces])
        summed = self._summed[touched] + _gather(change, slot, len(touched))
        turn = np.zeros((self._count, 3))
        turn[touched] = _unit(summed) - _unit(self._summed[touched])
        hit = np.zeros(self._count, bool)
        hit[touched] = True
        vertices = np.flatnonzero(hit[self._groups])
        return vertices, turn[self._groups[vertices]]


def _face_normals(positions: Floats, triangles: NDArray[np.int64]) -> Floats:
    a, b, c = (positions[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a)


def _gather(faces: Floats, owners: NDArray[np.int64], count: int) -> Floats:
    flat = owners.ravel()
    return np.stack([np.bincount(flat, np.repeat(faces[:, k], 3), count) for k in range(3)], 1)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-20, vectors / np.maximum(length, 1e-20), np.array([0.0, 0.0, 1.0]))


def smooth_normals(
    positions: NDArray[np.floating], triangles: NDArray[np.integer], groups: NDArray[np.int64] | None = None
) -> Floats:
    """(n, 3) unit normals, faces weighted by area; vertices of one group share theirs."""
    if groups is None:
        groups = weld(positions)
    whole = triangles.astype(np.int64)
    summed = _gather(_face_normals(positions.astype(np.float64), whole), groups[whole], int(groups.max(initial=-1)) + 1)
    return _unit(summed)[groups]
