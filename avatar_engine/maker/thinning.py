"""Only decides where the skin of the coarser levels keeps its triangles: lips, lids and outline, not ears and palate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.maker.body import MOUTH, SOCKET_A, SOCKET_B, Bust
from avatar_engine.maker.decimate import decimate
from avatar_engine.maker.geometry import smooth_step
from avatar_engine.maker.hair.scalp import is_ear
from avatar_engine.maker.parts import Floats, Ints
from avatar_engine.maker.rings import lid_rings, lip_rings

KEPT_RINGS = {0: (range(0), range(0)), 1: (range(5), range(4)), 2: (range(1, 5), range(2, 4))}
"""Rings of the lips and of the lids that stay whole per level: they must meet, and their edges are looked at."""

LIVELY_DM = 0.08
"""A vertex that shapes move this far is worth twice as much as one that rests."""


def worth_of(bust: Bust, cheap: NDArray[np.bool_], hairline: Floats) -> Floats:
    """(c,) what a change at each render vertex costs, as a factor on the error of the surface.

    hairline (n,): height of every vertex over it, pupil distances."""
    surface, at = bust.surface, bust.corner_position
    q = (surface.positions[at] - surface.eye_centre) / surface.ipd
    x = np.abs(q[:, 0])
    front = smooth_step(-1.5, -0.7, q[:, 2])
    worth = 0.5 + 3.5 * front * smooth_step(-2.0, -1.6, q[:, 1])
    mouth = np.exp(-((q[:, 0] / 0.55) ** 2) - ((q[:, 1] + 1.08) / 0.30) ** 2)
    eyes = np.exp(-(((x - 0.5) / 0.36) ** 2) - (q[:, 1] / 0.25) ** 2)
    nose = np.exp(-((q[:, 0] / 0.3) ** 2) - ((q[:, 1] + 0.55) / 0.28) ** 2)
    worth += front * (10.0 * mouth + 12.0 * eyes + 4.0 * nose)
    lively = np.zeros(len(surface.positions))
    for delta in surface.morphs.values():
        lively = np.maximum(lively, np.abs(delta).max(1))
    worth *= 1.0 + np.minimum(lively[at] / LIVELY_DM, 2.0)
    # Where the cap thins out: its picture is stretched over these triangles.
    at_hairline = np.abs(hairline[at] - 0.12) < 0.28
    worth[at_hairline & (q[:, 2] > -1.2)] *= 8.0 if surface.lod == 2 else 3.0
    worth[is_ear(q)] = 0.5
    worth[q[:, 1] < -2.0] = 0.3
    worth[cheap[at]] = 0.08
    island = bust.island[bust.corner_texcoord]
    worth[island == MOUTH] = 0.03
    worth[(island == SOCKET_A) | (island == SOCKET_B)] = 0.01
    return worth


def locked_in(bust: Bust, triangles: Ints) -> NDArray[np.bool_]:
    """(c,) render vertices that must not vanish: seams of the texture, borders, rings of lips and lids."""
    surface, at = bust.surface, bust.corner_position
    locked = np.bincount(at, minlength=len(surface.positions))[at] > 1
    welded = at[triangles]
    edges = np.sort(np.concatenate([welded[:, [0, 1]], welded[:, [1, 2]], welded[:, [2, 0]]]), axis=1)
    found, count = np.unique(edges, axis=0, return_counts=True)
    border = np.zeros(len(surface.positions), dtype=bool)
    border[found[count == 1].ravel()] = True
    lips, lids = KEPT_RINGS[surface.lod]
    rings = [lip_rings()[number] for number in lips]
    rings += [side[number] for side in lid_rings().values() for number in lids]
    chosen = np.zeros(len(surface.positions), dtype=bool)
    if rings:
        # A level that is not subdivided has the vertices of the data set, in their order.
        chosen = np.isin(bust.from_source.indices, np.concatenate(rings))
    return np.asarray(locked | border[at] | chosen[at])


def thinned_skin(bust: Bust, triangles: Ints, wanted: int, cheap: NDArray[np.bool_], hairline: Floats) -> Ints:
    """About `wanted` of the triangles over the same render vertices."""
    positions = bust.surface.positions[bust.corner_position]
    return decimate(positions, triangles, wanted, locked_in(bust, triangles), worth_of(bust, cheap, hairline))
