"""Carries out what was asked of a face: emotions, points to look at, gestures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.emotions import emotion_book, find_emotion
from avatar_engine.components.mind import LOOK, MOOD, Clips, Gestures, Playing
from avatar_engine.components.session import Inbox, Switches
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.messages import PlayGesture, SetEmotion, SetGaze
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World

Float = NDArray[np.float32]
FOREVER = -1.0
HOLD, GAIN, ATTACK, DECAY, LIVELY, BLINKS, AWAY, STYLE = range(len(MOOD))
LOOK_HELD, LOOK_HOLD = LOOK.index("held"), LOOK.index("hold_s")


class Behaviour:
    """Turns wishes into goals that the ANIMATE systems follow."""

    name = "behaviour"
    phase = Phase.INTENT
    reads = ("commands", "switches", "turn", "happenings", "prosody")
    writes = ("emotion.goal", "mood", "look", "clips")

    def run(self, world: World) -> None:
        """Timers first, then this tick's wishes in the order they were sent."""
        batch = world.batch
        self._styles(world)
        mood, look = batch["mood"], batch["look"]
        run_out = count_down(mood[:, HOLD], world.dt_s)
        if run_out.any():
            batch["emotion.goal"][run_out] = batch["emotion.base"][run_out]
        look[count_down(look[:, LOOK_HOLD], world.dt_s), LOOK_HELD] = 0.0
        for entity, (row, inbox) in world.each2(Row, Inbox):
            for command in inbox.now:
                match command:
                    case SetEmotion(emotion=emotion, intensity=intensity, hold_s=hold_s):
                        set_emotion(world, row.index, emotion, intensity, hold_s)
                    case SetGaze(point_m=point, hold_s=hold_s):
                        set_gaze(world, row.index, point, hold_s)
                    case PlayGesture(gesture=gesture, strength=strength):
                        play_gesture(world, entity, gesture, strength)
                    case _:
                        pass

    def _styles(self, world: World) -> None:
        mood = world.batch["mood"]
        styles = emotion_book().styles
        for _, (row, switches) in world.each2(Row, Switches):
            style = styles.get(switches.style)
            if style is not None and mood[row.index, STYLE] != style.index + 1:
                set_style(world, row.index, switches.style)
        unset = mood[:, STYLE] == 0.0
        for index in np.flatnonzero(unset).tolist():
            set_style(world, index, "professional")


def count_down(left_s: Float, dt_s: float) -> NDArray[np.bool_]:
    """Run timers that are above zero; true where one has just ended, which then reads 0. Negative = no end."""
    running = left_s > 0.0
    left_s[running] -= dt_s
    ended: NDArray[np.bool_] = running & (left_s <= 0.0)
    left_s[ended] = 0.0
    return ended


def set_style(world: World, row: int, name: str) -> None:
    """Give an avatar a style preset: its face at rest, gains, ceilings and tempo."""
    style = emotion_book().styles[name]
    batch = world.batch
    mood = batch["mood"][row]
    first = mood[STYLE] == 0.0
    at_rest = bool(np.array_equal(batch["emotion.goal"][row], batch["emotion.base"][row]))
    batch["emotion.base"][row] = style.base
    batch["emotion.ceiling"][row] = style.ceilings
    if at_rest:
        batch["emotion.goal"][row] = style.base
    if first:
        batch["emotion"][row] = style.base
    mood[GAIN], mood[ATTACK], mood[DECAY] = style.gain, style.attack_s, style.decay_s
    mood[LIVELY], mood[BLINKS], mood[AWAY] = style.liveliness, style.blinks_per_min, style.gaze_away
    mood[STYLE] = style.index + 1


def set_emotion(world: World, row: int, name: str, intensity: float, hold_s: float | None) -> bool:
    """Aim for an emotion, or for a blend of two (`happy+surprised`, each with half of what it would show).
    Returns False, changing nothing, when the name is unknown."""
    goal = np.zeros_like(world.batch["emotion.goal"][row])
    parts = name.split("+", 1)
    strength = min(max(intensity, 0.0), 1.0)
    share = 1.0 if len(parts) == 1 else 0.6
    try:
        for part in parts:
            index, gain = find_emotion(part)
            goal[index] = strength * gain * share
    except InputError:
        return False
    # what is left of the face at rest shows through a weak emotion
    world.batch["emotion.goal"][row] = goal + world.batch["emotion.base"][row] * (1.0 - strength)
    world.batch["mood"][row, HOLD] = FOREVER if hold_s is None else max(hold_s, 1e-3)
    return True


def set_gaze(world: World, row: int, point_m: tuple[float, float, float] | None, hold_s: float | None) -> None:
    """Look at a point, or (None) wherever the persona looks by itself."""
    look = world.batch["look"][row]
    if point_m is None:
        look[LOOK_HELD] = look[LOOK_HOLD] = 0.0
        return
    look[:3] = point_m
    look[LOOK_HELD] = 1.0
    look[LOOK_HOLD] = FOREVER if hold_s is None else max(hold_s, 1e-3)


def play_gesture(world: World, entity: int, name: str, strength: float) -> bool:
    """Start a gesture; False when nobody defined it."""
    try:
        clip = world.resource(Gestures).clips.get(name)
    except KeyError:
        return False
    if clip is None:
        return False
    world.get(entity, Clips).active.append(Playing(clip, min(max(strength, 0.0), 1.0)))
    return True
