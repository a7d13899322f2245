"""Only the choice of garments and how their triangles and layers add up to an outfit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.maker.clothes.garment import Rng
from avatar_engine.maker.clothes.glasses import GLASSES_TRIANGLES, build_glasses
from avatar_engine.maker.clothes.jacket import CUTS, build_jacket, jacket_neckline
from avatar_engine.maker.clothes.knit import TOPS, build_knit, knit_neckline
from avatar_engine.maker.clothes.necklines import Neckline
from avatar_engine.maker.clothes.shirt import build_shirt, shirt_neckline
from avatar_engine.maker.clothes.torso import Torso, torso_of
from avatar_engine.maker.hair.scalp import smooth_step
from avatar_engine.maker.parts import CLOTHES_TRIANGLES, Floats, MeshPart, Surface
from avatar_engine.maker.spec import ClothesSpec

COVERED_DM = 0.34
"""Skin this far below every edge is never seen."""
TUCK_DM = {1: 0.06, 2: 0.16}

JACKETS = tuple(CUTS)
STYLES = (*TOPS, "shirt", *JACKETS)


def outer_neckline(torso: Torso, style: str) -> Neckline:
    """Where a garment ends at the neck."""
    if style in CUTS:
        return jacket_neckline(torso, style)
    return shirt_neckline(torso) if style == "shirt" else knit_neckline(torso, style)


def build(surface: Surface, spec: ClothesSpec, rng: Rng) -> list[MeshPart]:
    """Meshes of all garments, from the skin outwards, for the surface's level of detail."""
    for i, garment in enumerate(spec.garments):
        if garment.style not in STYLES:
            raise ValueError(f"clothes.garments[{i}].style: no style {garment.style!r}; there are {', '.join(STYLES)}")
    torso = torso_of(surface)
    budget = CLOTHES_TRIANGLES[surface.lod] - (GLASSES_TRIANGLES[surface.lod] if spec.glasses else 0)
    parts: list[MeshPart] = []
    jackets = [g for g in spec.garments if g.style in JACKETS]
    cover = outer_neckline(torso, jackets[-1].style) if jackets else None
    inner = [g for g in spec.garments if g.style not in JACKETS]
    for garment in inner:
        target = int(budget * (0.29 if cover else 0.97) / len(inner))
        if garment.style == "shirt":
            parts += build_shirt(torso, garment, rng, target, cover)
        else:
            parts += build_knit(torso, garment, rng, target, cover)
    for garment in jackets:
        spent = sum(len(part.triangles) for part in parts)
        parts += build_jacket(torso, garment, rng, (budget - spent) // len(jackets))
    if spec.glasses:
        parts += build_glasses(surface, spec.glasses)
    return parts


def below_edges(surface: Surface, spec: ClothesSpec) -> Floats:
    """(n,) how far (dm) body vertices lie below the highest edge of what is worn; below zero: bare."""
    if not spec.garments:
        return np.full(len(surface.positions), -9.0)
    torso = torso_of(surface)
    azimuth = torso.azimuth(surface.positions)
    # What lies deep below a neckline is hidden even from the side, through the opening: the lowest edge within
    # twenty degrees decides.
    around = np.linspace(-0.38, 0.38, 7)
    lines = []
    for garment in spec.garments:
        line = outer_neckline(torso, garment.style)
        lines.append(np.min([line(azimuth + turn) for turn in around], axis=0))
    return np.asarray(np.max(lines, axis=0) - surface.positions[:, 1])


def covered(surface: Surface, spec: ClothesSpec) -> NDArray[np.bool_]:
    """(n,) bool: body vertices hidden by what is worn."""
    return below_edges(surface, spec) > COVERED_DM


def tuck(surface: Surface, spec: ClothesSpec) -> Floats:
    """(n,) how far (dm) skin is drawn in under the edges of clothes, so that coarse cloth does not cut into it."""
    if surface.lod == 0:
        return np.zeros(len(surface.positions))
    return TUCK_DM[surface.lod] * smooth_step(0.06, 0.26, below_edges(surface, spec))
