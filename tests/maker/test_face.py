"""The face of each bundled person: what every shape moves, lips that meet, lids that close, teeth that are bitten."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import ARKIT, TONGUE
from avatar_engine.components.viseme_shapes import VISEME_SHAPES
from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.assets import asset_path
from avatar_engine.maker.body import Person, cut_bust
from avatar_engine.maker.build import make_person
from avatar_engine.maker.eyes import eyeballs
from avatar_engine.maker.lids import lid_gap
from avatar_engine.maker.lining import is_lining
from avatar_engine.maker.lips import seam_gap
from avatar_engine.maker.mouth import arch_of, incisor_edge, mouth_materials, mouth_parts
from avatar_engine.maker.rings import lip_rings
from avatar_engine.maker.shapes import LIP_CORNER, SEALED, mirrored_names
from avatar_engine.maker.spec import load_person

pytestmark = pytest.mark.unit

PEOPLE = ("ada", "ben", "doctor_avatar_1", "kenji")
MM = 0.01  # dm
DRAWS = 5_000
EXPRESSION = ("mouthSmile*", "mouthFrown*", "mouthPress*", "mouthShrugLower", "mouthUpperUp*", "mouthDimple*")


@lru_cache(maxsize=4)
def person(name: str) -> Person:
    return make_person(load_person(Path(asset_path("avatars", name, "person.yaml"))))


def mixed(who: Person, recipe: dict[str, float]) -> np.ndarray:
    """Vertices in a pose of controls."""
    out = who.vertices.copy()
    for pattern, weight in recipe.items():
        for name in mirrored_names(pattern):
            out += weight * who.shapes[name]
    return out


def q_of(who: Person) -> np.ndarray:
    return (who.vertices - who.eye_centre) / who.ipd


def test_all_shapes_are_there() -> None:
    shapes = person("ada").shapes
    assert set(ARKIT) | set(TONGUE) | {f"viseme_{name}" for name in VISEMES} <= set(shapes)
    extra = set(shapes) - set(ARKIT) - set(TONGUE) - {f"viseme_{name}" for name in VISEMES}
    assert extra <= {unit.id for unit in catalogue().units}
    assert len(extra) >= 30


REGIONS: dict[str, tuple[float, float, float]] = {
    # prefix: lowest y, highest y (eye distances from the pupils), widest x
    "brow": (-0.60, 1.6, 1.35),
    "eye": (-1.00, 0.85, 1.30),
    "cheekSquint": (-1.75, 0.60, 1.45),
    "noseSneer": (-1.45, 1.05, 1.20),
    "mouth": (-2.60, 0.25, 1.45),
    "viseme": (-2.60, 0.25, 1.45),
    "cheekPuff": (-2.30, 0.25, 1.50),
    "jaw": (-2.60, 0.30, 1.50),
}


@pytest.mark.parametrize("name", PEOPLE)
def test_shapes_stay_in_their_region(name: str) -> None:
    """Each shape moves its part of the face; elsewhere it moves next to nothing."""
    who = person(name)
    q = q_of(who)[:13380]
    for shape, delta in who.shapes.items():
        box = next((REGIONS[prefix] for prefix in REGIONS if shape.startswith(prefix)), None)
        if box is None:
            continue
        low, high, wide = box
        outside = (q[:, 1] < low) | (q[:, 1] > high) | (np.abs(q[:, 0]) > wide)
        moved = np.linalg.norm(delta[:13380], axis=1)
        assert moved[outside].sum() <= 0.01 * moved.sum() + 1e-9, shape
        assert moved[outside].max() < 0.5 * MM, shape


@pytest.mark.parametrize("name", PEOPLE)
def test_sides_move_their_own_side(name: str) -> None:
    who = person(name)
    x = who.vertices[:13380, 0]
    for shape, delta in who.shapes.items():
        if not shape.endswith(("Left", "Right")) or shape in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
            continue
        if shape.startswith("tongue"):
            continue
        moved = np.linalg.norm(delta[:13380], axis=1)
        own = x > 0 if shape.endswith("Left") else x < 0
        assert moved[own].sum() > 0.6 * moved.sum(), shape


@pytest.mark.parametrize("name", PEOPLE)
def test_splits_add_up_to_the_whole(name: str) -> None:
    shapes = person(name).shapes
    pucker = sum(shapes[f"AU18{part}"] for part in ("TL", "TR", "BL", "BR"))
    np.testing.assert_allclose(pucker, shapes["mouthPucker"], atol=1e-9)
    np.testing.assert_allclose(shapes["AU01L"] + shapes["AU01R"], shapes["browInnerUp"], atol=1e-9)


@pytest.mark.parametrize("name", PEOPLE)
def test_lips_meet(name: str) -> None:
    """At rest, on PP and in any mixture of shapes that leave a mouth closed: within half a millimetre."""
    who = person(name)
    rest = {"mouthSmile*": 0.12}
    for recipe in ({}, rest, VISEME_SHAPES["PP"], {**VISEME_SHAPES["PP"], **rest}, {"jawOpen": 1.0, "mouthClose": 1.0}):
        gap = np.abs(seam_gap(mixed(who, recipe))[1])
        assert gap.max() <= 0.5 * MM, recipe
    rng = np.random.default_rng(4)
    for _ in range(40):
        recipe = {shape: float(rng.uniform(0, 0.6)) for shape in rng.choice(SEALED, 3, replace=False)}
        assert seam_gap(mixed(who, recipe))[1].max() <= 0.5 * MM, recipe


@pytest.mark.parametrize("name", PEOPLE)
def test_lips_meet_on_the_fine_mesh(name: str) -> None:
    """The subdivided mouth shows no gap either: no lower-lip vertex of the seam lies visibly under the upper lip."""
    who = person(name)
    bust = cut_bust(who, 0)
    for recipe in ({}, VISEME_SHAPES["PP"]):
        fine = bust.from_source @ mixed(who, recipe)
        # Catmull-Clark keeps the data set's vertices first: row k is the k-th used vertex.
        rows = np.asarray(bust.from_source[:, lip_rings()[2]].argmax(axis=0)).ravel()
        seam = fine[rows]
        upper, lower = seam[1:LIP_CORNER], seam[LIP_CORNER + 1 : 20]
        order = np.argsort(lower[:, 0])
        gap = upper[:, 1] - np.interp(upper[:, 0], lower[order, 0], lower[order, 1])
        assert np.abs(gap).max() < 1.0 * MM


@pytest.mark.parametrize("name", PEOPLE)
def test_nostrils_widen_and_narrow(name: str) -> None:
    """AU38 moves a wing of the nose outwards by one to three millimetres, AU39 inwards, and neither moves the tip."""
    who = person(name)
    q = q_of(who)
    tip = (np.abs(q[:, 0]) < 0.05) & (q[:, 1] > -0.75) & (q[:, 1] < -0.3) & (q[:, 2] > -0.2)
    for unit, sign in (("AU38", 1.0), ("AU39", -1.0)):
        for side, way in (("L", 1.0), ("R", -1.0)):
            delta = who.shapes[f"{unit}{side}"]
            size = np.linalg.norm(delta, axis=1)
            out = delta[:, 0] * way * sign
            assert 1.0 * MM < out.max() < 3.0 * MM
            assert out.sum() > 0.8 * size.sum()
            assert size[tip].max(initial=0.0) < 0.2 * MM
            assert size[q[:, 0] * way < 0].max() < 0.2 * MM


@pytest.mark.parametrize("name", PEOPLE)
def test_teeth_gums_and_tongue_lie_inside_the_lining(name: str) -> None:
    """At rest, with the jaw wide open and on every viseme, at the finest level: next to nothing of them is beyond the
    skin that lines the mouth, and what is stays within half a millimetre of it."""
    who = person(name)
    bust = cut_bust(who, 0)
    faces = bust.corner_position[bust.corner_triangles[is_lining(who, bust, bust.corner_triangles)]]
    parts = mouth_parts(who, mouth_materials(), 0)
    for pose in ("", "jawOpen", *(f"viseme_{viseme}" for viseme in VISEMES[1:])):
        posed = bust.surface.positions + (bust.surface.morphs[pose] if pose else 0.0)
        corner = posed[faces]
        normal = np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        tree = cKDTree(corner.mean(1))
        for part in parts:
            points = part.positions + part.morphs.get(pose, 0.0)
            near = tree.query(points, k=6)[1]
            height = ((points[:, None] - corner.mean(1)[near]) * normal[near]).sum(2).max(1)
            print(f"{name} {pose or 'rest'} {part.name}: {(height < 0).mean():.1%} beyond, {height.min() / MM:+.2f} mm")
            assert (height < 0.0).mean() < 0.03, (pose, part.name)
            assert height.min() > -0.5 * MM, (pose, part.name)


@pytest.mark.parametrize("name", PEOPLE)
def test_lower_lip_touches_upper_teeth_on_ff(name: str) -> None:
    who = person(name)
    posed = mixed(who, VISEME_SHAPES["FF"])
    edge, teeth = incisor_edge(who), arch_of(who, upper=True)
    lip = np.concatenate([posed[ring[[18, 19, 20]]] for ring in lip_rings()[:5]])
    top = float(lip[:, 1].max())
    assert edge - 0.5 * MM <= top <= edge + 3.5 * MM
    assert float(lip[:, 2].max()) > float(teeth.z.max())


@pytest.mark.parametrize("name", PEOPLE)
def test_lids_close(name: str) -> None:
    who = person(name)
    for side in ("Left", "Right"):
        assert lid_gap(who.vertices, side).min() > 1.0 * MM
        for squint in (0.0, 1.0):
            posed = who.vertices + who.shapes[f"eyeBlink{side}"] + squint * who.shapes[f"eyeSquint{side}"]
            assert lid_gap(posed, side).max() <= 0.0
            assert lid_gap(posed, side).min() > -8.0 * MM


def sweep(rng: np.random.Generator, names: list[str]) -> np.ndarray:
    """(draws, shapes) weights: two visemes blended, with two shapes of an expression over them."""
    column = {name: number for number, name in enumerate(names)}
    out = np.zeros((DRAWS, len(names)))
    visemes = list(VISEME_SHAPES)[1:]
    for row in out:
        share = rng.uniform(0, 1)
        for viseme, part in zip(rng.choice(visemes, 2, replace=False), (share, 1 - share), strict=True):
            for pattern, weight in VISEME_SHAPES[str(viseme)].items():
                for name in mirrored_names(pattern):
                    row[column[name]] += part * weight
        for pattern in rng.choice(EXPRESSION, 2, replace=False):
            weight = rng.uniform(0, 0.5)
            for name in mirrored_names(str(pattern)):
                row[column[name]] += weight
    return out


@pytest.mark.parametrize("name", PEOPLE)
def test_teeth_and_tongue_never_pass_the_lips(name: str) -> None:
    """5,000 random mixtures of visemes and expressions: no tooth before the lips, no tongue through the lower lip."""
    who = person(name)
    names = [*ARKIT, *TONGUE]
    weights = sweep(np.random.default_rng(9), names)
    rings = lip_rings()
    outer = np.concatenate([rings[0], rings[1]])
    outer = outer[np.abs(who.vertices[outer, 0]) < 0.12]
    lower = np.concatenate([ring[17:22] for ring in rings[1:4]])
    deltas = {shape: who.shapes[shape] for shape in names}

    def posed(rest: np.ndarray, moves: list[np.ndarray]) -> np.ndarray:
        flat = np.stack(moves).reshape(len(moves), -1)
        return rest + (weights @ flat).reshape(len(weights), *rest.shape)

    lips = posed(who.vertices[outer], [deltas[shape][outer] for shape in names])
    ledge = posed(who.vertices[lower], [deltas[shape][lower] for shape in names])
    parts = {part.name: part for part in mouth_parts(who, mouth_materials(), 2)}

    def moving(part: str, chosen: np.ndarray) -> np.ndarray:
        mesh = parts[part]
        still = np.zeros((int(chosen.sum()), 3))
        moves = [mesh.morphs[shape][chosen] if shape in mesh.morphs else still for shape in names]
        return posed(mesh.positions[chosen], moves)

    for row in ("TeethUpper", "TeethLower"):
        front = np.abs(parts[row].positions[:, 0]) < 0.12
        teeth = moving(row, front)
        assert (teeth[..., 2].max(1) < lips[..., 2].max(1) - 0.2 * MM).all(), row
    tongue = moving("Tongue", np.abs(parts["Tongue"].positions[:, 0]) < 0.1)
    beyond = tongue[..., 2] > ledge[..., 2].max(1)[:, None]
    above = tongue[..., 1] > ledge[..., 1].max(1)[:, None] - 1.5 * MM
    assert (above | ~beyond).all()


def test_eyeballs_fill_the_lids() -> None:
    who = person("ada")
    for side, ball in eyeballs(who).items():
        assert 0.11 < ball.radius < 0.16
        assert np.linalg.norm(ball.centre - who.centres[f"eye{side}"]) < 1e-9
