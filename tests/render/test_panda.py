"""The renderer's promises: complete first pictures, same snapshot same pixels, views apart, memory shared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from avatar_engine.engine.errors import EngineError
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import MaterialKind, Model
from avatar_engine.engine.render.base import Background, Camera, Light, Quality, RenderSnapshot, Stage
from avatar_engine.engine.render.panda.renderer import PandaRenderer
from tests.gltf import generate

pytestmark = pytest.mark.golden

LIGHTS = (
    Light("key", (-0.5, 0.5, 0.7), (1.0, 1.0, 1.0), 1.0, True),
    Light("fill", (0.8, 0.2, 0.6), (1.0, 1.0, 1.0), 0.3),
    Light("rim", (0.5, 0.5, -0.8), (1.0, 1.0, 1.0), 0.8),
)
GREEN = Stage(LIGHTS, (0.3, 0.3, 0.3), Background("colour", ((0.0, 1.0, 0.0),)))
CAMERA = Camera((0.0, 1.5, 1.4), (0.0, 1.5, 0.0), 14.0)
WIDTH, HEIGHT = 160, 120


@pytest.fixture(scope="module")
def model(head: Model) -> Model:
    return head


def shot(
    renderer: PandaRenderer,
    model: Model,
    view: int,
    *,
    jaw: float = 0.0,
    yaw: float = 0.0,
    lift: float = 0.0,
    stage: Stage = GREEN,
    camera: Camera = CAMERA,
) -> np.ndarray:
    morphs = np.array([jaw, 0.0], np.float32)
    joints = np.zeros((len(model.joints), 6), np.float32)
    if len(joints):
        joints[-1, 0], joints[-1, 4] = yaw, lift
    (image,) = renderer.draw([RenderSnapshot(view, stage, camera, morphs, joints, 0)])
    assert image.pixels.shape == (image.height, image.width, 4)
    return image.pixels


def covered(pixels: np.ndarray) -> np.ndarray:
    """Where the head is: not background green."""
    return (pixels[..., 1] < 250) | (pixels[..., 0] > 5)


@pytest.mark.parametrize("quality", ["low", "medium", "high", "ultra"])
def test_first_picture_is_complete(renderer: PandaRenderer, model: Model, quality: Quality) -> None:
    view = renderer.open_view(model, WIDTH, HEIGHT, quality)
    first = shot(renderer, model, view).copy()
    again = shot(renderer, model, view)
    renderer.close_view(view)
    assert np.array_equal(first, again)
    assert (first[..., 3] == 255).all()
    mask = covered(first)
    assert 0.1 < mask.mean() < 0.6
    assert not mask[:4].any()
    assert not mask[:, :4].any()
    assert first[mask][:, :3].max(axis=1).mean() > 60, "the head is lit"


def test_top_row_comes_first(renderer: PandaRenderer, model: Model) -> None:
    view = renderer.open_view(model, WIDTH, HEIGHT, "low")
    low = np.argwhere(covered(shot(renderer, model, view)))[:, 0].mean()
    high = np.argwhere(covered(shot(renderer, model, view, lift=0.05)))[:, 0].mean()
    renderer.close_view(view)
    assert high < low - 5


def test_left_of_the_avatar_is_right_in_the_picture(renderer: PandaRenderer, model: Model) -> None:
    view = renderer.open_view(model, WIDTH, HEIGHT, "low")
    aside = replace(CAMERA, position_m=(0.0, 1.5, 1.4), target_m=(0.05, 1.5, 0.0))
    columns = np.argwhere(covered(shot(renderer, model, view, camera=aside)))[:, 1]
    renderer.close_view(view)
    assert columns.mean() < WIDTH / 2, "looking to +x moves the head to the left of the picture"


def test_morphs_and_joints_move_the_picture(renderer: PandaRenderer, model: Model) -> None:
    view = renderer.open_view(model, WIDTH, HEIGHT, "medium")
    neutral = shot(renderer, model, view).copy()
    assert (np.abs(shot(renderer, model, view, jaw=1.0).astype(int) - neutral) > 8).mean() > 0.003
    assert (np.abs(shot(renderer, model, view, lift=0.02).astype(int) - neutral) > 8).mean() > 0.01
    assert np.array_equal(shot(renderer, model, view), neutral), "and nothing of it stays behind"
    renderer.close_view(view)


def test_pictures_stay_what_they_were(renderer: PandaRenderer, model: Model) -> None:
    """An image belongs to its receiver: later pictures do not write into it."""
    view = renderer.open_view(model, WIDTH, HEIGHT, "low")
    kept = [shot(renderer, model, view, lift=0.005 * k) for k in range(12)]
    copies = [pixels.copy() for pixels in kept]
    slices = [pixels[10:20] for pixels in kept]
    expected = [pixels.copy() for pixels in slices]
    for k in range(12):
        shot(renderer, model, view, lift=-0.005 * k)
    assert all(np.array_equal(a, b) for a, b in zip(kept, copies))
    del kept
    for k in range(12):
        shot(renderer, model, view, lift=-0.004 * k)
    assert all(np.array_equal(a, b) for a, b in zip(slices, expected)), "views of it count too"
    renderer.close_view(view)


def test_views_do_not_disturb_each_other(renderer: PandaRenderer, model: Model) -> None:
    red = replace(GREEN, background=Background("colour", ((1.0, 0.0, 0.0),)))
    one = renderer.open_view(model, WIDTH, HEIGHT, "medium")
    alone = [shot(renderer, model, one, yaw=0.1 * k, lift=0.01 * k).copy() for k in range(3)]
    two = renderer.open_view(model, WIDTH, HEIGHT, "medium")
    other = renderer.open_view(model, 96, 96, "low")
    for k in range(3):
        joints = np.zeros((2, 2, 6), np.float32)
        joints[0, -1, [0, 4]] = 0.1 * k, 0.01 * k
        joints[1, -1, 4] = -0.02 * k
        weights = np.zeros(2, np.float32)
        images = renderer.draw(
            [
                RenderSnapshot(two, red, CAMERA, weights, joints[1], 0),
                RenderSnapshot(one, GREEN, CAMERA, weights, joints[0], 0),
                RenderSnapshot(other, GREEN, CAMERA, weights, joints[1], 0),
            ]
        )
        assert np.array_equal(images[1].pixels, alone[k])
        assert images[0].pixels[0, 0].tolist() == [0, 0, 255, 255]
        assert images[2].pixels.shape == (96, 96, 4)
    for view in (one, two, other):
        renderer.close_view(view)


def test_same_pixels_in_a_fresh_view_after_any_history(renderer: PandaRenderer, model: Model) -> None:
    old = renderer.open_view(model, WIDTH, HEIGHT, "medium")
    for k in range(5):
        shot(renderer, model, old, jaw=0.2 * k, yaw=0.1 * k, lift=0.02 * k)
    veteran = shot(renderer, model, old, jaw=0.3, yaw=-0.2).copy()
    renderer.close_view(old)
    new = renderer.open_view(model, WIDTH, HEIGHT, "medium")
    assert np.array_equal(shot(renderer, model, new, jaw=0.3, yaw=-0.2), veteran)
    renderer.close_view(new)


def test_background_and_badge_change_at_once(renderer: PandaRenderer, model: Model) -> None:
    view = renderer.open_view(model, 320, 180, "medium")
    plain = shot(renderer, model, view).copy()
    badged = shot(renderer, model, view, stage=replace(GREEN, badge="AI")).copy()
    changed = np.argwhere((plain != badged).any(axis=2))
    assert len(changed) > 50
    assert changed[:, 0].min() > 90, "in the lower half"
    assert changed[:, 1].max() < 160, "on the left"
    assert np.array_equal(shot(renderer, model, view, stage=replace(GREEN, badge="AI"), lift=0.0), badged)
    assert np.array_equal(shot(renderer, model, view), plain)
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, :10, 0], picture[:, 10:, 2] = 200, 200
    image = shot(renderer, model, view, stage=replace(GREEN, background=Background("image", image=picture)))
    assert image[0, 2, 2] > 100
    assert image[0, 2, 0] < 60
    assert image[0, -3, 0] > 100
    renderer.close_view(view)


def test_every_dialect_is_drawn(renderer: PandaRenderer, tmp_path: Path) -> None:
    for name, make in generate.DIALECTS.items():
        path = tmp_path / name
        path.write_bytes(make())
        loaded = load_model(path)
        view = renderer.open_view(loaded, WIDTH, HEIGHT, "medium")
        pixels = shot(renderer, loaded, view)
        assert 0.1 < covered(pixels).mean() < 0.6, name
        renderer.close_view(view)


@pytest.mark.parametrize(
    "kind", ["hair", "hair_cap", "lash", "brow", "eye", "eye_shade", "cloth", "teeth", "glass", "plain"]
)
@pytest.mark.parametrize("mode", ["OPAQUE", "MASK", "BLEND"])
def test_every_kind_is_drawn_with_and_without_texture(
    renderer: PandaRenderer, tmp_path: Path, kind: MaterialKind, mode: Literal["OPAQUE", "MASK", "BLEND"]
) -> None:
    path = tmp_path / "head.glb"
    path.write_bytes(generate.textured())
    loaded = load_model(path)
    textured = replace(loaded.meshes[0].material, kind=kind, alpha_mode=mode, unlit=False)
    for material in (textured, replace(textured, base_texture=None)):
        dressed = replace(loaded, meshes=(replace(loaded.meshes[0], material=material),))
        for quality in ("medium", "high") if mode == "MASK" else ("medium",):
            view = renderer.open_view(dressed, WIDTH, HEIGHT, quality)
            assert covered(shot(renderer, dressed, view)).mean() > 0.05, (kind, mode, quality)
            renderer.close_view(view)


def test_mistakes_are_named(renderer: PandaRenderer, model: Model) -> None:
    with pytest.raises(EngineError, match=r"4x4.*16 to 8192"):
        renderer.open_view(model, 4, 4, "low")
    with pytest.raises(EngineError, match=r"quality 'best'.*low, medium, high, ultra"):
        renderer.open_view(model, 64, 64, "best")  # type: ignore[arg-type]
    with pytest.raises(EngineError, match="view 9999"):
        renderer.close_view(9999)


def test_textures_leave_the_card_with_their_model(renderer: PandaRenderer, tmp_path: Path) -> None:
    path = tmp_path / "textured.glb"
    path.write_bytes(generate.textured())
    counts = []
    for _ in range(4):
        loaded = load_model(path)
        view = renderer.open_view(loaded, WIDTH, HEIGHT, "high")
        shot(renderer, loaded, view)
        renderer.close_view(view)
        again = renderer.open_view(loaded, 64, 64, "low")
        shot(renderer, loaded, again)
        renderer.close_view(again)
        counts.append(renderer.resources())
    assert counts[1] == counts[3], "opening and closing an avatar leaves nothing behind"
