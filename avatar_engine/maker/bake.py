"""Only turns a mesh into pictures of itself: attributes per texel, noise in space, occlusion between points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from avatar_engine.maker.parts import Floats, Ints


@dataclass(frozen=True, slots=True)
class Texels:
    """The covered texels of a picture: `cover` (size, size), `values` (k, attributes) in row order."""

    size: int
    cover: NDArray[np.bool_]
    values: NDArray[np.float32]

    def picture(self, values: Floats) -> Floats:
        """(size, size, ...) with `values` (k, ...) at the covered texels, 0 elsewhere."""
        out = np.zeros((self.size, self.size, *values.shape[1:]))
        out[self.cover] = values
        return out


def rasterise(uvs: Floats, triangles: Ints, attributes: Floats, size: int) -> Texels:
    """Interpolate vertex attributes (n, a) over the triangles in the texture."""
    out = np.zeros((size, size, attributes.shape[1]), dtype=np.float32)
    cover = np.zeros((size, size), dtype=bool)
    points = np.stack([uvs[:, 0] * size, (1 - uvs[:, 1]) * size], 1)
    corners = points[triangles]
    low = np.clip(np.floor(corners.min(1) - 1).astype(int), 0, size - 1)
    high = np.clip(np.ceil(corners.max(1) + 1).astype(int), 0, size)
    a, b, c = corners[:, 0], corners[:, 1], corners[:, 2]
    area = (b[:, 1] - c[:, 1]) * (a[:, 0] - c[:, 0]) + (c[:, 0] - b[:, 0]) * (a[:, 1] - c[:, 1])
    rows = attributes.astype(np.float32)
    for number in np.nonzero(np.abs(area) > 1e-9)[0]:
        (x0, y0), (x1, y1) = low[number], high[number]
        if x1 <= x0 or y1 <= y0:
            continue
        x = np.arange(x0, x1)[None, :] + 0.5 - c[number, 0]
        y = np.arange(y0, y1)[:, None] + 0.5 - c[number, 1]
        d = area[number]
        first = ((b[number, 1] - c[number, 1]) * x + (c[number, 0] - b[number, 0]) * y) / d
        second = ((c[number, 1] - a[number, 1]) * x + (a[number, 0] - c[number, 0]) * y) / d
        third = 1 - first - second
        inside = (first > -0.02) & (second > -0.02) & (third > -0.02)
        if inside.any():
            # Plain sums, not a matrix product: those differ in the last bit from one processor to the next.
            one, two, three = rows[triangles[number]]
            w1, w2, w3 = (part[inside].astype(np.float32)[:, None] for part in (first, second, third))
            out[y0:y1, x0:x1][inside] = w1 * one + w2 * two + w3 * three
            cover[y0:y1, x0:x1] |= inside
    return Texels(size, cover, out[cover])


def noise(points: NDArray[np.floating], scale: float, seed: int, octaves: int = 4, gain: float = 0.5) -> Floats:
    """Smooth noise in space, about -1..1; `scale` lattice cells per decimetre in the first octave."""
    rng = np.random.default_rng([seed, 5])
    total = np.zeros(len(points))
    weight, sum_of = 1.0, 0.0
    for octave in range(octaves):
        lattice = rng.random((48, 48, 48), dtype=np.float32)
        at = (points * (scale * 2**octave) + 100 + octave * 7.3).T % 48
        total += weight * map_coordinates(lattice, at, order=1, mode="grid-wrap")
        sum_of += weight
        weight *= gain
    return total / sum_of * 2 - 1


def point_occlusion(positions: Floats, normals: Floats, areas: Floats, radius: float) -> Floats:
    """Openness (n,) 0..1 of each point: disc-to-disc occlusion within `radius` dm."""
    tree = cKDTree(positions)
    blocked = np.zeros(len(positions))
    for start in range(0, len(positions), 2000):
        stop = min(start + 2000, len(positions))
        near = tree.query_ball_point(positions[start:stop], radius)
        i = np.repeat(np.arange(start, stop), [len(found) for found in near])
        j = np.concatenate([np.array(found, dtype=np.int64) for found in near])
        i, j = i[i != j], j[i != j]
        ray = positions[j] - positions[i]
        square = (ray**2).sum(1) + 1e-6
        ray /= np.sqrt(square)[:, None]
        facing = np.clip((normals[i] * ray).sum(1), 0, 1) * np.clip(-(normals[j] * ray).sum(1) * 0.9 + 0.1, 0, 1)
        weight = (1 - 1 / np.sqrt(areas[j] / (np.pi * square) + 1)) * facing
        blocked += np.bincount(i, weight, len(positions))
    return np.asarray(np.exp(-2.2 * blocked))
