"""Names of every naming family find their control."""

from importlib.resources import files

import pytest
import yaml

from avatar_engine.components.controls import ARKIT
from avatar_engine.scenes.automap import _tables, normalised, propose
from avatar_engine.scenes.profile import AvatarProfile
from avatar_engine.scenes.rigging import compile_rig, joint_roles

pytestmark = pytest.mark.unit
TABLE = yaml.safe_load(files("avatar_engine.components").joinpath("morph_aliases.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    ("written", "control"),
    [
        ("mouthSmile_L", "mouthSmileLeft"),
        ("MouthSmileRight", "mouthSmileRight"),
        ("blendShape1.jawOpen", "jawOpen"),
        ("AK_25_JawOpen", "jawOpen"),
        ("A02_Brow_Down_Left", "browDownLeft"),
        ("mouthClosed", "mouthClose"),
        ("eyeBlink.R", "eyeBlinkRight"),
        ("jaw_Left", "jawLeft"),
        ("tongue-out", "tongueOut"),
    ],
)
def test_spellings_of_one_name(written: str, control: str) -> None:
    assert normalised(written) == normalised(control)
    assert propose([written]).mapping[control][0].target == written


def test_all_52_map_onto_themselves() -> None:
    proposal = propose(ARKIT)
    assert proposal.missing == ()
    assert proposal.unknown == ()
    assert all(drives[0].target == control for control, drives in proposal.mapping.items())


@pytest.mark.parametrize("family", sorted(TABLE["families"]))
def test_every_family_is_recognised(family: str) -> None:
    names = list(TABLE["families"][family])
    proposal = propose(names)
    assert proposal.unknown == ()
    driven = {drive.target for drives in proposal.mapping.values() for drive in drives} | set(proposal.visemes.values())
    assert len(driven) >= min(3, len(names))


def test_halves_take_the_full_value_and_shared_targets_half_from_each_side() -> None:
    proposal = propose(["browInnerUp_L", "browInnerUp_R", "eyesClosed"])
    assert [drive.gain for drive in proposal.mapping["browInnerUp"]] == [1.0, 1.0]
    assert proposal.mapping["eyeBlinkLeft"][0].gain == 0.5
    assert proposal.mapping["eyeBlinkRight"][0].gain == 0.5


def test_exact_names_win_over_aliases() -> None:
    proposal = propose(["mouthOpen", "jawOpen"])
    assert [drive.target for drive in proposal.mapping["jawOpen"]] == ["jawOpen"]


def test_a_vroid_face_speaks_with_its_vowels_and_blinks() -> None:
    names = ["Fcl_MTH_A", "Fcl_MTH_I", "Fcl_MTH_U", "Fcl_MTH_E", "Fcl_MTH_O", "Fcl_EYE_Close_L", "Fcl_EYE_Close_R"]
    rig = compile_rig(AvatarProfile(model="x.vrm"), "x", names, ("Head",), "x.vrm")
    assert rig.viseme_morphs[10, 0] == 1.0
    assert rig.control_morphs[ARKIT.index("eyeBlinkLeft"), 5] == 1.0


def test_tables_have_no_name_twice_in_a_family() -> None:
    for family, table in TABLE["families"].items():
        assert len(_tables()[family]) >= len(table) - 2, family


def test_parts_with_their_own_prefix_move_together_and_only_where_no_plain_name_does() -> None:
    proposal = propose(["Head_GEO.jawOpen", "Teeth_GEO.jawOpen", "Beard.mouthLeft", "mouthLeft"])
    assert [drive.target for drive in proposal.mapping["jawOpen"]] == ["Head_GEO.jawOpen", "Teeth_GEO.jawOpen"]
    assert [drive.target for drive in proposal.mapping["mouthLeft"]] == ["mouthLeft"]


@pytest.mark.parametrize(
    ("joints", "roles"),
    [
        (("Bip01", "Bip01 Spine", "Bip01 Neck", "Bip01 Head", "Bip01 HeadNub"), {"spine": 1, "neck": 2, "head": 3}),
        (("DEF-spine", "DEF-neck", "DEF-head", "DEF-jaw", "DEF-eye.L", "DEF-eye.R"),
         {"spine": 0, "neck": 1, "head": 2, "jaw": 3, "eye_left": 4, "eye_right": 5}),
        (("neck.x", "head.x", "jawbone.x", "eyelid.l"), {"neck": 0, "head": 1, "jaw": 2}),
        (("rig:LowerJaw", "rig:head_end", "rig:HeadTop"), {"jaw": 0}),
    ],
)  # fmt: skip
def test_bones_are_known_by_how_their_names_end(joints: tuple[str, ...], roles: dict[str, int]) -> None:
    assert joint_roles(AvatarProfile(model="x.glb"), joints, "x.glb") == roles


def test_a_role_left_alone_stays_alone() -> None:
    assert joint_roles(AvatarProfile(model="x.glb", joints={"jaw": ""}), ("rig:jaw",), "x.glb") == {}
