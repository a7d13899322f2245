"""Only thinning of triangle meshes: edge collapses by quadric error, borders kept."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix

from avatar_engine.maker.parts import Floats, Ints

BORDER_WEIGHT = 30.0
"""Weight of the planes that hold a border in place, against 1 for the planes of faces."""


def edges_of(triangles: Ints) -> tuple[Ints, Ints]:
    """Unique edges (e, 2) with the smaller index first, and how many triangles use each (e,)."""
    e = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    found, count = np.unique(e, axis=0, return_counts=True)
    return found, count


def _face_normals(p: Floats, t: Ints) -> tuple[Floats, Floats]:
    n = np.cross(p[t[:, 1]] - p[t[:, 0]], p[t[:, 2]] - p[t[:, 0]])
    double_area = np.linalg.norm(n, axis=1)
    return n / np.maximum(double_area, 1e-12)[:, None], double_area / 2


def _quadrics(p: Floats, t: Ints, edges: Ints, count: Ints) -> Floats:
    """(n, 4, 4) sums of squared plane distances around every vertex."""
    n, area = _face_normals(p, t)
    plane = np.concatenate([n, -(n * p[t[:, 0]]).sum(1, keepdims=True)], 1)
    k = plane[:, :, None] * plane[:, None, :] * area[:, None, None]
    out = np.zeros((len(p), 4, 4))
    for c in range(3):
        np.add.at(out, t[:, c], k)
    border = edges[count == 1]
    if len(border):
        d = p[border[:, 1]] - p[border[:, 0]]
        length = np.linalg.norm(d, axis=1, keepdims=True)
        d = d / np.maximum(length, 1e-12)
        # Two planes through the border edge hold it sideways in every direction.
        helper = np.where(np.abs(d[:, :1]) < 0.8, [[1.0, 0, 0]], [[0, 1.0, 0]])
        first = np.cross(d, helper)
        first /= np.linalg.norm(first, axis=1, keepdims=True)
        for side in (first, np.cross(d, first)):
            plane = np.concatenate([side, -(side * p[border[:, 0]]).sum(1, keepdims=True)], 1)
            k = plane[:, :, None] * plane[:, None, :] * (BORDER_WEIGHT * length**2)[:, :, None]
            for c in range(2):
                np.add.at(out, border[:, c], k)
    return out


def reduce_mesh(p: Floats, t: Ints, target: int, worth: Floats | None = None) -> tuple[Floats, Ints, Ints]:
    """At most `target` triangles, if the topology allows.

    worth: (n,) factor on the cost of changing a vertex (1 = usual). Returns positions, triangles and, for every
    remaining vertex, the index of a vertex of the input next to it.
    """
    p, t = p.copy(), t.copy()
    origin = np.arange(len(p))
    worth = np.ones(len(p)) if worth is None else worth.copy()
    for _ in range(60):
        if len(t) <= target:
            break
        edges, count = edges_of(t)
        is_border = np.zeros(len(p), bool)
        is_border[edges[count == 1].ravel()] = True
        quadric = _quadrics(p, t, edges, count)
        a, b = edges[:, 0], edges[:, 1]
        legal = ~(is_border[a] & is_border[b] & (count == 2))
        both = quadric[a] + quadric[b]
        choices = np.stack([p[a], p[b], (p[a] + p[b]) / 2], 1)
        h = np.concatenate([choices, np.ones((len(a), 3, 1))], 2)
        cost = np.einsum("eki,eij,ekj->ek", h, both, h)
        # Single precision: mirrored edges cost the same, whatever the last bits say.
        cost = cost.astype(np.float32).astype(np.float64)
        # A border vertex never leaves the border.
        cost[:, 1:][is_border[a] & ~is_border[b]] = np.inf
        cost[:, [0, 2]] = np.where((is_border[b] & ~is_border[a])[:, None], np.inf, cost[:, [0, 2]])
        best = cost.argmin(1)
        length2 = ((p[a] - p[b]) ** 2).sum(1)
        price = (cost[np.arange(len(a)), best] + 2e-3 * length2**2) * np.maximum(worth[a], worth[b])
        price = price.astype(np.float32).astype(np.float64)
        price[~legal] = np.inf
        p, t, origin, worth, changed = _collapse(
            p, t, origin, worth, edges, price, choices, best, (len(t) - target) // 2 + 1
        )
        if not changed:
            break
    used, inverse = np.unique(t, return_inverse=True)
    return p[used], inverse.reshape(-1, 3), origin[used]


def _collapse(
    p: Floats,
    t: Ints,
    origin: Ints,
    worth: Floats,
    edges: Ints,
    price: Floats,
    choices: Floats,
    best: Ints,
    wanted: int,
) -> tuple[Floats, Ints, Ints, Floats, bool]:
    """Collapse the cheapest edges whose neighbourhoods do not touch."""
    n = len(p)
    i = np.concatenate([edges[:, 0], edges[:, 1]])
    j = np.concatenate([edges[:, 1], edges[:, 0]])
    near = coo_matrix((np.ones(len(i), np.int8), (i, j)), (n, n)).tocsr()
    start, nbr = near.indptr, near.indices
    finite = int(np.isfinite(price).sum())
    order = np.argsort(price, kind="stable")[: min(finite, max(wanted * 6, len(price) // 3))]
    locked = np.zeros(n, bool)
    chosen: list[int] = []
    for e in order.tolist():
        u, v = int(edges[e, 0]), int(edges[e, 1])
        if locked[u] or locked[v]:
            continue
        ru, rv = nbr[start[u] : start[u + 1]], nbr[start[v] : start[v + 1]]
        # Link condition: more than two common neighbours would fold the surface.
        if len(np.intersect1d(ru, rv, assume_unique=True)) > 2 or locked[ru].any() or locked[rv].any():
            continue
        locked[ru] = locked[rv] = True
        locked[u] = locked[v] = True
        chosen.append(e)
        if len(chosen) >= wanted:
            break
    if not chosen:
        return p, t, origin, worth, False
    pick = np.array(chosen)
    target = np.arange(n)
    moved = p.copy()

    def apply(which: Ints) -> None:
        target[:] = np.arange(n)
        target[edges[which, 1]] = edges[which, 0]
        moved[:] = p
        moved[edges[which, 0]] = choices[which, best[which]]

    apply(pick)
    before, _ = _face_normals(p, t)
    after_t = target[t]
    alive = (after_t[:, 0] != after_t[:, 1]) & (after_t[:, 1] != after_t[:, 2]) & (after_t[:, 2] != after_t[:, 0])
    after, _ = _face_normals(moved, after_t)
    bad = np.zeros(n, bool)
    bad[after_t[alive & ((before * after).sum(1) < 0.25)].ravel()] = True
    # What would fold over waits until its surroundings have changed.
    failed = bad[edges[pick, 0]]
    worth = worth.copy()
    worth[edges[pick[failed]].ravel()] *= 6.0
    pick = pick[~failed]
    apply(pick)
    after_t = target[t]
    alive = (after_t[:, 0] != after_t[:, 1]) & (after_t[:, 1] != after_t[:, 2]) & (after_t[:, 2] != after_t[:, 0])
    tip = best[pick] == 1
    origin = origin.copy()
    origin[edges[pick[tip], 0]] = origin[edges[pick[tip], 1]]
    worth[edges[pick, 0]] = np.maximum(worth[edges[pick, 0]], worth[edges[pick, 1]])
    return moved, after_t[alive], origin, worth, True
