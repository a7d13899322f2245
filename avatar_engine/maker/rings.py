"""Only traces edge loops of the quad mesh: the rings around the lips and around each eye opening."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

from avatar_engine.maker.parts import Ints
from avatar_engine.maker.source import load_source

LIP_STARTS = ((509, 7257), (468, 7224), (474, 7229), (520, 7267), (537, 7282), (554, 7297))
"""First edge of each lip ring, from the middle of the upper lip to the person's left; from outside to inside.
Ring 2 is the line where the lips meet, seen from the front; ring 3 lies just behind it."""

SEAM = 2
"""Which ring of `LIP_STARTS` is the seam."""

LID_STARTS = (6787, 11465, 6785, 13352, 7748)
"""Middle of the left upper lid on each ring, from the skin to the inner edge of the lid margin."""

MARGIN = 2
"""Which ring of `LID_STARTS` is the front edge of the lid margin."""


class _Mesh:
    """Neighbourhood of the body quads of the data set."""

    def __init__(self) -> None:
        self.quads = load_source().groups["body"][..., 0]
        self.faces: dict[int, set[int]] = defaultdict(set)
        self.neighbours: dict[int, set[int]] = defaultdict(set)
        for face, quad in enumerate(self.quads.tolist()):
            for k, vertex in enumerate(quad):
                self.faces[vertex].add(face)
                self.neighbours[vertex].add(quad[(k + 1) % 4])
                self.neighbours[quad[(k + 1) % 4]].add(vertex)

    def ring(self, first: int, second: int) -> list[int]:
        """Closed loop that leaves each vertex by the edge opposite to the one it came by."""
        loop = [first, second]
        while True:
            beside = {
                int(vertex) for face in self.faces[loop[-2]] & self.faces[loop[-1]] for vertex in self.quads[face]
            }
            ahead = sorted(self.neighbours[loop[-1]] - beside)
            if len(ahead) != 1 or len(loop) > 200:
                raise ValueError(f"edge loop from {first} to {second} stops at vertex {loop[-1]}")
            if ahead[0] == first:
                return loop
            loop.append(ahead[0])


@lru_cache(maxsize=1)
def _mesh() -> _Mesh:
    return _Mesh()


@lru_cache(maxsize=1)
def lip_rings() -> tuple[Ints, ...]:
    """Vertex rings around the mouth, each starting at the middle of the upper lip and running to the left corner."""
    return tuple(np.array(_mesh().ring(*start)) for start in LIP_STARTS)


@lru_cache(maxsize=1)
def lid_rings() -> dict[str, tuple[Ints, ...]]:
    """Side -> rings around the eye opening, each starting at the middle of the upper lid."""
    vertices = load_source().vertices
    left = []
    for start in LID_STARTS:
        outward = max(_mesh().neighbours[start], key=lambda vertex: vertices[vertex][0])
        left.append(np.array(_mesh().ring(start, int(outward))))
    tree = cKDTree(vertices[:13380])
    right = [tree.query(vertices[ring] * [-1.0, 1.0, 1.0])[1] for ring in left]
    return {"Left": tuple(left), "Right": tuple(right)}


def split_ring(ring: Ints, x: np.ndarray, y: np.ndarray) -> tuple[Ints, Ints]:
    """Upper and lower half of a ring between its two corners (extremes of x), each sorted by x, corners in both."""
    low, high = int(np.argmin(x[ring])), int(np.argmax(x[ring]))
    a, b = sorted((low, high))
    one, other = ring[a : b + 1], np.concatenate([ring[b:], ring[: a + 1]])
    halves = [half[np.argsort(x[half], kind="stable")] for half in (one, other)]
    halves.sort(key=lambda half: -float(y[half].mean()))
    return halves[0], halves[1]
