"""Only the body under the clothes: its landmarks, a refined torso, nearest skin and its weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import LinearNDInterpolator
from scipy.spatial import cKDTree

from avatar_engine.maker.clothes.drape import hang, sleeves
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

    positions, normals (n, 3), triangles: the torso, refined where the surface is coarse, so that cloth is as round at
    every level; arm (n,): share of the arms; axis_z: depth of the neck's axis (dm); notch_y, nape_y: heights (dm)
    of the pit of the neck and of the lowest neck vertebra; bottom_y: where cloth ends; chart: (azimuth, height) ->
    distance of the skin from the axis; fall (n, 2): see `hang`.
    """

    surface: Surface
    positions: Floats
    normals: Floats
    triangles: Ints
    arm: Floats
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
    p, n, t = s.positions[index], s.normals[index], inverse.reshape(-1, 3)
    arm = (s.weights["shoulderLeft"] + s.weights["shoulderRight"])[index]
    if s.lod > 0:
        p, n, t, arm = refined(p, n, t, arm)
    chart = chart_of(p, arm, axis_z, (p - s.eye_centre) / s.ipd)
    middle_low = float(p[np.abs(p[:, 0]) < 0.6 * s.ipd, 1].min())
    bottom = max(float(s.eye_centre[1]) - BOTTOM_DM, middle_low + 0.12)
    share = arm_share(s, p, arm)
    # Rounded, so that the last bit of a fit does not decide later which edge is thinned out first.
    fall = np.round(hang(p, share, axis_z, notch_y, s.ipd) + sleeves(p, share, notch_y, s.ipd), 6)
    skin = cKDTree(s.positions)
    return Torso(s, p, n, t, share, axis_z, notch_y, nape, bottom, skin, chart, fall)


def refined(p: Floats, n: Floats, t: Ints, arm: Floats) -> tuple[Floats, Floats, Ints, Floats]:
    """Every triangle split into four; new points bulge with the normals (Phong tessellation)."""
    edges, _ = edges_of(t)
    a, b = edges[:, 0], edges[:, 1]
    middle = (p[a] + p[b]) / 2
    on_a = middle - n[a] * ((middle - p[a]) * n[a]).sum(1, keepdims=True)
    on_b = middle - n[b] * ((middle - p[b]) * n[b]).sum(1, keepdims=True)
    curved = 0.3 * middle + 0.7 * (on_a + on_b) / 2
    width = len(p)
    key = edges[:, 0] * width + edges[:, 1]
    at = []
    for u, v in ((0, 1), (1, 2), (2, 0)):
        low, high = np.minimum(t[:, u], t[:, v]), np.maximum(t[:, u], t[:, v])
        at.append(width + np.searchsorted(key, low * width + high))
    x, y, z = at
    tris = [(t[:, 0], x, z), (x, t[:, 1], y), (z, y, t[:, 2]), (x, y, z)]
    return (
        np.concatenate([p, curved]),
        np.concatenate([n, unit(n[a] + n[b])]),
        np.concatenate([np.stack(tri, 1) for tri in tris]),
        np.concatenate([arm, (arm[a] + arm[b]) / 2]),
    )


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
