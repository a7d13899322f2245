"""Whose turn it is, who owns the mouth, what the voice tells, and what users turn off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.clips import Clip, Clips, Playing
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import BREATH, GAZE, TURN, Refusals, TurnState
from avatar_engine.components.session import Switches
from avatar_engine.engine.messages import ClearSpeech, PlayGesture, SetAgentState, SetEmotion, Trigger
from avatar_engine.scenes.behaviour_compile import load_persona
from avatar_engine.systems.face_mix import kept_by_emotion
from avatar_engine.systems.prosody import level_of, pitch_of
from avatar_engine.systems.wishes import set_emotion
from tests.mind.rig import Minds, babble

pytestmark = pytest.mark.unit
MOUTH = [i for i, name in enumerate(CONTROLS) if name.startswith(("mouth", "jaw", "tongue"))]
CORNERS = [CONTROL_INDEX[f"mouth{part}{side}"] for part in ("Smile", "Frown") for side in ("Left", "Right")]


def states(minds: Minds, ticks: int) -> list[TurnState]:
    found = []
    for _ in range(ticks):
        minds.step()
        found.append(TurnState(int(minds.row("turn")[TURN.index("state")])))
    return found


def changes(found: list[TurnState]) -> list[TurnState]:
    return [state for i, state in enumerate(found) if i == 0 or state != found[i - 1]]


def test_a_whole_dialogue() -> None:
    minds = Minds()
    seen = states(minds, 5)
    minds.send(Trigger("user_speech_start"))
    seen += states(minds, 30)
    minds.send(Trigger("user_speech_end"), SetAgentState("thinking"))
    seen += states(minds, 20)
    minds.send(Trigger("tool_start"))
    seen += states(minds, 20)
    minds.send(Trigger("tool_end"))
    minds.say(babble(3.0))
    seen += states(minds, 75)
    minds.send(ClearSpeech(), Trigger("user_speech_start"))
    seen += states(minds, 60)
    minds.send(Trigger("user_speech_end"))
    seen += states(minds, 180)
    assert changes(seen) == [
        TurnState.IDLE, TurnState.LISTENING, TurnState.THINKING, TurnState.TOOL_WAIT, TurnState.SPEAKING,
        TurnState.YIELDING, TurnState.LISTENING, TurnState.IDLE,
    ]  # fmt: skip


def test_pauses_inside_speech_are_not_the_end_of_the_turn() -> None:
    minds = Minds()
    minds.say(babble(2.0), segment=0)
    minds.say(np.concatenate([np.zeros(3200, np.float32), babble(2.0)]), segment=1)
    seen = states(minds, 120)
    assert changes(seen) == [TurnState.SPEAKING]


def test_clearing_nothing_is_no_interruption() -> None:
    minds = Minds()
    minds.send(ClearSpeech())
    assert changes(states(minds, 30)) == [TurnState.IDLE]


def test_nested_tools_end_with_the_last() -> None:
    minds = Minds()
    minds.send(Trigger("tool_start"), Trigger("tool_start"))
    minds.step(2)
    minds.send(Trigger("tool_end"))
    assert states(minds, 3)[-1] is TurnState.TOOL_WAIT
    minds.send(Trigger("tool_end"), Trigger("tool_end"))
    assert states(minds, 3)[-1] is TurnState.IDLE


def test_speech_owns_the_mouth_and_gives_it_back() -> None:
    minds = Minds(style="playful")
    minds.send(SetEmotion("surprised", 1.0))
    minds.step(60)
    before = minds.row("controls")
    assert before[CONTROL_INDEX["jawOpen"]] > 0.2
    minds.say(babble(3.0))
    minds.step(6)
    during = minds.row("controls")
    others = [i for i in MOUTH if i not in CORNERS and "Dimple" not in CONTROLS[i] and "Stretch" not in CONTROLS[i]]
    assert np.abs(during[others]).max() < 1e-6
    assert during[CONTROL_INDEX["browInnerUp"]] > 0.6
    minds.step(160)
    assert minds.row("controls")[CONTROL_INDEX["jawOpen"]] > 0.2


def test_an_interrupted_mouth_stays_shut_while_yielding() -> None:
    minds = Minds(style="playful")
    minds.send(SetEmotion("surprised", 1.0))
    minds.say(babble(4.0))
    minds.step(60)
    minds.send(ClearSpeech(), Trigger("user_speech_start"))
    open_jaw = []
    for _ in range(18):
        minds.step()
        open_jaw.append(minds.row("controls")[CONTROL_INDEX["jawOpen"]])
    assert max(open_jaw) < 0.05


def test_a_smile_stays_in_the_corners_while_speaking() -> None:
    minds = Minds(style="playful")
    minds.send(SetEmotion("happy", 1.0))
    minds.step(60)
    free = minds.row("controls")[CORNERS[0]]
    minds.say(babble(3.0))
    minds.step(20)
    kept = minds.row("controls")[CORNERS[0]]
    assert 0.3 * free < kept < 0.6 * free
    assert minds.row("controls")[CONTROL_INDEX["cheekSquintLeft"]] > 0.3


@pytest.mark.parametrize("emotion", emotion_book().names)
def test_no_emotion_opens_or_shuts_a_speaking_mouth(emotion: str) -> None:
    kept = kept_by_emotion()
    shown = np.minimum(emotion_book().units[emotion_book().index[emotion]] @ catalogue().controls, 1.0) * kept
    for name in ("jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthRollUpper", "mouthRollLower",
                 "mouthLowerDownLeft", "mouthUpperUpLeft", "mouthPressLeft", "tongueOut"):  # fmt: skip
        assert shown[CONTROL_INDEX[name]] == 0.0, name


def test_native_units_of_the_mouth_follow_the_owner_too() -> None:
    minds = Minds(style="playful")
    minds.send(SetEmotion("surprised", 1.0))
    minds.step(60)
    jaw = catalogue().index["AU26"]
    assert minds.row("units")[jaw] > 0.3
    minds.say(babble(2.0))
    minds.step(15)
    assert minds.row("units")[jaw] < 0.01
    assert minds.row("units")[catalogue().index["AU50"]] == pytest.approx(1.0)


def test_attack_and_decay() -> None:
    minds = Minds(seed=4)
    minds.step(10)
    index = emotion_book().index["surprised"]
    minds.send(SetEmotion("surprised", 1.0, 2.0))
    rise, fall = [], []
    for _ in range(60):
        minds.step()
        rise.append(float(minds.row("emotion")[index]))
    for _ in range(120):
        minds.step()
        fall.append(float(minds.row("emotion")[index]))
    attack = next(i for i, v in enumerate(rise) if v > 0.9) / 30.0
    decay = next(i for i, v in enumerate(fall) if v < 0.1) / 30.0
    print(f"attack {1000 * attack:.0f} ms, decay {decay:.2f} s")
    assert 0.13 <= attack <= 0.27
    assert 1.5 <= decay <= 3.0
    assert np.abs(np.diff(rise)).max() < 0.5


def test_blends_of_two() -> None:
    minds = Minds(style="playful")
    minds.send(SetEmotion("happy+surprised", 1.0))
    minds.step(60)
    units = catalogue().index
    assert minds.row("units")[units["AU12L"]] > 0.3
    assert minds.row("units")[units["AU02L"]] > 0.3


def test_styles_are_ceilings_and_gains() -> None:
    shown = {}
    for style in ("professional", "warm", "playful", "clinical"):
        minds = Minds(style=style)
        minds.send(SetEmotion("angry", 1.0))
        minds.step(60)
        shown[style] = float(minds.row("emotion.shown")[emotion_book().index["angry"]])
    assert shown["clinical"] <= 0.1001
    assert shown["clinical"] < shown["professional"] <= 0.3001 < shown["warm"] <= 0.4001 < shown["playful"]


def test_faces_are_a_little_asymmetric_and_differ() -> None:
    minds = Minds(2, style="playful")
    for avatar in (0, 1):
        minds.send(SetEmotion("happy", 1.0), avatar=avatar)
    minds.step(60)
    units = catalogue().index
    skew = [minds.row("units", i)[units["AU12L"]] - minds.row("units", i)[units["AU12R"]] for i in (0, 1)]
    assert all(0.0005 < abs(value) < 0.15 for value in skew)
    assert abs(skew[0] - skew[1]) > 0.001


def test_facial_expressions_off() -> None:
    minds = Minds(persona=load_persona("default"))
    minds.world.add(minds.entities[0], Switches(facial_expressions=False))
    minds.send(SetEmotion("happy", 1.0))
    minds.step(60)
    assert np.abs(minds.row("layer.expression")).max() < 1e-6
    assert np.abs(minds.row("pose.head")).max() > 0.0
    shut = []
    for _ in range(300):
        minds.step()
        shut.append(minds.row("layer.blink").max())
    assert max(shut) > 0.9  # it still blinks


def test_head_movements_off() -> None:
    minds = Minds(persona=load_persona("default"))
    minds.world.add(minds.entities[0], Switches(head_movements=False))
    minds.say(babble(4.0))
    minds.send(SetEmotion("sad", 1.0), SetAgentState("thinking"))
    for _ in range(150):
        minds.step()
        assert np.abs(minds.row("pose.head")).max() == 0.0
        assert np.abs(minds.row("pose.expression")[:12]).max() < 1e-6
    assert minds.row("layer.expression").max() > 0.1
    assert np.abs(minds.row("pose.gaze")).max() > 0.0


def test_emotion_off() -> None:
    minds = Minds()
    minds.world.add(minds.entities[0], Switches(emotion_enabled=False))
    minds.send(SetEmotion("happy", 1.0))
    minds.step(60)
    assert minds.row("units")[catalogue().index["AU12L"]] < 1e-6


@pytest.mark.parametrize("hz", [90.0, 132.0, 221.0, 310.0])
def test_pitch_of_a_voice(hz: float) -> None:
    time = np.arange(256) / 4000.0
    voice = sum(np.sin(2 * np.pi * k * hz * time) / k for k in range(1, 6) if k * hz < 1900.0)
    pitch, voiced = pitch_of(0.1 * np.asarray(voice, np.float32)[None])
    assert voiced[0] == 1.0
    assert pitch[0] == pytest.approx(hz, rel=0.02)


def test_noise_and_silence_have_no_pitch() -> None:
    rng = np.random.default_rng(1)
    noise = 0.1 * rng.normal(size=(20, 256)).astype(np.float32)
    assert pitch_of(noise)[1].mean() < 0.2
    assert pitch_of(np.zeros((1, 256), np.float32))[1][0] == 0.0


def test_loudness_is_relative_to_the_voice() -> None:
    loudest = np.zeros(4, np.float32)
    quiet = level_of(np.array([0.0, 1e-6, 1e-3, 0.063], np.float32), loudest, 1 / 30)
    assert quiet[0] == quiet[1] == 0.0
    assert quiet[2] == pytest.approx(1.0 - 14.0 / 40.0, abs=0.01)  # -30 dB of a voice not known yet: -16 dB is loud
    assert quiet[3] == 1.0
    soft = np.array([-16.0], np.float32)
    for _ in range(30 * 30):
        level_of(np.array([1e-3], np.float32), soft, 1 / 30)
    assert level_of(np.array([1e-3], np.float32), soft, 1 / 30)[0] > 0.99  # followed within half a minute


def test_stresses_and_phrase_ends_are_found() -> None:
    minds = Minds()
    rng = np.random.default_rng(3)
    # 12 syllables of 160 ms every 250 ms, every third one loud, then silence: one phrase
    loud = np.zeros(int(3.0 * 16000) + 16000, np.float32)
    stressed = []
    for syllable in range(12):
        start = 800 + syllable * 4000
        strong = syllable % 3 == 1
        loud[start : start + 2560] = (1.0 if strong else 0.3) * np.sin(np.linspace(0, np.pi, 2560))
        stressed += [start + 1280] if strong else []
    time = np.arange(len(loud)) / 16000.0
    tone = sum(np.sin(2 * np.pi * k * 140.0 * time) / k for k in range(1, 8))
    minds.say(0.15 * tone * loud + 1e-4 * rng.normal(size=len(loud)))
    onset, ends = [], []
    for tick in range(130):
        minds.step()
        row = minds.row("prosody")
        if row[3] > 0.5:
            onset.append(tick / 30.0)
        if row[5] > 0.0:
            ends.append(tick / 30.0)
    found = [any(-0.2 <= at - peak / 16000.0 <= 0.1 for at in onset) for peak in stressed]
    print(f"stresses heard at {[f'{at:.2f}' for at in onset]}, spoken at {[f'{p / 16000:.2f}' for p in stressed]}")
    assert sum(found) >= 3
    assert len(onset) <= 7
    assert len(ends) == 1
    assert 2.8 <= ends[0] <= 3.5


def test_the_level_is_that_of_the_samples_being_played() -> None:
    minds = Minds()
    time = np.arange(16000) / 16000.0
    minds.say(np.concatenate([np.zeros(8000), 0.3 * np.sin(2 * np.pi * 200.0 * time)]).astype(np.float32))
    levels = []
    for _ in range(40):
        minds.step()
        levels.append(float(minds.row("prosody")[0]))
    rise = next(i for i, level in enumerate(levels) if level > 0.4)
    assert 14 <= rise <= 16  # the tone starts with tick 15


def test_an_excited_voice_shows_where_a_persona_asks_for_it() -> None:
    persona = load_persona("default")
    shown = {}
    for share in (0.0, 1.0):
        minds = Minds(persona=replace(persona, emotion_from_voice=share, layers=()))
        minds.say(3.0 * babble(6.0))
        minds.step(120)
        shown[share] = float(minds.row("emotion")[emotion_book().index["interested"]])
    assert shown[0.0] == 0.0
    assert shown[1.0] > 0.05


def test_what_a_voice_left_goes_and_what_a_behaviour_feels_stays() -> None:
    minds = Minds(persona=replace(load_persona("default"), emotion_from_voice=1.0, layers=()))
    interested = emotion_book().index["interested"]
    minds.say(3.0 * babble(6.0))
    minds.step(150)
    said = float(minds.row("emotion")[interested])
    minds.step(30 * 12)
    assert float(minds.row("emotion")[interested]) < 0.1 * said
    set_emotion(minds.world, 0, "happy", 0.8, None, outside=False)
    minds.say(3.0 * babble(6.0, seed=2), segment=1)
    minds.step(150)
    assert float(minds.row("emotion")[emotion_book().index["happy"]]) > 0.6
    assert float(minds.row("emotion")[interested]) < 0.1 * said


def test_only_after_speech_the_breath_goes_on_from_an_exhale() -> None:
    minds = Minds()
    minds.step(40)
    before = float(minds.row("breath")[BREATH.index("phase")])
    minds.send(Trigger("user_speech_start"))
    minds.step(1)
    after = float(minds.row("breath")[BREATH.index("phase")])
    assert TurnState(int(minds.row("turn")[TURN.index("state")])) is TurnState.LISTENING
    assert 0.0 < (after - before) % 1.0 < 0.02


def test_the_unit_of_eye_contact_holds_the_gaze() -> None:
    away = {}
    for level in (0.0, 1.0):
        minds = Minds(4, seed=60)
        clip = Clip("contact", np.array([catalogue().index["AU69"]]), np.full((1200, 1), level, np.float32))
        for avatar in range(4):
            minds.send(SetAgentState("thinking"), avatar=avatar)
            minds.world.get(minds.entities[avatar], Clips).active.append(Playing(clip))
        seen = []
        for _ in range(600):
            minds.step()
            seen.append(minds.world.batch["gaze"][:, GAZE.index("away")] > 0.0)
        away[level] = float(np.mean(seen))
    assert away[0.0] > 0.5
    assert away[1.0] < 0.12


def test_unknown_names_are_told_with_a_suggestion() -> None:
    minds = Minds(persona=load_persona("default"))
    refusals = Refusals()
    minds.world.put(refusals)
    minds.send(SetEmotion("hapy"), PlayGesture("nodd"), PlayGesture("nod"), SetEmotion("mood:calm"))
    minds.step(1)
    assert refusals.now == [
        ("s0", "no emotion 'hapy'", "did you mean 'happy'?"),
        ("s0", "no gesture 'nodd'", "did you mean 'nod'?"),
    ]


def test_a_sad_mouth_says_ee_without_smiling() -> None:
    smile, frown, stretch = (CONTROL_INDEX[name] for name in ("mouthSmileLeft", "mouthFrownLeft", "mouthStretchLeft"))
    corners = {}
    for emotion in ("neutral", "sad"):
        minds = Minds(style="playful")
        minds.send(SetEmotion(emotion, 1.0))
        minds.say(babble(4.0))
        minds.step(60)
        mouth = minds.world.batch["layer.mouth"]
        mouth[0, smile], mouth[0, stretch] = 0.3, 0.35  # the viseme of "ee"
        minds.systems[-1].run(minds.world)
        row = minds.row("controls")
        corners[emotion] = float(row[smile] - row[frown])
        assert row[stretch] >= 0.35
    assert corners["neutral"] == pytest.approx(0.3, abs=0.02)
    assert corners["sad"] < -0.15
