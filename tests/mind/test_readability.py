"""Speech stays readable on the face itself, whatever it feels: lips read from the meshes of the bundled avatars."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.bundled import open_library
from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.assets import asset_path
from avatar_engine.scenes.library import Avatar
from avatar_engine.systems.face_mix import FaceMix
from tests.mind.rig import Minds
from tools.readability import EMOTIONS, bundled_speech, read_faces, scores
from tools.shown_mouth import MouthReader, gap_mm, mouth_reader, shown_by

pytestmark = pytest.mark.unit
AVATARS = sorted(path.parent.name for path in asset_path("avatars").glob("*/avatar.yaml"))
WORST = (
    "happy",
    "sad",
    "angry",
    "disgusted",
    "fearful",
    "surprised",
)  # of all sixteen; docs/behaviours.md has the rest


@pytest.fixture(scope="module", params=AVATARS)
def face(request: pytest.FixtureRequest) -> tuple[Avatar, MouthReader]:
    avatar = open_library().load(request.param)
    return avatar, mouth_reader(avatar)


def shapes(avatar: Avatar, **more: float) -> np.ndarray:
    """(15, T) every viseme on this face, with `more` controls."""
    rig = avatar.rig
    controls = rig.viseme_controls * rig.control_gain + rig.control_offset
    for name, value in more.items():
        controls[:, CONTROL_INDEX[name]] += value
    return np.clip(np.clip(controls, 0.0, 1.0) @ rig.control_morphs + rig.viseme_morphs, 0.0, 1.0)


def test_lips_are_read_as_the_viseme_they_show(face: tuple[Avatar, MouthReader]) -> None:
    avatar, reader = face
    # lips alone do not tell these apart
    same = {
        "sil": ("sil", "PP"),
        "PP": ("sil", "PP"),
        "nn": ("nn", "TH", "DD"),
        "RR": ("RR", "CH"),
        "E": ("E", "I", "aa"),
    }
    for more in ({}, {"mouthSmileLeft": 0.5, "mouthSmileRight": 0.5}):
        shown = shown_by(reader, shapes(avatar, **more))
        read = {name: VISEMES[label] for name, label in zip(VISEMES, shown.label)}
        wrong = {name: other for name, other in read.items() if other not in same.get(name, (name,))}
        assert len(wrong) <= (2 if more else 0), wrong
        assert shown.openness[VISEME_INDEX["aa"]] == pytest.approx(0.95, abs=0.06)


def test_a_lowered_jaw_is_no_shut_mouth(face: tuple[Avatar, MouthReader]) -> None:
    avatar, reader = face
    assert gap_mm(reader, shapes(avatar))[VISEME_INDEX["PP"]] < 0.5
    shown = shown_by(reader, shapes(avatar, jawOpen=0.2))
    assert VISEMES[shown.label[VISEME_INDEX["PP"]]] not in ("sil", "PP")


def test_emotions_at_full_intensity_cost_less_than_three_points(face: tuple[Avatar, MouthReader]) -> None:
    avatar, _ = face
    speech = bundled_speech()
    emotions = EMOTIONS if avatar.id == "ada" else ("neutral", *WORST)
    found = scores(read_faces(avatar, emotions, speech), speech)
    plain = found["neutral"].best.lsq
    drops = {name: plain - report.best.lsq for name, report in found.items()}
    print(f"{avatar.id}: neutral {plain:.1f}, " + ", ".join(f"{name} {drop:+.1f}" for name, drop in drops.items()))
    assert plain > 80.0
    assert max(drops.values()) < 3.0


def test_a_smile_makes_way_for_rounded_lips() -> None:
    minds = Minds()
    minds.step()
    batch, smile, pucker = minds.world.batch, CONTROL_INDEX["mouthSmileLeft"], CONTROL_INDEX["mouthPucker"]
    batch["mouth_owner"][:] = 1.0
    batch["layer.expression"][0, smile] = 1.0
    kept = []
    for rounded in (0.0, 1.0):
        batch["layer.mouth"][0] = 0.0
        batch["layer.mouth"][0, pucker] = rounded
        FaceMix().run(minds.world)
        assert batch["controls"][0, pucker] == rounded
        kept.append(float(batch["controls"][0, smile]))
    assert kept == pytest.approx([0.5, 0.2])


def test_a_mouth_that_frowns_does_not_look_pleased_when_it_says_m() -> None:
    minds = Minds()
    minds.step()
    batch = minds.world.batch
    press, frown = CONTROL_INDEX["mouthPressLeft"], CONTROL_INDEX["mouthFrownLeft"]
    batch["mouth_owner"][:] = 1.0
    batch["layer.mouth"][0, press] = 0.4
    kept = []
    for sad in (0.0, 0.25, 0.6):
        batch["layer.expression"][0, frown] = sad
        FaceMix().run(minds.world)
        kept.append(float(batch["controls"][0, press]))
    assert kept == pytest.approx([0.4, 0.2, 0.0])
