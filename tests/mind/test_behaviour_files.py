"""Behaviour files: what is good runs, what is broken is reported with file, line and a way out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from avatar_engine.components.clips import CLIP_HZ
from avatar_engine.components.script import FACTS, Persona, Script
from avatar_engine.engine.errors import SceneError
from avatar_engine.engine.messages import PlayGesture, SetEmotion, Trigger
from avatar_engine.scenes.behaviour_compile import load_persona
from avatar_engine.scenes.behaviour_graph import mermaid, write_graph
from avatar_engine.scenes.behaviour_source import bundled_behaviours
from avatar_engine.scenes.behaviour_trace import parse_events, trace
from avatar_engine.scenes.guards import GuardError, compile_guard
from avatar_engine.systems.guard_machine import run_program
from avatar_engine.systems.script import adopt
from tests.mind.rig import Minds

pytestmark = pytest.mark.unit

GOOD = """\
version: 1
name: test
include: [gestures]
params: {size: 0.8}
events: [celebrate]
clips:
  cheer: {units: {12: [[0, 0], [0.2, 1], [0.6, 0]], AU02L: [[0.1, 0], [0.3, D], [0.6, 0]]}}
layers:
  main:
    owns: [emotion, head, mouth, brows]
    initial: calm
    always:
      - {event: user_speech_start, to: busy}
    states:
      calm:
        enter: [{emotion: base}]
        react:
          - {event: celebrate, when: "size > 0.5 and turn == 'idle'", do: [{clip: cheer, strength: size}], cooldown_s: 2}
          - {after_s: [1, 2], do: [{gesture: nod, strength: "min(1, size * 0.5)"}]}
      busy:
        enter: [{emotion: concerned, intensity: 0.7}, {wait_s: 0.5}, {emit: celebrate}]
        leave: [{stop: all}]
        react:
          - {event: user_speech_end, to: calm}
          - every_s: 0.5
            do:
              - choose: [{weight: 3, do: [{set: {size: "size * 0.5"}}]}, {weight: 1}]
