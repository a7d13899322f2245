"""A drawn face: its empty shapes are stood in for, its irises lie on the whites and turn once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_engine.avatar_doctor.examine import examine
from avatar_engine.avatar_doctor.posing import body_of, shown
from avatar_engine.cli import main
from avatar_engine.components.controls import CONTROL_INDEX, POSE_INDEX
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.scenes.library import Avatar, AvatarLibrary
from avatar_engine.scenes.seeing import still_targets
from tests.gltf.drawn import EMPTY, EYE, drawn_face

pytestmark = pytest.mark.unit


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "drawn.glb"
    path.write_bytes(drawn_face())
    return path


@pytest.fixture(scope="module")
def avatar(path: Path) -> Avatar:
    return AvatarLibrary((), load_model).load(str(path))


def test_an_empty_jaw_leaves_speaking_to_the_open_vowel(avatar: Avatar) -> None:
    assert set(EMPTY) <= still_targets(avatar.model)
    row = avatar.rig.control_morphs[CONTROL_INDEX["jawOpen"]]
    assert [avatar.model.morph_names[k] for k in np.flatnonzero(row)] == ["Fcl_MTH_A"]
    body = body_of(avatar)
    chin = body.rest[:, 1] < 1.45
    assert -shown(body, viseme="aa")[chin, 1].min() > 0.019, "the vowel opens the mouth whole"
    assert -shown(body, viseme="sil")[chin, 1].min() < 1e-6


def test_shapes_that_move_keep_their_own_control(avatar: Avatar) -> None:
    for control in ("mouthSmileLeft", "eyeBlinkRight", "mouthFunnel", "tongueOut"):
        row = avatar.rig.control_morphs[CONTROL_INDEX[control]]
        assert [avatar.model.morph_names[k] for k in np.flatnonzero(row)] == [control]


def test_eyes_are_where_they_are_seen_and_turn_once(avatar: Avatar) -> None:
    assert avatar.measures.eye_distance_m == pytest.approx(2 * EYE[0], abs=1e-4)
    assert avatar.measures.eye_height_m == pytest.approx(EYE[1], abs=1e-4)
    assert not avatar.rig.pose_joints[POSE_INDEX["eye_left_yaw"]].any(), "the shapes turn them already"
    assert avatar.rig.pose_joints[POSE_INDEX["head_yaw"]].any()


def test_eyes_that_mirror_nothing_are_not_lit_like_eyeballs(avatar: Avatar) -> None:
    assert [mesh.material.kind for mesh in avatar.model.meshes] == ["skin", "plain", "plain"]


def test_the_doctor_sees_irises_and_says_what_is_empty(avatar: Avatar) -> None:
    told = {finding.topic: finding for finding in examine(avatar).findings}
    assert told["gaze"].grade == told["eyes"].grade == told["jaw"].grade == "good"
    assert "jawOpen" in told["names"].text


def test_irises_are_drawn_on_the_whites(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "face.png"
    assert main(["snapshot", "--avatar", str(path), "--resolution", "320x320", "--camera", "head", "-o", str(out)]) == 0
    red, _, blue = np.moveaxis(np.asarray(Image.open(out).convert("RGB"), np.int32), 2, 0)
    white = (red > 150) & (abs(red - blue) < 60)
    iris = (blue > 60) & (blue > 2 * red)
    assert iris.sum() > 100
    assert white.sum() > iris.sum(), "the white around them is seen too"
    left, right = iris[:, :160].sum(), iris[:, 160:].sum()
    assert 0.5 < left / right < 2.0
