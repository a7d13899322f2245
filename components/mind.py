"""What the mind of a face keeps: names of its columns (state per avatar) and its few components."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from avatar_engine.components.action_units import UNIT_COUNT
from avatar_engine.components.clips import Clips
from avatar_engine.components.emotions import EMOTION_SLOTS
from avatar_engine.components.policy import Policy
from avatar_engine.components.script import Persona, Script


class TurnState(IntEnum):
    """What the avatar does in the conversation."""

    IDLE = 0
    LISTENING = 1
    THINKING = 2
    TOOL_WAIT = 3
    SPEAKING = 4
    YIELDING = 5


AGENT_STATES = ("", "initializing", "idle", "listening", "thinking", "speaking")

# Every state block starts with `ready`: 0 in a fresh row, 1 once its random parts are drawn.
SWITCHES = ("face", "head", "emotion")
EAR = (
    "level", "slow", "low", "peak", "rising", "pitch_semitones", "wait_s", "phrase_s", "quiet_s", "usual", "spread",
    "ahead_ticks", "loudest_db", "pitch_wait",
)  # fmt: skip
TURN = (
    "state", "state_s", "silent_s", "user", "user_quiet_s", "tools", "agent", "yield_s", "changed", "before",
    "interrupted",
)  # fmt: skip
BLINK = ("ready", "wait_s", "age_s", "close_s", "hold_s", "open_s", "depth")
GAZE = (
    "ready", "away", "mode_s", "fix_s", "yaw", "pitch", "from_yaw", "from_pitch", "to_yaw", "to_pitch",
    "age_s", "length_s", "base_yaw", "base_pitch", "shift_rad", "rest_s",
)  # fmt: skip
LOOK = ("x_m", "y_m", "z_m", "held", "hold_s")  # held: 1 by a behaviour, 2 from outside; hold_s < 0: no end
HEAD = (
    "ready", "beat", "beat_v", "turn", "turn_v", "nod_age_s", "nod_rad", "nod_hz", "nod_cycles", "nod_wait_s",
    "shift_s", "shift_yaw", "shift_pitch", "shift_roll", "murmur_s",
)  # fmt: skip
BREATH = ("ready", "phase", "rate_hz", "volume", "gulp_s")
BROW = ("raise", "raise_v", "ready", "micro_s")
MOOD = (
    "hold_s", "gain", "attack_s", "decay_s", "liveliness", "blinks_per_min", "gaze_away", "style", "outside",
    "inner_hold_s", "voice",
)  # fmt: skip
SWAY = 9  # three sines for each of yaw, pitch, roll
MOVING = 24  # at most so many units have a motion of their own

MIND_COLUMNS: dict[str, int] = {
    "switches": len(SWITCHES),
    "ear": len(EAR),
    "ear.tail": 256,  # the newest samples at 4 kHz (64 ms), for pitch
    "ear.past": 16,  # loudness of the last ticks, newest last: it is heard ahead and shown when it is played
    "turn": len(TURN),
    "viewer": 3,  # where the viewer's eyes are: metres, avatar axes, from between the avatar's eyes; 0 = default
    "look": len(LOOK),  # a point to look at, same axes
    "mood": len(MOOD),
    "emotion": EMOTION_SLOTS,  # as shown, 0..1
    "emotion.shown": EMOTION_SLOTS,  # after gain, ceilings and policy
    "emotion.goal": EMOTION_SLOTS,
    "emotion.inner": EMOTION_SLOTS,  # what the behaviours want
    "emotion.outer": EMOTION_SLOTS,  # what the outside asked for; it wins while mood.outside is 1
    "emotion.base": EMOTION_SLOTS,  # the style's face at rest
    "emotion.ceiling": EMOTION_SLOTS,
    "units.clip": UNIT_COUNT,  # what clips and gestures ask for this tick
    "units.skew": UNIT_COUNT,  # this face's own asymmetry, about 1
    "units.eased": UNIT_COUNT,  # after policy and velocity limits, before the mouth's ownership
    "units.age": MOVING,  # seconds since a moving unit rose
    "brow": len(BROW),
    "blink": len(BLINK),
    "gaze": len(GAZE),
    "head": len(HEAD),
    "head.spring": 8,  # yaw, pitch, roll (rad), z (m): positions, then velocities
    "head.phase": SWAY,
    "head.rate": SWAY,  # rad/s
    "breath": len(BREATH),
}


@dataclass(slots=True)
class Happenings:
    """What happened to one avatar this tick, in order: (event, value)."""

    now: list[tuple[str, float]] = field(default_factory=list)


@dataclass(slots=True)
class Refusals:
    """Wishes that could not be carried out this tick (a resource): (session, what, hint)."""

    now: list[tuple[str, str, str]] = field(default_factory=list)


def mind_components(persona: Persona | None = None, policy: Policy | None = None) -> tuple[object, ...]:
    """The components of one avatar's mind, fresh. Without a persona it has no gestures and no behaviours."""
    parts: tuple[object, ...] = (Happenings(), Clips())
    if persona is not None:
        parts = (*parts, Script(persona))
    return parts if policy is None else (*parts, policy)