"""

# what is wrong -> (a line to replace, with, what the report must say)
BROKEN: dict[str, tuple[str, str, str]] = {
    "syntax": ("    initial: calm\n", "    initial: [calm\n", r"b\.yaml:1\d: "),
    "tab": ("    initial: calm\n", "\tinitial: calm\n", r"b\.yaml:11: .*token"),
    "duplicate key": ("name: test\n", "name: test\nname: two\n", r"b\.yaml:3: the key 'name' stands here twice"),
    "unknown key": ("name: test\n", "nmae: test\n", r"b\.yaml:2 nmae: unknown key; did you mean 'name'"),
    "unknown key in a reaction": ("event: celebrate, when", "event: celebrate, wen", r"b\.yaml:18 layers\.main\.states\.calm\.react\[0\]\.wen: unknown key"),
    "missing version": ("version: 1\n", "", r"b\.yaml:1 version: field required"),
    "wrong version": ("version: 1\n", "version: 7\n", r"b\.yaml:1 version: input should be 1"),
    "unknown state": ("to: busy", "to: bussy", r"b\.yaml:13 layers\.main\.always\[0\]\.to: there is no state 'bussy' in this layer; did you mean 'busy'"),
    "unknown initial": ("initial: calm", "initial: clam", r"b\.yaml:11 layers\.main\.initial: there is no state 'clam'; did you mean 'calm'"),
    "unreachable state": ("{event: user_speech_start, to: busy}", "{event: user_speech_start, to: calm}", r"b\.yaml:20 layers\.main\.states\.busy: nothing leads to this state"),
    "unknown event": ("event: user_speech_start", "event: user_spech_start", r"b\.yaml:13 .*nothing sends the event 'user_spech_start'; did you mean 'user_speech_start'"),
    "unknown emotion": ("emotion: concerned", "emotion: concernd", r"b\.yaml:21 .*unknown emotion 'concernd'; did you mean 'concerned'"),
    "unknown gesture": ("gesture: nod", "gesture: nodd", r"b\.yaml:19 .*there is no gesture 'nodd'; did you mean 'nod'"),
    "unknown clip": ("clip: cheer", "clip: chear", r"b\.yaml:18 .*there is no clip 'chear'; did you mean 'cheer'"),
    "a gesture that never ends": ("layers:\n", "  hum: {loop: true, units: {12: [[0, 0], [1, 1]]}}\ngestures: {hums: {clip: hum}}\nlayers:\n", r"b\.yaml:9 gestures\.hums\.clip: the clip 'hum' loops: a gesture of it would never end"),
    "unknown unit": ("AU02L:", "AU99L:", r"b\.yaml:7 clips\.cheer\.units\.AU99L: there is no action unit 'AU99L'; did you mean 'AU"),
    "intensity out of range": ("[0.2, 1]", "[0.2, 1.7]", r"b\.yaml:7 clips\.cheer\.units\.12\[1\]\[1\].*less than or equal to 1"),
    "times that do not rise": ("[0.6, 0]], AU02L", "[0.1, 0]], AU02L", r"b\.yaml:7 clips\.cheer\.units: the times of unit 12 do not rise: 0, 0\.2, 0\.1"),
    "guard: unknown name": ("size > 0.5", "sise > 0.5", r"b\.yaml:18 .*when: nothing is called 'sise'; did you mean 'size'"),
    "guard: one equals sign": ("turn == 'idle'", "turn = 'idle'", r"b\.yaml:18 .*write '=='"),
    "guard: text against number": ("turn == 'idle'", "turn > 3", r"b\.yaml:18 .*a text and a number are compared"),
    "guard: open bracket": ("size > 0.5 and", "(size > 0.5 and", r"b\.yaml:18 .*a '\)' is missing"),
    "guard: python": ("size > 0.5 and", "__import__('os') and", r"b\.yaml:18 .*no function '__import__'"),
    "two actions in a step": ("{emotion: base}", "{emotion: base, gesture: nod}", r"b\.yaml:16 .*exactly one thing of .*found emotion and gesture"),
    "an extra that does not belong": ("{emit: celebrate}", "{emit: celebrate, strength: 1}", r"b\.yaml:21 .*'strength' goes with gesture or clip, not with 'emit'"),
    "two causes": ("- every_s: 0.5\n", "- every_s: 0.5\n            event: start\n", r"b\.yaml:25 .*exactly one of event, after_s, every_s"),
    "a range that runs backwards": ("after_s: [1, 2]", "after_s: [3, 2]", r"b\.yaml:19 .*range \[3, 2\] runs backwards"),
    "a timer without pause": ("every_s: 0.5", "every_s: 0", r"b\.yaml:25 .*every_s below 0\.1 s"),
    "a channel not owned": ("owns: [emotion, head, mouth, brows]", "owns: [emotion, head, mouth]", r"b\.yaml:18 .*moves brows, which this layer does not own; owns is \[emotion, head, mouth\]"),
    "an unknown channel": ("owns: [emotion,", "owns: [emotions,", r"b\.yaml:10 .*no channel 'emotions'; did you mean 'emotion'"),
    "an include that is not there": ("include: [gestures]", "include: [gesturs]", r"b\.yaml:3 include\[0\]: there is no behaviour file 'gesturs'; did you mean 'gestures'"),
    "an include of itself": ("include: [gestures]", "include: [gestures, b.yaml]", r"b\.yaml:3 include\[1\]: includes itself: b\.yaml -> b\.yaml"),
    "a chance above one": ("cooldown_s: 2", "chance: 3", r"b\.yaml:18 .*chance: input should be less than or equal to 1"),
    "a fact that is set": ("{set: {size:", "{set: {turn:", r"b\.yaml:27 .*'turn' is a fact and cannot be set"),
    "no branch with weight": ("[{weight: 3, do: [{set: {size: \"size * 0.5\"}}]}, {weight: 1}]", "[{weight: 0}]", r"b\.yaml:27 .*no branch has a weight above 0"),
    "a parameter that is a fact": ("params: {size: 0.8}", "params: {size: 0.8, level: 1}", r"b\.yaml:4 params\.level: is the name of a fact"),
    "not a mapping": (GOOD, "- 1\n- 2\n", r"b\.yaml:1: expected a mapping"),
    "an infinite number": ("params: {size: 0.8}", "params: {size: .inf}", r"b\.yaml:4 params\.size"),
}  # fmt: skip


def write(folder: Path, text: str, name: str = "b.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def test_the_good_file_is_good(tmp_path: Path) -> None:
    persona = load_persona(str(write(tmp_path, GOOD)))
    assert [layer.name for layer in persona.layers] == ["main"]
    assert persona.listens == {"user_speech_start", "user_speech_end", "celebrate"}
    clip = persona.clips["cheer"]
    assert len(clip.values) == 37
    assert clip.values[round(0.2 * CLIP_HZ)].max() == pytest.approx(1.0)
    assert clip.values.max(axis=0)[-1] == pytest.approx(0.8)  # the letter D


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_say_where_what_and_what_next(kind: str, tmp_path: Path) -> None:
    find, replace, message = BROKEN[kind]
    assert find in GOOD
    path = write(tmp_path, GOOD.replace(find, replace, 1))
    with pytest.raises(SceneError, match=message) as caught:
        load_persona(str(path))
    assert "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_two_layers_cannot_own_the_same(tmp_path: Path) -> None:
    text = GOOD + "  other:\n    owns: [emotion]\n    states: {only: {enter: [{emotion: happy}]}}\n"
    with pytest.raises(SceneError, match=r"b\.yaml:29 layers\.other\.owns: 'emotion' is owned by the layer 'main'"):
        load_persona(str(write(tmp_path, text)))


def test_an_error_in_an_included_file_names_that_file(tmp_path: Path) -> None:
    write(tmp_path, "version: 1\nclips:\n  x: {units: {777: [[0, 0], [1, 1]]}}\n", "parts.yaml")
    path = write(tmp_path, GOOD.replace("[gestures]", "[gestures, parts.yaml]"))
    with pytest.raises(SceneError, match=r"parts\.yaml:3 clips\.x\.units\.777: there is no action unit '777'"):
        load_persona(str(path))


def test_overrides_replace_parameters_clips_gestures_and_states(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    own = """\
version: 1
include: [b.yaml]
params: {size: 0.1}
gestures: {nod: {clip: cheer}}
layers:
  main:
    states:
      calm: {enter: [{emotion: happy}], react: [{event: user_speech_start, to: busy}]}
