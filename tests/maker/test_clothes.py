"""Outfits on a woman and a man: budgets, length, nothing under the skin, weights, the same seed. 40 s."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from avatar_engine.engine.assets import asset_path
from avatar_engine.maker import clothes
from avatar_engine.maker.body import cut_bust, neutral_person
from avatar_engine.maker.clothes.reduce import edges_of, reduce_mesh
from avatar_engine.maker.clothes.shell import cut
from avatar_engine.maker.clothes.torso import torso_of
from avatar_engine.maker.parts import CLOTHES_TRIANGLES, MeshPart, Surface
from avatar_engine.maker.source import load_source
from avatar_engine.maker.spec import ClothesSpec, Garment, load_person

pytestmark = pytest.mark.unit

OUTFITS: dict[str, tuple[str, tuple[str, ...], str | None]] = {
    "business": ("ada", ("knit", "blazer"), None),
    "jacket": ("ben", ("shirt", "blazer"), None),
    "doctor": ("ada", ("scrubs", "coat"), "square"),
    "home": ("ben", ("sweater",), "round"),
    "office": ("ben", ("shirt",), None),
    "light": ("ada", ("vneck",), None),
}
HEM_DM = 5.9  # under the pupils: 45 cm under any chin, where the body reaches as far


@lru_cache(maxsize=6)
def surface(person: str, lod: int) -> Surface:
    spec = load_person(Path(asset_path("avatars", person, "person.yaml")))
    return cut_bust(neutral_person(load_source(), spec), lod).surface


def outfit(name: str) -> ClothesSpec:
    _, garments, glasses = OUTFITS[name]
    worn = tuple(Garment(style=style, color=(90, 100, 120)) for style in garments)
    return ClothesSpec(garments=worn, glasses=Garment(style=glasses, color=(30, 30, 30)) if glasses else None)


@lru_cache(maxsize=16)
def built(name: str, lod: int) -> tuple[MeshPart, ...]:
    return tuple(clothes.build(surface(OUTFITS[name][0], lod), outfit(name), np.random.default_rng(5)))


@pytest.mark.parametrize(
    ("name", "lod"), [(n, 1) for n in OUTFITS] + [("doctor", 0), ("doctor", 2), ("jacket", 2), ("home", 2)]
)
def test_budget_and_sound_arrays(name: str, lod: int) -> None:
    parts = built(name, lod)
    assert 0 < sum(len(part.triangles) for part in parts) <= CLOTHES_TRIANGLES[lod]
    for part in parts:
        count = len(part.positions)
        assert part.triangles.min() >= 0
        assert part.triangles.max() < count
        assert np.isfinite(part.positions).all()
        assert np.isfinite(part.uvs).all()
        assert len(part.normals) == len(part.uvs) == count
        np.testing.assert_allclose(np.linalg.norm(part.normals, axis=1), 1.0, atol=1e-6)
        if part.weights is not None:
            assert part.joints is not None
            np.testing.assert_allclose(part.weights.sum(1), 1.0, atol=1e-9)
            assert (part.weights >= 0).all()
            assert part.joints.max() < 10


@pytest.mark.parametrize("name", OUTFITS)
def test_reaches_down_and_hides_the_body(name: str) -> None:
    body = surface(OUTFITS[name][0], 1)
    q = (body.positions - body.eye_centre) / body.ipd
    low = min(part.positions[:, 1].min() for part in built(name, 1) if part.material.kind == "cloth")
    trunk = body.positions[np.abs(q[:, 0]) < 0.6, 1].min()
    assert low < max(trunk + 0.15, body.eye_centre[1] - HEM_DM)
    hidden = clothes.covered(body, outfit(name))
    assert hidden.mean() > 0.15
    assert not hidden[q[:, 1] > -1.9].any()


@pytest.mark.parametrize("name", OUTFITS)
def test_stays_out_of_visible_skin(name: str) -> None:
    """Cloth may only lie under skin that is taken away, and at tucked-in edges."""
    body = surface(OUTFITS[name][0], 1)
    seen = ~clothes.covered(body, outfit(name))
    tree = cKDTree(body.positions)
    for part in built(name, 1):
        if part.material.kind != "cloth":
            continue
        gap, j = tree.query(part.positions)
        height = ((part.positions - body.positions[j]) * body.normals[j]).sum(1)
        inside = (height < -0.04) & seen[j] & (gap < 0.35)
        assert inside.mean() < 0.02, f"{part.name}: {inside.sum()} of {len(inside)} vertices inside the skin"


@pytest.mark.parametrize("name", ["business", "office"])
def test_collar_fits_the_neck(name: str) -> None:
    """From the nape to the sides the cloth starts at the neck: no bare shoulder."""
    body = surface(OUTFITS[name][0], 1)
    torso = torso_of(body)
    points = np.concatenate([part.positions for part in built(name, 1)])
    azimuth = np.abs(torso.azimuth(points))
    for start in np.radians([100, 130, 160]):
        ring = points[(azimuth > start - 0.15) & (azimuth < start + 0.15)]
        assert ring[:, 1].max() > torso.nape_y - 0.35 * body.ipd


def test_same_seed_same_clothes() -> None:
    one, two = built("home", 2), built.__wrapped__("home", 2)
    for a, b in zip(one, two, strict=True):
        assert np.array_equal(a.positions, b.positions)
        assert np.array_equal(a.triangles, b.triangles)


def test_unknown_styles_name_the_known_ones() -> None:
    body = surface("ada", 2)
    toga = ClothesSpec(garments=(Garment(style="toga", color=(1, 2, 3)),))
    with pytest.raises(ValueError, match=r"garments\[0\].*toga.*blazer"):
        clothes.build(body, toga, np.random.default_rng(1))
    hearts = ClothesSpec(glasses=Garment(style="heart", color=(1, 2, 3)))
    with pytest.raises(ValueError, match=r"glasses.*heart.*round"):
        clothes.build(body, hearts, np.random.default_rng(1))


def grid(n: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-1, 1, n), np.linspace(-1, 1, n))
    p = np.stack([x.ravel(), y.ravel(), 0.1 * np.sin(2 * x.ravel())], 1)
    i = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)[None]).ravel()
    return p, np.concatenate([np.stack([i, i + 1, i + n], 1), np.stack([i + 1, i + n + 1, i + n], 1)])


def area(p: np.ndarray, t: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.cross(p[t[:, 1]] - p[t[:, 0]], p[t[:, 2]] - p[t[:, 0]]), axis=1) / 2


def test_cut_runs_along_the_line_without_slivers() -> None:
    p, t = grid(41)
    cut_p, cut_t, origin = cut(p, t, 0.5 - np.hypot(p[:, 0], p[:, 1]))
    edges, count = edges_of(cut_t)
    border = np.unique(edges[count == 1])
    np.testing.assert_allclose(np.hypot(cut_p[border, 0], cut_p[border, 1]), 0.5, atol=0.012)
    assert area(cut_p, cut_t).min() > 0.05 * np.median(area(cut_p, cut_t))
    assert len(origin) == len(cut_p)
    assert area(cut_p, cut_t).sum() == pytest.approx(np.pi * 0.25, rel=0.03)


def test_reduction_keeps_shape_and_border() -> None:
    p, t = grid(41)
    thin_p, thin_t, origin = reduce_mesh(p, t, 400)
    assert len(thin_t) <= 400
    assert len(origin) == len(thin_p)
    np.testing.assert_allclose(thin_p[:, 2], 0.1 * np.sin(2 * thin_p[:, 0]), atol=0.01)
    assert area(thin_p, thin_t).sum() == pytest.approx(area(p, t).sum(), rel=0.01)
    assert thin_p[:, :2].min() == pytest.approx(-1.0, abs=1e-6)
