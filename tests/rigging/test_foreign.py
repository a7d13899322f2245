"""Files in the manner of other makers load, map and speak, or say what they cannot do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.components.controls import ARKIT, CONTROL_INDEX
from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf.arms import relaxed
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.scenes.library import Avatar, AvatarLibrary
from tests.gltf.foreign import FAMILIES, FOREIGN, named, posed
from tests.gltf.generate import DIALECTS, ball
from tests.gltf.test_malformed import broken

pytestmark = pytest.mark.unit
FILES = FOREIGN | {name: make for name, make in DIALECTS.items() if name.endswith(".glb")}


def load(folder: Path, data: bytes, name: str = "guest.glb") -> Avatar:
    path = folder / name
    path.write_bytes(data)
    return AvatarLibrary((), load_model).load(str(path))


def moved(avatar: Avatar, *, viseme: str = "", controls: tuple[str, ...] = ()) -> np.ndarray:
    """(n, 3) metres the skin of the first mesh moves, by targets and by bones."""
    rig, model = avatar.rig, avatar.model
    values = np.zeros(len(CONTROL_INDEX), np.float32)
    visemes = np.zeros(len(VISEME_INDEX), np.float32)
    if viseme:
        visemes[VISEME_INDEX[viseme]] = 1.0
        values = visemes @ rig.viseme_controls
    for name in controls:
        values[CONTROL_INDEX[name]] = 1.0
    weights = np.clip(values @ rig.control_morphs + visemes @ rig.viseme_morphs, 0.0, 1.0)
    mesh = model.meshes[0]
    delta = np.zeros_like(mesh.positions)
    for target in mesh.targets:
        delta[target.index] += weights[model.morph_names.index(target.name)] * target.delta
    turns = (values @ rig.control_joints).reshape(-1, 6)
    for joint, (_, pitch, *_rest) in enumerate(turns):
        if pitch and mesh.joints is not None:
            away = mesh.positions - model.joints[joint].rest[:3, 3]
            follows = (mesh.joints[:, 0] == joint)[:, None]
            delta += follows * np.stack([0 * away[:, 0], away[:, 2], -away[:, 1]], 1) * pitch
    return delta


@pytest.mark.parametrize("name", sorted(FILES))
def test_it_speaks(tmp_path: Path, name: str) -> None:
    avatar = load(tmp_path, FILES[name]())
    # a few families know only one or two shapes of the mouth
    floor = 0.0015 if name.startswith("family") else 0.004
    delta = moved(avatar, viseme="aa")
    mouth = avatar.model.meshes[0].positions[:, 1] < 1.48
    assert np.linalg.norm(delta[mouth], axis=1).max() > floor, "the mouth opens on AA"
    assert np.linalg.norm(moved(avatar, viseme="sil"), axis=1).max() < 1e-6
    assert np.linalg.norm(delta, axis=1).max() < 0.08, "nothing flies away"


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith(("vrm", "unnamed targets"))])
def test_each_eye_blinks_alone_and_once(tmp_path: Path, name: str) -> None:
    avatar = load(tmp_path, FILES[name]())
    points = avatar.model.meshes[0].positions
    delta = moved(avatar, controls=("eyeBlinkLeft",))
    assert delta[points[:, 0] > 0.02, 1].min() == pytest.approx(-0.01, abs=2e-4)
    assert np.abs(delta[points[:, 0] < -0.02]).max() < 1e-6


@pytest.mark.parametrize("name", ["vrm 0.x", "vrm 1.0"])
def test_vrm_faces_forward_with_eyes_and_licence(tmp_path: Path, name: str) -> None:
    avatar = load(tmp_path, FOREIGN[name](), "guest.vrm")
    model = avatar.model
    assert model.joint_names == ("head", "eyeLeft", "eyeRight")
    assert model.joints[1].rest[0, 3] > 0.02, "the left eye is on the avatar's left"
    jaw = model.meshes[0].targets[0]
    assert model.meshes[0].positions[jaw.index, 2].min() > 0, "the mouth is in front"
    assert avatar.rig.pose_joints.any()
    told = model.extras["vrm"]
    assert isinstance(told, dict)
    assert told["version"] == name.split()[1]
    assert "Nobody" in str(told["licence"])
    assert model.meshes[0].material.kind == "plain", "a painted iris is no glass ball"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda vrm: vrm["humanoid"]["humanBones"][0].update(node=99), "outside"),
        (lambda vrm: vrm["humanoid"].update(humanBones="none"), "not a list"),
        (lambda vrm: vrm["blendShapeMaster"]["blendShapeGroups"][0]["binds"][0].update(mesh=7), "outside"),
        (lambda vrm: vrm["blendShapeMaster"]["blendShapeGroups"][0]["binds"][0].update(weight="all"), "number"),
        (lambda vrm: vrm["blendShapeMaster"].update(blendShapeGroups=[3]), "not a list"),
    ],
)
def test_lying_vrm_is_refused(tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str) -> None:
    path = tmp_path / "guest.vrm"
    path.write_bytes(broken(lambda root: change(root["extensions"]["VRM"]), FOREIGN["vrm 0.x"]))
    with pytest.raises(AssetError, match=rf"extensions\.VRM.*{reason}"):
        load_model(path)


def test_expressions_of_targets_that_are_not_there_are_left_out(tmp_path: Path) -> None:
    def change(root: dict[str, Any]) -> None:
        root["extensions"]["VRM"]["blendShapeMaster"]["blendShapeGroups"][0]["binds"][0]["index"] = 60

    model = load(tmp_path, broken(change, FOREIGN["vrm 0.x"])).model
    assert "a" not in model.morph_names
    assert "i" in model.morph_names


def test_vrm_expressions_combine_targets(tmp_path: Path) -> None:
    model = load(tmp_path, FOREIGN["vrm 0.x"]()).model
    made = {target.name: target for target in model.meshes[0].targets}
    assert {"a", "o", "blink", "blink_l", "Cheeky"} <= made.keys()
    assert np.allclose(made["o"].delta[:, 1], -0.02 * 0.4 - 0.01 * 0.4, atol=1e-5)


def test_consonants_move_faces_that_only_know_vowels(tmp_path: Path) -> None:
    avatar = load(tmp_path, FOREIGN["vrm 1.0"]())
    for viseme in ("DD", "SS", "CH", "RR", "kk"):
        assert np.abs(moved(avatar, viseme=viseme)).max() > 0.001, viseme
    assert np.abs(moved(avatar, viseme="PP")).max() < 1e-6, "lips stay together"


def test_halves_are_not_driven_twice_by_two_families() -> None:
    from avatar_engine.scenes.automap import propose

    proposal = propose(["Fcl_EYE_Close_L", "Fcl_EYE_Close_R", "Fcl_EYE_Close", "Fcl_BRW_Angry", "blink", "blink_l"])
    assert [drive.target for drive in proposal.mapping["eyeBlinkLeft"]] == ["Fcl_EYE_Close_L"]
    assert [drive.target for drive in proposal.mapping["eyeBlinkRight"]] == ["Fcl_EYE_Close_R"]


@pytest.mark.parametrize("angle_deg", [0.0, 45.0])
def test_arms_hang(tmp_path: Path, angle_deg: float) -> None:
    joints = {joint.name: joint.rest[:3, 3] for joint in load(tmp_path, posed(angle_deg)).model.joints}
    for side, x in (("Left", 1), ("Right", -1)):
        way = joints[f"{side}ForeArm"] - joints[f"{side}Arm"]
        assert way[1] < -0.25
        assert way[0] * x > 0.02, "beside the trunk, not in it"
        assert np.linalg.norm(way) == pytest.approx(0.28, abs=1e-4)


def test_hanging_arms_stay(tmp_path: Path) -> None:
    assert "arms_relaxed" not in load(tmp_path, posed(75.0)).model.extras


def test_every_family_of_the_table_is_tried() -> None:
    assert len(FOREIGN) + len(DIALECTS) >= 20
    assert {f"family {name}" for name in FAMILIES} <= FOREIGN.keys()
    assert ball().jaw.any()


def test_no_shapes_and_no_jaw_still_loads(tmp_path: Path) -> None:
    avatar = load(tmp_path, named({}, ("mixamorig:Head|head",)))
    assert avatar.rig.pose_joints.any(), "the head turns"
    assert not avatar.rig.control_morphs.any()


def test_skin_follows_the_lowered_arm_and_nothing_else_moves(tmp_path: Path) -> None:
    """A hand and a half-bound shoulder on the T-posed skeleton, lowered by hand-made weights."""
    lowered = load(tmp_path, posed(0.0)).model
    spread = [np.array(joint.rest) for joint in load(tmp_path, posed(75.0), "still.glb").model.joints]
    for rest, at in zip(spread, ((0, 1.45, 0), (0.15, 1.35, 0), (0.43, 1.35, 0), (-0.15, 1.35, 0), (-0.43, 1.35, 0))):
        rest[:3, 3] = at
    joints = tuple(replace(joint, rest=rest) for joint, rest in zip(lowered.joints, spread))
    mesh = replace(
        lowered.meshes[0],
        positions=np.array([[0.6, 1.35, 0.0], [0.0, 1.5, 0.1], [0.15, 1.35, 0.05]], np.float32),
        normals=np.array([[0, 1, 0]] * 3, np.float32),
        triangles=np.array([[0, 1, 2]], np.uint32),
        joints=np.array([[2, 0, 0, 0], [0, 0, 0, 0], [0, 1, 0, 0]], np.uint16),
        weights=np.array([[1, 0, 0, 0], [1, 0, 0, 0], [0.5, 0.5, 0, 0]], np.float32),
        targets=(),
    )
    model = relaxed(replace(lowered, joints=joints, meshes=(mesh,)))
    hand, face, shoulder = model.meshes[0].positions
    assert hand[1] == pytest.approx(1.35 - 0.45 * np.sin(np.radians(74)), abs=1e-3)
    assert hand[0] > 0.15
    assert np.allclose(face, mesh.positions[1])
    assert np.allclose(shoulder, mesh.positions[2], atol=1e-5), "the pivot stays"
    assert model.meshes[0].normals[0, 0] > 0.9, "what was on top of the arm looks outward"


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as ARKit writes them": str,
    "PascalCase": lambda name: name[0].upper() + name[1:],
    "snake_case": _snake,
    "UPPER_SNAKE": lambda name: _snake(name).upper(),
    "lower": str.lower,
    "_L and _R": lambda name: name.removesuffix("Left") + "_L" if name.endswith("Left") else (
        name.removesuffix("Right") + "_R" if name.endswith("Right") else name
    ),
    "a node's prefix": lambda name: f"blendShape1.{name}",
    "a mesh's prefix": lambda name: f"Head_GEO.{name}",
    "numbers": lambda name: f"{ARKIT.index(name):02d}_{name}",
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_any_file_with_the_52_is_driven_whole_without_editing(tmp_path: Path, spelling: str) -> None:
    """In any order, beside targets that mean nothing: every control moves its own target and no other."""
    names = {SPELLINGS[spelling](control): (control,) for control in reversed(ARKIT)}
    avatar = load(tmp_path, named({"Muscles_Body": (), **names, "x_17": ()}, ("Bip01_Head|head",)))
    for control in ARKIT:
        row = avatar.rig.control_morphs[CONTROL_INDEX[control]]
        driven = [avatar.model.morph_names[k] for k in np.flatnonzero(row)]
        assert driven == [SPELLINGS[spelling](control)], control
    for viseme in VISEME_INDEX:
        assert moved(avatar, viseme=viseme).any() == (viseme != "sil"), viseme
    assert avatar.rig.pose_joints.any(), "the head turns"
