"""Only makes a mesh coarser by collapsing edges onto existing vertices, so shapes, weights and UVs stay exact."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray

from avatar_engine.maker.parts import Floats, Ints


def _quadrics(positions: Floats, triangles: Ints) -> Floats:
    """Sum of squared plane distances at each vertex as (n, 4, 4)."""
    corner = positions[triangles]
    normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    area = np.linalg.norm(normal, axis=1, keepdims=True)
    normal = normal / np.maximum(area, 1e-12)
    plane = np.concatenate([normal, -(normal * corner[:, 0]).sum(1, keepdims=True)], 1)
    each = plane[:, :, None] * plane[:, None, :] * area[:, :, None]
    out = np.zeros((len(positions), 4, 4))
    for k in range(3):
        np.add.at(out, triangles[:, k], each)
    return out


def decimate(
    positions: Floats, triangles: Ints, wanted: int, locked: NDArray[np.bool_], worth: Floats | None = None
) -> Ints:
    """At most about `wanted` triangles over the same vertices, (m, 3).

    locked (n,): vertices that never vanish (seams, borders). worth (n,): factor on the error at each vertex.
    """
    factor = np.ones(len(positions)) if worth is None else worth
    quadric = _quadrics(positions, triangles) * factor[:, None, None]
    faces: dict[int, tuple[int, int, int]] = dict(enumerate(map(tuple, triangles.tolist())))
    around: list[set[int]] = [set() for _ in positions]
    for number, face in faces.items():
        for vertex in face:
            around[vertex].add(number)
    homogeneous = np.concatenate([positions, np.ones((len(positions), 1))], 1)
    heap: list[tuple[float, int, int, int]] = []
    stamp = [0] * len(positions)

    def neighbours(vertex: int) -> set[int]:
        return {other for face in around[vertex] for other in faces[face]} - {vertex}

    def push(start: int) -> None:
        if locked[start]:
            return
        for end in neighbours(start):
            at = homogeneous[end]
            length = float(((positions[start] - positions[end]) ** 2).sum())
            cost = float(at @ quadric[start] @ at) + 1e-7 * length * float(factor[start])
            heapq.heappush(heap, (cost, start, end, stamp[start]))

    for vertex in range(len(positions)):
        if around[vertex]:
            push(vertex)
    while len(faces) > wanted and heap:
        _, start, end, when = heapq.heappop(heap)
        if stamp[start] != when or not around[start] or end not in neighbours(start):
            continue
        if not _sound(positions, faces, around, start, end):
            continue
        for number in list(around[start]):
            face = faces[number]
            if end in face:
                for vertex in face:
                    around[vertex].discard(number)
                del faces[number]
            else:
                faces[number] = tuple(end if vertex == start else vertex for vertex in face)  # type: ignore[assignment]
                around[start].discard(number)
                around[end].add(number)
        quadric[end] += quadric[start]
        for vertex in {end, *neighbours(end)}:
            stamp[vertex] += 1
            push(vertex)
    return np.array([faces[number] for number in sorted(faces)], dtype=np.int64)


def _sound(
    positions: Floats, faces: dict[int, tuple[int, int, int]], around: list[set[int]], start: int, end: int
) -> bool:
    """Whether moving `start` onto `end` flips no triangle and keeps the surface a surface."""
    shared = around[start] & around[end]
    rim_start = {vertex for face in around[start] for vertex in faces[face]}
    rim_end = {vertex for face in around[end] for vertex in faces[face]}
    if len((rim_start & rim_end) - {start, end}) != len(shared):
        return False
    for number in around[start] - shared:
        face = faces[number]
        before = positions[list(face)]
        after = positions[[end if vertex == start else vertex for vertex in face]]
        old = np.cross(before[1] - before[0], before[2] - before[0])
        new = np.cross(after[1] - after[0], after[2] - after[0])
        if float(old @ new) < 0.2 * float(np.linalg.norm(old) * np.linalg.norm(new)):
            return False
    return True
