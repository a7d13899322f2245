"""Only the cloth that follows the body: a smoothed shell around the torso, its cuts, folds and seat for strips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.sparse import coo_matrix, diags
from scipy.spatial import cKDTree

from avatar_engine.maker.clothes.reduce import edges_of
from avatar_engine.maker.clothes.torso import Torso, chart_of, vertex_normals
from avatar_engine.maker.hair.scalp import smooth_step, unit
from avatar_engine.maker.parts import Floats, Ints


@dataclass(frozen=True, slots=True)
class Shell:
    """A layer of cloth all around the torso before it is cut: positions, normals (n, 3), triangles, and the chart
    (azimuth, height) -> distance from the neck's axis; trunk: vertices that are not on the arms, and their tree."""

    torso: Torso
    positions: Floats
    normals: Floats
    triangles: Ints
    chart: LinearNDInterpolator
    trunk: Ints
    tree: cKDTree

    def point(self, azimuth: Floats, y: Floats) -> Floats:
        """(n, 3) points of the shell at azimuths (radians) and heights (dm)."""
        r = self.chart(np.stack([azimuth, y], 1))
        if np.isnan(r).any():
            raise ValueError("clothes: a seam leaves the torso; is the body cut off above the chest?")
        return np.stack([r * np.sin(azimuth), y, self.torso.axis_z + r * np.cos(azimuth)], 1)

    def front_depth(self, x: Floats, y: Floats) -> Floats:
        """(n,) z of the front of the shell at (x, y), dm."""
        front = self.normals[:, 2] > 0.15
        table = LinearNDInterpolator(self.positions[front][:, :2], self.positions[front][:, 2])
        z = np.asarray(table(np.stack([x, y], 1)))
        lost = np.isnan(z)
        if lost.any():
            near = cKDTree(self.positions[front][:, :2]).query(np.stack([x[lost], y[lost]], 1))[1]
            z[lost] = self.positions[front][near, 2]
        return z

    def seat(self, p: Floats, lift: Floats | float, both_ways: bool = True) -> Floats:
        """Points laid on the shell at height `lift` (dm); both_ways False only lifts what lies lower."""
        for _ in range(2):
            gap, k = self.tree.query(p, k=6)
            j = self.trunk[k]
            w = 1 / (gap + 0.03)
            w /= w.sum(1, keepdims=True)
            n = unit((self.normals[j] * w[..., None]).sum(1))
            height = ((p - (self.positions[j] * w[..., None]).sum(1)) * n).sum(1)
            move = np.asarray(lift) - height
            if not both_ways:
                move = np.maximum(move, 0)
            p = p + n * move[:, None]
        return p


