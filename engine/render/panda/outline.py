"""Only silhouettes: which edges of a surface part what faces the camera from what does not, found anew every frame.

Software drivers resolve multisampling far too slowly. Drawing the few hundred silhouette edges once more as smooth
lines, lit like the surface they belong to, softens the same staircases at a fraction of the cost
(Sander, Hoppe, Snyder, Gortler: Discontinuity edge overdraw, 2001).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.model import Mesh
from avatar_engine.engine.surface import weld

Float = NDArray[np.float32]


CARD_ACROSS = 0.3
"""Cosine between line of sight and hair normal below which a strand's border may stand before the background."""


class Outline:
    """Edges of one mesh with the faces on their two sides; shared by all views."""

    def __init__(self, mesh: Mesh, bones: NDArray[np.int64], seen: NDArray[np.bool_]) -> None:
        """bones: (n,) palette entry that moves each vertex most; seen: (n,) edges between others are left out."""
        triangles = mesh.triangles.astype(np.int64)
        groups = weld(mesh.positions)
        faces = np.arange(len(triangles))
        ends = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
        owner = np.concatenate([faces, faces, faces])
        key = np.sort(groups[ends], axis=1)
        order = np.lexsort((key[:, 1], key[:, 0]))
        key, ends, owner = key[order], ends[order], owner[order]
        first = np.ones(len(key), bool)
        first[1:] = (key[1:] != key[:-1]).any(axis=1)
        start = np.flatnonzero(first)
        count = np.diff(np.append(start, len(key)))
        other = np.where(count > 1, start + 1, start)
        self.edges = ends[start].astype(np.uint32)  # (E, 2)
        self._left, self._right = owner[start], owner[other]
        self._border = count == 1
        keep = seen[self.edges].any(axis=1)
        self.edges, self._border = self.edges[keep], self._border[keep]
        self._left, self._right = self._left[keep], self._right[keep]
        self._triangles = triangles
        self._bone = bones[triangles[:, 0]]
        self._used, self._slot = np.unique(self._bone, return_inverse=True)
        self.cards = mesh.material.kind == "hair"
        if self.cards:
            # Hair normals point away from the head: cards matter where that is across the line of sight.
            self._place = mesh.positions[self.edges].mean(axis=1)
            self._away = mesh.normals[self.edges].mean(axis=1)
            self._edge_slot = np.searchsorted(self._used, bones[self.edges[:, 0]]).clip(0, len(self._used) - 1)

    def faces(self, vertices: Float) -> tuple[Float, Float]:
        """Normals (F, 3), not normalised, and offsets (F,) of all face planes at these positions (n, 3 or more)."""
        a, b, c = (vertices[self._triangles[:, k], :3] for k in range(3))
        u, v = b - a, c - a
        normal = np.empty_like(u)
        normal[:, 0] = u[:, 1] * v[:, 2] - u[:, 2] * v[:, 1]
        normal[:, 1] = u[:, 2] * v[:, 0] - u[:, 0] * v[:, 2]
        normal[:, 2] = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
        return normal, np.einsum("ij,ij->i", normal, a)

    def visible(self, planes: tuple[Float, Float], eyes: Float) -> NDArray[np.uint32]:
        """(k, 2) vertex pairs of the silhouette; eyes: (P, 3) the camera's place as each bone sees it."""
        normal, offset = planes
        local = eyes[self._used]
        if len(local) == 1:
            front = normal @ local[0] > offset
        else:
            front = np.einsum("ij,ij->i", normal, local[self._slot]) > offset
        left, right = front[self._left], front[self._right]
        if not self.cards:
            return self.edges[(left != right) | (self._border & left)]
        chosen = np.flatnonzero((left != right) | self._border)
        sight = local[self._edge_slot[chosen]] - self._place[chosen]
        across = np.abs(np.einsum("ij,ij->i", sight, self._away[chosen]))
        return self.edges[chosen[across < CARD_ACROSS * np.linalg.norm(sight, axis=1)]]
