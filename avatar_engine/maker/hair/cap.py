"""Only the cap: the skin of the scalp, lifted by a hair's breadth and dyed, thinning out at the hairline."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, diags

from avatar_engine.maker.hair.scalp import Head, above_hairline, smooth_step
from avatar_engine.maker.hair.sheet import pingpong
from avatar_engine.maker.hair.texture import EDGE_SHARE, edge_picture
from avatar_engine.maker.parts import Floats, Material, MeshPart, Surface
from avatar_engine.maker.spec import HairSpec

FADE = (-0.10, 0.34)
"""Heights over the hairline (pupil distances) that the edge picture spans."""
PARTING_DEPTH, PARTING_WIDE = 0.16, 0.08
"""Where a parting begins, the cap is as dense as this much further in, over so many pupil distances to both sides."""


def neighbour_mean(surface: Surface) -> diags:
    """(n, n) sparse matrix that averages the neighbours of every vertex."""
    t, n = surface.triangles, len(surface.positions)
    i, j = np.concatenate([t[:, 0], t[:, 1], t[:, 2]]), np.concatenate([t[:, 1], t[:, 2], t[:, 0]])
    m = coo_matrix((np.ones(len(i)), (i, j)), (n, n)).tocsr()
    m = ((m + m.T) > 0).astype(float)
    return diags(1 / np.maximum(np.asarray(m.sum(1)).ravel(), 1)) @ m


def flow_back(q: Floats) -> Floats:
    """(n, 3) direction in which short hair lies: backwards on top, down at the sides."""
    side = smooth_step(0.9, 0.3, q[:, 1])
    v = np.stack([0 * side, -side - 0.1, -0.8 + 0.3 * side], 1)
    return np.asarray(v / np.linalg.norm(v, axis=1, keepdims=True))


def build_cap(
    head: Head,
    spec: HairSpec,
    rng: np.random.Generator,
    line: str,
    lift: tuple[float, float] = (0.006, 0.02),
    inner_limit: float = 9.0,
    parting: tuple[float, float] = (9.0, 9.0),
    front: float | None = None,
    softness: float = 1.0,
    color_gain: float = 1.0,
    side_fade: float = 1.0,
) -> MeshPart:
    """The cap. lift: height over the skin (dm) at the hairline and inside. inner_limit: drop what lies deeper
    than this behind the hairline (pupil distances), where other hair covers it anyway, but for
    a strip between the two `parting` x. front: x at which a parting begins: no bare skin shows there."""
    s = head.surface
    q = head.q(s.positions)
    h = above_hairline(q, line)
    around = np.arctan2(q[:, 0], q[:, 2] + 1.25)
    # Round the ears a rim of skin stays bare; at the sides and behind the hair thins out over a longer stretch.
    stretch = 1.0 + (side_fade - 1.0) * smooth_step(0.9, 1.5, np.abs(around))
    depth = h
    if front is not None:
        h = h + PARTING_DEPTH * np.exp(-(((q[:, 0] - front) / PARTING_WIDE) ** 2)) * smooth_step(0.0, 0.08, h)
    h = np.minimum(h / stretch, head.off_ear(q) - 0.06)
    grown = (q[:, 1] > -1.4) & (np.abs(q[:, 0]) < 1.75)
    # Front-facing skin deep in the mouth or nose passes the tests above: the hairline itself excludes it.
    at_parting = (q[:, 0] > parting[0]) & (q[:, 0] < parting[1])
    inner = (depth < inner_limit) | at_parting
    grows = grown & (h > FADE[0] - 0.12) & inner & (q[:, 2] < 0.6)
    tri = s.triangles[grows[s.triangles].all(1)]
    used, inverse = np.unique(tri, return_inverse=True)
    mean = neighbour_mean(s)
    height = np.interp(h, [FADE[0], 0.35], lift)
    p = s.positions + s.normals * height[:, None]
    flow = flow_back(q)
    flow = flow - (flow * s.normals).sum(1, keepdims=True) * s.normals
    flow = mean @ flow
    flow /= np.maximum(np.linalg.norm(flow, axis=1, keepdims=True), 1e-9)
    inside = (h - FADE[0]) / (FADE[1] - FADE[0])
    v = np.where(inside < 1, np.clip(inside, 0.06, 1) * EDGE_SHARE, pingpong(inside * 0.5, 0.96, 0.54))
    # The picture mirrors at its sides, so |azimuth| needs no seam behind the head.
    uv = np.stack([np.abs(around) / (2 * np.pi) * 10, v], 1)
    shade = np.full(len(used), color_gain)
    material = Material(
        name="hair_cap",
        kind="hair_cap",
        texture=edge_picture(spec, rng, softness),
        texture_format="PNG",
        roughness=0.75,
        alpha_mode="BLEND",
    )
    return MeshPart(
        name="HairCap",
        positions=p[used],
        normals=s.normals[used],
        uvs=uv[used],
        triangles=inverse.reshape(-1, 3),
        material=material,
        tangents=np.concatenate([flow[used], np.ones((len(used), 1))], 1),
        colors=np.concatenate([np.repeat(shade[:, None], 3, 1), np.ones((len(used), 1))], 1),
        lod=s.lod,
    )