def shell_of(torso: Torso, offset: float, smooth: int, drape: float) -> Shell:
    """A shell `offset` (dm) off the skin, smoothed `smooth` rounds and never nearer than half the offset.

    drape: 0..1, how much of `hang` the cloth does: 0 clings, 1 hangs from the chest.
    """
    p0, n0, t = torso.positions, torso.normals, torso.triangles
    edges, count = edges_of(t)
    i, j = np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])
    near = coo_matrix((np.ones(len(i)), (i, j)), (len(p0), len(p0))).tocsr()
    # The border keeps its place, or smoothing would pull the cloth down the neck.
    free = np.ones(len(p0))
    free[edges[count == 1].ravel()] = 0.0
    mean = diags(free / np.maximum(np.asarray(near.sum(1)).ravel(), 1)) @ near + diags(1 - free)
    rounds = smooth * 4
    hung = p0 + np.stack([torso.fall[:, 0], np.zeros(len(p0)), torso.fall[:, 1]], 1) * drape
    # Where the cloth cuts a point off, it may lie inside the body; everywhere else it stays outside.
    inside = np.minimum(((hung - p0) * n0).sum(1), 0.0)
    base = p0 + n0 * inside[:, None]
    # Close to the opening, where skin is seen beside the cloth, it must not sink.
    ipd = torso.surface.ipd
    near = smooth_step(torso.notch_y - 3.2 * ipd, torso.notch_y - 1.8 * ipd, p0[:, 1])
    least = offset * (0.45 + 0.40 * near)
    p = hung + vertex_normals(hung, t) * offset
    for _ in range(rounds):
        q = 0.5 * p + 0.5 * (mean @ p)
        p = q + n0 * np.maximum(0, least - ((q - base) * n0).sum(1))[:, None]
    for _ in range(rounds // 4):
        p = 0.5 * p + 0.5 * (mean @ p)
    p = p + n0 * np.maximum(0, least - ((p - base) * n0).sum(1))[:, None]
    p = np.round(p, 6)
    n = vertex_normals(p, t)
    chart = chart_of(p, torso.arm, torso.axis_z, torso.q(p))
    trunk = np.nonzero(torso.arm < 0.5)[0]
    return Shell(torso, p, n, t, chart, trunk, cKDTree(p[trunk]))


def cut(p: Floats, t: Ints, keep: Floats) -> tuple[Floats, Ints, Ints]:
    """The part of a mesh where keep (n,) > 0, cut along the zero line. Vertices close to the line are moved onto it
    first, so no slivers arise. Returns positions, triangles, and a nearby input vertex for each output vertex."""
    p, keep = p.copy(), keep.copy()
    edges, _ = edges_of(t)
    a, b = edges[:, 0], edges[:, 1]
    crossing = (keep[a] > 0) != (keep[b] > 0)
    a, b = a[crossing], b[crossing]
    share = keep[a] / (keep[a] - keep[b])
    for v, w, s in ((a, b, share), (b, a, 1 - share)):
        close = s < 0.3
        order = np.argsort(-s[close], kind="stable")
        v, w, s = v[close][order], w[close][order], s[close][order]
        p[v] = p[v] + (p[w] - p[v]) * s[:, None]
        keep[v] = 0.0
    inside = keep >= 0
    out_p, origin, made = list(p), list(range(len(p))), {}

    def crossing_vertex(u: int, v: int) -> int:
        key = (min(u, v), max(u, v))
        if key not in made:
            f = keep[u] / (keep[u] - keep[v])
            out_p.append(p[u] + (p[v] - p[u]) * f)
            origin.append(u if inside[u] else v)
            made[key] = len(out_p) - 1
        return made[key]

    whole = inside[t].all(1)
    tris = [t[whole]]
    extra = []
    for tri in t[~whole & (keep[t] > 0).any(1)].tolist():
        ring: list[int] = []
        for k in range(3):
            u, v = tri[k], tri[(k + 1) % 3]
            if inside[u]:
                ring.append(u)
            if (keep[u] > 0 and keep[v] < 0) or (keep[u] < 0 and keep[v] > 0):
                ring.append(crossing_vertex(u, v))
        extra += [(ring[0], ring[k], ring[k + 1]) for k in range(1, len(ring) - 1)]
    if extra:
        tris.append(np.array(extra))
    all_t = np.concatenate(tris)
    all_t = all_t[(keep[np.minimum(all_t, len(keep) - 1)] != 0).any(1) | (all_t >= len(keep)).any(1)]
    used, inverse = np.unique(all_t, return_inverse=True)
    return np.array(out_p)[used], inverse.reshape(-1, 3), np.array(origin)[used]


def fair_border(p: Floats, t: Ints, rounds: int = 6) -> Floats:
    """Border polylines smoothed along themselves, so that cuts have no facets."""
    edges, count = edges_of(t)
    border = edges[count == 1]
    ids = np.unique(border)
    n = len(p)
    i, j = np.concatenate([border[:, 0], border[:, 1]]), np.concatenate([border[:, 1], border[:, 0]])
    near = coo_matrix((np.ones(len(i)), (i, j)), (n, n)).tocsr()
    degree = np.asarray(near.sum(1)).ravel()
    ids = ids[degree[ids] == 2]
    mean = diags(1 / np.maximum(degree, 1)) @ near
    p = p.copy()
    for _ in range(rounds):
        m = mean @ p
        p[ids] = 0.5 * p[ids] + 0.5 * m[ids]
    return p


def crease(p: Floats, torso: Torso, rng: np.random.Generator, amount: float) -> tuple[Floats, Floats]:
    """Soft folds: height (n,) in dm and shade (n,). Folds run from the armpits to the neck and down the sleeves."""
    q = torso.q(p)
    side = np.sign(q[:, 0])
    pit = np.array([2.05, -4.6])
    dx, dy = np.abs(q[:, 0]) - pit[0], q[:, 1] - pit[1]
    angle, far = np.arctan2(dy, dx), np.hypot(dx, dy)
    front = q[:, 2] + 1.9
    jitter = rng.uniform(0, 6.28, 6)
    # Tension folds fan out from the armpit over chest and shoulder blade.
    fan = np.sin(7.0 * angle + 0.9 * np.sin(2.2 * far + jitter[0] + side) + jitter[1] + 1.3 * side)
    fan *= np.exp(-(((far - 0.95) / 0.75) ** 2)) * smooth_step(-0.2, 0.5, np.abs(front))
    # Broad drifts keep the rest from looking poured.
    drift = np.sin(1.9 * q[:, 0] + 1.2 * q[:, 1] + jitter[2]) * np.sin(1.1 * q[:, 0] - 1.7 * q[:, 1] + jitter[3])
    sleeve = np.sin(5.2 * q[:, 1] + 2.0 * q[:, 2] * side + 1.4 * np.sin(1.7 * q[:, 1] + jitter[4]) + jitter[5])
    sleeve *= smooth_step(2.3, 3.0, np.abs(q[:, 0])) * smooth_step(-3.8, -5.0, q[:, 1])
    height = 0.55 * fan + 0.30 * drift + 0.45 * sleeve
    height *= smooth_step(-2.6, -3.6, q[:, 1])
    # Folds rise from the cloth; hardly any sink towards the skin.
    return amount * np.maximum(0.8 * height + 0.15, -0.08), 1.0 + 0.16 * np.clip(height, -1, 0.6)
