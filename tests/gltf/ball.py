"""Only the shape that test files show: a head-sized ball with a jaw and a blink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Ball:
    """A head-sized ball, 0.24 m tall, centre at 1.5 m, with a nose-side jaw target and a blink target."""

    positions: NDArray[np.float32]
    normals: NDArray[np.float32]
    uvs: NDArray[np.float32]
    triangles: NDArray[np.uint16]
    jaw: NDArray[np.float32]
    blink: NDArray[np.float32]


def ball(rings: int = 12, sides: int = 16) -> Ball:
    """Vertices of the ball in metres, y up, facing +z."""
    lat, lon = np.meshgrid(np.linspace(0.05, np.pi - 0.05, rings), np.arange(sides) * 2 * np.pi / sides, indexing="ij")
    unit = np.stack([np.sin(lat) * np.sin(lon), np.cos(lat), np.sin(lat) * np.cos(lon)], -1).reshape(-1, 3)
    positions = unit * np.array([0.08, 0.12, 0.10]) + np.array([0.0, 1.5, 0.0])
    uvs = np.stack([lon / (2 * np.pi), lat / np.pi], -1).reshape(-1, 2)
    quads = []
    for i in range(rings - 1):
        for j in range(sides):
            a, b = i * sides + j, i * sides + (j + 1) % sides
            quads += [[a, a + sides, b], [b, a + sides, b + sides]]
    front = unit[:, 2] > 0.5
    jaw, blink = np.zeros((2, len(unit), 3))
    jaw[front & (unit[:, 1] < -0.2)] = [0.0, -0.02, 0.0]
    blink[front & (unit[:, 1] > 0.1)] = [0.0, -0.01, 0.002]
    return Ball(
        *(x.astype(np.float32) for x in (positions, unit, uvs)),
        np.array(quads, np.uint16),
        jaw.astype(np.float32),
        blink.astype(np.float32),
    )
