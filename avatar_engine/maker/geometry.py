"""Only mesh algebra: subdivision as sparse matrices, normals, rigid fits, seams; it knows nothing of people."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from avatar_engine.maker.parts import Floats, Ints


def quad_triangles(quads: Ints) -> Ints:
    """Two triangles per quad, (2k, 3)."""
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def vertex_normals(positions: Floats, triangles: Ints) -> Floats:
    """Area-weighted unit normals (n, 3); (0, 0, 1) where nothing meets."""
    corner = positions[triangles]
    face = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
    total = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(face[:, axis], 3), len(positions)) for axis in range(3)], 1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.where(length > 1e-12, total / np.maximum(length, 1e-12), [0.0, 0.0, 1.0])


def welded_normals(positions: Floats, triangles: Ints) -> Floats:
    """Unit normals in which vertices at the same place share one normal (seams of spheres)."""
    _, same = np.unique(np.round(positions, 5), axis=0, return_inverse=True)
    same = same.reshape(-1)
    count = int(same.max()) + 1
    merged = np.zeros((count, 3))
    merged[same] = positions
    return vertex_normals(merged, same[triangles])[same]


def vertex_areas(positions: Floats, triangles: Ints) -> Floats:
    """A third of the area of all triangles at each vertex, (n,)."""
    corner = positions[triangles]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1) / 6.0
    return np.asarray(np.bincount(triangles.ravel(), np.repeat(area, 3), len(positions)))


def compact(quads: Ints, count: int) -> tuple[sp.csr_matrix, Ints]:
    """Selection matrix (used x count) and renumbered quads: the surface as it is."""
    used, inverse = np.unique(quads, return_inverse=True)
    return sp.identity(count, format="csr")[used], inverse.reshape(quads.shape)


def _edges(quads: Ints) -> tuple[Ints, Ints]:
    pairs = np.sort(np.stack([quads, np.roll(quads, -1, 1)], 2).reshape(-1, 2), 1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return unique, inverse.reshape(-1)


def _refined_quads(quads: Ints, used: Ints, edge_of: Ints, edges: int, count: int) -> Ints:
    faces = len(quads)
    number = np.full(count, -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    at_edge = len(used) + edge_of.reshape(faces, 4)
    at_face = len(used) + edges + np.arange(faces)
    corner = number[quads]
    rows = [np.stack([corner[:, k], at_edge[:, k], at_face, at_edge[:, (k + 3) % 4]], 1) for k in range(4)]
    return np.stack(rows, 1).reshape(-1, 4)


def catmull_clark(quads: Ints, count: int) -> tuple[sp.csr_matrix, Ints]:
    """One level of subdivision: matrix (new x count) for positions and deltas alike, and the new quads."""
    faces = len(quads)
    unique, edge_of = _edges(quads)
    edges = len(unique)
    rows = np.repeat(np.arange(faces), 4)
    face_mean = sp.csr_matrix((np.full(faces * 4, 0.25), (rows, quads.ravel())), (faces, count))
    middle = sp.csr_matrix((np.full(edges * 2, 0.5), (np.repeat(np.arange(edges), 2), unique.ravel())), (edges, count))
    edge_face = sp.csr_matrix((np.ones(len(edge_of)), (edge_of, rows)), (edges, faces))
    degree = np.asarray(edge_face.sum(1)).ravel()
    border = degree == 1
    edge_rows = sp.diags(np.where(border, 1.0, 0.5)) @ middle + sp.diags(np.where(border, 0.0, 0.5 / degree)) @ (
        edge_face @ face_mean
    )
    used = np.unique(quads)
    vertex_face = sp.csr_matrix((np.ones(faces * 4), (quads.ravel(), rows)), (count, faces))
    vertex_edge = sp.csr_matrix((np.ones(edges * 2), (unique.ravel(), np.repeat(np.arange(edges), 2))), (count, edges))
    valence = np.maximum(np.asarray(vertex_face.sum(1)).ravel(), 1)
    edge_count = np.maximum(np.asarray(vertex_edge.sum(1)).ravel(), 1)
    on_border = np.zeros(count, dtype=bool)
    on_border[unique[border].ravel()] = True
    inner = (
        sp.diags(np.where(on_border, 0, 1 / valence**2)) @ (vertex_face @ face_mean)
        + sp.diags(np.where(on_border, 0, 2 / (valence * edge_count))) @ (vertex_edge @ middle)
        + sp.diags(np.where(on_border, 0, (valence - 3) / valence))
    )
    border_edges = vertex_edge @ sp.diags(border.astype(np.float64))
    outer = sp.diags(np.where(on_border, 0.5, 0)) + sp.diags(np.where(on_border, 0.25, 0)) @ (border_edges @ middle)
    matrix = sp.vstack([(inner + outer)[used], edge_rows, face_mean]).tocsr()
    return matrix, _refined_quads(quads, used, edge_of, edges, count)


def linear_refine(quads: Ints, count: int) -> tuple[sp.csr_matrix, Ints]:
    """The connectivity of `catmull_clark` with plain midpoints: for texture coordinates."""
    faces = len(quads)
    unique, edge_of = _edges(quads)
    edges = len(unique)
    used = np.unique(quads)
    middle = sp.csr_matrix((np.full(edges * 2, 0.5), (np.repeat(np.arange(edges), 2), unique.ravel())), (edges, count))
    face_mean = sp.csr_matrix(
        (np.full(faces * 4, 0.25), (np.repeat(np.arange(faces), 4), quads.ravel())), (faces, count)
    )
    matrix = sp.vstack([sp.identity(count, format="csr")[used], middle, face_mean]).tocsr()
    return matrix, _refined_quads(quads, used, edge_of, edges, count)


def grid_triangles(rows: int, columns: int) -> Ints:
    """Triangles of a grid whose vertices are numbered row by row."""
    corner = np.arange((rows - 1) * columns).reshape(rows - 1, columns)[:, :-1].ravel()
    return np.concatenate(
        [
            np.stack([corner, corner + columns, corner + 1], 1),
            np.stack([corner + 1, corner + columns, corner + columns + 1], 1),
        ]
    )


def neighbour_mean(triangles: Ints, count: int) -> sp.csr_matrix:
    """Row-stochastic matrix that replaces each vertex by the mean of its neighbours."""
    start = np.concatenate([triangles[:, k] for k in (0, 1, 2)])
    end = np.concatenate([triangles[:, k] for k in (1, 2, 0)])
    link = sp.coo_matrix((np.ones(len(start)), (start, end)), (count, count)).tocsr()
    link = ((link + link.T) > 0).astype(np.float64)
    return sp.diags(1 / np.maximum(np.asarray(link.sum(1)).ravel(), 1)) @ link


def fit_rigid(before: Floats, after: Floats) -> tuple[Floats, Floats]:
    """Rotation (3, 3) and shift (3,) that best carry `before` to `after` (Kabsch)."""
    middle_before, middle_after = before.mean(0), after.mean(0)
    left, _, right = np.linalg.svd((before - middle_before).T @ (after - middle_after))
    turn = (left @ np.diag([1.0, 1.0, np.sign(np.linalg.det(left @ right))]) @ right).T
    return turn, middle_after - turn @ middle_before


def smooth_step(low: float, high: float, value: Floats) -> Floats:
    """0 at low, 1 at high, with flat ends; low may lie above high."""
    part = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(part * part * (3.0 - 2.0 * part))


def rotate_about_z(points: Floats, centre: Floats, angle_rad: Floats) -> Floats:
    """Turn each point about the z axis through `centre` by its own angle."""
    cosine, sine = np.cos(angle_rad), np.sin(angle_rad)
    arm = points - centre
    return (
        np.stack([cosine * arm[:, 0] - sine * arm[:, 1], sine * arm[:, 0] + cosine * arm[:, 1], arm[:, 2]], 1) + centre
    )
