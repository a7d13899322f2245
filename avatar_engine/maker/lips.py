"""Only knows how far the lips are apart, and how to bring them together without moving the rest of the face."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar_engine.maker.parts import Floats, Ints
from avatar_engine.maker.rings import SEAM, lip_rings, split_ring
from avatar_engine.maker.source import load_source

OWN = (2, 3, 4)
"""Rings that are closed by their own gap: the surfaces that touch when a mouth is shut."""

FOLLOW = {0: 0.6, 1: 0.8, 5: 0.35}
"""Rings outside and inside of those, and which part of the seam's motion they share."""

OVERLAP_DM = 0.003
"""Closed lips press into each other by this much, so that no light falls between them."""

SKIN_REACH_DM = 0.14
"""How far the skin around the lips follows the outermost ring (Gaussian)."""

MOUTH_BAG_BOX = (0.75, 0.0, 0.93, 0.14)
"""Where the inside of the mouth lies in the texture layout of the data set."""


def seam_gap(vertices: Floats, samples: int = 41, reach: float = 0.88, ring: int = SEAM) -> tuple[Floats, Floats]:
    """Position x (samples,) and opening upper minus lower lip (samples,), dm, between the corners of the mouth.

    vertices: all vertices of the data set in some pose. reach: part of the mouth's width that is looked at.
    """
    loop = lip_rings()[ring]
    upper, lower = _halves(ring)
    middle = (vertices[loop, 0].max() + vertices[loop, 0].min()) / 2
    half = (vertices[loop, 0].max() - vertices[loop, 0].min()) / 2
    x = middle + half * reach * np.linspace(-1.0, 1.0, samples)
    return x, _height(vertices, upper, x) - _height(vertices, lower, x)


@lru_cache(maxsize=8)
def _halves(ring: int) -> tuple[Ints, Ints]:
    home = load_source().vertices
    return split_ring(lip_rings()[ring], home[:, 0], home[:, 1])


def _height(vertices: Floats, half: Ints, x: Floats) -> Floats:
    return _along(vertices, half, x, 1)


def _along(vertices: Floats, half: Ints, x: Floats, axis: int) -> Floats:
    """Coordinate `axis` of half a ring at positions x."""
    order = np.argsort(vertices[half, 0], kind="stable")
    return np.asarray(np.interp(x, vertices[half][order, 0], vertices[half][order, axis]))


@lru_cache(maxsize=1)
def _skin_around() -> tuple[Ints, Ints, Floats]:
    """Skin vertices around the lips, their nearest vertex of the outermost ring, and the share they follow."""
    source = load_source()
    quads = source.groups["body"]
    u, v = source.texcoords[quads[..., 1]].reshape(-1, 2).T
    left, low, right, high = MOUTH_BAG_BOX
    inside = (u > left) & (u < right) & (v > low) & (v < high)
    bag = np.zeros(len(source.vertices), dtype=bool)
    bag[quads[..., 0].ravel()[inside]] = True
    own: NDArray[np.bool_] = np.zeros(len(source.vertices), dtype=bool)
    own[np.concatenate(lip_rings())] = True
    outer = lip_rings()[0]
    body = np.unique(quads[..., 0])
    body = body[~bag[body] & ~own[body]]
    distance, nearest = cKDTree(source.vertices[outer]).query(source.vertices[body])
    share = np.asarray(FOLLOW[0] * np.exp(-((distance / SKIN_REACH_DM) ** 2)))
    near = share > 0.01
    return body[near], outer[nearest[near]], share[near] / FOLLOW[0]


def levelling(vertices: Floats) -> Floats:
    """Displacement (n, 3) that brings both sides of the seam to the same depth, so that no shelf of the lower lip
    looks up into the light behind an overhanging upper lip."""
    out = np.zeros_like(vertices)
    upper, lower = _halves(SEAM)
    out[upper, 2] -= 0.2 * (vertices[upper, 2] - _along(vertices, lower, vertices[upper, 0], 2))
    out[lower, 2] += 0.8 * (_along(vertices, upper, vertices[lower, 0], 2) - vertices[lower, 2])
    home = load_source().vertices
    for number, share in {0: 0.45, 1: 0.8, 3: 0.8, 4: 0.5, 5: 0.2}.items():
        for half_seam, half in zip(_halves(SEAM), _halves(number), strict=True):
            out[half, 2] += share * np.interp(home[half, 0], home[half_seam, 0], out[half_seam, 2])
    skin, leader, share_of = _skin_around()
    out[skin, 2] += share_of * out[leader, 2]
    return out


def sealing(vertices: Floats) -> Floats:
    """Displacement (n, 3) after which the lips of `vertices` just touch along the whole seam."""
    out = np.zeros_like(vertices)
    for number in OWN:
        upper, lower = _halves(number)
        across_upper = vertices[upper, 1] - _height(vertices, lower, vertices[upper, 0])
        across_lower = _height(vertices, upper, vertices[lower, 0]) - vertices[lower, 1]
        out[upper, 1] -= 0.5 * (across_upper + OVERLAP_DM)
        out[lower, 1] += 0.5 * (across_lower + OVERLAP_DM)
    return _spread(out)


def rounding(vertices: Floats, roundness: float = 0.9) -> Floats:
    """Displacement (n, 3) that makes the opening of a rounded mouth an ellipse instead of a rhombus."""
    out = np.zeros_like(vertices)
    loop = vertices[lip_rings()[SEAM]]
    middle, half_width = (loop[:, 0].max() + loop[:, 0].min()) / 2, (loop[:, 0].max() - loop[:, 0].min()) / 2
    x, gap = seam_gap(vertices, reach=1.0)
    widest = float(gap.max())
    for number in OWN:
        for half, sign in zip(_halves(number), (0.5, -0.5), strict=True):
            beside = np.clip((vertices[half, 0] - middle) / (0.92 * half_width), -1, 1)
            wanted = widest * np.sqrt(1 - beside**2) * roundness
            out[half, 1] += sign * np.maximum(wanted - np.interp(vertices[half, 0], x, gap), 0.0)
    return _spread(out)


def _spread(out: Floats) -> Floats:
    """Let the rings beside the seam and the skin around the lips follow its vertical motion."""
    home = load_source().vertices
    for number, share in FOLLOW.items():
        for half_seam, half in zip(_halves(SEAM), _halves(number), strict=True):
            out[half, 1] += share * np.interp(home[half, 0], home[half_seam, 0], out[half_seam, 1])
    skin, leader, share_of = _skin_around()
    out[skin, 1] += share_of * out[leader, 1]
    return out
