"""Only open-fronted garments with lapels: the blazer and the white coat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.maker.clothes.fabric import TILE_DM, Weave, fabric
from avatar_engine.maker.clothes.garment import Rng, body_panel, cloth_part
from avatar_engine.maker.clothes.lapel import Seam, turned_edge, wrapped
from avatar_engine.maker.clothes.necklines import Neckline, v_neck
from avatar_engine.maker.clothes.shell import Shell, shell_of
from avatar_engine.maker.clothes.strip import Cloth, add_rows
from avatar_engine.maker.clothes.torso import Torso
from avatar_engine.maker.clothes.trim import add_button, add_patch, trim_part
from avatar_engine.maker.hair.scalp import smooth_step
from avatar_engine.maker.parts import Floats, MeshPart
from avatar_engine.maker.spec import Garment


@dataclass(frozen=True, slots=True)
class Cut:
    """A tailoring pattern, dm and pupil distances: offset from the skin, depth of the opening under the pit of the
    neck, width at the sides of the neck, widths of lapel and collar, share of the opening where the notch sits."""

    offset: float
    depth: float
    width: float
    lapel: float
    collar: float
    notch: float
    folds: float
    weave: Weave
    roughness: float


SPREAD_DEG = 58.0
"""Azimuth at which the opening meets the side of the neck."""

CUTS = {
    "blazer": Cut(0.125, 2.8, 0.20, 0.66, 0.37, 0.80, 0.055, "suiting", 0.85),
    "coat": Cut(0.150, 2.7, 0.21, 0.66, 0.40, 0.80, 0.070, "drill", 0.8),
}


def jacket_neckline(torso: Torso, style: str) -> Neckline:
    """Where the opening of a jacket runs: the fold of its lapels and collar."""
    return v_neck(torso, CUTS[style].depth, CUTS[style].width, SPREAD_DEG, 0.06)


def build_jacket(torso: Torso, garment: Garment, rng: Rng, target: int) -> list[MeshPart]:
    """blazer or coat."""
    cut, lod = CUTS[garment.style], torso.surface.lod
    scale = torso.tailoring()
    shell = shell_of(torso, cut.offset, 16, 1.0)
    neckline = jacket_neckline(torso, garment.style)
    cloth = Cloth()
    tile = TILE_DM[cut.weave]
    seam = Seam(shell, neckline, -np.pi, np.pi)
    total = seam.arc[-1]
    side = total / 2
    # The opening runs from the button (middle of the seam) up to the side of the neck.
    azimuth = np.linspace(-np.pi, np.pi, len(seam.arc))
    top = float(np.interp(np.radians(SPREAD_DEG), azimuth, seam.arc)) - side
    n_lapel, n_collar = ((26, 44), (15, 22), (8, 12))[lod]
    borders = []
    for sign in (1.0, -1.0):
        x = np.linspace(0.0, 1.0, n_lapel)
        s = side + sign * x * top * cut.notch
        width = cut.lapel * scale * smooth_step(-0.02, 0.62, x) ** 0.8 + 0.02
        skew = sign * 0.42 * smooth_step(0.55, 1.0, x)
        order = slice(None) if sign > 0 else slice(None, None, -1)
        borders.append(turned_edge(cloth, seam, s[order], width[order], skew[order], 0 * x, 0.0, tile, coarse=lod == 2))
    gap = top * (1 - cut.notch)
    # The collar: from the notch on the left round the neck to the notch on the right, across the nape.
    start, end = side + top * cut.notch - 0.05, total + side - top * cut.notch + 0.05
    x = np.linspace(0.0, 1.0, n_collar)
    s = start + (end - start) * x
    ends = np.minimum(x, 1 - x) * (end - start)
    behind = smooth_step(0.0, gap * 2.2, ends)
    width = scale * (cut.collar * (0.86 + 0.14 * (1 - behind)))
    skew = 0.55 * np.exp(-ends / 0.45) * np.where(x < 0.5, 1.0, -1.0)
    collar = wrapped(seam)
    borders.append(turned_edge(cloth, collar, s, width, skew, 0.20 * scale * behind, 0.022, tile, coarse=lod == 2))
    low = float(neckline(np.zeros(1))[0])
    borders.append(front_edge(cloth, shell, torso, low, (20, 12, 6)[lod], tile))
    name = garment.style.capitalize()
    extras: list[MeshPart] = []
    chest = torso.notch_y - 1.42 * scale
    if garment.style == "coat":
        at = np.array([0.84 * scale, chest - 0.62 * scale])
        borders.append(
            add_patch(
                cloth, shell, at, (0.88 * scale, 1.0 * scale), 0.03, (0.024, 0.038, 0.075)[lod], (8, 7, 4)[lod], tile
            )
        )
        extras = [trim_part(torso, shell, at + np.array([0.16, 0.50]) * scale, [-0.86 * scale, chest], scale, lod)]
    else:
        at = np.array([1.0 * scale, chest])
        borders.append(
            add_patch(
                cloth, shell, at, (0.72 * scale, 0.17 * scale), 0.13, (0.020, 0.034, 0.070)[lod], (8, 6, 4)[lod], tile
            )
        )
    spent = sum(len(t) for t in cloth.triangles) + sum(len(p.triangles) for p in extras)
    seams = np.concatenate(borders)

    def under_lapels(azimuth: Floats) -> Floats:
        # The panel ends a little outside the fold, except where the lapels begin.
        return neckline(azimuth) - 0.08 * smooth_step(0.03, 0.22, np.abs(azimuth))

    body_panel(cloth, shell, under_lapels, max(240, target - spent), rng, cut.folds, tile, margin=0.0, seams=seams)
    return [cloth_part(torso, cloth, name, fabric(garment.color, cut.weave, rng), cut.roughness), *extras]


EDGE = np.array([[-0.012, -0.02], [0.0, 0.018], [0.03, 0.030], [0.24, 0.030], [0.42, 0.016], [0.56, -0.012]])
"""Overlap of the closed front: sideways from its edge, lift over the shell (dm)."""


def front_edge(cloth: Cloth, shell: Shell, torso: Torso, top: float, steps: int, tile_dm: float) -> Floats:
    """The left front lying over the right one below the opening, with its buttons; returns the edge (n, 3)."""
    scale = torso.tailoring()
    edge = -0.10 * scale
    y = np.linspace(top + 0.06, torso.bottom_y + 0.02, steps)
    x = np.broadcast_to(edge + EDGE[None, :, 0] * scale, (steps, len(EDGE)))
    y2 = np.broadcast_to(y[:, None], x.shape)
    z = shell.front_depth(x.ravel(), y2.ravel())
    flat = shell.seat(np.stack([x.ravel(), y2.ravel(), z], 1), np.tile(EDGE[:, 1], steps))
    rows = flat.reshape(steps, len(EDGE), 3)
    shade = np.broadcast_to(np.array([0.55, 0.85, 1.0, 1.0, 1.0, 1.0]), x.shape).copy()
    add_rows(cloth, rows, shade, 1 / tile_dm)
    for k in range(3):
        at = np.array([[edge + 0.14 * scale, top - (0.10 + 1.05 * k) * scale, 0.0]])
        if at[0, 1] < y[-1]:
            break
        at[0, 2] = shell.front_depth(at[:, 0], at[:, 1])[0]
        add_button(cloth, shell, shell.seat(at, 0.040)[0], 0.095 * scale, 0.62, torso.surface.lod)
    return rows[:, 1]
