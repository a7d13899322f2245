"""Only the cloth that follows the body: a smoothed shell around the torso, its cuts, folds and seat for strips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.sparse import coo_matrix, diags
from scipy.spatial import cKDTree

from avatar_engine.maker.clothes.drape import hang
from avatar_engine.maker.clothes.reduce import edges_of
from avatar_engine.maker.hair.scalp import smooth_step, unit
from avatar_engine.maker.parts import JOINT_INDEX, Floats, Ints, Surface

TOP, BOTTOM_DM = -1.65, 6.1
"""Cloth is formed below TOP (pupil distances under the pupils) and reaches BOTTOM_DM (dm) below the pupils: 45 cm
and more under any chin."""


def vertex_normals(p: Floats, t: Ints) -> Floats:
    """(n, 3) area-weighted unit normals."""
    face = np.cross(p[t[:, 1]] - p[t[:, 0]], p[t[:, 2]] - p[t[:, 0]])
    n = np.zeros_like(p)
    for c in range(3):
        np.add.at(n, t[:, c], face)
    return unit(n)


@dataclass(frozen=True, slots=True)
class Torso:
    """What garments are cut from: body below the jaw and its landmarks.

    index: body vertex of every torso vertex; axis_z: depth of the neck's axis (dm); notch_y, nape_y: heights (dm)
    of the pit of the neck and of the lowest neck vertebra; bottom_y: where cloth ends; chart: (azimuth, height) ->
    distance of the skin from the axis; fall (k, 2): see `hang`.
    """

    surface: Surface
    index: Ints
    triangles: Ints
    axis_z: float
    notch_y: float
    nape_y: float
    bottom_y: float
    skin: cKDTree
    chart: LinearNDInterpolator
    fall: Floats

    def neck_width(self) -> float:
        """Half width of the neck where it is narrowest, pupil distances."""
        y = np.linspace(self.nape_y - 0.1 * self.surface.ipd, self.nape_y + 0.3 * self.surface.ipd, 24)
        r = self.chart(np.stack([np.full_like(y, np.pi / 2), y], 1))
        return float(np.nanmin(r)) / self.surface.ipd

    def tailoring(self) -> float:
        """Scale of collars and lapels: 1 for an average man."""
        return self.neck_width() * self.surface.ipd / 0.53

    def q(self, p: Floats) -> Floats:
        """Head-normalised coordinates."""
        return (p - self.surface.eye_centre) / self.surface.ipd

    def azimuth(self, p: Floats) -> Floats:
        """(n,) angle about the neck's axis: 0 in front, positive to the left."""
        return np.arctan2(p[:, 0], p[:, 2] - self.axis_z)

    def above_skin(self, p: Floats, clearance: float) -> Floats:
        """Points pushed out of the body to at least `clearance` (dm)."""
        s = self.surface
        gap, j = self.skin.query(p, k=5)
        w = 1 / (gap + 0.01)
        w /= w.sum(1, keepdims=True)
        n = unit((s.normals[j] * w[..., None]).sum(1))
        height = ((p - (s.positions[j] * w[..., None]).sum(1)) * n).sum(1)
        return p + n * np.clip(clearance - height, 0, 0.5)[:, None]

    def skin_weights(self, p: Floats) -> tuple[Ints, Floats]:
        """Joints (n, 4) and weights (n, 4) of the nearest skin, blended over three vertices."""
        s = self.surface
        names = [k for k in s.weights if k in ("spine", "neck", "head", "shoulderLeft", "shoulderRight", "root")]
        table = np.stack([s.weights[k] for k in names], 1)
        gap, j = self.skin.query(p, k=6)
        w = 1 / (gap + 0.05)
        w /= w.sum(1, keepdims=True)
        mine = (table[j] * w[..., None]).sum(1)
        if mine.shape[1] < 4:
            mine = np.pad(mine, ((0, 0), (0, 4 - mine.shape[1])))
        order = np.argsort(-mine, axis=1)[:, :4]
        weights = np.take_along_axis(mine, order, 1)
        ids = np.array([JOINT_INDEX[k] for k in names] + [0] * 4)
        total = np.maximum(weights.sum(1, keepdims=True), 1e-9)
        return np.where(weights > 0, ids[order], 0), weights / total


