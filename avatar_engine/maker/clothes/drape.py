"""Only how cloth hangs: horizontal hollows are bridged, and what falls from the chest falls straight."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RegularGridInterpolator
from scipy.ndimage import distance_transform_edt, gaussian_filter, map_coordinates
from scipy.spatial import ConvexHull

from avatar_engine.maker.hair.scalp import smooth_step
from avatar_engine.maker.parts import Floats

SLEEVE_SLOPE = 0.07
"""The same for sleeves around the arm."""
AZIMUTHS = 120
STEP = 0.12
"""Height of a row of the grid, pupil distances."""
FALL_SLOPE = 0.06
"""How quickly hanging cloth may come back to the body below a bulge, dm per dm."""


def hang(p: Floats, arm: Floats, axis_z: float, top_y: float, ipd: float) -> Floats:
    """(n, 2) horizontal push (x, z) in dm that takes points on the body to where draped cloth hangs.

    p (n, 3) dm; arm (n,) share of the arms in each vertex; top_y: height under which cloth starts to hang.
    """
    trunk = (arm < 0.35) & (p[:, 1] < top_y + ipd)
    bottom = p[:, 1].min()
    rows = int((top_y + ipd - bottom) / (STEP * ipd)) + 1
    azimuth = np.arctan2(p[:, 0], p[:, 2] - axis_z)
    r = np.hypot(p[:, 0], p[:, 2] - axis_z)
    i = np.clip(((p[:, 1] - bottom) / (STEP * ipd)).astype(int), 0, rows - 1)
    j = ((azimuth + np.pi) / (2 * np.pi) * AZIMUTHS).astype(int) % AZIMUTHS
    grid = np.zeros((rows, AZIMUTHS))
    np.maximum.at(grid, (i[trunk], j[trunk]), r[trunk])
    _, nearest = distance_transform_edt(np.tile(grid, 3) == 0, return_indices=True)
    wide = np.tile(grid, 3)[tuple(nearest)]
    body = gaussian_filter(wide, 0.6)[:, AZIMUTHS : 2 * AZIMUTHS]
    angle = (np.arange(AZIMUTHS) + 0.5) / AZIMUTHS * 2 * np.pi - np.pi
    ray = np.stack([np.sin(angle), np.cos(angle)], 1)
    form = gaussian_filter(wide, 2.2)[:, AZIMUTHS : 2 * AZIMUTHS]
    hung = form.copy()
    for k in range(rows):
        hull = ConvexHull(ray * form[k][:, None])
        # Distance along every ray to the hull: the nearest of its supporting lines.
        # Plain sums: a matrix product may differ in its last bit between processors.
        facing = ray[:, :1] * hull.equations[None, :, 0] + ray[:, 1:] * hull.equations[None, :, 1]
        reach = -hull.equations[:, 2][None] / np.maximum(facing, 1e-9)
        reach[facing <= 1e-9] = np.inf
        hung[k] = reach.min(1)
    for k in range(rows - 2, -1, -1):
        hung[k] = np.maximum(hung[k], hung[k + 1] - FALL_SLOPE * STEP * ipd)
    # Points are rounded off: cloth is stiffer than what lies beneath, and what it cuts into is hidden by it.
    smooth = gaussian_filter(np.tile(hung, 3), 2.4)[:, AZIMUTHS : 2 * AZIMUTHS]
    y_mid = bottom + (np.arange(rows) + 0.5) * STEP * ipd
    wrapped = np.concatenate([angle[-1:] - 2 * np.pi, angle, angle[:1] + 2 * np.pi])

    def table(grid: Floats) -> Floats:
        around = np.concatenate([grid[:, -1:], grid, grid[:, :1]], 1)
        reader = RegularGridInterpolator((y_mid, wrapped), around, bounds_error=False, fill_value=None)
        return np.asarray(reader(np.stack([p[:, 1], azimuth], 1)))

    cloth, skin = table(smooth), table(body)
    # The outermost skin goes exactly to the cloth; what lies behind it moves along.
    outermost = smooth_step(0.30, 0.12, skin - r)
    # In the middle there is only the trunk: undersides of the chest too go to the cloth.
    outermost = np.maximum(outermost, smooth_step(1.75 * ipd, 1.35 * ipd, np.abs(p[:, 0])))
    push = np.clip(np.where(outermost > 0, cloth - skin + outermost * (skin - r), cloth - skin), -0.15, 0.9 * ipd)
    push = push * smooth_step(0.55, 0.15, arm) * smooth_step(top_y, top_y - 0.9 * ipd, p[:, 1])
    return np.stack([np.sin(azimuth), np.cos(azimuth)], 1) * push[:, None]


def sleeves(p: Floats, arm: Floats, top_y: float, ipd: float) -> Floats:
    """(n, 2) horizontal push (x, z) in dm that turns the muscles of hanging arms into sleeves that fall evenly.

    p (n, 3) dm; arm (n,) share of the arms in each vertex; top_y: height of the pit of the neck.
    """
    push = np.zeros((len(p), 2))
    share = smooth_step(0.55, 0.95, arm) * smooth_step(top_y - 0.5 * ipd, top_y - 1.7 * ipd, p[:, 1])
    for side in (1.0, -1.0):
        mine = np.nonzero((arm > 0.55) & (p[:, 0] * side > 0) & (p[:, 1] < top_y - 0.3 * ipd))[0]
        if len(mine) < 60:
            continue
        y = p[mine, 1]
        fit = [np.polynomial.Polynomial.fit(y, p[mine, axis], 2) for axis in (0, 2)]
        x, z = p[mine, 0] - fit[0](y), p[mine, 2] - fit[1](y)
        angle, r = np.arctan2(x, z), np.hypot(x, z)
        rows = max(4, int((y.max() - y.min()) / (STEP * ipd)) + 1)
        columns = 36
        i = np.clip(((y - y.min()) / (STEP * ipd)).astype(int), 0, rows - 1)
        j = ((angle + np.pi) / (2 * np.pi) * columns).astype(int) % columns
        total, count = np.zeros((rows, columns)), np.zeros((rows, columns))
        np.add.at(total, (i, j), r)
        np.add.at(count, (i, j), 1.0)
        wide = (1.6, 3.0), (0.6, 1.2)
        smooth, skin = (
            gaussian_filter(total, (along, across), mode=("nearest", "wrap"))
            / np.maximum(gaussian_filter(count, (along, across), mode=("nearest", "wrap")), 1e-9)
            for across, along in wide
        )
        # From its widest place the sleeve falls almost straight.
        for k in range(rows - 2, -1, -1):
            smooth[k] = np.maximum(smooth[k], smooth[k + 1] - SLEEVE_SLOPE * STEP * ipd)
        smooth = gaussian_filter(smooth, (2.0, 1.6), mode=("nearest", "wrap"))
        at = ((y - y.min()) / (STEP * ipd) - 0.5, (angle + np.pi) / (2 * np.pi) * columns - 0.5)
        change = [map_coordinates(grid, at, order=1, mode="grid-wrap") for grid in (smooth, skin)]
        gain = np.clip(change[0] - change[1], -0.06, 0.40)
        push[mine] = np.stack([x, z], 1) / np.maximum(r, 1e-6)[:, None] * (gain * share[mine])[:, None]
    return push
