"""What the renderer computes on the CPU: bones, morphing, silhouettes, bands, backgrounds; and the null renderer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Joint, Model
from avatar_engine.engine.render.base import Background, Camera, RenderSnapshot, Stage
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.engine.render.panda.backdrop import paint
from avatar_engine.engine.render.panda.camera import view_projection
from avatar_engine.engine.render.panda.extent import BANDS, Extent
from avatar_engine.engine.render.panda.morphing import Morpher, MorphTable
from avatar_engine.engine.render.panda.outline import Outline
from avatar_engine.engine.render.panda.skeleton import bone_rows
from tests.gltf import generate

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    path = tmp_path_factory.mktemp("avatar") / "head.glb"
    path.write_bytes(generate.plain())
    return load_model(path)


def joint(name: str, parent: int, height: float) -> Joint:
    rest = np.eye(4, dtype=np.float32)
    rest[1, 3] = height
    return Joint(name, parent, rest)


@pytest.mark.parametrize(
    ("column", "start", "sign_axis"),
    [(0, (0, 0, 1), (0, 1)), (1, (0, 0, 1), (1, 1)), (2, (0, 1, 0), (0, 1))],
    ids=["yaw to the left", "pitch up", "roll to the left"],
)
def test_joint_angles_turn_the_right_way(column: int, start: tuple[int, int, int], sign_axis: tuple[int, int]) -> None:
    rows = np.zeros((1, 6), np.float32)
    rows[0, column] = 0.3
    moved = bone_rows((joint("head", -1, 0.0),), rows)[0] @ np.array([*start, 1.0])
    axis, sign = sign_axis
    assert moved[axis] == pytest.approx(sign * np.sin(0.3), abs=1e-6)


def test_children_follow_and_pivots_stay() -> None:
    joints = (joint("neck", -1, 1.0), joint("head", 0, 1.2))
    rows = np.zeros((2, 6), np.float32)
    rows[0, 2], rows[1, 0], rows[1, 3] = 0.5, 0.4, 0.01
    bones = bone_rows(joints, rows)
    assert bones[0] @ [0, 1.0, 0, 1] == pytest.approx([0, 1.0, 0], abs=1e-6)
    head = bones[0] @ [0.01, 1.2, 0, 1]
    assert bones[1] @ [0, 1.2, 0, 1] == pytest.approx(head, abs=1e-6)
    assert bones[2] == pytest.approx(np.eye(4)[:3], abs=0), "the last one does not move"


def test_morphing_adds_targets_and_skips_unchanged_weights(model: Model) -> None:
    mesh = model.meshes[0]
    morpher = Morpher(MorphTable(mesh, model.morph_names))
    assert not morpher.apply(np.zeros(2, np.float32))
    assert morpher.apply(np.array([0.5, 1.0], np.float32))
    expected = mesh.positions.copy()
    for target, weight in zip(mesh.targets, (0.5, 1.0)):
        expected[target.index] += weight * target.delta
    assert np.allclose(morpher.vertices[:, :3], expected, atol=1e-7)
    assert not np.allclose(morpher.vertices[:, 3:], mesh.normals, atol=1e-3), "normals bend too"
    assert not morpher.apply(np.array([0.5, 1.0], np.float32))
    assert morpher.apply(np.zeros(2, np.float32))
    assert np.array_equal(morpher.vertices[:, :3], mesh.positions)


def test_silhouette_of_a_ball_is_its_limb(model: Model) -> None:
    mesh = model.meshes[0]
    outline = Outline(mesh, np.zeros(len(mesh.positions), np.int64), np.ones(len(mesh.positions), bool))
    planes = outline.faces(np.hstack([mesh.positions, mesh.normals]))
    pairs = outline.visible(planes, np.array([[0.0, 1.5, 3.0]], np.float32))
    ends = mesh.positions[np.unique(pairs)]
    limb = ends[np.abs(ends[:, 1] - 1.5) < 0.11]  # the open poles have borders of their own
    assert len(limb) > 10
    assert (np.abs(limb[:, 2]) < 0.05).all(), "between the side that faces us and the side that does not"


def test_bands_hold_the_whole_avatar(model: Model) -> None:
    extent = Extent(model.meshes, np.zeros(1, np.int64))
    rows = np.array([[0.3, 0.1, 0.2, 0.02, -0.01, 0.0]], np.float32)
    bones = bone_rows((joint("head", -1, 1.4),), rows)[:1]
    for camera in (Camera((0.3, 1.6, 1.2), (0.0, 1.5, 0.0), 20.0), Camera((0.0, 1.5, 0.6), (0.0, 1.45, 0.0), 30.0)):
        matrix, _ = view_projection(camera, 16 / 9)
        bands = extent.bands(bones, matrix)
        world = model.meshes[0].positions @ bones[0, :, :3].T + bones[0, :, 3]
        clip = np.hstack([world, np.ones((len(world), 1))]) @ matrix.T
        x, y = clip[:, 0] / clip[:, 3], clip[:, 1] / clip[:, 3]
        inside = (np.abs(x) <= 1) & (np.abs(y) < 1)
        band = ((y[inside] + 1) / 2 * BANDS).astype(int)
        assert (x[inside] >= bands[band, 0]).all()
        assert (x[inside] <= bands[band, 1]).all()


def test_gradient_has_no_bands_and_images_are_cropped_not_stretched() -> None:
    dark = Background("gradient", ((0.20, 0.20, 0.20), (0.21, 0.21, 0.21)))
    pixels = paint(dark, 64, 400)
    steps = np.abs(np.diff(pixels[:, :, 0].astype(int), axis=0))
    assert steps.max() <= 3
    assert (steps > 0).mean() > 0.2, "dithered"
    wide = np.zeros((10, 100, 3), np.uint8)
    wide[:, 45:55] = 255
    square = paint(Background("image", image=wide), 50, 50)
    assert square[25, 25, 0] > 200, "the middle stays the middle"
    assert square[25, 2, 0] > 200, "a tenth of the width now fills the square"


def test_null_renderer_draws_black_of_the_right_size(model: Model) -> None:
    renderer = NullRenderer()
    stage = Stage((), (0, 0, 0), Background("colour"))
    camera = Camera((0, 0, 1), (0, 0, 0), 20)
    joints = np.zeros((0, 6), np.float32)
    for pixels, shape in (("bgra", (36, 64, 4)), ("i420", (54, 64))):
        view = renderer.open_view(model, 64, 36, "low", pixels)  # type: ignore[arg-type]
        (image,) = renderer.draw([RenderSnapshot(view, stage, camera, np.zeros(2, np.float32), joints)])
        assert image.pixels.shape == shape
        renderer.close_view(view)


def test_missing_texture_files_are_named(tmp_path: Path) -> None:
    from avatar_engine.engine.errors import AssetError

    path = tmp_path / "a.gltf"
    path.write_text('{"asset": {"version": "2.0"}, "buffers": [{"byteLength": 4, "uri": "gone.bin"}]}')
    with pytest.raises(AssetError, match=r"gone\.bin"):
        load_model(path)
