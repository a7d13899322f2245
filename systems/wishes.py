"""How a wish becomes a goal: emotions, points to look at, gestures, clips; from behaviours and from outside."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.clips import Clip, Clips, Playing
from avatar_engine.components.emotions import RELEASE, emotion_book, find_blend
from avatar_engine.components.mind import LOOK, MOOD
from avatar_engine.components.policy import Policy
from avatar_engine.components.script import GestureKind, Script
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.world import World

Float = NDArray[np.float32]
FOREVER = -1.0
FADE_S = 0.25
(HOLD, GAIN, ATTACK, DECAY, LIVELY, BLINKS, AWAY, STYLE, OUTSIDE, INNER_HOLD, VOICE) = range(len(MOOD))
LOOK_HELD, LOOK_HOLD = LOOK.index("held"), LOOK.index("hold_s")
BY_BEHAVIOUR, BY_OUTSIDE = 1.0, 2.0


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
    mood, inner = batch["mood"][row], batch["emotion.inner"][row]
    first = mood[STYLE] == 0.0
    if first or bool(np.array_equal(inner, batch["emotion.base"][row])):
        inner[:] = style.base
    batch["emotion.base"][row] = style.base
    batch["emotion.ceiling"][row] = style.ceilings
    if first:
        batch["emotion"][row] = style.base
    mood[GAIN], mood[ATTACK], mood[DECAY] = style.gain, style.attack_s, style.decay_s
    mood[LIVELY], mood[BLINKS], mood[AWAY] = style.liveliness, style.blinks_per_min, style.gaze_away
    mood[STYLE] = style.index + 1


def set_emotion(world: World, row: int, name: str, intensity: float, hold_s: float | None, outside: bool) -> bool:
    """Aim for an emotion, or for a blend of two (`happy+surprised`). What the outside asks for goes before what
    behaviours ask for, until it ends or is released (`base`). Returns False, changing nothing, for unknown names."""
    batch = world.batch
    mood, base = batch["mood"][row], batch["emotion.base"][row]
    timer = HOLD if outside else INNER_HOLD
    if name.strip().lower() in RELEASE:
        batch["emotion.outer" if outside else "emotion.inner"][row] = base
        mood[timer] = 0.0
        if outside:
            mood[OUTSIDE] = 0.0
        return True
    goal = np.zeros_like(base)
    strength = min(max(intensity, 0.0), 1.0)
    try:
        for index, gain in find_blend(name):
            goal[index] = strength * gain
    except InputError:
        return False
    # what is left of the face at rest shows through a weak emotion
    batch["emotion.outer" if outside else "emotion.inner"][row] = goal + base * (1.0 - strength)
    mood[timer] = FOREVER if hold_s is None else max(hold_s, 1e-3)
    if outside:
        mood[OUTSIDE] = 1.0
    return True


def set_gaze(
    world: World, row: int, point_m: tuple[float, float, float] | None, hold_s: float | None, outside: bool
) -> bool:
    """Look at a point, or (None) wherever the persona looks by itself. A behaviour does not take a gaze that the
    outside holds."""
    look = world.batch["look"][row]
    if not outside and look[LOOK_HELD] == BY_OUTSIDE:
        return False
    if point_m is None:
        look[LOOK_HELD] = look[LOOK_HOLD] = 0.0
        return True
    look[:3] = point_m
    look[LOOK_HELD] = BY_OUTSIDE if outside else BY_BEHAVIOUR
    look[LOOK_HOLD] = FOREVER if hold_s is None else max(hold_s, 1e-3)
    return True


def gestures_of(world: World, entity: int) -> Mapping[str, GestureKind]:
    """The gestures an avatar knows."""
    try:
        return world.get(entity, Script).persona.gestures
    except KeyError:
        return {}


def play_gesture(world: World, entity: int, name: str, strength: float) -> bool:
    """Start a gesture; False when nobody defined it, it has just been, or the policy allows no more."""
    try:
        script = world.get(entity, Script)
    except KeyError:
        return False
    kind = script.persona.gestures.get(name)
    clips = world.get(entity, Clips)
    if kind is None or script.cooldowns.get(name, 0) > world.tick or not _allowed(world, entity, clips):
        return False
    script.cooldowns[name] = world.tick + round(kind.cooldown_s * world.hz)
    clip = kind.clips[0]
    if len(kind.clips) > 1:
        clip = kind.clips[draw(kind.weights, world.rng(entity, "gesture"))]
    clips.begun.append(world.tick)
    show(clips, clip, strength, "")
    return True


def show(clips: Clips, clip: Clip, strength: float, layer: str) -> None:
    """Start a clip; one of the same name and layer that still plays fades out."""
    for playing in clips.active:
        if playing.clip.name == clip.name and playing.layer == layer and playing.fade_s < 0.0:
            playing.fade_s = FADE_S
    clips.active.append(Playing(clip, min(max(strength, 0.0), 1.0), layer=layer))


def stop(clips: Clips, name: str, layer: str) -> None:
    """Fade out a layer's clip of that name, or all of the layer's ('')."""
    for playing in clips.active:
        if playing.layer == layer and name in ("", playing.clip.name) and playing.fade_s < 0.0:
            playing.fade_s = FADE_S


def draw(weights: tuple[float, ...], rng: np.random.Generator) -> int:
    """An index, drawn by weight."""
    left = rng.random() * sum(weights)
    for index, weight in enumerate(weights):
        left -= weight
        if left < 0.0:
            return index
    return len(weights) - 1


def _allowed(world: World, entity: int, clips: Clips) -> bool:
    try:
        most = world.get(entity, Policy).gestures_per_min
    except KeyError:
        most = float("inf")
    while clips.begun and clips.begun[0] <= world.tick - 60 * world.hz:
        clips.begun.popleft()
    return len(clips.begun) < most
