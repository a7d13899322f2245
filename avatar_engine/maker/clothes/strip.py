"""Only strips of cloth laid along seams: ribs, collars, lapels, plackets, and the mesh they are gathered in."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from avatar_engine.maker.clothes.shell import Shell
from avatar_engine.maker.clothes.torso import vertex_normals
from avatar_engine.maker.hair.scalp import unit
from avatar_engine.maker.hair.sheet import grid_triangles
from avatar_engine.maker.parts import Floats, Ints


@dataclass(slots=True)
class Cloth:
    """Arrays of a growing garment mesh of one material."""

    positions: list[Floats] = field(default_factory=list)
    normals: list[Floats] = field(default_factory=list)
    uvs: list[Floats] = field(default_factory=list)
    shades: list[Floats] = field(default_factory=list)
    triangles: list[Ints] = field(default_factory=list)
    count: int = 0

    def add(self, p: Floats, t: Ints, uv: Floats, shade: Floats, n: Floats | None = None) -> None:
        self.positions.append(p)
        self.normals.append(vertex_normals(p, t) if n is None else n)
        self.uvs.append(uv)
        self.shades.append(shade)
        self.triangles.append(t + self.count)
        self.count += len(p)


def frames(shell: Shell, azimuth: Floats, y: Floats) -> tuple[Floats, Floats, Floats]:
    """Along a seam on the shell: points, upward directions on the cloth, outward directions, each (n, 3)."""
    p = shell.point(azimuth, y)
    step = 0.06
    up = unit(shell.point(azimuth, y + step) - shell.point(azimuth, y - step))
    along = unit(np.gradient(p, axis=0))
    up = unit(up - (up * along).sum(1, keepdims=True) * along)
    return p, up, unit(np.cross(along, up))


def arc_lengths(p: Floats) -> Floats:
    """(n,) running length of a polyline."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(p, axis=0), axis=1))])


def add_rows(cloth: Cloth, rows: Floats, shade: Floats, uv_scale: float, v_scale: float | None = None) -> None:
    """A strip from rows (along, across, 3), outside up; uv in lengths along and across times uv_scale.

    A closed strip repeats its first row at the end; normals are joined there.
    """
    na, nb = rows.shape[:2]
    t = grid_triangles(na, nb, flip=False)
    middle = rows[:, nb // 2]
    u = arc_lengths(middle)[:, None] * uv_scale + np.zeros((1, nb))
    v = np.cumsum(np.concatenate([np.zeros((na, 1)), np.linalg.norm(np.diff(rows, axis=1), axis=2)], 1), axis=1)
    v = v * (uv_scale if v_scale is None else v_scale)
    flat = rows.reshape(-1, 3)
    n = vertex_normals(flat, t).reshape(na, nb, 3)
    if np.allclose(rows[0], rows[-1], atol=1e-6):
        n[0] = n[-1] = unit(n[0] + n[-1])
    cloth.add(flat, t, np.stack([u, v], -1).reshape(-1, 2), shade.reshape(-1), n.reshape(-1, 3))


def sweep(p: Floats, up: Floats, out: Floats, profile: Floats) -> Floats:
    """Rows (n, m, 3): a profile (m, 2) or (n, m, 2) of (up, out) in dm carried along a seam."""
    if profile.ndim == 2:
        profile = np.broadcast_to(profile, (len(p), *profile.shape))
    return p[:, None] + up[:, None] * profile[..., :1] + out[:, None] * profile[..., 1:]