"""
    persona = load_persona(str(write(tmp_path, own, "own.yaml")))
    assert persona.params["size"] == 0.1
    assert [clip.name for clip in persona.gestures["nod"].clips] == ["cheer"]
    calm, busy = persona.layers[0].states
    assert len(calm.reactions) == 1
    assert len(busy.reactions) == 2
    assert persona.sources[-1].endswith("own.yaml")


@pytest.mark.parametrize("name", bundled_behaviours())
def test_bundled_behaviours_are_good(name: str) -> None:
    assert load_persona(name).sources


GUARDS = {
    "1 + 2 * 3 == 7": True, "(1 + 2) * 3 == 9": True, "not 0 and not false": True, "1 > 2 or 3 >= 3": True,
    "-2 < -1": True, "7 % 4 == 3": True, "1 / 0 == 0": True, "max(1, 2, 3) == 3 and min(4, 2) == 2": True,
    "clamp(5, 0, 1) == 1": True, "abs(-3) == 3": True, "turn == 'idle'": True, "turn != \"idle\"": False,
    "level * 2 > 0.9": True, "round(0.6) == 1": True, "not (turn == 'idle' and level > 0.9)": True,
}  # fmt: skip


@pytest.mark.parametrize("text", GUARDS)
def test_guards_compute(text: str) -> None:
    facts = {"turn": "idle", "level": 0.5}
    assert bool(run_program(compile_guard(text, FACTS), facts.__getitem__)) is GUARDS[text]


@pytest.mark.parametrize(
    "text",
    ["", "1 +", "and 1", "turn.lower()", "level[0]", "lambda: 1", "x := 1", "1 < 2 < 3", "min()", "turn + 1", "'a' < 'b'",
     "(" * 60 + "1" + ")" * 60, "not " * 60 + "1", "level; level", "level level", "exec('1')", "1 if 2 else 3", "9" * 500],
)  # fmt: skip
def test_what_is_no_guard_is_refused(text: str) -> None:
    with pytest.raises(GuardError):
        compile_guard(text, FACTS)


def heads(persona: Persona, seed: int, ticks: int = 300) -> tuple[list[tuple[int, str]], Minds]:
    minds = Minds(1, 30, seed=seed, persona=persona)
    script = minds.world.get(minds.entities[0], Script)
    script.said = []
    minds.step(ticks)
    return script.said, minds


def test_timers_guards_cooldowns_choices_and_sequences(tmp_path: Path) -> None:
    persona = load_persona(str(write(tmp_path, GOOD)))
    said, minds = heads(persona, 5, 90)
    assert [text for _, text in said if "gesture nod" in text] == ["main: gesture nod 0.40"]
    assert 30 <= next(tick for tick, text in said if "nod" in text) <= 61
    script = minds.world.get(minds.entities[0], Script)
    for _ in range(2):
        minds.send(Trigger("celebrate"))
        minds.step(3)
    assert [text for _, text in said].count("main: clip cheer") == 1  # the second one fell into the cooldown
    assert minds.row("units").max() > 0.0
    minds.send(Trigger("user_speech_start"))
    minds.step(1)
    assert any("calm -> busy" in text for _, text in said)
    entered = said[-1][0]
    minds.step(20)
    assert next(tick for tick, text in said if "emit celebrate" in text) - entered == 15  # waited 0.5 s
    minds.step(100)
    halvings = [text for _, text in said if "size = " in text]
    assert 4 <= len(halvings) <= 8  # seven or eight draws, three of four halve
    assert script.values["size"] == pytest.approx(0.8 * 0.5 ** len(halvings))
    minds.send(Trigger("user_speech_end"), Trigger("celebrate"))
    minds.step(2)
    assert [text for _, text in said].count("main: clip cheer") == 1  # now the guard forbids it: size is too small


def test_the_same_seed_runs_the_same_and_another_differs() -> None:
    persona = load_persona("default")
    one, two, other = heads(persona, 1, 900)[0], heads(persona, 1, 900)[0], heads(persona, 2, 900)[0]
    assert one == two
    assert one != other


def test_events_that_emit_each_other_end(tmp_path: Path) -> None:
    text = """\
