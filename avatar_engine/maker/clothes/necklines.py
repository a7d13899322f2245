"""Only the curves along which garments are cut at the neck: height as a function of azimuth about the neck."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter1d

from avatar_engine.maker.clothes.torso import Torso
from avatar_engine.maker.parts import Floats

Neckline = Callable[[Floats], Floats]
"""azimuths (n,) radians -> heights (n,) dm; the cloth lies below."""

_GRID = np.linspace(-np.pi, np.pi, 721)


def _table(y: Floats, smooth: float) -> Neckline:
    soft = gaussian_filter1d(y, smooth, mode="wrap")

    def height(azimuth: Floats) -> Floats:
        wrapped = (azimuth + np.pi) % (2 * np.pi) - np.pi
        return np.asarray(np.interp(wrapped, _GRID, soft))

    return height


def side_height(torso: Torso, width: float) -> float:
    """Height (dm) at which the body beside the neck is `width` (pupil distances) wider than the neck."""
    y = np.linspace(torso.nape_y + 0.3 * torso.surface.ipd, torso.notch_y, 80)
    r = torso.chart(np.stack([np.full_like(y, np.pi / 2), y], 1)) / torso.surface.ipd
    wide = np.nonzero(np.nan_to_num(r) > torso.neck_width() + width)[0]
    return float(y[wide[0]]) if len(wide) else float(y[-1])


def round_neck(torso: Torso, drop: float, width: float, back: float = 0.0) -> Neckline:
    """Round the base of the neck: `drop` pupil distances under its pit in front, `width` off the neck at the sides,
    `back` under the nape."""
    ipd = torso.surface.ipd
    front, behind = torso.notch_y - drop * ipd, torso.nape_y - back * ipd
    side = side_height(torso, width)
    curve = PchipInterpolator(
        np.radians([0, 14, 45, 90, 135, 180]),
        [
            front,
            front + 0.03 * (side - front),
            front + 0.42 * (side - front),
            side,
            side + 0.72 * (behind - side),
            behind,
        ],
    )
    return _table(curve(np.abs(_GRID)), 6.0)


def v_neck(torso: Torso, depth: float, width: float, spread_deg: float = 58.0, back: float = 0.0) -> Neckline:
    """Straight edges from a point `depth` pupil distances under the pit of the neck up to the sides of the neck."""
    ipd = torso.surface.ipd
    plain = round_neck(torso, 0.0, width, back)
    side = np.radians(spread_deg)
    low, high = torso.notch_y - depth * ipd, float(plain(np.array([side]))[0])
    # Where the straight edge from the low point to the neck lies on the chest.
    y = np.linspace(low, high, 160)
    end = high_point(torso, side, high)
    x = end * (y - low) / (high - low)
    azimuth = np.full_like(y, 0.5) * (y - low) / (high - low)
    for _ in range(25):
        r = np.nan_to_num(torso.chart(np.stack([azimuth, y], 1)), nan=ipd)
        azimuth = 0.5 * azimuth + 0.5 * np.arcsin(np.clip(x / r, 0, 0.97))
    azimuth = np.maximum.accumulate(azimuth * side / azimuth[-1])
    turn = np.abs(_GRID)
    return _table(np.where(turn < side, np.interp(turn, azimuth, y), plain(_GRID)), 5.0)


def high_point(torso: Torso, azimuth: float, y: float) -> float:
    """Sideways distance (dm) of the skin at an azimuth and a height."""
    r = torso.chart(np.array([[azimuth, y]]))
    return float(r[0] * np.sin(azimuth))
