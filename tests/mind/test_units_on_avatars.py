"""Every unit on every bundled avatar: the skin moves in the right region, on the right side, in the right direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from avatar_engine.components.action_units import ActionUnit, catalogue
from avatar_engine.components.controls import POSE_INDEX
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.scenes.library import Avatar, AvatarLibrary

pytestmark = pytest.mark.unit
AVATARS = sorted(path.parent.name for path in asset_path("avatars").glob("*/avatar.yaml"))
# Where a unit's movement lies: height above the chin as a share of the distance from chin to eyes (low, high). Lips lie
# at about 0.35, the tip of the nose at 0.65, the brows at 1.2.
BANDS = {
    "brow": (1.0, 2.2), "lid": (0.7, 1.35), "eye": (0.7, 1.35), "nose": (0.35, 1.25), "cheek": (0.1, 1.1),
    "corner": (0.0, 0.9), "lip": (-0.1, 0.75), "jaw": (-0.5, 0.6), "tongue": (-0.5, 0.6), "neck": (-1.0, 0.6),
}  # fmt: skip
# code -> (axis, sign) of the mean movement; `out` is away from the middle of the face
UP, DOWN, OUT, INWARD, FORWARD = (1, 1), (1, -1), (3, 1), (3, -1), (2, 1)
DIRECTIONS = {
    "1": UP, "2": UP, "4": DOWN, "6": UP, "9": UP, "10": UP, "11": UP, "12": UP, "13": UP, "15": DOWN, "16": DOWN,
    "17": UP, "18": FORWARD, "20": OUT, "22": FORWARD, "26": DOWN, "27": DOWN, "29": FORWARD, "33": FORWARD,
    "34": OUT, "38": OUT, "39": INWARD, "41": DOWN, "42": DOWN, "43": DOWN, "45": DOWN, "46": DOWN,
}  # fmt: skip
SIDES_OF_A_LIP = {"AU28TL": DOWN, "AU28TR": DOWN, "AU28BL": UP, "AU28BR": UP}
SIDEWAYS = {"AU30L": 1, "AU30R": -1, "X_mouthShiftL": 1, "X_mouthShiftR": -1}
# units that turn or lift the tongue's joint: (column of yaw, pitch, roll, x, y, z; sign)
TONGUE_TURNS = {
    "X_tongueTipUp": (1, 1), "X_tongueUp": (1, 1), "X_tongueDown": (1, -1), "X_tongueLeft": (0, 1),
    "X_tongueRight": (0, -1), "X_tongueBackUp": (4, 1),
}  # fmt: skip
# what needs more than shapes: the pupil, skin colour, tears, and units that only direct other systems
NOT_ON_SKIN = {"X_pupilDilate", "X_pupilConstrict", "X_blush", "X_pallor", "X_tearFilm", "AU50", "AU69", "M69", "AU91"}


@dataclass(frozen=True)
class Skin:
    """Vertices of the finest level with their targets. points (v, 3) metres; deltas (targets, v, 3)."""

    avatar: Avatar
    points: np.ndarray
    deltas: np.ndarray
    chin: float
    height: float
    centre: float


@pytest.fixture(scope="module", params=AVATARS)
def skin(request: pytest.FixtureRequest) -> Skin:
    avatar = AvatarLibrary((asset_path("avatars"),), load_model).load(request.param)
    model, sizes = avatar.model, avatar.measures
    meshes = [mesh for mesh in model.meshes if mesh.level == 0 and mesh.targets]
    starts = np.cumsum([0, *(len(mesh.positions) for mesh in meshes)])
    order = {name: index for index, name in enumerate(model.morph_names)}
    deltas = np.zeros((len(order), starts[-1], 3), np.float32)
    for mesh, start in zip(meshes, starts):
        for target in mesh.targets:
            deltas[order[target.name], start + target.index] += target.delta
    points = np.concatenate([mesh.positions for mesh in meshes])
    assert sizes.chin_m is not None
    assert sizes.eye_height_m is not None
    return Skin(avatar, points, deltas, sizes.chin_m, sizes.eye_height_m - sizes.chin_m, sizes.centre_x_m or 0.0)


def moved(skin: Skin, unit: ActionUnit) -> np.ndarray:
    """(v, 3) displacement of the skin by one unit at 1."""
    rig = skin.avatar.rig
    weights = np.clip(rig.unit_controls[unit.index] @ rig.control_morphs + rig.unit_morphs[unit.index], 0.0, 1.0)
    return np.einsum("t,tvc->vc", weights, skin.deltas, optimize=True)


def test_every_unit_moves_what_its_definition_says(skin: Skin) -> None:
    faults, small = [], []
    for unit in catalogue().units:
        if not unit.controls:
            continue
        move = moved(skin, unit)
        size = np.linalg.norm(move, axis=1)
        if size.max() < 2e-4:  # a fifth of a millimetre
            if unit.id not in TONGUE_TURNS:
                small.append(unit.id)
            continue
        share = size**2 / (size**2).sum()
        level = (skin.points[:, 1] - skin.chin) / skin.height
        band = None if unit.code.startswith("M") else BANDS.get(unit.region)  # M codes bring a 14 with them
        if band is not None:
            outside = float(share[(level < band[0]) | (level > band[1])].sum())
            if outside > 0.2:
                faults.append(f"{unit.id}: {outside:.0%} of the movement lies outside the {unit.region}")
        if unit.side.endswith(("left", "right")) and unit.kind != "head" and unit.id not in SIDEWAYS:
            side = 1.0 if unit.side.endswith("left") else -1.0
            own = float(share[(skin.points[:, 0] - skin.centre) * side > -0.004].sum())
            if own < 0.6:
                faults.append(f"{unit.id}: only {own:.0%} of the movement is on its own side")
        wanted = SIDES_OF_A_LIP.get(unit.id) or DIRECTIONS.get(unit.code)
        if wanted is not None:
            axis, sign = wanted
            aside = np.abs(skin.points[:, 0] - skin.centre)
            outward = move[:, 0] * np.sign(skin.points[:, 0] - skin.centre)
            if unit.code == "34":  # a puffed cheek pulls the lips in: look at the cheek alone
                share = share * (aside > 0.28 * skin.height)
            along = outward if axis == 3 else move[:, axis]
            mean = float((share * along).sum() / (share * size).sum())
            if mean * sign < 0.1:
                faults.append(f"{unit.id}: moves {mean:+.2f} along {'xyz'[axis] if axis < 3 else 'outward'}")
        if unit.id in SIDEWAYS:
            mean = float((share * move[:, 0]).sum() / (share * size).sum())
            if mean * SIDEWAYS[unit.id] < 0.3:
                faults.append(f"{unit.id}: moves {mean:+.2f} along x")
    print(f"{skin.avatar.id}: {len(faults)} faults; too small to see: {', '.join(small) or 'none'}")
    assert faults == [], "\n".join(faults)
    assert small == []


@pytest.mark.parametrize("unit", TONGUE_TURNS)
def test_tongue_units_turn_the_tongue_the_right_way(skin: Skin, unit: str) -> None:
    rig = skin.avatar.rig
    turned = (rig.unit_controls[catalogue().index[unit]] @ rig.control_joints).reshape(-1, 6)
    column, sign = TONGUE_TURNS[unit]
    tongue = turned[rig.joint_names.index("tongue")]
    assert tongue[column] * sign > 0.002
    assert np.delete(tongue, column) == pytest.approx(0.0, abs=1e-6)
    assert np.abs(np.delete(turned, rig.joint_names.index("tongue"), axis=0)).max() == 0.0


def test_units_without_a_shape_say_so(skin: Skin) -> None:
    rig = skin.avatar.rig
    for unit in catalogue().units:
        shown = rig.unit_controls[unit.index].any() or rig.unit_morphs[unit.index].any()
        turned = any(rig.pose_joints[POSE_INDEX[channel]].any() for channel in unit.pose)
        assert shown or turned or unit.id in NOT_ON_SKIN, unit.id


def test_head_and_shoulder_units_turn_a_joint(skin: Skin) -> None:
    rig = skin.avatar.rig
    for unit in catalogue().units:
        for channel, value in unit.pose.items():
            assert rig.pose_joints[POSE_INDEX[channel]].any(), (unit.id, channel)
            assert value != 0.0
