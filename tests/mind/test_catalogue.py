"""The 157 units and the emotions as data."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.components.action_units import (
    MOTIONS,
    UNIT_COUNT,
    build_catalogue,
    catalogue,
    unit_ids,
)
from avatar_engine.components.clips import Clip, Clips, Playing
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS, POSE_INDEX
from avatar_engine.components.emotions import EMOTION_SLOTS, emotion_book, find_emotion, find_style
from avatar_engine.engine.errors import AssetError, InputError
from avatar_engine.engine.messages import SetEmotion
from avatar_engine.systems.unit_limits import SPEED, speed_limits
from avatar_engine.systems.unit_motion import MOVING_KINDS, motion_at, moving_units
from tests.mind.rig import Minds

pytestmark = pytest.mark.unit
ISSUE_EMOTIONS = (
    "neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised", "contempt", "calm", "empathetic",
    "concerned", "reassuring", "interested", "confused", "thinking", "professional",
)  # fmt: skip
LIVEKIT_MOODS = (
    "excited", "happy", "playful", "curious", "surprised", "hopeful", "empathetic", "sad", "angry", "anxious", "calm",
)  # fmt: skip


def test_there_are_exactly_157_units_136_of_facs_and_21_extensions() -> None:
    book = catalogue()
    assert len(book.units) == len({unit.id for unit in book.units}) == UNIT_COUNT == 157
    assert sum(unit.kind == "extension" for unit in book.units) == 21
    assert {unit.code for unit in book.units if unit.kind == "extension"} == {"-"}
    assert book.letters == {"A": 0.15, "B": 0.3, "C": 0.55, "D": 0.8, "E": 1.0}


def test_every_adult_facs_code_is_there_or_listed_as_not_controllable() -> None:
    book = catalogue()
    codes = {unit.code for unit in book.units} | set(book.not_controllable)
    numbered = [*range(32), *range(32, 36), 36, 37, 38, 39, 40, *range(41, 47), 50, *range(51, 59), *range(61, 67)]
    numbered += [69, 70, 71, 72, 73, 74, 80, 81, 82, 84, 85, 91, 92, 97, 98]
    assert {str(n) for n in numbered} <= codes
    assert {"M55", "M56", "M57", "M59", "M60", "M61", "M62", "M68", "M69", "M83"} <= codes


def test_every_control_is_reached_by_some_unit() -> None:
    reached = catalogue().controls.max(axis=0) > 0.0
    assert [name for name in CONTROLS if not reached[CONTROL_INDEX[name]]] == []


def test_sides_move_their_own_side() -> None:
    for unit in catalogue().units:
        if unit.side in ("left", "right"):
            other = "Right" if unit.side == "left" else "Left"
            crossing = [name for name in unit.controls if name.endswith(other) and "eyeLook" not in name]
            if unit.id not in ("M83L", "M83R"):  # their 14 is symmetrical by definition
                assert crossing == [], unit.id


def test_pose_signs_follow_the_definitions() -> None:
    book = catalogue()
    expected = {"AU51": ("head_yaw", 1), "AU52": ("head_yaw", -1), "AU53": ("head_pitch", 1),
                "AU54": ("head_pitch", -1),
                "AU55": ("head_roll", 1), "AU56": ("head_roll", -1), "AU57": ("head_z", 1), "AU58": ("head_z", -1),
                "AU61L": ("eye_left_yaw", 1), "AU62R": ("eye_right_yaw", -1), "AU63L": ("eye_left_pitch", 1),
                "AU64R": ("eye_right_pitch", -1), "AU82L": ("shoulder_left", 1)}  # fmt: skip
    for unit, (channel, sign) in expected.items():
        assert np.sign(book.pose[book.index[unit], POSE_INDEX[channel]]) == sign, unit
    assert book.pose[book.index["AU51"], POSE_INDEX["head_yaw"]] == pytest.approx(np.radians(40.0))


def test_a_code_names_all_its_sides() -> None:
    assert unit_ids("12") == unit_ids("AU12") == ("AU12L", "AU12R")
    assert unit_ids("AU12L") == ("AU12L",)
    assert len(unit_ids("18")) == 4
    assert unit_ids("M83") == ("M83L", "M83R")
    assert unit_ids("999") == ()


def test_a_broken_catalogue_says_where() -> None:
    data = {"version": 1, "intensity": {}, "not_controllable": {}}
    bad = {"code": "99", "kind": "action_unit", "name": "x", "region": "brows", "controls": {"jawOpen": 1.0}}
    with pytest.raises(AssetError, match=r"units\.AU99: region: unknown name 'brows'; did you mean 'brow'"):
        build_catalogue({**data, "units": {"AU99": bad}}, "x.yaml")
    with pytest.raises(AssetError, match="1 units; there must be exactly 157"):
        build_catalogue({**data, "units": {"AU99": {**bad, "region": "brow"}}}, "x.yaml")


def test_every_unit_has_a_speed_and_every_motion_runs() -> None:
    book = catalogue()
    assert (speed_limits(book) > 0.0).all()
    assert {unit.region for unit in book.units} <= set(SPEED)
    assert {u.motion.kind for u in book.units if u.motion} <= set(MOTIONS)
    moving = moving_units(book)
    assert set(MOVING_KINDS) <= set(MOTIONS)
    ages = np.linspace(0.0, 3.0, 181, dtype=np.float32)[:, None] * np.ones((1, len(moving.index)), np.float32)
    gain, swing = motion_at(moving, ages)
    assert gain.min() >= 0.0
    assert gain.max() <= 1.0
    assert np.abs(swing).max() <= 1.0
    assert (gain.max(axis=0) > 0.5).all()


def test_a_nod_unit_swings_both_ways_and_ends() -> None:
    book, moving = catalogue(), moving_units(catalogue())
    column = moving.index.tolist().index(book.index["AU85"])
    ages = np.linspace(0.0, 2.0, 121, dtype=np.float32)[:, None] * np.ones((1, len(moving.index)), np.float32)
    swing = motion_at(moving, ages)[1][:, column]
    assert swing.max() > 0.7
    assert swing.min() < -0.7
    assert abs(swing[-1]) < 1e-3


@pytest.mark.parametrize("name", ISSUE_EMOTIONS)
def test_the_sixteen_emotions_exist(name: str) -> None:
    index, gain = find_emotion(name)
    assert emotion_book().names[index] == name
    assert gain == 1.0


@pytest.mark.parametrize("mood", LIVEKIT_MOODS)
def test_livekit_moods_map_onto_emotions(mood: str) -> None:
    index, gain = find_emotion(f"mood:{mood}")
    assert 0.5 <= gain <= 1.0
    assert emotion_book().units[index].sum() > 0.0


def test_prototypes_hold_what_emfacs_lists() -> None:
    book, units = emotion_book(), catalogue()
    listed = {"happy": ("6", "12"), "sad": ("1", "4", "15"), "surprised": ("1", "2", "5", "26"),
              "fearful": ("1", "2", "4", "5", "7", "20", "26"), "angry": ("4", "5", "7", "23"),
              "disgusted": ("9", "15", "17")}  # fmt: skip
    for emotion, codes in listed.items():
        vector = book.units[book.index[emotion]]
        for code in codes:
            assert all(vector[units.index[unit]] > 0.0 for unit in unit_ids(code)), (emotion, code)
    contempt = book.units[book.index["contempt"]]
    assert contempt[units.index["AU14R"]] > 0.0
    assert contempt[units.index["AU14L"]] == 0.0
    assert len(book.names) <= EMOTION_SLOTS


def test_unknown_names_come_with_a_suggestion() -> None:
    with pytest.raises(InputError, match="unknown emotion 'hapy'; did you mean 'happy'"):
        find_emotion("hapy")
    with pytest.raises(InputError, match="did you mean 'warm'"):
        find_style("warmm")


def test_a_lip_wipe_sweeps_the_tongue_to_both_sides() -> None:
    clip = Clip("wipe", np.array([catalogue().index["AU37T"]]), np.ones((120, 1), np.float32))
    minds = Minds(style="playful")
    minds.step(3)
    minds.world.get(minds.entities[0], Clips).active.append(Playing(clip))
    seen = []
    for _ in range(50):
        minds.step()
        row = minds.row("controls")
        seen.append([row[CONTROL_INDEX["tongueLeft"]], row[CONTROL_INDEX["tongueRight"]]])
    assert np.array(seen).max(axis=0).min() > 0.3
    assert np.array(seen).min(axis=1).max() == 0.0  # never both


def test_a_flash_shows_the_wanted_emotion_for_half_a_second() -> None:
    clip = Clip("flash", np.array([catalogue().index["AU91"]]), np.ones((90, 1), np.float32))
    minds = Minds(style="playful")
    minds.step(3)
    # an emotion that is wanted, but held back by its ceiling: the flash lets it through
    minds.world.batch["emotion.ceiling"][0] = 0.0
    minds.send(SetEmotion("surprised", 1.0))
    minds.step(10)
    assert minds.row("units")[catalogue().index["AU02L"]] < 0.1
    minds.world.get(minds.entities[0], Clips).active.append(Playing(clip))
    brow = []
    for _ in range(30):
        minds.step()
        brow.append(float(minds.row("units")[catalogue().index["AU02L"]]))
    assert max(brow) > 0.5
    assert brow[-1] < 0.1


def test_the_page_of_the_units_is_up_to_date() -> None:
    from tools.unit_pages import PAGE, page

    assert PAGE.read_text("utf-8") == page(), "run `python -m tools.unit_pages`"
