"""Only makes a blink end where the lids meet: not before, and not half a centimetre too far."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.geometry import smooth_step
from avatar_engine.maker.parts import Floats
from avatar_engine.maker.rings import MARGIN, lid_rings, split_ring
from avatar_engine.maker.source import Source, load_source

OVERLAP_DM = 0.007
"""How far the upper lid goes past the edge of the lower one."""


def lid_gap(vertices: Floats, side: str, samples: int = 21, reach: float = 0.8) -> Floats:
    """Opening upper minus lower lid margin (samples,), dm, across the eye; below zero = closed."""
    home = load_source().vertices
    upper, lower = split_ring(lid_rings()[side][MARGIN], home[:, 0], home[:, 1])
    low, high = vertices[lower, 0].min(), vertices[lower, 0].max()
    x = (low + high) / 2 + (high - low) / 2 * reach * np.linspace(-1.0, 1.0, samples)
    heights = []
    for half in (upper, lower):
        order = np.argsort(vertices[half, 0], kind="stable")
        heights.append(np.interp(x, vertices[half][order, 0], vertices[half][order, 1]))
    return np.asarray(heights[0] - heights[1])


def fitted_blink(source: Source, vertices: Floats, side: str) -> Floats:
    """The face unit eyeBlink<side> (n, 3), its travel scaled across the eye until the lids just overlap."""
    delta = source.face_unit(f"eyeBlink{side}").copy()
    home = source.vertices
    upper, lower = split_ring(lid_rings()[side][MARGIN], home[:, 0], home[:, 1])
    order = np.argsort(vertices[lower, 0], kind="stable")
    for _ in range(3):
        closed = vertices + delta
        edge = np.interp(closed[upper, 0], closed[lower][order, 0], closed[lower][order, 1])
        travel = vertices[upper, 1] - closed[upper, 1]
        wanted = vertices[upper, 1] - edge + OVERLAP_DM
        factor = np.where(travel > 0.01, np.clip(wanted / np.maximum(travel, 0.01), 0.5, 1.35), 1.0)
        low, high = vertices[upper, 0].min(), vertices[upper, 0].max()
        width = high - low
        fade = smooth_step(low, low + 0.06 * width, vertices[:, 0]) * smooth_step(
            high, high - 0.06 * width, vertices[:, 0]
        )
        scale = np.interp(vertices[:, 0], vertices[upper, 0], factor)
        lid = (delta[:, 1] < 0) & (np.abs(vertices[:, 1] - vertices[upper, 1].mean()) < 0.3)
        delta[lid] *= (1.0 + (scale - 1.0) * fade)[lid, None]
    return delta
