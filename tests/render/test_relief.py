"""Pictures of normals and of roughness: they bend the light the way they say, and only where quality pays. 2 s."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from avatar_engine.engine.model import Model, Texture
from avatar_engine.engine.render.base import Background, Camera, Light, Quality, RenderSnapshot, Stage
from avatar_engine.engine.render.panda.renderer import PandaRenderer

pytestmark = pytest.mark.golden

STAGE = Stage(
    (Light("key", (-0.6, 0.5, 0.6), (1.0, 1.0, 1.0), 1.0),), (0.1, 0.1, 0.1), Background("colour", ((0.0, 0.0, 0.0),))
)
CAMERA = Camera((0.0, 1.5, 1.4), (0.0, 1.5, 0.0), 14.0)
SIDE = 160


def plain(red: float, green: float, blue: float) -> Texture:
    """A picture of one linear colour, 0..1."""
    pixels = np.full((8, 8, 4), [round(255 * part) for part in (red, green, blue, 1.0)], np.uint8)
    return Texture("plain", 8, 8, partial(np.copy, pixels), linear=True)


def leaning(right: float, up: float) -> Texture:
    """Normals that lean to the right of the picture of colours, and up in it."""
    x, y, z = np.array([right, up, 1.0]) / np.sqrt(right**2 + up**2 + 1.0) * 0.5 + 0.5
    return plain(x, y, z)


def dressed(model: Model, relief: Texture | None = None, scale: float = 1.0, surface: Texture | None = None) -> Model:
    meshes = []
    for mesh in model.meshes:
        look = replace(mesh.material, kind="plain", normal_texture=relief, normal_scale=scale, surface_texture=surface)
        look = replace(look, base_colour=(0.2, 0.2, 0.2, 1.0))
        meshes.append(replace(mesh, material=look))
    return replace(model, meshes=tuple(meshes))


def drawn(renderer: PandaRenderer, model: Model, quality: Quality = "high") -> np.ndarray:
    """(SIDE, SIDE, 3) the head."""
    view = renderer.open_view(model, SIDE, SIDE, quality)
    joints, morphs = np.zeros((len(model.joints), 6), np.float32), np.zeros(2, np.float32)
    (image,) = renderer.draw([RenderSnapshot(view, STAGE, CAMERA, morphs, joints, 0)])
    pixels = image.pixels[..., :3].astype(float)
    renderer.close_view(view)
    return pixels


def middle(renderer: PandaRenderer, model: Model) -> float:
    """Brightness of the middle of the head, right of the seam of its coordinates."""
    return float(drawn(renderer, model)[60:100, 82:110].mean())


def test_normals_lean_as_the_picture_says(renderer: PandaRenderer, head: Model) -> None:
    """The key light stands to the left and above."""
    flat = middle(renderer, dressed(head, leaning(0.0, 0.0)))
    assert flat == pytest.approx(middle(renderer, dressed(head)), abs=1.5)
    assert middle(renderer, dressed(head, leaning(-0.5, 0.0))) > flat + 5
    assert middle(renderer, dressed(head, leaning(0.5, 0.0))) < flat - 5
    assert middle(renderer, dressed(head, leaning(0.0, 0.5))) > flat + 5
    assert middle(renderer, dressed(head, leaning(0.0, -0.5))) < flat - 5
    assert middle(renderer, dressed(head, leaning(0.5, 0.0), scale=0.0)) == pytest.approx(flat, abs=1.5)


def test_roughness_is_read_from_green(renderer: PandaRenderer, head: Model) -> None:
    wet = drawn(renderer, dressed(head, surface=plain(1.0, 0.2, 0.0)))
    dry = drawn(renderer, dressed(head, surface=plain(0.0, 0.95, 1.0)))
    assert wet.max() > dry.max() + 10


@pytest.mark.parametrize("quality", ["low", "medium"])
def test_lower_qualities_do_not_pay_for_them(renderer: PandaRenderer, head: Model, quality: Quality) -> None:
    rich = dressed(head, leaning(0.5, 0.0), surface=plain(0.0, 0.2, 0.0))
    assert np.array_equal(drawn(renderer, rich, quality), drawn(renderer, dressed(head), quality))
