"""Shows emotions, clips and emphasis as action units, and the units as controls and pose."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.clips import CLIP_HZ, Clips, Playing
from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import BROW, MOOD, TURN, TurnState
from avatar_engine.components.rig import Rigs
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.policy import Group, enforce, hold_back, policies
from avatar_engine.systems.rig_groups import rig_groups
from avatar_engine.systems.rows import due
from avatar_engine.systems.springs import kick, spring
from avatar_engine.systems.unit_limits import CORNER_SHARE, corner_units, mouth_units, speed_limits
from avatar_engine.systems.unit_motion import motion_at, moving_units
from avatar_engine.systems.wishes import FADE_S

Float = NDArray[np.float32]
REPLACE_S = 0.45  # an emotion that another one replaces leaves this fast (90 %)
NINETY = 2.303  # time constants until 90 %
BROW_OMEGA = 11.0  # rad/s: a brow flash peaks after 90 ms
RISEN, FALLEN = 0.04, 0.02
BROW_PARTS = np.array([0.9, 0.9, 1.0, 1.0], np.float32)  # inner and outer brow in an emphasis
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
        self._head = np.array([unit.region in ("head", "shoulder", "chest") for unit in book.units])
        self._flash = book.index["AU91"]
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
        groups = policies(world)
        wanted = self._feel(world, groups)
        self._play(world)
        np.maximum(wanted, batch["units.clip"], out=wanted)
        wanted[:, self._brow] += self._emphasise(world)[:, None] * BROW_PARTS
        wanted *= batch["units.skew"]
        wanted *= np.where(self._head, switches[:, 1:2], switches[:, 0:1])
        np.clip(wanted, 0.0, 1.0, out=wanted)
        shown, swing = self._move(batch["units.age"], wanted, dt_s)
        flash = shown[:, self._flash : self._flash + 1]
        if flash.any():
            felt = batch["emotion.goal"] * switches[:, 2:3]
            hold_back(felt, batch["units.eased"], groups)  # a style's ceilings it passes, a policy's it does not
            np.maximum(shown, flash * np.minimum(felt @ self._emotions, 1.0), out=shown)
        enforce(shown, batch["emotion.shown"], batch["emotion.goal"] * batch["mood"][:, GAIN : GAIN + 1], groups)
        eased, units, owner = batch["units.eased"], batch["units"], batch["mouth_owner"]
        step = self._speed * dt_s
        eased += np.clip(shown - eased, -step, step)
        kept = eased * (1.0 - owner * self._mouth - owner * (1.0 - CORNER_SHARE) * self._corner)
        units += np.clip(kept - units, -step, step)
        layer = batch["layer.expression"]
        for rig, rows in rig_groups(batch["rig"], world.resource(Rigs)):
            layer[rows] = eased[rows] @ rig.unit_controls
        turned = eased.copy()
        turned[:, self._moving.index] *= swing
        aside = turned[:, self._moving.index]
        if aside.any():
            layer += np.maximum(aside, 0.0) @ self._moving.left + np.maximum(-aside, 0.0) @ self._moving.right
        np.matmul(turned, self._pose, out=batch["pose.expression"])
        units[:, self._speech] = owner[:, 0]

    def _draw(self, world: World) -> None:
        """A face's own asymmetry, once; then, every few seconds, a movement of the brows too small to mean anything."""
        brow, skew = world.batch["brow"], world.batch["units.skew"]
        brow[:, MICRO] -= world.dt_s
        rows = due(brow[:, MICRO] <= 0.0)
        entities = world.entities_by_row() if rows else []
        for row in rows:
            rng = world.rng(entities[row], "face")
            brow[row, MICRO] = rng.uniform(2.5, 8.0)
            if brow[row, READY] == 0.0:
                brow[row, READY] = 1.0
                skew[row] = 1.0
                skew[row, self._paired] = np.clip(rng.normal(1.0, 0.05, int(self._paired.sum())), 0.88, 1.1)
            else:
                brow[row, RAISE_V] += kick(rng.uniform(0.02, 0.08), BROW_OMEGA)

    def _feel(self, world: World, groups: Sequence[Group]) -> Float:
        batch = world.batch
        shown, goal, mood = batch["emotion"], batch["emotion.goal"], batch["mood"]
        busy = np.abs(goal - batch["emotion.base"]).max(axis=1, keepdims=True) > 0.05
        fall_s = np.where(busy, REPLACE_S, mood[:, DECAY : DECAY + 1])
        settle_s = np.where(goal > shown, mood[:, ATTACK : ATTACK + 1], fall_s)
        shown += (goal - shown) * (1.0 - np.exp(-NINETY * world.dt_s / np.maximum(settle_s, 0.02)))
        seen = batch["emotion.shown"]
        np.minimum(shown * mood[:, GAIN : GAIN + 1], batch["emotion.ceiling"], out=seen)
        seen *= batch["switches"][:, 2:3]
        hold_back(seen, batch["units.eased"], groups)
        return np.asarray(np.minimum(seen @ self._emotions, 1.0), np.float32)

    def _play(self, world: World) -> None:
        """Sample the clips that run into `units.clip`."""
        batch = world.batch
        table = batch["units.clip"]
        table[:] = 0.0
        dt_s = world.dt_s
        for _, (row, clips) in world.each2(Row, Clips):
            if not clips.active:
                continue
            target = table[row.index]
            over, alone = False, len(clips.active) == 1
            for playing in clips.active:
                clip = playing.clip
                playing.age_s += dt_s
                last = len(clip.values) - 1
                at = round(playing.age_s * CLIP_HZ, 6)  # a sum of ticks: what falls on a sample takes no other
                at = at % last if clip.loop and last > 0 else min(at, last)
                k = min(int(at), last - 1) if last else 0
                values = clip.values[k]
                if at > k:
                    values = values + (clip.values[k + 1] - values) * np.float32(at - k)
                level = playing.strength
                if playing.fade_s >= 0.0:
                    playing.fade_s = max(playing.fade_s - dt_s, 0.0)
                    level *= playing.fade_s / FADE_S
                shown = values * np.float32(level)
                target[clip.units] = shown if alone else np.maximum(target[clip.units], shown)
                over = over or _over(playing)
            if over:
                clips.active[:] = [playing for playing in clips.active if not _over(playing)]

    def _emphasise(self, world: World) -> Float:
        """(n,) brow raise from stressed syllables of the own speech."""
        batch = world.batch
        brow, onset = batch["brow"], batch["prosody"][:, 3]
        strong = (onset > 0.75) & (batch["turn"][:, STATE] == TurnState.SPEAKING)
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


def _over(playing: Playing) -> bool:
    ended = not playing.clip.loop and playing.age_s * CLIP_HZ >= len(playing.clip.values) - 1
    return ended or playing.fade_s == 0.0