def torso_of(surface: Surface) -> Torso:
    """Find the torso and its landmarks."""
    s = surface
    q = (s.positions - s.eye_centre) / s.ipd
    deep = s.positions[:, 1] > s.eye_centre[1] - BOTTOM_DM - 0.9
    body = (q[:, 1] < TOP) & deep & (q[:, 2] < 1.5)
    tri = s.triangles[body[s.triangles].all(1)]
    index, inverse = np.unique(tri, return_inverse=True)
    middle = (np.abs(q[:, 0]) < 0.22) & (q[:, 1] < -2.2) & (q[:, 1] > -4.2)
    front = middle & (q[:, 2] > -1.5) & (s.normals[:, 2] > 0.1)
    notch = int(np.nonzero(front)[0][q[front, 2].argmin()])
    back = middle & (q[:, 2] < -1.5) & (np.abs(q[:, 1] - q[notch, 1]) < 0.3)
    axis_z = float((s.positions[notch, 2] + s.positions[back, 2].mean()) / 2)
    nape = float(s.joints["neck"][1]) + 0.30 * s.ipd
    notch_y = float(s.positions[notch, 1])
    p = s.positions[index]
    arm = (s.weights["shoulderLeft"] + s.weights["shoulderRight"])[index]
    chart = chart_of(p, arm, axis_z, (p - s.eye_centre) / s.ipd)
    middle_low = float(p[np.abs(p[:, 0]) < 0.6 * s.ipd, 1].min())
    bottom = max(float(s.eye_centre[1]) - BOTTOM_DM, middle_low + 0.12)
    fall = hang(p, arm_share(s, p, arm), axis_z, notch_y, s.ipd)
    return Torso(s, index, inverse.reshape(-1, 3), axis_z, notch_y, nape, bottom, cKDTree(s.positions), chart, fall)


def arm_share(s: Surface, p: Floats, arm: Floats) -> Floats:
    """(n,) how much of a point belongs to the arms proper: the shoulder joints also carry the collar bones."""
    q = (p - s.eye_centre) / s.ipd
    return arm * smooth_step(1.7, 2.3, np.abs(q[:, 0]))


def chart_of(p: Floats, arm: Floats, axis_z: float, q: Floats) -> LinearNDInterpolator:
    """(azimuth, height) -> distance from the neck's axis, for neck, chest and upper back."""
    near_neck = (np.abs(q[:, 0]) < 2.1) & ((arm < 0.6) | (np.abs(q[:, 0]) < 1.3))
    r = np.hypot(p[:, 0], p[:, 2] - axis_z)[near_neck]
    at = np.stack([np.arctan2(p[:, 0], p[:, 2] - axis_z), p[:, 1]], 1)[near_neck]
    wrapped = np.concatenate([at, at + np.array([2 * np.pi, 0]), at - np.array([2 * np.pi, 0])])
    keep = np.abs(wrapped[:, 0]) < np.pi + 0.7
    return LinearNDInterpolator(wrapped[keep], np.tile(r, 3)[keep])


@dataclass(frozen=True, slots=True)
class Shell:
    """A layer of cloth all around the torso before it is cut: positions, normals (n, 3), triangles, and the chart
    (azimuth, height) -> distance from the neck's axis."""

    torso: Torso
    positions: Floats
    normals: Floats
    triangles: Ints
    chart: LinearNDInterpolator
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
            gap, j = self.tree.query(p, k=6)
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
    """A shell `offset` (dm) off the skin, smoothed `smooth` rounds and never nearer than 0.7 of the offset.

    drape: 0..1, how much of `hang` the cloth does: 0 clings, 1 hangs from the chest.
    """
    s = torso.surface
    p0, n0, t = s.positions[torso.index], s.normals[torso.index], torso.triangles
    edges, count = edges_of(t)
    i, j = np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])
    near = coo_matrix((np.ones(len(i)), (i, j)), (len(p0), len(p0))).tocsr()
    # The border keeps its place, or smoothing would pull the cloth down the neck.
    free = np.ones(len(p0))
    free[edges[count == 1].ravel()] = 0.0
    mean = diags(free / np.maximum(np.asarray(near.sum(1)).ravel(), 1)) @ near + diags(1 - free)
    rounds = smooth * (4 if s.lod == 0 else 1)
    hung = p0 + np.stack([torso.fall[:, 0], np.zeros(len(p0)), torso.fall[:, 1]], 1) * drape
    # Where the cloth cuts a point off, it may lie inside the body; everywhere else it stays outside.
    inside = np.minimum(((hung - p0) * n0).sum(1), 0.0)
    base = p0 + n0 * inside[:, None]
    p = hung + vertex_normals(hung, t) * offset
    for _ in range(rounds):
        q = 0.5 * p + 0.5 * (mean @ p)
        p = q + n0 * np.maximum(0, offset * 0.7 - ((q - base) * n0).sum(1))[:, None]
    for _ in range(rounds // 4):
        p = 0.5 * p + 0.5 * (mean @ p)
    p = p + n0 * np.maximum(0, offset * 0.5 - ((p - base) * n0).sum(1))[:, None]
    n = vertex_normals(p, t)
    arm = (s.weights["shoulderLeft"] + s.weights["shoulderRight"])[torso.index]
    chart = chart_of(p, arm, torso.axis_z, torso.q(p))
    return Shell(torso, p, n, t, chart, cKDTree(p))


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
    return amount * height, 1.0 + 0.16 * np.clip(height, -1, 0.6)
