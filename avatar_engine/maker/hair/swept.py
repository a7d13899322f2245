"""Only hair that is swept back from the forehead and short at the sides: short and crop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from avatar_engine.maker.hair.scalp import Head, above_hairline, smooth_step, unit
from avatar_engine.maker.hair.sheet import Sheet, lock_field, settle
from avatar_engine.maker.parts import Floats
from avatar_engine.maker.spec import HairSpec

ACROSS, ALONG = 200, 64
"""Resolution at which sheets are formed, whatever the level of detail."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A cut, in pupil distances: height on top, extra height of the fringe, depth of the parting's furrow, height
    of locks; `turn` radians by which strands drift sideways on their way back; `sides` where the long hair ends
    over the ears and `nape` where it ends behind."""

    line: str
    top: float
    fringe: float
    furrow: float
    ridge: float
    turn: float
    sides: float
    nape: float
    locks: float


SWEEPS = {
    "short": Sweep("short", 0.24, 0.13, 0.10, 0.075, 0.30, 0.58, 0.05, 22.0),
    "crop": Sweep("receding", 0.09, 0.02, 0.0, 0.020, 0.10, 0.30, -0.45, 40.0),
}


def _meridian(lateral: Floats, turn: Floats) -> Floats:
    """Unit directions at a lateral angle (0 = middle, + left) and a turn about the x axis (0 = front, pi = back)."""
    return np.stack([np.sin(lateral), np.cos(lateral) * np.sin(turn), np.cos(lateral) * np.cos(turn)], -1)


def swept_sheet(head: Head, spec: HairSpec, rng: np.random.Generator, style: str) -> Sheet:
    """The outer surface of hair that leaves the front hairline and runs back over the head."""
    cut, s = SWEEPS[style], head.surface
    ipd = s.ipd
    a = np.linspace(0, 1, ACROSS)
    widest = np.radians(62.0)
    lateral = -widest + 2 * widest * a
    turn = np.radians(np.linspace(5, 215, 240))
    d = _meridian(lateral[:, None] + 0 * turn[None], turn[None] + 0 * lateral[:, None])
    q = head.q(head.centre + d * head.radius(d.reshape(-1, 3)).reshape(d.shape[:2])[..., None])
    h = above_hairline(q.reshape(-1, 3), cut.line).reshape(d.shape[:2])
    # First and last turn of every strand: the hairline in front, the fade at the sides and the back.
    azimuth = np.degrees(np.abs(np.arctan2(q[..., 0], q[..., 2] + 1.25)))
    fade = np.interp(azimuth, [40, 62, 100, 130, 180], [-9, cut.sides, cut.sides, cut.nape, cut.nape])
    inside = (h > -0.01) & (q[..., 1] > fade)
    first = turn[inside.argmax(1)]
    last = turn[inside.shape[1] - 1 - inside[:, ::-1].argmax(1)]
    none = ~inside.any(1)
    first, last = np.where(none, np.pi / 2, first), np.where(none, np.pi / 2, last)
    first = gaussian_filter1d(first, 2.0, mode="nearest") + 0.02
    first += 0.022 * gaussian_filter1d(rng.normal(size=ACROSS), 1.2, mode="nearest")
    last = gaussian_filter1d(last, 2.0, mode="nearest")
    b = np.linspace(0, 1, ALONG)
    grid_turn = first[:, None] + (last - first)[:, None] * b[None]
    drift = -np.sign(spec.part or 1.0) * cut.turn * np.sin(np.pi * b)[None] * np.cos(lateral)[:, None] * 0.5
    d = _meridian(lateral[:, None] + drift, grid_turn)
    skull = head.centre + d * head.radius(d.reshape(-1, 3)).reshape(d.shape[:2])[..., None]
    q = head.q(skull)
    on_top = smooth_step(cut.sides - 0.05, 1.25, q[..., 1])
    fringe = np.exp(-(((b - 0.16) / 0.16) ** 2))[None] * smooth_step(0.95, 0.35, np.abs(q[..., 0]))
    start = smooth_step(0.0, 0.13, b)[None] ** 0.8
    finish = smooth_step(1.0, 0.80, b)[None]
    border = smooth_step(0.0, 0.14, np.minimum(a, 1 - a))[:, None]
    height = cut.top * (0.35 + 0.65 * on_top) + cut.fringe * fringe
    height = height * (1 + 0.7 * spec.length + 0.4 * spec.volume)
    gap = np.abs(q[..., 0] - spec.part * 1.35)
    furrow = cut.furrow * np.exp(-((gap / 0.07) ** 2)) * smooth_step(-1.9, -1.0, q[..., 2])
    lift = 0.012 / ipd + (height * start * border - furrow * start) * finish
    points = skull + unit(skull - head.centre + np.array([0, -0.2, 0])) * (np.maximum(lift, 0.02) * ipd)[..., None]
    # The fringe stands up and forward before it falls back.
    points = points + (np.array([0, 0.0, 0.16]) * ipd) * (fringe * start * cut.fringe / 0.2)[..., None]
    points = gaussian_filter(points, (1.2, 1.0, 0), mode="nearest")
    clearance = np.clip(lift * ipd * 0.5, 0.012, 0.12)
    points = settle(head, points, clearance, 3, 1.0, 0.6)
    crest, phase = lock_field(rng, ACROSS, ALONG, cut.locks, 1.3)
    fine, _ = lock_field(rng, ACROSS, ALONG, cut.locks * 2.3, 1.8)
    normal, _ = Sheet(points, crest).frame()
    grow = start * finish * border * (0.35 + 0.65 * on_top)
    ridge = ((crest - 0.6) * cut.ridge + (fine - 0.6) * cut.ridge * 0.4) * grow
    points = points + normal * (ridge * ipd)[..., None]
    across = unit(np.gradient(points, axis=0))
    width = np.linalg.norm(np.gradient(points, axis=0), axis=-1) * ACROSS
    points = points + across * (-phase * 0.30 * grow / cut.locks * width)[..., None]
    points = head.clear(points.reshape(-1, 3), 0.010).reshape(points.shape)
    shade = 0.62 + 0.30 * crest + 0.14 * fine
    shade = shade * (0.80 + 0.20 * start) * (1 - 0.45 * np.exp(-((gap / 0.06) ** 2)) * (cut.furrow > 0))
    return Sheet(points, shade)
