"""The coarser levels: thinned skin keeps lips and lids, stays near the fine skin in every pose; drawing order. 25 s."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from avatar_engine.engine.assets import asset_path
from avatar_engine.maker import clothes, hair
from avatar_engine.maker.body import HEAD, Bust, Person, cut_bust
from avatar_engine.maker.build import make_person, seen_skin
from avatar_engine.maker.draw_order import draw_order
from avatar_engine.maker.parts import SKIN_TRIANGLES, Ints
from avatar_engine.maker.rings import MARGIN, SEAM, lid_rings, lip_rings
from avatar_engine.maker.spec import load_person

pytestmark = pytest.mark.unit

PEOPLE = ("ada", "kenji")
MM = 0.01  # dm


@lru_cache(maxsize=2)
def person(name: str) -> Person:
    return make_person(load_person(Path(asset_path("avatars", name, "person.yaml"))))


@lru_cache(maxsize=4)
def skin(name: str, lod: int) -> tuple[Bust, Ints]:
    """The cut body and the triangles (m, 3) of its positions that remain."""
    who = person(name)
    bust = cut_bust(who, lod)
    hidden = hair.covered(bust.surface, who.spec.hair) | clothes.covered(bust.surface, who.spec.clothes)
    cheap, hairline = hair.shaded(bust.surface, who.spec.hair), hair.beyond_hairline(bust.surface, who.spec.hair)
    return bust, bust.corner_position[seen_skin(bust, hidden, SKIN_TRIANGLES[lod], cheap, hairline)]


def of_data_set(bust: Bust, vertices: Ints) -> Ints:
    """Positions of an unsubdivided bust that are these vertices of the data set."""
    return np.flatnonzero(np.isin(bust.from_source.indices, vertices))


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize("lod", [1, 2])
def test_lips_and_lids_keep_their_vertices(name: str, lod: int) -> None:
    """What must meet is there vertex for vertex, so lips meet and lids close as on the data set's own mesh."""
    bust, triangles = skin(name, lod)
    assert len(triangles) <= SKIN_TRIANGLES[lod] * 1.05
    wanted = [lip_rings()[SEAM], lip_rings()[SEAM + 1], *(side[MARGIN] for side in lid_rings().values())]
    assert np.isin(of_data_set(bust, np.concatenate(wanted)), triangles).all()


@pytest.mark.parametrize("name", PEOPLE)
@pytest.mark.parametrize(("lod", "most"), [(1, 0.7), (2, 1.3)])
def test_face_stays_near_the_fine_skin(name: str, lod: int, most: float) -> None:
    """At rest and on visemes, blink and smile, 99 of 100 vertices of the whole face lie within `most` millimetres of
    the thinned one: less than a pixel at 720p, and at 360p."""
    bust, triangles = skin(name, lod)
    surface = bust.surface
    q = (surface.positions - surface.eye_centre) / surface.ipd
    face = (np.abs(q[:, 0]) < 0.9) & (q[:, 1] > -1.5) & (q[:, 1] < 0.6) & (q[:, 2] > -0.5)
    face &= surface.normals[:, 2] > 0.3
    # Inside the mouth and behind the eyeballs nobody looks that closely.
    at, island = bust.corner_position, bust.island[bust.corner_texcoord]
    face[at[island != HEAD]] = False
    poses = ["", "eyeBlinkLeft", "mouthSmileLeft", *(f"viseme_{viseme}" for viseme in ("PP", "FF", "aa", "O"))]
    weights = np.array([(a, b, 4 - a - b) for a in range(5) for b in range(5 - a)]) / 4
    for pose in poses:
        posed = surface.positions + (surface.morphs[pose] if pose else 0.0)
        # Points on the remaining triangles, close enough together to stand for them.
        points = np.einsum("wk,tkd->twd", weights, posed[triangles]).reshape(-1, 3)
        normal = np.cross(
            posed[triangles[:, 1]] - posed[triangles[:, 0]], posed[triangles[:, 2]] - posed[triangles[:, 0]]
        )
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        near = cKDTree(points).query(posed[face])[1]
        height = np.abs(((posed[face] - points[near]) * normal[near // len(weights)]).sum(1))
        assert np.percentile(height, 99) < most * MM, pose


def shaded(triangles: Ints, remembered: int = 24) -> int:
    """How many vertices a renderer computes that remembers the last few (first in, first out)."""
    kept: list[int] = []
    count = 0
    for vertex in triangles.ravel().tolist():
        if vertex not in kept:
            count += 1
            kept = [*kept[-remembered + 1 :], vertex]
    return count


def test_drawing_order_keeps_the_mesh_and_uses_vertices_again() -> None:
    rng = np.random.default_rng(3)
    n = 40
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)[None]).ravel()
    grid = np.concatenate(
        [np.stack([corner, corner + 1, corner + n], 1), np.stack([corner + 1, corner + n + 1, corner + n], 1)]
    )
    grid = grid[rng.permutation(len(grid))]
    ordered, old = draw_order(grid, n * n + 7)  # seven vertices that nothing uses
    assert sorted(old.tolist()) == list(range(n * n))
    assert {tuple(face) for face in old[ordered].tolist()} == {tuple(face) for face in grid.tolist()}
    first_use = list(dict.fromkeys(ordered.ravel().tolist()))
    assert first_use == list(range(n * n))
    assert shaded(ordered) < 0.75 * len(grid) < shaded(grid)
