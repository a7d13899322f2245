"""Only open-fronted garments with lapels: the blazer and the white coat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.maker.clothes.fabric import TILE_DM, Weave, fabric
from avatar_engine.maker.clothes.garment import Rng, body_panel, cloth_part
from avatar_engine.maker.clothes.lapel import Seam, turned_edge, wrapped
from avatar_engine.maker.clothes.necklines import Neckline, v_neck
from avatar_engine.maker.clothes.shell import Torso, shell_of
from avatar_engine.maker.clothes.strip import Cloth
from avatar_engine.maker.hair.scalp import smooth_step
from avatar_engine.maker.parts import MeshPart
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


def build_jacket(torso: Torso, garment: Garment, rng: Rng, target: int) -> tuple[list[MeshPart], Neckline]:
    """blazer or coat; returns the parts and the neckline of the opening."""
    cut, lod = CUTS[garment.style], torso.surface.lod
    scale = torso.tailoring()
    shell = shell_of(torso, cut.offset, 16, 0.92)
    neckline = jacket_neckline(torso, garment.style)
    cloth = Cloth()
    tile = TILE_DM[cut.weave]
    seam = Seam(shell, neckline, -np.pi, np.pi)
    total = seam.arc[-1]
    side = total / 2
    # The opening runs from the button (middle of the seam) up to the side of the neck.
    azimuth = np.linspace(-np.pi, np.pi, len(seam.arc))
    top = float(np.interp(np.radians(SPREAD_DEG), azimuth, seam.arc)) - side
    n_lapel, n_collar = ((26, 44), (16, 26), (8, 12))[lod]
    borders = []
    for sign in (1.0, -1.0):
        x = np.linspace(0.0, 1.0, n_lapel)
        s = side + sign * x * top * cut.notch
        width = cut.lapel * scale * smooth_step(-0.02, 0.62, x) ** 0.8 + 0.02
        skew = sign * 0.42 * smooth_step(0.55, 1.0, x)
        order = slice(None) if sign > 0 else slice(None, None, -1)
        borders.append(turned_edge(cloth, seam, s[order], width[order], skew[order], 0 * x, 0.0, tile))
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
    borders.append(turned_edge(cloth, collar, s, width, skew, 0.20 * scale * behind, 0.022, tile))
    spent = sum(len(t) for t in cloth.triangles)
    seams = np.concatenate(borders)
    body_panel(cloth, shell, neckline, max(400, target - spent), rng, cut.folds, tile, seams=seams)
    name = garment.style.capitalize()
    return [cloth_part(torso, cloth, name, fabric(garment.color, cut.weave, rng), cut.roughness)], neckline
