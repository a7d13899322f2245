"""Only where on the screen the avatar can be: bands of rows with a left and a right edge, always on the safe side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

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
        index = np.vstack([bones_of(mesh, lookup) for mesh in meshes])
        weight = np.vstack([weights_of(mesh) for mesh in meshes]).astype(np.float64)
        angle = np.linspace(0.0, 2.0 * np.pi, RING, endpoint=False)
        ring = np.stack([np.cos(angle), np.sin(angle)])
        height = points[:, 1]
        edges = np.linspace(height.min(), height.max() + 1e-9, SLABS + 1)
        picked: set[int] = set()
        for low, high in pairwise(edges):
            inside = np.flatnonzero((height >= low) & (height <= high))
            if inside.size:
                flat = points[inside][:, [0, 2]] @ ring
                picked.update(inside[flat.argmax(axis=0)].tolist())
                picked.update((int(inside[height[inside].argmin()]), int(inside[height[inside].argmax()])))
        chosen = np.array(sorted(picked), np.int64)
        self._points = np.hstack([points[chosen], np.ones((len(chosen), 1))])
        self._spread = np.zeros((len(chosen), int(lookup.max(initial=0)) + 1))  # (n, P) weight of every bone
        for k in range(4):
            np.add.at(self._spread, (np.arange(len(chosen)), index[chosen, k]), weight[chosen, k])
        self._reach = (edges[1] - edges[0]) + MARGIN_M

    def bands(self, bones: NDArray[np.float32], matrix: Floats) -> Floats:
        """(BANDS, 2) left and right edge in clip space (-1..1) per band of rows, top row first; left > right: empty.

        bones: (P, 3, 4) palette; matrix: (4, 4) to clip space with y down.
        """
        flat = bones.reshape(-1, 12).astype(np.float64)
        blended = (self._spread @ flat).reshape(-1, 3, 4)
        world = (blended * self._points[:, None, :]).sum(axis=2)
        clip = world @ matrix[:, :3].T + matrix[:, 3]
        near = clip[:, 3] <= 1e-3
        if near.any():
            return np.tile(np.array([-1.0, 1.0]), (BANDS, 1))
        x, y, w = clip[:, 0] / clip[:, 3], clip[:, 1] / clip[:, 3], clip[:, 3]
        across = MARGIN_M * np.linalg.norm(matrix[0, :3]) / w
        along = self._reach * np.linalg.norm(matrix[1, :3]) / w
        tops = np.linspace(-1.0, 1.0, BANDS + 1)[:, None]
        hit = (y + along >= tops[:-1]) & (y - along <= tops[1:])  # (BANDS, n)
        left = np.where(hit, x - across, 1.0).min(axis=1)
        right = np.where(hit, x + across, -1.0).max(axis=1)
        return np.clip(np.stack([left, right], 1), -1.0, 1.0)


def bones_of(mesh: Mesh, lookup: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n, 4) palette entries that move each vertex."""
    if mesh.joints is None or mesh.weights is None:
        return np.full((len(mesh.positions), 4), lookup[mesh.attached_joint])
    return lookup[mesh.joints]


def weights_of(mesh: Mesh) -> NDArray[np.float32]:
    """(n, 4) their shares."""
    if mesh.joints is None or mesh.weights is None:
        return np.tile(np.array([1.0, 0.0, 0.0, 0.0], np.float32), (len(mesh.positions), 1))
    return mesh.weights
