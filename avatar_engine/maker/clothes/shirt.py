"""Only the shirt: collar stand and leaf with points, front placket with buttons, top button open."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.clothes.fabric import TILE_DM, fabric
from avatar_engine.maker.clothes.garment import Rng, body_panel, cloth_part
from avatar_engine.maker.clothes.lapel import Seam, turned_edge, wrapped
from avatar_engine.maker.clothes.necklines import Neckline, round_neck, v_neck
from avatar_engine.maker.clothes.shell import Shell, shell_of
from avatar_engine.maker.clothes.strip import Cloth, add_rows
from avatar_engine.maker.clothes.torso import Torso
from avatar_engine.maker.clothes.trim import add_button
from avatar_engine.maker.parts import Floats, MeshPart
from avatar_engine.maker.spec import Garment

TILE = TILE_DM["poplin"]
OPEN_DEG = 19.0
"""Azimuth at which the collar ends in front."""
SPREAD_DEG = 21.0
"""Azimuth at which the open button's V meets the seam of the collar: behind the collar's ends, or one would look
between shirt and neck."""
LEAF = np.array([1.015, 1.0, 0.97, 0.75, 0.5, 0.25, 0.06])
LEAF_OUT = np.array([0.030, 0.058, 0.066, 0.070, 0.068, 0.062, 0.052])
INNER = np.array([[0.012, 0.022], [-0.02, -0.012], [-0.16, -0.022], [-0.34, -0.030]])
"""From the fold down inside the collar: (up from the fold, out) dm."""


def shirt_neckline(torso: Torso) -> Neckline:
    """The opening: an open top button in front, the collar's seam elsewhere."""
    opening, collar = v_neck(torso, 0.85, 0.13, SPREAD_DEG), collar_line(torso)

    def height(azimuth: Floats) -> Floats:
        return np.minimum(opening(azimuth), collar(azimuth))

    return height


def collar_line(torso: Torso) -> Neckline:
    """The seam between shirt and collar stand."""
    return round_neck(torso, 0.02, 0.13)


def collar(cloth: Cloth, shell: Shell, torso: Torso, steps: int) -> Floats:
    """Stand and leaf in one strip round the neck; returns the leaf's border (n, 3)."""
    scale = torso.tailoring()
    seam = Seam(shell, collar_line(torso), -np.pi, np.pi)
    total = seam.arc[-1]
    gap = float(np.interp(np.radians(OPEN_DEG), np.linspace(-np.pi, np.pi, len(seam.arc)), seam.arc)) - total / 2
    x = np.linspace(0.0, 1.0, steps)
    start, end = total / 2 + gap, 1.5 * total - gap
    s = start + (end - start) * x
    ends = np.minimum(x, 1 - x) * (end - start)
    front = np.exp(-((ends / 0.55) ** 2))
    stand = scale * (0.27 - 0.06 * front)
    width = scale * (0.43 + 0.30 * front)
    # The points lie away from the opening: the free edge is shorter than the fold.
    skew = np.where(x < 0.5, 1.0, -1.0) * 0.34 * np.exp(-ends / 0.6)
    d = LEAF[None] * width[:, None]
    p, up, out = wrapped(seam).at(s[:, None] + skew[:, None] * d)
    leaf = p + up * (stand[:, None] - d)[..., None]
    away = LEAF_OUT[None] + 0.06 * front[:, None] * np.sin(np.pi * np.clip(LEAF, 0, 1))[None]
    leaf = leaf + out * away[..., None]
    below = shell.seat(leaf.reshape(-1, 3), np.tile(LEAF_OUT * 0.62, steps), both_ways=False)
    leaf = below.reshape(leaf.shape)
    p, up, out = wrapped(seam).at(np.repeat(s[:, None], len(INNER), 1))
    # In front the leaf rises to its point: a deep inner side would hang out below it, in the dark.
    deep = INNER[None, :, 0] * (1.0 - 0.8 * front[:, None] * (INNER[None, :, 0] < -0.1))
    inner = p + up * (stand[:, None] + deep)[..., None] + out * INNER[None, :, 1, None]
    shade = np.array([0.70, 0.92, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.86, 0.74, 0.55])
    rows = np.concatenate([leaf, inner], 1)
    add_rows(cloth, rows, np.broadcast_to(shade, rows.shape[:2]).copy(), 1 / TILE)
    return rows[:, 1]


