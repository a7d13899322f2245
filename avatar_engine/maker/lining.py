"""Only the lining of the mouth: wide enough for teeth and gums, and a part of its own, lit like what it surrounds."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from avatar_engine.maker.body import MOUTH, Bust, Person, cut_bust
from avatar_engine.maker.geometry import neighbour_mean, quad_triangles, smooth_step, vertex_normals
from avatar_engine.maker.parts import Floats, Ints, Material, MeshPart
from avatar_engine.maker.rings import lip_rings
from avatar_engine.maker.skeleton import four_strongest
from avatar_engine.maker.source import load_source

BORDER_RING = 4
"""The lip ring behind which nothing but lining lies."""
WET_RING = 2
"""The lip ring at which skin ends and the lining begins: what lies behind it is wet and never in the open light."""
CORNER = 0.72
"""At the corners of the mouth it begins one ring further out: there lips that face back would catch light from behind."""

CLEARANCE_DM = 0.018
"""Room between lining and teeth or gums."""
REACH_DM = 0.10
"""How far around the nearest place a tooth pushes the lining (Gaussian)."""
SIDEWAYS = 0.4
"""Lining that faces forward or back more than this (1: altogether) stays where it is."""
STEP_DM, ROUNDS = 0.02, 30

AT_THE_LIPS, DEEP = (0.52, 0.40, 0.40), (0.26, 0.06, 0.052)
"""Linear colours of the lining: where it meets the lips, as a part of theirs, and in the throat."""
DARKER_DM = 0.5
"""How far behind the lips it is as dark as in the throat."""


@lru_cache(maxsize=1)
def _members() -> Ints:
    """Vertices of the data set that belong to the lining alone: behind the border ring."""
    source = load_source()
    quads = source.groups["body"][..., 0]
    faces_of: dict[int, list[int]] = {}
    for face, quad in enumerate(quads.tolist()):
        for vertex in quad:
            faces_of.setdefault(vertex, []).append(face)
    border = set(lip_rings()[BORDER_RING].tolist())
    found, edge = set(lip_rings()[BORDER_RING + 1].tolist()), list(lip_rings()[BORDER_RING + 1])
    while edge:
        fresh = {v for at in edge for face in faces_of[int(at)] for v in quads[face].tolist()} - found - border
        found |= fresh
        edge = list(fresh)
    return np.array(sorted(found), dtype=np.int64)


def widening(person: Person, hard: dict[str, Floats]) -> Floats:
    """Displacement (n, 3) that moves floor and cheeks away from teeth and gums.

    hard: shape -> points (k, 3) of teeth and gums when that shape is at 1; "" is the face at rest.

    Nothing moves forward: between gum and chin there is no room for a thicker lip.
    """
    bust = cut_bust(person, 0)
    inside = bust.island[bust.corner_texcoord[bust.corner_triangles[:, 0]]] == MOUTH
    faces = bust.corner_position[bust.corner_triangles[inside]]
    plain = quad_triangles(person.source.groups["body"][..., 0])
    mean = neighbour_mean(plain, len(person.vertices))
    outwards = -vertex_normals(person.vertices, plain) * [1.0, 1.0, 0.0]
    members = _members()
    members = members[np.linalg.norm(outwards[members], axis=1) > SIDEWAYS]
    out = np.zeros_like(person.vertices)
    for turn in range(ROUNDS * len(hard)):
        shape = list(hard)[turn % len(hard)]
        posed = person.vertices + out + (person.shapes[shape] if shape else 0.0)
        corner = (bust.from_source @ posed)[faces]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        points = np.concatenate([corner.mean(1), (corner + corner.mean(1, keepdims=True)).reshape(-1, 3) / 2])
        facing = np.concatenate([normal, np.repeat(normal, 3, axis=0)])
        near = cKDTree(points).query(hard[shape])[1]
        short = CLEARANCE_DM - ((hard[shape] - points[near]) * facing[near]).sum(1)
        tight = (short > 1e-4) & (np.abs(facing[near, 2]) < 1.0 - SIDEWAYS)
        if not tight.any():
            continue
        gap, which = cKDTree(points[near[tight]]).query(posed[members])
        push = np.minimum(short[tight][which], STEP_DM) * np.exp(-((gap / REACH_DM) ** 2))
        out[members] += push[:, None] * outwards[members]
        out[members] += 0.3 * (push > 1e-5)[:, None] * ((mean @ out)[members] - out[members])
    return out


def is_lining(person: Person, bust: Bust, triangles: Ints) -> NDArray[np.bool_]:
    """(m,) which triangles of render vertices line the mouth."""
    wet = np.zeros(len(person.vertices))
    wet[_members()] = 1.0
    for ring in lip_rings()[WET_RING : BORDER_RING + 1]:
        wet[ring] = 1.0
    outer = lip_rings()[WET_RING - 1]
    aside = np.abs(person.vertices[outer, 0] - person.vertices[outer, 0].mean())
    wet[outer[aside > CORNER * aside.max()]] = 1.0
    return np.asarray((bust.from_source @ wet)[bust.corner_position[triangles]].min(1) > 0.5)


def lining_part(person: Person, bust: Bust, material: Material, triangles: Ints) -> MeshPart:
    """The lining. triangles (m, 3): its triangles of render vertices."""
    surface = bust.surface
    welded = bust.corner_position[triangles]
    # Where seams of the texture meet, thinning leaves slivers whose corners are one place.
    welded = welded[(welded != np.roll(welded, 1, axis=1)).all(1)]
    vertex, numbers = np.unique(welded, return_inverse=True)
    positions = surface.positions[vertex]
    deep = smooth_step(0.0, DARKER_DM, positions[:, 2].max() - positions[:, 2])[:, None]
    joints, weights = four_strongest({name: weight[vertex] for name, weight in surface.weights.items()})
    morphs = {name: delta[vertex] for name, delta in surface.morphs.items()}
    paint = person.spec.skin
    lips = np.array(paint.tone) * (1 - paint.lip_mix) + np.array(paint.lips) * paint.lip_mix
    lips = (lips / 255.0) ** 2.2
    colors = lips * AT_THE_LIPS * (1 - deep) + np.array(DEEP) * deep
    return MeshPart(
        "Lining", positions, surface.normals[vertex], np.zeros((len(vertex), 2)), numbers.reshape(-1, 3), material,
        colors=np.concatenate([colors, np.ones((len(vertex), 1))], 1),
        morphs={name: delta for name, delta in morphs.items() if np.abs(delta).max() > 1e-5},
        joints=joints, weights=weights, lod=surface.lod,
    )  # fmt: skip
