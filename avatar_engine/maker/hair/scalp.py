"""Only where hair grows: the hairline, the star-shaped hull of the head and its distance to body and skin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from avatar_engine.maker.parts import Floats, Surface

# Hairline height over the pupils by azimuth (degrees from the front, symmetric), in pupil distances; read off
# adult portraits and adjusted by eye on the built heads. The dip at 62-74 degrees is the sideburn.
_AZIMUTH_DEG = (0.0, 25.0, 42.0, 54.0, 62.0, 70.0, 78.0, 88.0, 100.0, 118.0, 150.0, 180.0)
_HAIRLINES: dict[str, tuple[float, ...]] = {
    "soft": (1.10, 1.09, 0.98, 0.74, 0.42, 0.12, 0.10, 0.20, 0.10, -0.35, -0.95, -1.02),
    "tied": (1.16, 1.08, 0.88, 0.62, 0.42, 0.24, 0.10, 0.16, 0.06, -0.35, -0.72, -0.74),
    "short": (1.05, 1.10, 1.10, 0.86, 0.42, -0.10, -0.12, 0.00, 0.05, -0.25, -0.76, -0.82),
    "receding": (1.14, 1.26, 1.36, 1.08, 0.50, -0.05, -0.10, 0.00, 0.05, -0.25, -0.76, -0.82),
}


def smooth_step(low: float, high: float, x: Floats) -> Floats:
    """Hermite step from 0 at `low` to 1 at `high` (either order)."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def unit(v: Floats) -> Floats:
    """Rows scaled to length 1; zero rows become +z."""
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.where(length > 1e-9, v / np.maximum(length, 1e-9), np.array([0.0, 0.0, 1.0]))


def hairline_height(azimuth: Floats, line: str = "soft") -> Floats:
    """(n,) height of the hairline (pupil distances) at azimuths in radians about the head's axis."""
    turned = np.abs((azimuth + np.pi) % (2 * np.pi) - np.pi)
    return np.interp(np.degrees(turned), _AZIMUTH_DEG, _HAIRLINES[line])


def above_hairline(q: Floats, line: str = "soft") -> Floats:
    """(n,) signed height over the hairline, positive on the scalp; q (n, 3) head-normalised."""
    return q[:, 1] - hairline_height(np.arctan2(q[:, 0], q[:, 2] + 1.25), line)


def is_ear(q: Floats) -> np.ndarray:
    """(n,) bool: roughly the ears, which hair passes over or behind but never grows from."""
    return (np.abs(q[:, 0]) > 1.10) & (q[:, 1] < 0.32) & (q[:, 1] > -0.85) & (q[:, 2] > -1.95) & (q[:, 2] < -0.75)


@dataclass(frozen=True, slots=True)
class Head:
    """A head to dress: its hull as a radius over directions from `centre`, and nearest-skin queries (dm).

    ear: centre y, centre z, half height, half depth of the ears in head-normalised coordinates.
    """

    surface: Surface
    centre: Floats
    directions: cKDTree
    radii: Floats
    skin: cKDTree
    ear: tuple[float, float, float, float]

    def q(self, p: Floats) -> Floats:
        """Head-normalised coordinates of points (..., 3)."""
        return (p - self.surface.eye_centre) / self.surface.ipd

    def radius(self, d: Floats) -> Floats:
        """(n,) hull radius (dm) in unit directions d (n, 3): a Gaussian mean over 4 degrees, ears left out."""
        gap, j = self.directions.query(d, k=28)
        w = np.exp(-((gap / 0.075) ** 2)) + 1e-9
        return np.asarray((self.radii[j] * w).sum(1) / w.sum(1))

    def off_ear(self, q: Floats) -> Floats:
        """(n,) distance (pupil distances) from the outline of the ears in side view, negative on them; the far
        side of the head and the face count as far away."""
        y, z, tall, deep = self.ear
        ring = np.hypot((q[:, 1] - y) / tall, (q[:, 2] - z) / deep) - 1.0
        return np.where(np.abs(q[:, 0]) > 0.75, ring * min(tall, deep), 9.0)

    def height(self, p: Floats) -> tuple[Floats, Floats, Floats]:
        """Signed height over the skin (n,), outward normal (n, 3), distance to the nearest vertex (n,)."""
        gap, j = self.skin.query(p, k=5)
        w = 1.0 / (gap + 0.015)
        w /= w.sum(1, keepdims=True)
        normal = unit((self.surface.normals[j] * w[..., None]).sum(1))
        foot = (self.surface.positions[j] * w[..., None]).sum(1)
        return ((p - foot) * normal).sum(1), normal, gap[:, 0]

    def clear(self, p: Floats, clearance: Floats | float, reach: float = 1.0) -> Floats:
        """Points moved outwards until they are `clearance` (dm) above the skin; far points stay."""
        height, normal, gap = self.height(p)
        push = np.clip(np.asarray(clearance) - height, 0.0, 0.6) * (gap < reach)
        return p + normal * push[:, None]


def head_of(surface: Surface) -> Head:
    """Measure a body surface."""
    q = (surface.positions - surface.eye_centre) / surface.ipd
    centre = surface.eye_centre + surface.ipd * np.array([0.0, 0.25, -1.30])
    away = surface.positions - centre
    radius = np.linalg.norm(away, axis=1)
    d = unit(away)
    # The mouth bag and the eye sockets face inwards or lie deep: they are no part of the hull.
    outer = (q[:, 1] > -1.6) & (np.abs(q[:, 0]) < 1.75) & ((surface.normals * d).sum(1) > 0.25) & ~is_ear(q)
    head = Head(surface, centre, cKDTree(d[outer]), radius[outer], cKDTree(surface.positions), (0.0, 0.0, 1.0, 1.0))
    near = is_ear(q) & (np.abs(q[:, 0]) > 1.0)
    proud = np.nonzero(near)[0][radius[near] > head.radius(d[near]) + 0.06 * surface.ipd]
    low, high = np.percentile(q[proud][:, 1:], [2, 98], axis=0)
    (y, z), (tall, deep) = (low + high) / 2, (high - low) / 2 + 0.02
    return replace(head, ear=(float(y), float(z), float(tall), float(deep)))
