"""Only hair that falls from a parting: bob, lob and wavy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from avatar_engine.maker.hair.scalp import Head, above_hairline, hairline_height, smooth_step, unit
from avatar_engine.maker.hair.sheet import Sheet, lock_field, settle, slerp
from avatar_engine.maker.parts import Floats
from avatar_engine.maker.spec import HairSpec

ACROSS, ALONG = 220, 56
"""Resolution at which sheets are formed, whatever the level of detail."""


SHOULDER = -2.42
"""Height (pupil distances) of collars and shoulders beside the neck."""


@dataclass(frozen=True, slots=True)
class Fall:
    """A cut. Lengths in pupil distances below the pupils; volume in pupil distances off the skull.

    curl: how far the tips bend inwards; wave: sideways amplitude; edge_deg: where the front edge hangs.
    """

    tips: float
    front: float
    volume: float
    curl: float
    wave: float
    waves: float
    edge_deg: float
    locks: float


FALLS = {
    "bob": Fall(-1.95, -0.12, 0.30, 0.30, 0.00, 0.0, 56.0, 26.0),
    "lob": Fall(-2.42, -0.20, 0.28, 0.24, 0.02, 1.0, 56.0, 26.0),
    "wavy": Fall(-3.30, -0.25, 0.34, 0.06, 0.17, 2.2, 56.0, 20.0),
}


def parting(head: Head, x: float, n: int) -> Floats:
    """(n, 3) unit directions from the hull's centre along the parting, hairline to crown."""
    s = head.surface
    z = np.linspace(1.6, -0.75, 240)
    side = x * (1 - 0.75 * smooth_step(-0.1, -0.75, z))
    d = unit(np.stack([side, np.full_like(z, 1.75), z], 1) * s.ipd)
    q = head.q(head.centre + d * head.radius(d)[:, None])
    first = int(np.argmax(above_hairline(q) > -0.04))
    d = d[first:]
    pick = np.linspace(0, len(d) - 1, n)
    return unit(np.stack([np.interp(pick, np.arange(len(d)), d[:, k]) for k in range(3)], 1))


def on_hull(head: Head, azimuth: Floats, y: Floats) -> Floats:
    """(n, 3) directions of the hull's points at an azimuth (radians) and a height (pupil distances)."""
    s = head.surface
    rise = y * s.ipd + s.eye_centre[1] - head.centre[1]
    flat = np.full_like(rise, s.ipd)
    for _ in range(6):
        d = unit(np.stack([np.sin(azimuth) * flat, rise, np.cos(azimuth) * flat], 1))
        flat = np.sqrt(np.maximum(head.radius(d) ** 2 - rise**2, (0.1 * s.ipd) ** 2))
    return d


def face_frame(head: Head, front: Floats, sign: float, ring: Floats, n: int) -> Floats:
    """(n, 3) directions of the strand next to the face: from the front of the parting along the hairline, a
    little lower at the corner of the forehead, past the temple to `ring`."""
    start = np.arctan2(front[0], front[2])
    end = np.arctan2(ring[0], ring[2])
    t = np.linspace(0, 1, n)
    # Both sides start a little beyond the parting, so that no wedge of skin opens between them.
    azimuth = start + (end - start) * t**0.92 - sign * 0.055 * (1 - t) ** 6
    y = hairline_height(azimuth) + 0.04 * smooth_step(0.0, 0.25, t) - 0.015 - 0.10 * np.sin(np.pi * t) ** 2
    ring_y = head.q(head.centre + ring[None] * head.radius(ring[None])[:, None])[0, 1]
    blend = smooth_step(0.62, 1.0, t)
    d = on_hull(head, azimuth, y * (1 - blend) + ring_y * blend)
    return np.asarray(gaussian_filter1d(d, 1.5, axis=0, mode="nearest"))


