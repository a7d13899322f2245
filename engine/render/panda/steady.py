"""Only which rows of a picture must be drawn again: below the head a person hardly moves from frame to frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.render.panda.extent import bones_of, weights_of
from avatar_engine.engine.render.panda.geometry import SharedMesh

Floats = NDArray[np.float64]

SLAB_M = 0.02
RING = 12
STILL_PX = 0.4
"""What moved less since it was drawn stays as it is: less than half a pixel does not show on soft edges."""
SPARE_ROWS = 3  # smooth lines reach a little beyond their edge


class Drawn:
    """Where the sample points were when they were drawn last (n, 2), pixels from the top left; None: not at all."""

    spots: Floats | None = None


class Steady:
    """Sample points of one level: per part and slab of height the outermost and the lowest vertices, with their bones."""

    def __init__(self, parts: Sequence[SharedMesh], lookup: NDArray[np.int64]) -> None:
        points, spread, always = [], [], []
        for part in parts:
            mesh = part.mesh
            moved = np.zeros(len(mesh.positions), bool)
            moved[part.table.order] = True
            for chosen, morphed in ((_outermost(mesh.positions), False), (_lowest(mesh.positions, moved), True)):
                points.append(mesh.positions[chosen])
                weight = np.zeros((len(chosen), int(lookup.max(initial=0)) + 1))
                index, share = bones_of(mesh, lookup)[chosen], weights_of(mesh)[chosen]
                for k in range(4):
                    np.add.at(weight, (np.arange(len(chosen)), index[:, k]), share[:, k])
                spread.append(weight)
                always.append(np.full(len(chosen), morphed))
        rest = np.vstack(points).astype(np.float64)
        self._points = np.hstack([rest, np.ones((len(rest), 1))])
        self._spread = np.vstack(spread)
        self._always = np.concatenate(always)

    def rows(self, bones: NDArray[np.float32], matrix: Floats, size: tuple[int, int], drawn: Drawn) -> int:
        """How many rows from the top must be drawn; `drawn` learns that they are.

        bones: (P, 3, 4) palette; matrix: (4, 4) to clip space with y down; size: width and height of the picture.
        """
        width, height = size
        blended = (self._spread @ bones.reshape(-1, 12).astype(np.float64)).reshape(-1, 3, 4)
        world = (blended * self._points[:, None, :]).sum(axis=2)
        clip = world @ matrix[:, :3].T + matrix[:, 3]
        depth = np.maximum(clip[:, 3], 1e-3)
        spots = np.stack([clip[:, 0] / depth * (width / 2), (clip[:, 1] / depth + 1.0) * (height / 2)], 1)
        if drawn.spots is None or bool((clip[:, 3] <= 1e-3).any()):
            drawn.spots = spots
            return height
        moves = self._always | (np.abs(spots - drawn.spots).max(axis=1) > STILL_PX)
        moves &= np.minimum(spots[:, 1], drawn.spots[:, 1]) < height
        if not moves.any():
            return 0
        slab = SLAB_M * float(np.linalg.norm(matrix[1, :3])) / depth * (height / 2)
        lowest = np.maximum(spots[:, 1], drawn.spots[:, 1]) + slab + SPARE_ROWS
        cut = min(height, int(np.ceil(lowest[moves].max())))
        again = np.minimum(spots[:, 1], drawn.spots[:, 1]) < cut
        drawn.spots = np.where(again[:, None], spots, drawn.spots)
        return cut


def _outermost(positions: NDArray[np.float32]) -> NDArray[np.int64]:
    slabs = np.floor(positions[:, 1] / SLAB_M).astype(np.int64)
    angle = np.linspace(0.0, 2.0 * np.pi, RING, endpoint=False)
    ring = np.stack([np.cos(angle), np.sin(angle)])
    chosen: set[int] = set()
    for slab in np.unique(slabs):
        inside = np.flatnonzero(slabs == slab)
        chosen.update(inside[(positions[inside][:, [0, 2]] @ ring).argmax(axis=0)].tolist())
        chosen.add(int(inside[positions[inside, 1].argmin()]))
    return np.array(sorted(chosen), np.int64)


def _lowest(positions: NDArray[np.float32], moved: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The lowest vertices that any shape moves: with them everything above counts as moving."""
    there = np.flatnonzero(moved)
    return there[np.argsort(positions[there, 1])[:4]].astype(np.int64)
