"""Plays a list of events to a behaviour, without a picture, and writes down what it does."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from avatar_engine.components.face import FACE_COLUMNS
from avatar_engine.components.mind import TURN, TurnState, mind_components
from avatar_engine.components.policy import Policy
from avatar_engine.components.script import EVENTS, Persona, Script
from avatar_engine.components.session import Inbox, Switches
from avatar_engine.engine.errors import SceneError, suggest
from avatar_engine.engine.messages import (
    Command,
    PlayGesture,
    SetAgentState,
    SetEmotion,
    Trigger,
)
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.behaviour import Behaviour
from avatar_engine.systems.conversation import Conversation

HZ = 30
TAIL_S = 2.0
VERBS = ("speak", "agent", "emotion", "gesture", "end")


@dataclass(frozen=True, slots=True)
class TimedEvent:
    """At `at_s`: a command, or that many seconds of own speech, or (neither) the end of the trace."""

    at_s: float
    text: str
    command: Command | None = None
    speech_s: float = 0.0


def parse_events(text: str, name: str) -> list[TimedEvent]:
    """`SECONDS WHAT` per line, # for comments. WHAT: an event, `speak SECONDS`, `agent STATE`,
    `emotion NAME [INTENSITY [HOLD]]`, `gesture NAME [STRENGTH]`, or `end`. Raises SceneError."""
    events = []
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        where = f"{name}:{number}"
        if len(words) < 2 or not re.fullmatch(r"\d+(\.\d+)?", words[0]):
            raise SceneError(where, "expected 'SECONDS EVENT'", "for example '1.5 user_speech_start'")
        events.append(_event(float(words[0]), words[1], words[2:], where))
    return sorted(events, key=lambda event: event.at_s)


def trace(
    persona: Persona, events: list[TimedEvent], seed: int = 1, policy: Policy | None = None, style: str = "professional"
) -> list[str]:
    """One line for every change of the turn and everything the behaviours did."""
    world = World(HZ, FACE_COLUMNS)
    entity = world.spawn("trace", seed, Inbox(), Switches(style=style), *mind_components(persona, policy))
    script = world.get(entity, Script)
    script.said = []
    systems = (Conversation(), Behaviour())
    lines: list[str] = []
    waiting = list(events)
    end = int((max([e.at_s + e.speech_s for e in events], default=0.0) + TAIL_S) * HZ)
    speech_until = 0
    row = world.get(entity, Row).index
    inbox = world.get(entity, Inbox)
    while world.tick < end:
        inbox.now.clear()
        while waiting and waiting[0].at_s * HZ <= world.tick:
            event = waiting.pop(0)
            lines.append(f"{world.tick / HZ:8.2f}  <- {event.text}")
            if event.command is not None:
                inbox.now.append(event.command)
            elif event.speech_s > 0.0:
                speech_until = world.tick + round(event.speech_s * HZ)
            else:
                end = world.tick
        world.batch["speaking"][row, 0] = float(world.tick < speech_until)
        for system in systems:
            system.run(world)
        lines += _lines(world, script, world.batch["turn"][row])
        world.tick += 1
    return lines


def _lines(world: World, script: Script, turn: np.ndarray) -> list[str]:
    stamp = f"{world.tick / HZ:8.2f}  "
    lines = []
    if turn[TURN.index("changed")] > 0.0 or world.tick == 0:
        state = TurnState(int(turn[TURN.index("state")])).name.lower()
        lines.append(f"{stamp}turn: {state}")
    lines += [stamp + text for _, text in script.said or ()]
    if script.said:
        script.said.clear()
    return lines


def _event(at_s: float, verb: str, rest: list[str], where: str) -> TimedEvent:
    text = " ".join([verb, *rest])
    try:
        match verb, rest:
            case "end", []:
                return TimedEvent(at_s, text)
            case "speak", [seconds]:
                return TimedEvent(at_s, text, speech_s=float(seconds))
            case "agent", [state]:
                return TimedEvent(at_s, text, SetAgentState(state))
            case "emotion", [emotion]:
                return TimedEvent(at_s, text, SetEmotion(emotion))
            case "emotion", [emotion, intensity]:
                return TimedEvent(at_s, text, SetEmotion(emotion, float(intensity)))
            case "emotion", [emotion, intensity, hold]:
                return TimedEvent(at_s, text, SetEmotion(emotion, float(intensity), float(hold)))
            case "gesture", [gesture]:
                return TimedEvent(at_s, text, PlayGesture(gesture))
            case "gesture", [gesture, strength]:
                return TimedEvent(at_s, text, PlayGesture(gesture, float(strength)))
            case event, [] if event not in VERBS:
                return TimedEvent(at_s, text, Trigger(event))
            case event, [value] if event not in VERBS:
                return TimedEvent(at_s, text, Trigger(event, float(value)))
    except ValueError:
        pass
    usage = "speak SECONDS, agent STATE, emotion NAME [INTENSITY [HOLD]], gesture NAME [STRENGTH], end, or an event"
    raise SceneError(where, f"cannot read '{text}'", suggest(verb, EVENTS) or usage)