def falling_sheet(head: Head, spec: HairSpec, rng: np.random.Generator, style: str) -> Sheet:
    """The outer surface of hair that leaves a parting to both sides and falls around the head."""
    cut, s = FALLS[style], head.surface
    ipd = s.ipd
    a = np.linspace(0, 1, ACROSS)
    mirrored = np.minimum(a, 1 - a)
    # Roots: along the right of the parting to the crown, round it, and back along the left.
    line = parting(head, spec.part * 1.05, 60)
    along_part = np.clip(mirrored / 0.33, 0, 1) ** 0.9
    root = unit(np.stack([np.interp(along_part * 59, np.arange(60), line[:, k]) for k in range(3)], 1))
    side = np.where(a < 0.5, -1.0, 1.0)
    root = unit(root + np.stack([side * -0.036, 0 * a, 0 * a], 1))
    # Where each strand leaves the skull: a ring at the height of the ears.
    edge = np.radians(cut.edge_deg)
    turn = -(edge + (2 * np.pi - 2 * edge) * a)
    height = -0.32 + 0.10 * np.cos(turn)
    ring = unit(np.stack([np.sin(turn), height, np.cos(turn)], 1))
    tip_y = cut.tips - 0.9 * spec.length + cut.front * smooth_step(0.4, 1.0, np.cos(turn) * 1.4)
    # Long hair falls before and behind the shoulders; beside the neck it ends above them.
    beside = np.exp(-(((np.abs((turn + np.pi) % (2 * np.pi) - np.pi) - 1.85) / 0.75) ** 2))
    tip_y = np.where(tip_y < SHOULDER, tip_y + (SHOULDER - tip_y) * beside, tip_y)
    t_top = np.linspace(0, 1, ALONG // 2)
    d = slerp(root, ring, t_top)
    # The front strands frame the face along the hairline before they fall.
    follow = np.exp(-((mirrored / 0.085) ** 2))[:, None, None]
    for sign in (-1.0, 1.0):
        frame = face_frame(head, line[0], sign, ring[0 if sign < 0 else -1], len(t_top))
        mine = np.nonzero(side == sign)[0]
        d[mine] = unit(d[mine] * (1 - follow[mine]) + frame[None] * follow[mine])
    r = head.radius(d.reshape(-1, 3)).reshape(d.shape[:2])
    volume = ipd * cut.volume * (1 + 0.6 * spec.volume)
    rise = smooth_step(0.0, 0.42, t_top)[None] * (0.06 + 0.94 * smooth_step(0.0, 0.13, mirrored))[:, None]
    lift = 0.02 + volume * (0.20 * smooth_step(0.0, 0.16, t_top)[None] + 0.80 * rise)
    top = head.centre + d * (r + lift)[..., None]
    # The fall: straight down from the ring, bending in towards the neck at the tips.
    t_low = np.linspace(0, 1, ALONG - len(t_top) + 1)[1:]
    start, outward = top[:, -1], unit(ring * np.array([1, 0, 1]))
    drop = (start[:, 1] - s.eye_centre[1]) / ipd - tip_y
    inward = cut.curl * (t_low**2.2) - 0.05 * np.sin(np.pi * np.clip(t_low * 1.3, 0, 1))
    hug = 0.16 * np.exp(-((mirrored / 0.07) ** 2))[:, None] * smooth_step(0.0, 0.5, t_low)[None]
    fall = (
        start[:, None]
        + np.array([0, -1.0, 0]) * (drop[:, None] * t_low[None] * ipd)[..., None]
        - outward[:, None] * ((inward[None] + hug) * ipd)[..., None]
    )
    points = np.concatenate([top, fall], 1)
    points = gaussian_filter1d(points, 1.2, axis=1, mode="nearest")
    b = np.linspace(0, 1, points.shape[1])[None]
    clearance = np.minimum(0.03 + volume * 0.75 * smooth_step(0.0, 0.35, b), 0.16) * np.ones((ACROSS, 1))
    clearance = clearance * (0.22 + 0.78 * smooth_step(0, 0.10, mirrored))[:, None]
    # Down here lie collars and shoulders, not skin.
    y = (points[..., 1] - s.eye_centre[1]) / ipd
    clearance = np.maximum(clearance, 0.28 * smooth_step(-2.3, -2.9, y))
    points = settle(head, points, clearance, 7, 2.2, 1.2)
    # What the ears pushed out is spread along the strands.
    points[:, 4:] = gaussian_filter1d(points, 3.2, axis=1, mode="nearest")[:, 4:]
    points = settle(head, points, 0.7 * clearance, 2, 1.2, 0.8)
    points = relax_edges(points)
    return wear_locks(head, points, cut, spec, rng)


def relax_edges(points: Floats) -> Floats:
    """Round the two front edges: the outermost columns turn towards the face."""
    return np.asarray(gaussian_filter1d(points, 1.0, axis=0, mode="nearest"))


def wear_locks(head: Head, points: Floats, cut: Fall, spec: HairSpec, rng: np.random.Generator) -> Sheet:
    """Ridges, waves and uneven tips on a smooth sheet; valleys are darker."""
    na, nb = points.shape[:2]
    ipd = head.surface.ipd
    b = np.linspace(0, 1, nb)[None]
    crest, phase = lock_field(rng, na, nb, cut.locks, 0.55)
    fine, _ = lock_field(rng, na, nb, cut.locks * 2.6, 0.8)
    sheet = Sheet(points, np.ones((na, nb)))
    normal, _ = sheet.frame()
    grow = smooth_step(0.10, 0.75, b) + 0 * crest
    ridge = (crest - 0.6) * 0.060 * grow + (fine - 0.6) * 0.022 * (0.3 + 0.7 * grow)
    points = points + normal * (ridge * ipd)[..., None]
    across = unit(np.gradient(points, axis=0))
    pull = -phase * (0.45 * smooth_step(0.55, 1.0, b)) / cut.locks
    width = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * na
    points = points + across * (pull * width)[..., None]
    if cut.wave:
        lag = gaussian_filter1d(rng.normal(size=na), 5, mode="nearest") * 5.0
        angle = 2 * np.pi * cut.waves * b + lag[:, None]
        beside_face = 0.35 + 0.65 * smooth_step(0.0, 0.14, np.minimum(np.linspace(0, 1, na), np.linspace(1, 0, na)))
        amount = cut.wave * ipd * smooth_step(0.30, 0.70, b) * beside_face[:, None]
        points = points + normal * (0.6 * amount * np.sin(angle))[..., None]
        points = points + across * (0.8 * amount * np.cos(angle))[..., None]
    shade = 0.66 + 0.24 * crest * grow + 0.26 * (1 - grow) + 0.16 * fine
    shade = shade * (0.72 + 0.28 * smooth_step(0.0, 0.16, b))
    tone = gaussian_filter1d(rng.normal(size=na), 2.0)[:, None]
    return Sheet(points, shade * (1 + 0.06 * tone / (np.abs(tone).max() + 1e-9)))