def placket(cloth: Cloth, shell: Shell, torso: Torso, top: float, steps: int) -> Floats:
    """The doubled strip down the front with its buttons; returns its borders."""
    scale = torso.tailoring()
    half = 0.155 * scale
    bottom = torso.bottom_y + 0.02
    y = np.linspace(top, bottom, steps)
    across = np.array([-1.04, -1.0, -0.86, 0.0, 0.86, 1.0, 1.04]) * half
    lift = np.array([-0.01, 0.014, 0.020, 0.022, 0.020, 0.014, -0.01]) * (1.0, 1.3, 2.2)[torso.surface.lod]
    p = np.stack(
        [
            np.broadcast_to(across, (steps, 7)),
            np.broadcast_to(y[:, None], (steps, 7)),
            np.full((steps, 7), torso.surface.eye_centre[2] + 0.3),
        ],
        -1,
    )
    flat = p.reshape(-1, 3)
    depth = shell.front_depth(flat[:, 0], flat[:, 1])
    flat = np.stack([flat[:, 0], flat[:, 1], depth], 1)
    rows = shell.seat(flat, np.tile(lift, steps)).reshape(p.shape)
    # Rows run downwards, so across runs to the left to face forwards.
    shade = np.broadcast_to(np.array([0.75, 0.9, 1.0, 1.0, 1.0, 0.9, 0.75]), rows.shape[:2]).copy()
    add_rows(cloth, rows, shade, 1 / TILE)
    spacing = 0.86 * scale
    for k in range(int((top - bottom) / spacing)):
        at = np.array([[0.0, top - 0.12 * scale - k * spacing, 0.0]])
        at[0, 2] = shell.front_depth(at[:, 0], at[:, 1])[0]
        add_button(cloth, shell, shell.seat(at, 0.026)[0], 0.055 * scale, lod=torso.surface.lod)
    return rows[:, [1, 5]].reshape(-1, 3)


def build_shirt(torso: Torso, garment: Garment, rng: Rng, target: int, under: Neckline | None) -> list[MeshPart]:
    """The shirt; `under` is the opening of a jacket that hides the rest."""
    lod = torso.surface.lod
    shell = shell_of(torso, 0.065, 8, 0.95)
    cloth = Cloth()
    border = collar(cloth, shell, torso, (72, 36, 18)[lod])
    neckline = shirt_neckline(torso)
    facing = Seam(shell, neckline, -np.radians(SPREAD_DEG - 2.0), np.radians(SPREAD_DEG - 2.0), 240)
    n = (40, 18, 10)[lod]
    s = np.linspace(0.0, facing.arc[-1], n)
    width = np.full(n, 0.26 * torso.tailoring())
    turned_edge(cloth, facing, s, width, 0 * s, 0 * s, 0.0, TILE, crisp=0.35, coarse=lod > 0)
    top = float(neckline(np.zeros(1))[0]) + 0.02
    edge = placket(cloth, shell, torso, top, (30, 12, 6)[lod])
    spent = sum(len(t) for t in cloth.triangles)
    seams = np.concatenate([border, edge[:: max(1, len(edge) // 40)]])
    body_panel(cloth, shell, neckline, max(120, target - spent), rng, 0.05, TILE, margin=0.02, above=under, seams=seams)
    return [cloth_part(torso, cloth, "Shirt", fabric(garment.color, "poplin", rng), 0.75)]
