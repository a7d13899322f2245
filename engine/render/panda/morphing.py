"""Only numbers of moving vertices: morph weights to positions and normals of one mesh, costing what is active."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.model import Mesh
from avatar_engine.engine.surface import NormalField

Float = NDArray[np.float32]


class MorphTable:
    """Displacements of one mesh, shared by all views of it.

    Every target is one row over the vertices it moves: a contiguous run of (position, normal) sextets in
    `order`, the moved vertices sorted so that runs are short. Rows are plain float32 slices: adding one costs two
    passes over its run and nothing for the rest of the mesh.
    """

    def __init__(self, mesh: Mesh, morph_names: tuple[str, ...]) -> None:
        number = {name: i for i, name in enumerate(morph_names)}
        targets = [target for target in mesh.targets if len(target.index)]
        self.columns = np.array([number[target.name] for target in targets], np.int64)
        self.order = _order(mesh, [target.index for target in targets])
        place = np.full(len(mesh.positions), -1, np.int64)
        place[self.order] = np.arange(len(self.order))
        self.rest = np.hstack([mesh.positions, mesh.normals]).astype(np.float32)
        self.moved_rest = np.ascontiguousarray(self.rest[self.order]).ravel()
        field = NormalField(mesh.positions, mesh.triangles) if targets else None
        self.runs: list[tuple[int, int, Float]] = []
        for target in targets:
            bend = target.normal_delta
            index = target.index.astype(np.int64)
            if bend is None:
                assert field is not None
                vertices, turned = field.turned(target.index, target.delta)
                keep = (np.abs(turned).max(axis=1, initial=0.0) > 1e-3) & (place[vertices] >= 0)
                index, bend = vertices[keep], turned[keep].astype(np.float32)
                if not len(index):
                    index, bend = target.index[:1].astype(np.int64), np.zeros((1, 3), np.float32)
            spots = place[index]
            both = np.concatenate([spots, place[target.index]])
            low, high = int(both.min()), int(both.max()) + 1
            row = np.zeros((high - low, 6), np.float32)
            row[place[target.index] - low, :3] = target.delta
            row[spots - low, 3:] = bend
            self.runs.append((low * 6, high * 6, row.ravel()))

    @property
    def size(self) -> int:
        """Number of vertices that any target moves."""
        return len(self.order)

    def reach(self) -> Float:
        """(n,) farthest that any one target moves each vertex, metres."""
        far = np.zeros(len(self.order), np.float32)
        for low, high, row in self.runs:
            length = np.linalg.norm(row.reshape(-1, 6)[:, :3], axis=1)
            far[low // 6 : high // 6] = np.maximum(far[low // 6 : high // 6], length)
        result = np.zeros(len(self.rest), np.float32)
        result[self.order] = far
        return result

    def nbytes(self) -> int:
        """Bytes held by the displacements."""
        return sum(row.nbytes for _, _, row in self.runs)


class Morpher:
    """The current vertices of one mesh in one view; does nothing while its weights stay the same."""

    def __init__(self, table: MorphTable) -> None:
        self.table = table
        self.vertices = table.rest.copy()  # (n, 6) position, normal
        self._weights = np.zeros(len(table.columns), np.float32)
        self._sum = np.empty_like(table.moved_rest)
        self._scratch = np.empty_like(table.moved_rest)

    def apply(self, morphs: Float) -> bool:
        """Bring `vertices` to these weights (T,); False when nothing changed."""
        table = self.table
        weights = morphs[table.columns]
        if np.array_equal(weights, self._weights):
            return False
        self._weights = weights
        total, scratch = self._sum, self._scratch
        np.copyto(total, table.moved_rest)
        for k in np.flatnonzero(np.abs(weights) > 1e-5):
            low, high, row = table.runs[k]
            part = scratch[low:high]
            np.multiply(row, weights[k], out=part)
            total[low:high] += part
        self.vertices[table.order] = total.reshape(-1, 6)
        return True


def _order(mesh: Mesh, indices: list[NDArray[np.int32]]) -> NDArray[np.int64]:
    """Moved vertices by height: runs of mouth or brow shapes stay short."""
    if not indices:
        return np.zeros(0, np.int64)
    moved = np.unique(np.concatenate(indices)).astype(np.int64)
    return moved[np.argsort(mesh.positions[moved, 1], kind="stable")]
