"""Only what all garments share: cutting a shell at a neckline, folding, thinning, texturing, and skinning it."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from avatar_engine.maker.clothes.fabric import Fabric
from avatar_engine.maker.clothes.necklines import Neckline
from avatar_engine.maker.clothes.reduce import reduce_mesh
from avatar_engine.maker.clothes.shell import Shell, crease, cut, fair_border
from avatar_engine.maker.clothes.strip import Cloth
from avatar_engine.maker.clothes.torso import Torso, vertex_normals
from avatar_engine.maker.hair.scalp import smooth_step, unit
from avatar_engine.maker.parts import Floats, Ints, Material, MeshPart

Rng = np.random.Generator


def body_panel(
    cloth: Cloth,
    shell: Shell,
    neckline: Neckline,
    target: int,
    rng: Rng,
    folds: float,
    tile_dm: float,
    margin: float = 0.03,
    above: Neckline | None = None,
    seams: Floats | None = None,
) -> None:
    """The shell below a neckline, folded and thinned to `target` triangles.

    margin: how far (dm) the panel stays below the neckline, under the band or facing that covers its edge.
    above: keep only what lies above this neckline less a margin (for what a jacket hides).
    seams: (k, 3) points along which other cloth lies on this one; it gets darker there.
    """
    torso = shell.torso
    p, t = shell.positions, shell.triangles
    ipd = torso.surface.ipd
    azimuth = torso.azimuth(p)
    keep = neckline(azimuth) - margin - p[:, 1]
    keep = np.minimum(keep, p[:, 1] - torso.bottom_y)
    if above is not None:
        keep = np.minimum(keep, p[:, 1] - above(azimuth) + (0.30, 0.36, 0.50)[torso.surface.lod])
        keep = np.where(np.abs(torso.q(p)[:, 0]) > 1.35, -1.0, keep)
    p, t, _ = cut(p, t, keep)
    p = fair_border(p, t)
    near_neck = np.exp(
        -np.clip(neckline(torso.azimuth(p)) - p[:, 1], 0, None) / ((1.2, 2.2, 2.2)[torso.surface.lod] * ipd)
    )
    strips = cKDTree(np.concatenate(cloth.positions)) if cloth.positions else None
    # A portrait ends above the elbows; below, cloth only has to be there.
    worth = (1.0 + 3.0 * near_neck) * (0.06 + 0.94 * smooth_step(-6.6, -5.0, torso.q(p)[:, 1]))
    if strips is not None:
        # Strips lie close: the panel must not bulge through them when it is thinned.
        worth = worth + 6.0 * smooth_step(0.30, 0.05, strips.query(p)[0])
    fine_normals = vertex_normals(p, t)
    p, t, origin = reduce_mesh(p, t, target, worth)
    p = fair_border(p, t, 2)
    lift, shade = crease(p, torso, rng, folds)
    if strips is not None:
        # No folds under strips: they would come through.
        lift = lift * smooth_step(0.12, 0.55, strips.query(p)[0])
    p = p + vertex_normals(p, t) * lift[:, None]
    n = vertex_normals(p, t)
    if torso.surface.lod:
        # Light from the surface before it was thinned, with the change that the folds make: no facets.
        n = unit(n - vertex_normals(p - n * lift[:, None], t) + fine_normals[origin])
    if seams is not None and len(seams):
        gap = cKDTree(seams).query(p)[0]
        shade = shade * (1 - 0.30 * np.exp(-((gap / 0.13) ** 2)))
    shade = shade * armpit_shade(torso, p)
    p, n, uv, shade, t = box_mapped(p, n, shade, t, tile_dm)
    cloth.add(p, t, uv, shade, n)


def armpit_shade(torso: Torso, p: Floats) -> Floats:
    """(n,) darkening where arm and chest hide each other from the light."""
    q = torso.q(p)
    gap = np.hypot(np.abs(q[:, 0]) - 2.15, 0.55 * (q[:, 1] + 5.6))
    return 1 - 0.35 * smooth_step(0.9, 0.1, gap)


def box_mapped(
    p: Floats, n: Floats, shade: Floats, t: Ints, tile_dm: float
) -> tuple[Floats, Floats, Floats, Floats, Ints]:
    """Texture coordinates from the side a triangle faces, with vertices split where the side changes."""
    face = np.abs(n[t].mean(1)) * np.array([0.8, 0.7, 1.0])
    side = face.argmax(1)
    key = t * 3 + side[:, None]
    pair, inverse = np.unique(key, return_inverse=True)
    v, s = pair // 3, pair % 3
    u = np.where(s == 0, p[v, 2], p[v, 0])
    w = np.where(s == 1, p[v, 2], p[v, 1])
    return p[v], n[v], np.stack([u, w], 1) / tile_dm, shade[v], inverse.reshape(-1, 3)


def cloth_part(torso: Torso, cloth: Cloth, name: str, woven: Fabric, roughness: float) -> MeshPart:
    """Close a garment into a part."""
    p: Floats = np.concatenate(cloth.positions).round(6)
    shade = np.clip(np.concatenate(cloth.shades), 0.2, 1.3)
    joints, weights = torso.skin_weights(p)
    material = Material(
        name=name.lower(),
        kind="cloth",
        texture=woven.picture,
        relief=woven.relief,
        texture_format="JPEG",
        roughness=roughness,
        double_sided=True,
    )
    return MeshPart(
        name=name,
        positions=p,
        normals=np.concatenate(cloth.normals),
        uvs=np.concatenate(cloth.uvs),
        triangles=np.concatenate(cloth.triangles),
        material=material,
        colors=np.concatenate([np.repeat(shade[:, None], 3, 1), np.ones((len(p), 1))], 1),
        joints=joints,
        weights=weights,
        lod=torso.surface.lod,
    )
