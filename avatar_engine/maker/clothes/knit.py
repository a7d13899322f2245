"""Only knitted tops: a knit with a round or V neck and a sweater with a ribbed crew neck."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.clothes.fabric import TILE_DM, fabric
from avatar_engine.maker.clothes.garment import Rng, body_panel, cloth_part
from avatar_engine.maker.clothes.necklines import Neckline, round_neck, v_neck
from avatar_engine.maker.clothes.shell import Shell, Torso, shell_of
from avatar_engine.maker.clothes.strip import Cloth, add_rows, frames, sweep
from avatar_engine.maker.parts import Floats, MeshPart
from avatar_engine.maker.spec import Garment

RIB = np.array(
    [[-0.075, -0.005], [-0.060, 0.030], [0.0, 0.046], [0.075, 0.046], [0.110, 0.022], [0.112, -0.012], [0.08, -0.045]]
)
"""Cross-section of a neckband (up, out) in dm, outside bottom to inside, at a height of 1."""


def neckband(
    cloth: Cloth, shell: Shell, neckline: Neckline, height: float, thick: float, steps: int, tile_dm: float
) -> Floats:
    """A closed band along a neckline; returns its lower border, (n, 3)."""
    azimuth = np.linspace(-np.pi, np.pi, steps + 1)
    p, up, out = frames(shell, azimuth, neckline(azimuth))
    p[-1], up[-1], out[-1] = p[0], up[0], out[0]
    rows = sweep(p, up, out, RIB * np.array([height, thick]))
    shade = np.broadcast_to(np.array([0.80, 0.92, 1.0, 1.0, 0.95, 0.75, 0.55]), rows.shape[:2]).copy()
    add_rows(cloth, rows, shade, 1 / tile_dm)
    return rows[:, 0]


def knit_neckline(torso: Torso, style: str) -> Neckline:
    """Where the band of a knitted top is sewn on."""
    if style == "vneck":
        return v_neck(torso, 1.35, 0.10)
    return round_neck(torso, 0.10, 0.10)


def build_knit(
    torso: Torso, garment: Garment, rng: Rng, target: int, under: Neckline | None
) -> tuple[list[MeshPart], Neckline]:
    """knit, vneck or sweater; returns the parts and the neckline."""
    lod = torso.surface.lod
    heavy = garment.style == "sweater"
    shell = shell_of(torso, 0.075 if heavy else 0.045, 10 if heavy else 6, 0.55)
    neckline = knit_neckline(torso, garment.style)
    steps = (96, 56, 28)[lod]
    body, band = Cloth(), Cloth()
    seam = neckband(band, shell, neckline, 1.9 if heavy else 1.0, 1.25 if heavy else 0.8, steps, TILE_DM["rib"])
    body_panel(
        body,
        shell,
        neckline,
        max(200, target - steps * 12),
        rng,
        0.05 if heavy else 0.025,
        TILE_DM["knit"],
        under,
        seam,
    )
    rib_color = garment.accent or garment.color
    name = garment.style.capitalize()
    return [
        cloth_part(torso, body, name, fabric(garment.color, "knit", rng), 0.9),
        cloth_part(torso, band, f"{name}Rib", fabric(rib_color, "rib", rng), 0.9),
    ], neckline
