"""A persona's behaviours, compiled to layers of states and reactions; and where one avatar stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from avatar_engine.components.clips import Clip

Value: TypeAlias = float | str
# A guard or a computed value in postfix order: ("push", value), ("load", name), ("call", (name, argument count)),
# ("+",), ("and",), ... Only systems/guard_machine.py runs it.
Program: TypeAlias = tuple[tuple[str, object], ...]

CHANNELS = ("emotion", "gaze", "head", "brows", "eyes", "mouth", "body")
# What the conversation and the outside tell the behaviours; a file may declare more.
EVENTS = (
    "start", "reload", "idle", "listening", "thinking", "tool_wait", "speaking", "yielding", "speech_start",
    "speech_end", "phrase_end", "stress", "user_speech_start", "user_speech_end", "tool_start", "tool_end", "emotion",
)  # fmt: skip
# Names a guard may use besides parameters and variables -> True when it is a text.
FACTS: Mapping[str, bool] = {
    "turn": True,  # idle, listening, thinking, tool_wait, speaking, yielding
    "turn_s": False,  # how long already
    "state": True,  # of the layer the guard stands in
    "state_s": False,
    "event": True,  # what is being reacted to, '' for a timer
    "value": False,  # of that event
    "emotion": True,  # the strongest goal, 'neutral' if none
    "intensity": False,  # of that goal
    "level": False,  # loudness of the own voice 0..1
    "pitch_hz": False,
    "speaking": False,  # 1 while the own voice is heard
    "user_speaking": False,
    "user_quiet_s": False,
    "tools": False,  # running tool calls
    "looking_away": False,
    "random": False,  # 0..1, drawn anew each time
    "style": True,
}


@dataclass(frozen=True, slots=True)
class Feel:
    """Aim for an emotion ('base' = the style's face at rest), unless the outside has set one."""

    emotion: str
    intensity: Program
    hold_s: Program | None = None


@dataclass(frozen=True, slots=True)
class Gesture:
    """Play a gesture by name."""

    name: str
    strength: Program


@dataclass(frozen=True, slots=True)
class Show:
    """Play a clip as a layer's own pose: `stop` ends it."""

    clip: str
    strength: Program


@dataclass(frozen=True, slots=True)
class Stop:
    """Fade out a clip, or all of the layer's clips ('')."""

    clip: str


@dataclass(frozen=True, slots=True)
class Look:
    """Look at a point (metres, avatar axes); None: wherever the persona looks by itself."""

    point_m: tuple[float, float, float] | None
    hold_s: Program | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after a time drawn evenly between the two."""

    low_s: Program
    high_s: Program


@dataclass(frozen=True, slots=True)
class Choose:
    """Take one branch at random, by weight."""

    weights: tuple[Program, ...]
    branches: tuple[tuple[Step, ...], ...]


@dataclass(frozen=True, slots=True)
class When:
    """Take a branch by a guard."""

    guard: Program
    then: tuple[Step, ...]
    otherwise: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """Set a parameter or variable of this avatar."""

    name: str
    value: Program


@dataclass(frozen=True, slots=True)
class Emit:
    """Tell all layers of this avatar an event."""

    event: str


Step: TypeAlias = Feel | Gesture | Show | Stop | Look | Wait | Choose | When | Assign | Emit


@dataclass(frozen=True, slots=True)
class Reaction:
    """event, or a time after entering the state (`again`: repeatedly) -> steps and perhaps another state."""

    event: str
    after_s: tuple[float, float] | None
    again: bool
    guard: Program | None
    chance: float
    cooldown_s: float
    to: int | None
    steps: tuple[Step, ...]
    key: str  # layer.state.number


@dataclass(frozen=True, slots=True)
class State:
    """One state of a layer."""

    name: str
    enter: tuple[Step, ...]
    leave: tuple[Step, ...]
    reactions: tuple[Reaction, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One state graph; layers run side by side. `always` reactions hold in every state."""

    name: str
    owns: tuple[str, ...]
    initial: int
    states: tuple[State, ...]
    always: tuple[Reaction, ...]


@dataclass(frozen=True, slots=True)
class GestureKind:
    """A gesture: one of its clips, drawn by weight, at most once in `cooldown_s`."""

    name: str
    clips: tuple[Clip, ...]
    weights: tuple[float, ...]
    cooldown_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Persona:
    """A whole behaviour file with its includes. `listens`: events that any reaction waits for."""

    name: str
    layers: tuple[Layer, ...]
    gestures: Mapping[str, GestureKind]
    clips: Mapping[str, Clip]
    params: Mapping[str, float]
    listens: frozenset[str]
    sources: tuple[str, ...]
    emotion_from_voice: float = 0.0


@dataclass(slots=True)
class Run:
    """A sequence on its way: a stack of (steps, next index), waiting until a tick."""

    stack: list[tuple[tuple[Step, ...], int]]
    until_tick: int
    event: str = ""
    value: float = 0.0


@dataclass(slots=True)
class Place:
    """Where one avatar stands in one layer. due: per timed reaction (state's, then always') its next tick."""

    state: int
    entered_tick: int
    due: dict[int, int] = field(default_factory=dict)
    runs: list[Run] = field(default_factory=list)


@dataclass(slots=True)
class Script:
    """One avatar's way through its persona. `said` collects a trace when it is a list."""

    persona: Persona
    places: list[Place] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    cooldowns: dict[str, int] = field(default_factory=dict)  # reaction or gesture -> first tick it may run again
    wake_tick: int = 0
    started: bool = False
    said: list[tuple[int, str]] | None = None
