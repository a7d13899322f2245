"""Only tops that are pulled on: knits with round or V neck, a sweater with a ribbed crew neck, scrubs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.maker.clothes.fabric import TILE_DM, Weave, fabric
from avatar_engine.maker.clothes.garment import Rng, body_panel, cloth_part
from avatar_engine.maker.clothes.necklines import Neckline, round_neck, v_neck
from avatar_engine.maker.clothes.shell import Shell, shell_of
from avatar_engine.maker.clothes.strip import Cloth, add_rows, frames, sweep
from avatar_engine.maker.clothes.torso import Torso
from avatar_engine.maker.parts import Floats, MeshPart
from avatar_engine.maker.spec import Garment


@dataclass(frozen=True, slots=True)
class Top:
    """A pullover: offset from the skin (dm), rounds of smoothing, how much it hangs, depth of a V neck (pupil
    distances, 0 = round), height and thickness of the band against `RIB`, folds (dm), weaves of body and band."""

    offset: float
    smooth: int
    drape: float
    depth: float
    band: float
    thick: float
    folds: float
    weave: Weave
    rib: Weave


TOPS = {
    "knit": Top(0.050, 8, 0.85, 0.0, 1.0, 0.8, 0.025, "knit", "rib"),
    "vneck": Top(0.050, 8, 0.85, 1.35, 1.0, 0.8, 0.025, "knit", "rib"),
    "sweater": Top(0.085, 10, 0.95, 0.0, 1.7, 1.25, 0.05, "knit", "rib"),
    "scrubs": Top(0.075, 10, 0.95, 1.15, 1.5, 0.55, 0.06, "poplin", "poplin"),
}

RIB = np.array(
    [[-0.075, -0.005], [-0.060, 0.030], [0.0, 0.046], [0.075, 0.046], [0.110, 0.022], [0.112, -0.012], [0.08, -0.045]]
)
"""Cross-section of a neckband (up, out) in dm, outside bottom to inside, at a height of 1."""
RIB_SHADE = np.array([0.80, 0.92, 1.0, 1.0, 0.95, 0.75, 0.55])
RIB_ROWS = ([0, 1, 2, 3, 4, 5, 6], [0, 1, 3, 4, 6], [0, 1, 3, 6])
"""Rows of the cross-section that are made per level."""


def neckband(
    cloth: Cloth, shell: Shell, neckline: Neckline, height: float, thick: float, steps: int, tile_dm: float
) -> Floats:
    """A closed band along a neckline; returns its lower border, (n, 3)."""
    azimuth = np.linspace(-np.pi, np.pi, steps + 1)
    p, up, out = frames(shell, azimuth, neckline(azimuth))
    p[-1], up[-1], out[-1] = p[0], up[0], out[0]
    kept = RIB_ROWS[shell.torso.surface.lod]
    rows = sweep(p, up, out, RIB[kept] * np.array([height, thick]))
    shade = np.broadcast_to(RIB_SHADE[kept], rows.shape[:2]).copy()
    add_rows(cloth, rows, shade, 1 / tile_dm)
    return rows[:, 0]


def knit_neckline(torso: Torso, style: str) -> Neckline:
    """Where the band of a pullover is sewn on."""
    top = TOPS[style]
    return v_neck(torso, top.depth, 0.10) if top.depth else round_neck(torso, 0.10, 0.10)


def build_knit(torso: Torso, garment: Garment, rng: Rng, target: int, under: Neckline | None) -> list[MeshPart]:
    """A pullover; `under` is the opening of a jacket that hides the rest."""
    lod, top = torso.surface.lod, TOPS[garment.style]
    shell = shell_of(torso, top.offset, top.smooth, top.drape)
    neckline = knit_neckline(torso, garment.style)
    steps = (96, 44, 24)[lod]
    body, band = Cloth(), Cloth()
    seam = neckband(band, shell, neckline, top.band, top.thick, steps, TILE_DM[top.rib])
    left = max(200, target - steps * 2 * (len(RIB_ROWS[lod]) - 1))
    body_panel(body, shell, neckline, left, rng, top.folds, TILE_DM[top.weave], above=under, seams=seam)
    name = garment.style.capitalize()
    return [
        cloth_part(torso, body, name, fabric(garment.color, top.weave, rng), 0.9),
        cloth_part(torso, band, f"{name}Band", fabric(garment.accent or garment.color, top.rib, rng), 0.9),
    ]
