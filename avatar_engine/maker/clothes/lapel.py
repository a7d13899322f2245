"""Only edges of cloth that are folded over: lapels, collars and facings laid along a seam."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from avatar_engine.maker.clothes.necklines import Neckline
from avatar_engine.maker.clothes.shell import Shell
from avatar_engine.maker.clothes.strip import Cloth, add_rows, arc_lengths, frames
from avatar_engine.maker.hair.scalp import smooth_step, unit
from avatar_engine.maker.parts import Floats

ACROSS = np.array([1.03, 1.02, 1.0, 0.92, 0.7, 0.45, 0.22])
"""Rows of a lapel from its outer edge towards the fold, as fractions of the width."""
ACROSS_LIFT = np.array([-0.012, 0.022, 0.036, 0.042, 0.046, 0.052, 0.062])
FOLD = np.array([[0.04, 0.066], [-0.004, 0.055], [-0.022, 0.025], [-0.018, -0.02], [0.03, -0.05]])
"""Rest of a lapel: over the fold and inside, (distance outwards, lift) in dm."""

COARSE = [0, 2, 4, 7, 9, 11]
"""Rows that remain at the coarsest level."""


class Seam:
    """The fold line as a curve by arc length: points and directions anywhere along it."""

    def __init__(self, shell: Shell, neckline: Neckline, start: float, end: float, n: int = 480) -> None:
        azimuth = np.linspace(start, end, n)
        self.points, self.up, self.out = frames(shell, azimuth, neckline(azimuth))
        self.arc = arc_lengths(self.points)
        self.shell = shell

    def at(self, s: Floats) -> tuple[Floats, Floats, Floats]:
        """Point, inwards-pointing direction on the cloth, outward direction at arc lengths s (any shape)."""
        pick = [
            np.stack([np.interp(s, self.arc, field[:, k]) for k in range(3)], -1)
            for field in (self.points, self.up, self.out)
        ]
        return pick[0], unit(pick[1]), unit(pick[2])


def turned_edge(
    cloth: Cloth,
    seam: Seam,
    s: Floats,
    width: Floats,
    skew: Floats,
    stand: Floats,
    lift: float,
    tile_dm: float,
    crisp: float = 1.0,
    coarse: bool = False,
) -> Floats:
    """A strip folded outwards along a seam: lapel or collar.

    s (n,) arc lengths; width (n,) dm; skew (n,) shift along the seam per width; stand (n,) how far the fold rises
    above the seam; lift dm on top of the usual; crisp < 1 presses the fold flat;
    coarse leaves out half of the rows. Returns the outer border (n, 3).
    """
    d = np.concatenate([ACROSS[None] * width[:, None], np.minimum(FOLD[None, :, 0], 0.6 * width[:, None])], 1)
    level = np.concatenate([ACROSS_LIFT, FOLD[:, 1]])
    level = np.where(level > 0, level * crisp + lift, level)
    thin = smooth_step(0.0, 0.12, width)[:, None]
    fold = np.concatenate([np.zeros(len(ACROSS)), [0.3, 1.0, 1.0, 0.8, 0.1]])
    at = s[:, None] + skew[:, None] * np.clip(d, 0, None)
    p, up, out = seam.at(at)
    p = p - up * (d - stand[:, None] * fold)[..., None]
    flat_level = np.broadcast_to(level, d.shape) * (0.4 + 0.6 * thin)
    outer = len(ACROSS)
    seated = seam.shell.seat(p[:, :outer].reshape(-1, 3), flat_level[:, :outer].reshape(-1))
    flat = gaussian_filter1d(seated.reshape(len(s), outer, 3), 0.8, axis=0, mode="nearest")
    flat[[0, -1]] = seated.reshape(len(s), outer, 3)[[0, -1]]
    rows = np.concatenate([flat, p[:, outer:] + out[:, outer:] * flat_level[:, outer:, None]], 1)
    shade = np.array([0.62, 0.85, 1.0, 1.0, 1.0, 1.0, 1.0, 1.02, 1.0, 0.9, 0.7, 0.5])
    border = rows[:, 2]
    if coarse:
        rows, shade = rows[:, COARSE], shade[COARSE]
    add_rows(cloth, rows, np.broadcast_to(shade, rows.shape[:2]).copy(), 1 / tile_dm)
    return border


def wrapped(seam: Seam) -> Seam:
    """The same closed seam, running on past its end for one more turn."""
    out = object.__new__(Seam)
    out.shell = seam.shell
    out.points = np.concatenate([seam.points, seam.points[1:]])
    out.up = np.concatenate([seam.up, seam.up[1:]])
    out.out = np.concatenate([seam.out, seam.out[1:]])
    out.arc = np.concatenate([seam.arc, seam.arc[1:] + seam.arc[-1]])
    return out
