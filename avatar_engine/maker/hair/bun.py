"""Only hair that is tied back: from the whole hairline to a knot behind the head."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from avatar_engine.maker.hair.bob import on_hull
from avatar_engine.maker.hair.scalp import Head, hairline_height, smooth_step, unit
from avatar_engine.maker.hair.sheet import Sheet, lock_field, settle, slerp
from avatar_engine.maker.parts import Floats
from avatar_engine.maker.spec import HairSpec

ACROSS, ALONG = 240, 44
KNOT_ACROSS, KNOT_ALONG = 96, 24
KNOT_RADIUS = 0.56
"""Pupil distances, before `HairSpec.volume` and `length`."""


NAPE = -0.72
"""Lowest height (pupil distances) of hair combed up from the nape."""


def knot_direction() -> Floats:
    """(3,) unit direction from the hull's centre to the knot: high on the back of the head."""
    return unit(np.array([0.0, 0.84, -0.62]))


def hairline_directions(head: Head, n: int) -> Floats:
    """(n, 3) directions of the hairline all round, from the nape over the left ear, forehead and right ear back."""
    # The two ends overlap at the nape.
    azimuth = np.linspace(np.pi + 0.05, -np.pi - 0.05, n)
    y = np.maximum(hairline_height(azimuth, "tied") + 0.035, NAPE)
    for _ in range(12):
        q = head.q(hull_points(head, on_hull(head, azimuth, y)))
        # Hair starts beside the ears, not on them.
        y = y + np.clip(0.13 - head.off_ear(q), 0.0, 0.08)
    y = np.maximum(y, gaussian_filter1d(y, 4.0, mode="wrap"))
    return on_hull(head, azimuth, gaussian_filter1d(y, 3.0, mode="wrap"))


def hull_points(head: Head, d: Floats) -> Floats:
    """(n, 3) points of the hull in unit directions (n, 3)."""
    return head.centre + d * head.radius(d)[:, None]


def tied_sheet(head: Head, spec: HairSpec, rng: np.random.Generator) -> Sheet:
    """Hair combed from the hairline to the knot."""
    ipd = head.surface.ipd
    root = hairline_directions(head, ACROSS)
    a, b = np.linspace(0, 1, ACROSS)[:, None], np.linspace(0, 1, ALONG)[None]
    target = np.broadcast_to(knot_direction(), root.shape)
    d = slerp(root, target, np.linspace(0, 0.94, ALONG) ** 0.92)
    # Strands from the temples sag a little on their way back.
    sag = smooth_step(0.15, 0.5, np.abs(root[:, 0]))[:, None] * np.sin(np.pi * b) * 0.05
    d = unit(d + sag[..., None] * np.array([0.0, -1.0, 0.0]))
    skull = head.centre + d * head.radius(d.reshape(-1, 3)).reshape(d.shape[:2])[..., None]
    crown = smooth_step(0.2, 0.95, d[..., 1])
    rise = smooth_step(0.0, 0.30, b)
    lift = 0.022 + ipd * rise * (0.075 + 0.11 * crown) * (1 + 0.6 * spec.volume)
    points = skull + d * lift[..., None]
    points = settle(head, points, np.clip(lift * 0.8, 0.018, 0.07), 3, 1.2, 1.0)
    crest, _ = lock_field(rng, ACROSS, ALONG, 46.0, 0.8)
    fine, _ = lock_field(rng, ACROSS, ALONG, 110.0, 1.2)
    normal, _ = Sheet(points, crest).frame()
    ridge = ((crest - 0.6) * 0.020 + (fine - 0.6) * 0.008) * (0.25 + 0.75 * rise)
    points = points + normal * (ridge * ipd)[..., None]
    shade = (0.70 + 0.22 * crest + 0.12 * fine) * (0.86 + 0.14 * rise) * (1 - 0.35 * smooth_step(0.82, 1.0, b))
    return Sheet(points, shade + 0 * a)


def knot_sheet(head: Head, spec: HairSpec, rng: np.random.Generator) -> Sheet:
    """The knot: a flattened ball of coiled locks."""
    ipd = head.surface.ipd
    out = knot_direction()
    right = np.array([1.0, 0.0, 0.0])
    up = np.cross(out, right)
    radius = KNOT_RADIUS * ipd * (1 + 0.35 * spec.length + 0.25 * spec.volume)
    middle = hull_points(head, out[None])[0] + out * 0.42 * radius
    a, b = np.linspace(0, 1, KNOT_ACROSS)[:, None], np.linspace(0, 1, KNOT_ALONG)[None]
    polar = np.radians(118.0) * (1 - b) + np.radians(0.4) * b
    spin = 2 * np.pi * a + 2.6 * b**1.3
    # A dimple in the middle, where the coil closes.
    swell = 1.0 - 0.16 * smooth_step(0.75, 1.0, b)
    flat = np.sin(polar) * radius * swell
    deep = np.cos(polar) * radius * 0.72 * swell
    lobes = 9
    crest = np.abs(np.cos(lobes * np.pi * a + 0.25 * np.sin(4 * np.pi * b))) ** 0.7
    bulge = 1.0 + 0.10 * (crest - 0.6) * np.sin(np.pi * np.clip(b * 1.1, 0, 1))
    points = (
        middle
        + (flat * bulge)[..., None] * (np.cos(spin)[..., None] * right + np.sin(spin)[..., None] * up)
        + (deep * bulge)[..., None] * out
    )
    # Coarse enough that hardly two coils are alike.
    points = points + gaussian_filter1d(rng.normal(size=points.shape), 6, axis=0, mode="wrap") * 0.02 * radius
    points[-1] = points[0]
    shade = (0.55 + 0.45 * crest) * (0.62 + 0.38 * smooth_step(0.0, 0.30, b)) * (1 - 0.25 * smooth_step(0.85, 1.0, b))
    return outward(Sheet(points, shade), middle)


def outward(sheet: Sheet, centre: Floats) -> Sheet:
    """The sheet, turned over when its normals face `centre`."""
    normal, _ = sheet.frame()
    if (normal * (sheet.points - centre)).sum() < 0:
        return Sheet(sheet.points[::-1], sheet.shade[::-1])
    return sheet
