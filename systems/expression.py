"""Shows emotions, clips and emphasis as action units, and the units as controls and pose."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import BROW, MOOD, TURN, Clips, TurnState
from avatar_engine.components.rig import Rigs
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.systems.rig_groups import rig_groups
from avatar_engine.systems.rows import due, entities_by_row
from avatar_engine.systems.springs import kick, spring
from avatar_engine.systems.unit_limits import CORNER_SHARE, corner_units, mouth_units, speed_limits
from avatar_engine.systems.unit_motion import motion_at, moving_units

Float = NDArray[np.float32]
REPLACE_S = 0.45  # an emotion that another one replaces leaves this fast (90 %)
NINETY = 2.303  # time constants until 90 %
BROW_OMEGA = 11.0  # rad/s: a brow flash peaks after 90 ms
RISEN, FALLEN = 0.04, 0.02
GAIN, ATTACK, DECAY = MOOD.index("gain"), MOOD.index("attack_s"), MOOD.index("decay_s")
RAISE, RAISE_V, READY, MICRO = range(len(BROW))
STATE = TURN.index("state")


class Expression:
    """Emotion + clips + emphasis -> policy and limits -> `units`, `layer.expression`, `pose.expression`."""

    name = "expression"
    phase = Phase.ANIMATE
    reads = ("emotion.goal", "mood", "clips", "prosody", "turn", "mouth_owner")
    writes = ("emotion", "units", "layer.expression", "pose.expression")

    def __init__(self) -> None:
        book = catalogue()
        self._emotions = emotion_book().units
        self._pose = book.pose
        self._moving = moving_units(book)
        self._speed = speed_limits(book)
        self._mouth, self._corner = mouth_units(book), corner_units(book)
        self._head = np.flatnonzero(np.array([unit.kind == "head" or unit.region == "head" for unit in book.units]))
        self._brow = np.array([book.index[name] for name in ("AU01L", "AU01R", "AU02L", "AU02R")])
        self._speech = book.index["AU50"]
        self._paired = np.array([unit.side.endswith(("left", "right")) for unit in book.units])

    def run(self, world: World) -> None:
        """One tick of all faces."""
        batch = world.batch
        if not batch.count:
            return
        self._draw(world)
        dt_s = np.float32(world.dt_s)
        switches = batch["switches"]
        wanted = self._feel(world) * (switches[:, 2:3] * switches[:, 0:1])
        self._play(world)
        clip = batch["units.clip"]
        wanted = np.maximum(wanted, clip)
        wanted[:, self._brow] += (self._emphasise(world) * switches[:, 0])[:, None] * (0.9, 0.9, 1.0, 1.0)
        wanted *= batch["units.skew"]
        wanted[:, self._head] *= switches[:, 1:2]
        np.clip(wanted, 0.0, 1.0, out=wanted)
        shown, swing = self._move(batch["units.age"], wanted, dt_s)
        eased = batch["units.eased"]
        step = self._speed * dt_s
        eased += np.clip(shown - eased, -step, step)
        owner = batch["mouth_owner"]
        units = batch["units"]
        np.multiply(eased, 1.0 - owner * self._mouth - owner * (1.0 - CORNER_SHARE) * self._corner, out=units)
        units[:, self._speech] = owner[:, 0]
        layer = batch["layer.expression"]
        for rig, rows in rig_groups(batch["rig"], world.resource(Rigs)):
            layer[rows] = eased[rows] @ rig.unit_controls
        turned = eased.copy()
        turned[:, self._moving.index] *= swing
        np.matmul(turned, self._pose, out=batch["pose.expression"])

    def _draw(self, world: World) -> None:
        """A face's own asymmetry, once."""
        brow, skew = world.batch["brow"], world.batch["units.skew"]
        rows = due(brow[:, READY] == 0.0)
        entities = entities_by_row(world) if rows else []
        for row in rows:
            rng = world.rng(entities[row], "asymmetry")
            skew[row] = 1.0
            skew[row, self._paired] = np.clip(rng.normal(1.0, 0.05, int(self._paired.sum())), 0.88, 1.1)
            brow[row, READY] = 1.0

    def _feel(self, world: World) -> Float:
        batch = world.batch
        shown, goal, mood = batch["emotion"], batch["emotion.goal"], batch["mood"]
        busy = np.abs(goal - batch["emotion.base"]).max(axis=1, keepdims=True) > 0.05
        fall_s = np.where(busy, REPLACE_S, mood[:, DECAY : DECAY + 1])
        settle_s = np.where(goal > shown, mood[:, ATTACK : ATTACK + 1], fall_s)
        shown += (goal - shown) * (1.0 - np.exp(-NINETY * world.dt_s / np.maximum(settle_s, 0.02)))
        capped = np.minimum(shown * mood[:, GAIN : GAIN + 1], batch["emotion.ceiling"])
        return np.asarray(np.minimum(capped @ self._emotions, 1.0), np.float32)

    def _play(self, world: World) -> None:
        """Sample the clips that run into `units.clip`."""
        batch = world.batch
        table = batch["units.clip"]
        table[:] = 0.0
        entities: dict[int, int] = {}
        for entity, clips in world.each(Clips):
            if not clips.active:
                continue
            if not entities:
                entities = {other: row for row, other in enumerate(entities_by_row(world))}
            target = table[entities[entity]]
            for playing in clips.active:
                clip = playing.clip
                playing.age_s += world.dt_s
                end = float(clip.times[-1])
                at = playing.age_s % end if clip.loop and end > 0.0 else min(playing.age_s, end)
                k = min(max(int(np.searchsorted(clip.times, at, "right")) - 1, 0), len(clip.times) - 2)
                span = float(clip.times[k + 1] - clip.times[k])
                share = min(max((at - float(clip.times[k])) / span, 0.0), 1.0)
                share = share * share * (3.0 - 2.0 * share)
                values = clip.values[k] + (clip.values[k + 1] - clip.values[k]) * share
                level = playing.strength
                if playing.fade_s >= 0.0:
                    playing.fade_s -= world.dt_s
                    level *= max(playing.fade_s, 0.0) / 0.25
                target[clip.units] = np.maximum(target[clip.units], values * level)
            clips.active[:] = [p for p in clips.active if not _over(p.age_s, p.fade_s, p.clip.loop, p.clip.times[-1])]

    def _emphasise(self, world: World) -> Float:
        """(n,) brow raise from stressed syllables of the own speech."""
        batch = world.batch
        brow, onset = batch["brow"], batch["prosody"][:, 3]
        strong = (onset > 0.6) & (batch["turn"][:, STATE] == TurnState.SPEAKING)
        brow[strong, RAISE_V] += kick(0.22, BROW_OMEGA) * onset[strong]
        spring(brow[:, RAISE], brow[:, RAISE_V], 0.0, BROW_OMEGA, world.dt_s)
        return np.clip(brow[:, RAISE], 0.0, 0.4)

    def _move(self, ages: Float, wanted: Float, dt_s: np.float32) -> tuple[Float, Float]:
        """Shown intensities, and the swing (n, k) of the moving units."""
        moving = self._moving
        asked = wanted[:, moving.index]
        age = ages[:, : len(moving.index)]
        running = (asked > RISEN) | ((age > 0.0) & (asked > FALLEN))
        age[...] = np.where(running, age + dt_s, 0.0)
        if not running.any():
            swing = np.zeros_like(age)
            wanted[:, moving.index] = 0.0
            return wanted, swing
        gain, swing = motion_at(moving, age)
        swing_share = np.divide(swing, gain, out=np.zeros_like(swing), where=np.abs(gain) > 1e-3)
        shown = wanted.copy()
        shown[:, moving.index] = asked * np.where(running, gain, 0.0)
        return shown, np.clip(np.where(running, swing_share, 0.0), -1.0, 1.0)


def _over(age_s: float, fade_s: float, loop: bool, end_s: float) -> bool:
    faded = -1.0 < fade_s <= 0.0
    return faded or (not loop and age_s >= end_s)
