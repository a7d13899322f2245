"""Hair of every style on a woman and a man: budgets, nothing under the skin, same seed, same hair. 15 s."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from avatar_engine.engine.assets import asset_path
from avatar_engine.maker import hair
from avatar_engine.maker.body import cut_bust, neutral_person
from avatar_engine.maker.hair.scalp import above_hairline, head_of
from avatar_engine.maker.parts import HAIR_TRIANGLES, MeshPart, Surface
from avatar_engine.maker.source import load_source
from avatar_engine.maker.spec import HairSpec, load_person

pytestmark = pytest.mark.unit

WOMEN, MEN = ("bob", "lob", "wavy", "bun"), ("short", "crop")
DEEPEST_DM = -0.02  # 2 mm: roots may stick in the skin, nothing more


@lru_cache(maxsize=6)
def surface(person: str, lod: int) -> Surface:
    spec = load_person(Path(asset_path("avatars", person, "person.yaml")))
    return cut_bust(neutral_person(load_source(), spec), lod).surface


def wearer(style: str) -> str:
    return "ben" if style in MEN else "ada"


@lru_cache(maxsize=16)
def built(style: str, lod: int, seed: int = 3) -> tuple[MeshPart, ...]:
    spec = HairSpec(style=style, grey=0.3 if style == "crop" else 0.0)
    return tuple(hair.build(surface(wearer(style), lod), spec, np.random.default_rng(seed)))


@pytest.mark.parametrize("style", hair.STYLES)
@pytest.mark.parametrize("lod", [0, 1, 2])
def test_budget_and_sound_arrays(style: str, lod: int) -> None:
    parts = built(style, lod)
    assert 0 < sum(len(part.triangles) for part in parts) <= HAIR_TRIANGLES[lod]
    for part in parts:
        count = len(part.positions)
        assert part.lod == lod
        assert part.triangles.min() >= 0
        assert part.triangles.max() < count
        for values in (part.positions, part.normals, part.uvs, part.tangents, part.colors):
            assert values is not None
            assert len(values) == count
            assert np.isfinite(values).all()
        assert part.tangents is not None
        np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1.0, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(part.tangents[:, :3], axis=1), 1.0, atol=1e-6)
        if part.weights is not None:
            np.testing.assert_allclose(part.weights.sum(1), 1.0, atol=1e-9)
            assert (part.weights >= 0).all()


@pytest.mark.parametrize("style", hair.STYLES)
def test_stays_out_of_the_skin(style: str) -> None:
    body = surface(wearer(style), 1)
    head = head_of(body)
    for part in built(style, 1):
        height, _, gap = head.height(part.positions)
        close = gap < 0.6
        assert close.sum() > 100
        below = height[close] < DEEPEST_DM
        assert below.mean() < 0.002, f"{part.name}: {below.sum()} of {close.sum()} vertices under the skin"


@pytest.mark.parametrize("style", hair.STYLES)
def test_scalp_is_covered(style: str) -> None:
    """Every vertex of the scalp well behind the hairline has hair within a centimetre and a half."""
    body = surface(wearer(style), 1)
    q = (body.positions - body.eye_centre) / body.ipd
    scalp = (above_hairline(q, "receding") > 0.45) & (q[:, 1] > 0.6) & (np.abs(q[:, 0]) < 1.6)
    points = np.concatenate([part.positions for part in built(style, 1)])
    gap = cKDTree(points).query(body.positions[scalp])[0]
    assert gap.max() < (0.45 if style in ("bob", "lob", "wavy") else 0.30)


def test_face_stays_free() -> None:
    """No lock hangs before the eyes."""
    for style in hair.STYLES:
        body = surface(wearer(style), 1)
        points = np.concatenate([part.positions for part in built(style, 1)])
        q = (points - body.eye_centre) / body.ipd
        before = (np.abs(q[:, 0]) < 0.8) & (np.abs(q[:, 1]) < 0.35) & (q[:, 2] > -0.3)
        assert not before.any(), style


def test_same_seed_same_hair() -> None:
    one, two = built("short", 2), built.__wrapped__("short", 2)
    other = built("short", 2, 4)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.positions, b.positions)
        assert a.material.texture is not None
        assert b.material.texture is not None
        assert a.material.texture.tobytes() == b.material.texture.tobytes()
    assert not np.array_equal(one[1].positions[: len(other[1].positions)], other[1].positions)


def test_grey_and_colour_reach_the_picture() -> None:
    body = surface("ben", 2)

    def mean(spec: HairSpec) -> np.ndarray:
        part = next(p for p in hair.build(body, spec, np.random.default_rng(1)) if p.name == "Hair")
        assert part.material.texture is not None
        return np.asarray(part.material.texture.convert("RGB"), float).mean((0, 1))

    dark = mean(HairSpec(style="crop", color=(40, 30, 24)))
    grey = mean(HairSpec(style="crop", color=(40, 30, 24), grey=0.9))
    red = mean(HairSpec(style="crop", color=(140, 50, 24)))
    assert grey.min() > dark.max() + 40
    assert red[0] > dark[0] + 40


def test_covered_scalp_lies_under_hair() -> None:
    body = surface("ada", 1)
    hidden = hair.covered(body, HairSpec(style="bob"))
    q = (body.positions - body.eye_centre) / body.ipd
    assert hidden.sum() > 30
    assert (above_hairline(q[hidden]) > 0.85).all()
    points = np.concatenate([part.positions for part in built("bob", 1)])
    assert cKDTree(points).query(body.positions[hidden])[0].max() < 0.45


def test_unknown_style_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"mohawk.*bob"):
        hair.build(surface("ada", 2), HairSpec(style="mohawk"), np.random.default_rng(1))