version: 1
events: [ping, pong]
layers:
  a: {always: [{event: ping, do: [{emit: pong}]}, {event: pong, do: [{emit: ping}]}]}
"""
    said, minds = heads(load_persona(str(write(tmp_path, text))), 1, 1)
    minds.send(Trigger("ping"))
    minds.step(2)
    assert any("more than 32 events" in text for _, text in said)


def test_emotions_of_the_outside_go_before_those_of_the_behaviour() -> None:
    minds = Minds(1, 30, persona=load_persona("default"), style="warm")
    minds.send(SetEmotion("sad", 1.0, 2.0))
    minds.step(30)
    minds.send(Trigger("user_speech_start"))  # the persona would like to look interested
    minds.step(20)
    from avatar_engine.components.emotions import emotion_book

    sad, interested = emotion_book().index["sad"], emotion_book().index["interested"]
    assert minds.row("emotion")[sad] > 0.8
    minds.step(60)
    assert minds.row("emotion")[sad] < 0.2
    assert minds.row("emotion")[interested] > 0.25


def test_gestures_play_once_and_respect_their_cooldown() -> None:
    minds = Minds(1, 30, persona=load_persona("gestures"))
    book = minds.persona
    assert book is not None
    for gesture in ("nod", "shake", "tilt", "shrug", "wink", "smile"):
        assert gesture in book.gestures
    minds.step(5)
    rest = minds.row("pose.expression").copy()
    minds.send(PlayGesture("shake"), PlayGesture("shake"))
    yaw = []
    for _ in range(60):
        minds.step()
        yaw.append(float(minds.row("pose.expression")[0] - rest[0]))
    assert max(yaw) > 0.08
    assert min(yaw) < -0.08
    assert abs(yaw[-1]) < 0.01
    assert (
        int(np.sum(np.diff(np.sign(np.array(yaw)[np.abs(yaw) > 0.03])) != 0)) == 3
    )  # left, right, left, right: played once


def test_a_wink_shuts_one_eye() -> None:
    minds = Minds(1, 30, persona=load_persona("gestures"), seed=3)
    minds.step(5)
    minds.send(PlayGesture("wink"))
    shut = []
    for _ in range(30):
        minds.step()
        shut.append(minds.row("layer.expression")[[8, 9]])
    peak = np.array(shut).max(axis=0)
    assert peak.max() > 0.85
    assert peak.min() < 0.05


EVENTS = """\
# a short conversation
0.5 user_speech_start
2   user_speech_end
2.3 agent thinking
4   tool_start
6   tool_end
6   speak 3
10  emotion sad 0.5 1
10.5 gesture nod
14 end
"""


def test_a_trace_shows_turns_and_what_the_behaviour_did() -> None:
    lines = trace(load_persona("default"), parse_events(EVENTS, "e.txt"))
    turns = [line.split()[-1] for line in lines if "turn:" in line]
    assert turns == ["idle", "listening", "thinking", "tool_wait", "speaking", "listening", "idle"]
    assert any("mood: idle -> listening (listening)" in line for line in lines)
    assert lines == trace(load_persona("default"), parse_events(EVENTS, "e.txt"))
    assert float(lines[-1].split()[0]) <= 14.0


@pytest.mark.parametrize("line", ["user_speech_start", "x 1", "1 speak", "1 speak fast", "1 emotion", "1 agent"])
def test_broken_event_lists_name_the_line(line: str) -> None:
    with pytest.raises(SceneError, match=r"e\.txt:2"):
        parse_events(f"0 start\n{line}\n", "e.txt")


def test_graphs_are_drawn(tmp_path: Path) -> None:
    from PIL import Image

    persona = load_persona("default")
    write_graph(persona, tmp_path / "g.png")
    with Image.open(tmp_path / "g.png") as picture:
        assert picture.width > 800
        assert len(picture.getcolors(1 << 24) or ()) > 20
    text = mermaid(persona)
    assert text.startswith("stateDiagram-v2")
    assert "mood_listening --> " in text or "--> mood_listening: listening" in text


def test_a_swapped_persona_keeps_states_and_values(tmp_path: Path) -> None:
    persona = load_persona(str(write(tmp_path, GOOD)))
    _, minds = heads(persona, 1, 30)
    minds.send(Trigger("user_speech_start"))
    minds.step(10)
    script = minds.world.get(minds.entities[0], Script)
    script.values["size"] = 0.33
    edited = GOOD.replace("emotion: concerned", "emotion: happy").replace("{size: 0.8}", "{size: 0.8, extra: 2}")
    adopt(script, load_persona(str(write(tmp_path, edited))), minds.world.tick)
    minds.step(1)
    assert script.persona.layers[0].states[script.places[0].state].name == "busy"
    assert script.values == {"size": 0.33, "extra": 2.0}
    minds.step(60)
    from avatar_engine.components.emotions import emotion_book

    assert minds.row("emotion")[emotion_book().index["happy"]] > 0.6
