"""Every dialect that exporters speak becomes the same head: metres, y up, facing +z, named shapes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Model
from tests.gltf import generate

pytestmark = pytest.mark.unit


def load(folder: Path, name: str) -> Model:
    path = folder / name
    path.write_bytes(generate.DIALECTS[name]())
    return load_model(path)


def cloud(model: Model) -> np.ndarray:
    return np.vstack([mesh.positions for mesh in model.meshes if mesh.level == 0])


@pytest.mark.parametrize("name", sorted(generate.DIALECTS))
def test_same_head_in_every_dialect(tmp_path: Path, name: str) -> None:
    model = load(tmp_path, name)
    shape = generate.ball()
    points = cloud(model)
    assert np.allclose(points.min(0), shape.positions.min(0), atol=2e-4)
    assert np.allclose(points.max(0), shape.positions.max(0), atol=2e-4)
    jaw, blink = model.morph_names[:2]
    if name != "unnamed_targets.glb":
        assert (jaw, blink) == ("jawOpen", "eyeBlinkLeft")
    mesh = model.meshes[0]
    target = mesh.targets[0]
    assert np.allclose(target.delta, [0.0, -0.02, 0.0], atol=2e-5)
    assert (mesh.positions[target.index, 2] > 0).all(), "the jaw is in front"
    outward = mesh.positions - [0.0, 1.5, 0.0]
    assert (np.einsum("ij,ij->i", mesh.normals, outward) > 0).all()
    corners = mesh.positions[mesh.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    assert (np.einsum("ij,ij->i", face, corners.mean(1) - [0.0, 1.5, 0.0]) > 0).all(), "counter-clockwise outside"


def test_unnamed_targets_get_names(tmp_path: Path) -> None:
    assert load(tmp_path, "unnamed_targets.glb").morph_names == ("target_0", "target_1")


def test_several_primitives_share_shape_names(tmp_path: Path) -> None:
    model = load(tmp_path, "several_primitives.glb")
    assert len(model.meshes) == 2
    assert model.morph_names == ("jawOpen", "eyeBlinkLeft")


def test_levels_of_detail(tmp_path: Path) -> None:
    model = load(tmp_path, "levels_of_detail.glb")
    assert model.levels == 2
    fine, coarse = ([m for m in model.meshes if m.level == level] for level in (0, 1))
    assert len(fine) == len(coarse) == 1
    assert len(coarse[0].positions) < len(fine[0].positions)


def test_skeleton_in_metres(tmp_path: Path) -> None:
    for name in ("skinned.glb", "z_up.glb"):
        model = load(tmp_path, name)
        assert model.joint_names == ("Neck", "Head_bone")
        assert [joint.parent for joint in model.joints] == [-1, 0]
        assert np.allclose(model.joints[1].rest[:3, 3], [0.0, 1.48 if name == "skinned.glb" else 1.45, 0.0], atol=1e-4)
        mesh = model.meshes[0]
        assert mesh.weights is not None
        assert np.allclose(mesh.weights.sum(1), 1.0, atol=1e-5)


def test_textures_and_materials(tmp_path: Path) -> None:
    for name in ("textured.glb", "webp.glb"):
        material = load(tmp_path, name).meshes[0].material
        assert material.kind == "skin"
        assert material.unlit
        assert material.emissive == pytest.approx((0.3, 0.0, 0.0))
        assert material.base_texture is not None
        pixels = material.base_texture.pixels
        assert pixels.shape == (8, 8, 4)
        assert pixels[0, 0].tolist() == [255, 0, 0, 255]
        assert pixels[0, 7].tolist() == [0, 0, 255, 255]


def test_texture_transform_is_applied_to_the_coordinates(tmp_path: Path) -> None:
    still, moved = load(tmp_path, "textured.glb").meshes[0].uvs, load(tmp_path, "texture_transform.glb").meshes[0].uvs
    assert np.allclose(moved, still * [2.0, 0.5] + [0.5, 0.25], atol=1e-6)


def test_no_morphs_at_all(tmp_path: Path) -> None:
    build = generate.Builder()
    generate._scene(build, [generate._primitive(build, generate.ball(), targets=False)])
    path = tmp_path / "still.glb"
    path.write_bytes(build.glb())
    model = load_model(path)
    assert model.morph_names == ()
    assert len(model.meshes) == 1
