"""Only where on the screen the avatar can be: bands of rows with a left and a right edge, always on the safe side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.model import Mesh

Floats = NDArray[np.float64]

SLABS = 14
RING = 32
MARGIN_M = 0.02  # what morphs, and the bulge between sample points, may add (tongue and jaw reach furthest)
BANDS = 12


class Extent:
    """Support points of one level at rest: per slab of height the outermost vertices all around, with their bones."""

    def __init__(self, meshes: Sequence[Mesh], lookup: NDArray[np.int64]) -> None:
        points = np.vstack([mesh.positions for mesh in meshes]).astype(np.float64)
        index = np.vstack([_bones(mesh, lookup) for mesh in meshes])
        weight = np.vstack([_weights(mesh) for mesh in meshes]).astype(np.float64)
        angle = np.linspace(0.0, 2.0 * np.pi, RING, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle)])
        height = points[:, 1]
        edges = np.linspace(height.min(), height.max() + 1e-9, SLABS + 1)
        picked: set[int] = set()
        for low, high in zip(edges[:-1], edges[1:]):
            inside = np.flatnonzero((height >= low) & (height <= high))
            if inside.size:
                flat = points[inside][:, [0, 2]] @ ring
                picked.update(inside[flat.argmax(axis=0)].tolist())
                picked.update((int(inside[height[inside].argmin()]), int(inside[height[inside].argmax()])))
        chosen = np.array(sorted(picked), np.int64)
        self._points = np.hstack([points[chosen], np.ones((len(chosen), 1))])
        self._index, self._weight = index[chosen], weight[chosen]
        self._reach = (edges[1] - edges[0]) + MARGIN_M

    def bands(self, bones: NDArray[np.float32], matrix: Floats) -> Floats:
        """(BANDS, 2) left and right edge in clip space (-1..1) per band of rows, top row first; left > right: empty.

        bones: (P, 3, 4) palette; matrix: (4, 4) to clip space with y down.
        """
        blended = np.einsum("nk,nkij->nij", self._weight, bones[self._index].astype(np.float64))
        world = np.einsum("nij,nj->ni", blended, self._points)
        clip = np.hstack([world, np.ones((len(world), 1))]) @ matrix.T
        result = np.tile(np.array([1.0, -1.0]), (BANDS, 1))
        near = clip[:, 3] <= 1e-3
        if near.any():
            return np.tile(np.array([-1.0, 1.0]), (BANDS, 1))
        x, y, w = clip[:, 0] / clip[:, 3], clip[:, 1] / clip[:, 3], clip[:, 3]
        across = MARGIN_M * np.linalg.norm(matrix[0, :3]) / w
        along = self._reach * np.linalg.norm(matrix[1, :3]) / w
        tops = np.linspace(-1.0, 1.0, BANDS + 1)
        for band in range(BANDS):
            hit = (y + along >= tops[band]) & (y - along <= tops[band + 1])
            if hit.any():
                result[band] = (x - across)[hit].min(), (x + across)[hit].max()
        return np.clip(result, -1.0, 1.0)


def _bones(mesh: Mesh, lookup: NDArray[np.int64]) -> NDArray[np.int64]:
    if mesh.joints is None or mesh.weights is None:
        return np.full((len(mesh.positions), 4), lookup[mesh.attached_joint])
    return lookup[mesh.joints]


def _weights(mesh: Mesh) -> NDArray[np.float32]:
    if mesh.joints is None or mesh.weights is None:
        return np.tile(np.array([1.0, 0.0, 0.0, 0.0], np.float32), (len(mesh.positions), 1))
    return mesh.weights
