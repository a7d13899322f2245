"""Only holds one shaped person and cuts the bust out of it at each level of detail, with its texture layout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from avatar_engine.maker.geometry import catmull_clark, compact, linear_refine, quad_triangles, vertex_normals
from avatar_engine.maker.parts import Floats, Ints, Surface
from avatar_engine.maker.shape import shaped
from avatar_engine.maker.skeleton import joint_centres, joint_weights
from avatar_engine.maker.source import Source
from avatar_engine.maker.spec import PersonSpec

BUST_DM = 6.8
"""How far below the eyes the body is cut: at the waist, and well below where clothes end."""

HEAD, TORSO, MOUTH, SOCKET_A, SOCKET_B = range(5)
"""Islands of the texture."""

ISLANDS = {
    HEAD: (0.636, 0.145, 1.0, 0.82),
    TORSO: (0.1, 0.66, 0.642, 0.98),
    MOUTH: (0.75, 0.005, 0.93, 0.14),
    SOCKET_A: (0.005, 0.54, 0.08, 0.64),
    SOCKET_B: (0.08, 0.54, 0.16, 0.64),
}
"""Boxes (u0, v0, u1, v1) of the islands in the layout of the data set."""

PLACES = {
    HEAD: (0.641, 0.149, 1.475, 0.004, 0.006),
    TORSO: (0.12, 0.666, 0.86, 0.54, 0.729),
    MOUTH: (0.758, 0.012, 1.2, 0.54, 0.535),
    SOCKET_A: (0.012, 0.547, 0.8, 0.78, 0.56),
    SOCKET_B: (0.086, 0.547, 0.8, 0.86, 0.56),
}
"""Island -> (u0, v0) in the data set, scale, (u, v) in our picture: the head gets most of the texture."""


@dataclass(frozen=True, slots=True)
class Person:
    """A shaped person on the vertices of the data set (n): positions, shapes, skeleton."""

    source: Source
    spec: PersonSpec
    vertices: Floats
    shapes: dict[str, Floats]
    centres: dict[str, Floats]
    weights: dict[str, Floats]

    @property
    def eye_centre(self) -> Floats:
        """Midpoint of the eyes (3,)."""
        return np.asarray((self.centres["eyeLeft"] + self.centres["eyeRight"]) / 2)

    @property
    def ipd(self) -> float:
        """Distance of the pupils, dm."""
        return float(self.centres["eyeLeft"][0] - self.centres["eyeRight"][0])


def neutral_person(source: Source, spec: PersonSpec, shapes: dict[str, Floats] | None = None) -> Person:
    """The person at rest; `shapes` as made by the shapes module (empty: a still body)."""
    vertices = shaped(source, spec)
    return Person(source, spec, vertices, shapes or {}, joint_centres(source, vertices), joint_weights(source))


@dataclass(frozen=True, slots=True)
class Bust:
    """The bust at one level. `from_source` (n, all) maps fields of the data set here: at the coarser levels each
    vertex is one of the data set, though it lies where the finest level has it.

    `corner_position`, `corner_texcoord` (c,): render vertex -> position vertex and texture vertex;
    `corner_triangles` (m, 3): triangles of render vertices; texcoords (t, 2) in the layout of our picture,
    old_texcoords (t, 2) in that of the data set; island (t,).
    """

    surface: Surface
    from_source: sp.csr_matrix
    corner_position: Ints
    corner_texcoord: Ints
    corner_triangles: Ints
    texcoords: Floats
    old_texcoords: Floats
    island: Ints


def hands(person: Person, bust: Bust) -> NDArray[np.bool_]:
    """(n,) vertices of the bust from the wrists on: they hang where the body is cut."""
    weight = np.zeros(len(person.vertices))
    for bone, of_bone in person.source.weights.items():
        if bone.startswith(("wrist", "finger", "metacarpal")):
            weight += of_bone
    return np.asarray(bust.from_source @ weight > 0.3)


def bust_quads(person: Person) -> Ints:
    """Quads (k, 4, 2) of the skin above the cut."""
    quads = person.source.groups["body"]
    height = person.vertices[quads[..., 0]][..., 1]
    return np.asarray(quads[(height > person.eye_centre[1] - BUST_DM).all(1)])


def cut_bust(person: Person, lod: int) -> Bust:
    """LOD 0 is subdivided once; the others have the vertices of the data set, on the same smooth surface."""
    quads = bust_quads(person)
    count, texcount = len(person.vertices), len(person.source.texcoords)
    if lod == 0:
        matrix, faces = catmull_clark(quads[..., 0], count)
        smooth = matrix
        texmatrix, texfaces = linear_refine(quads[..., 1], texcount)
    else:
        matrix, faces = compact(quads[..., 0], count)
        smooth = catmull_clark(quads[..., 0], count)[0][: matrix.shape[0]]
        texmatrix, texfaces = compact(quads[..., 1], texcount)
    positions = smooth @ person.vertices
    triangles, textriangles = quad_triangles(faces), quad_triangles(texfaces)
    pairs, inverse = np.unique(np.stack([triangles.ravel(), textriangles.ravel()], 1), axis=0, return_inverse=True)
    old = texmatrix @ person.source.texcoords
    island = texture_islands(old, texfaces)
    surface = Surface(
        positions=positions,
        normals=vertex_normals(positions, triangles),
        triangles=triangles,
        quads=faces,
        eye_centre=person.eye_centre,
        ipd=person.ipd,
        joints=person.centres,
        weights={name: smooth @ weight for name, weight in person.weights.items()},
        morphs={name: smooth @ delta for name, delta in person.shapes.items()},
        lod=lod,
    )
    return Bust(
        surface=surface,
        from_source=matrix,
        corner_position=pairs[:, 0],
        corner_texcoord=pairs[:, 1],
        corner_triangles=inverse.reshape(-1, 3),
        texcoords=place_islands(old, island),
        old_texcoords=old,
        island=island,
    )


def texture_islands(texcoords: Floats, quads: Ints) -> Ints:
    """Island of each texture vertex; head and torso touch in the layout, so connectivity decides."""
    u, v = texcoords.T
    island = np.full(len(texcoords), -1)
    for number, (left, low, right, high) in ISLANDS.items():
        island[(u > left) & (u < right) & (v > low) & (v < high) & (island < 0)] = number
    island[island < 0] = TORSO
    links = sp.coo_matrix(
        (np.ones(quads.size), (quads.ravel(), np.roll(quads, 1, 1).ravel())), (len(texcoords), len(texcoords))
    )
    label: NDArray[np.int32] = connected_components(links, directed=False)[1]
    for number in np.unique(label):
        members = label == number
        island[members] = np.bincount(island[members]).argmax()
    return island


def place_islands(texcoords: Floats, island: Ints) -> Floats:
    """Texture coordinates in our own picture."""
    out = texcoords.copy()
    for number, (left, low, scale, u, v) in PLACES.items():
        members = island == number
        out[members] = (texcoords[members] - [left, low]) * scale + [u, v]
    return out
