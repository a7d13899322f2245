"""Moves the head, neck and spine: posture, sway, beats on stressed syllables, nods, and its share of the gaze."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import POSE_INDEX
from avatar_engine.components.mind import GAZE, HEAD, MOOD, SWAY, TURN, TurnState
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.systems.rows import due
from avatar_engine.systems.springs import kick, spring

Float = NDArray[np.float32]
DEG = math.pi / 180.0
LOOK_OMEGA = 7.0  # rad/s: a head turn takes about 0.6 s
BEAT_OMEGA = 12.0  # a beat peaks after 83 ms
BEAT_FLOOR = 0.5  # weaker syllables get no beat
BEAT_DEG, BEAT_TURN_DEG = 3.0, 1.1
GAZE_SPLIT_DEG, GAZE_SHARE = 15.0, 0.8  # beyond 15 degrees the head takes most of the rest
NOD_HZ = 2.2
SWAY_DEG = np.array([1.4, 0.7, 0.8], np.float32)  # yaw, pitch, roll; RMS, dominant 0.1-0.33 Hz
SHARES = (("head", 0.55), ("neck", 0.32), ("spine", 0.13))  # add up to 1, so the eyes know where the head points
# yaw, pitch, roll in degrees, z in metres, and sway, by turn state
POSTURE = np.array(
    [
        [0.0, 0.0, 0.0, 0.000, 1.0],  # idle
        [0.0, -1.0, 3.0, 0.010, 0.7],  # listening: attentive, leaning in
        [0.0, 1.5, 2.5, -0.003, 0.8],  # thinking
        [0.0, -2.0, -1.0, 0.000, 0.7],  # tool-wait
        [0.0, 0.0, 0.0, 0.004, 1.35],  # speaking
        [0.0, -0.5, 0.0, 0.000, 0.4],  # yielding: still
    ],
    np.float32,
)
(READY, BEAT, BEAT_V, TURN_Y, TURN_V, NOD_AGE, NOD_RAD, NOD_F, NOD_CYCLES, NOD_WAIT, SHIFT_S, SHIFT_YAW) = range(12)
SHIFT_PITCH, SHIFT_ROLL, MURMUR_S = HEAD.index("shift_pitch"), HEAD.index("shift_roll"), HEAD.index("murmur_s")
STATE, STATE_S, CHANGED = TURN.index("state"), TURN.index("state_s"), TURN.index("changed")
USER, USER_QUIET = TURN.index("user"), TURN.index("user_quiet_s")
GAZE_YAW, GAZE_PITCH = GAZE.index("base_yaw"), GAZE.index("base_pitch")
LIVELY = MOOD.index("liveliness")


class HeadMotion:
    """Writes `pose.head`. Angles of head, neck and spine add up to where the head points."""

    name = "head_motion"
    phase = Phase.ANIMATE
    reads = ("prosody", "turn", "mood", "last:gaze")
    writes = ("pose.head", "head")

    def run(self, world: World) -> None:
        """One tick of all heads."""
        batch = world.batch
        if not batch.count:
            return
        head, turn, springs = batch["head"], batch["turn"], batch["head.spring"]
        dt_s = world.dt_s
        self._events(world, head, turn)
        state = turn[:, STATE].astype(np.intp)
        lively = batch["mood"][:, LIVELY]
        posture = POSTURE[state]
        goal = np.zeros((batch.count, 4), np.float32)
        look = gaze_share(batch["gaze"][:, GAZE_YAW : GAZE_PITCH + 1])
        goal[:, 0] = look[:, 0] + head[:, SHIFT_YAW]
        goal[:, 1] = look[:, 1] + head[:, SHIFT_PITCH] + posture[:, 1] * DEG
        goal[:, 2] = head[:, SHIFT_ROLL] + posture[:, 2] * DEG - 0.12 * look[:, 0]
        goal[:, 3] = posture[:, 3]
        spring(springs[:, :4], springs[:, 4:], goal, LOOK_OMEGA, dt_s)
        spring(head[:, BEAT], head[:, BEAT_V], 0.0, BEAT_OMEGA, dt_s)
        spring(head[:, TURN_Y], head[:, TURN_V], 0.0, 7.0, dt_s)
        angles = springs[:, :3] + self._sway(batch["head.phase"], batch["head.rate"], posture[:, 4] * lively, dt_s)
        angles[:, 0] += head[:, TURN_Y]
        angles[:, 1] += head[:, BEAT] + self._nod(head, dt_s)
        on = batch["switches"][:, 1:2]
        out = batch["pose.head"]
        out[:] = 0.0
        for part, share in SHARES:
            first = POSE_INDEX[f"{part}_yaw"]
            np.multiply(angles, share * on, out=out[:, first : first + 3])
        out[:, POSE_INDEX["head_z"]] = springs[:, 3] * on[:, 0]

    def _events(self, world: World, head: Float, turn: Float) -> None:
        """What happens rarely: the first tick, posture shifts, beats, nods."""
        batch = world.batch
        dt_s = world.dt_s
        prosody, lively = batch["prosody"], batch["mood"][:, LIVELY]
        state = turn[:, STATE]
        onset = prosody[:, 3]
        beats = (state == TurnState.SPEAKING) & (onset > BEAT_FLOOR)
        head[:, SHIFT_S] -= dt_s
        head[:, MURMUR_S] -= dt_s * (turn[:, USER] > 0.0)
        waiting = head[:, NOD_WAIT] > 0.0
        head[waiting, NOD_WAIT] -= dt_s
        nods = waiting & (head[:, NOD_WAIT] <= 0.0)
        # the user's phrase has just ended: agree in 200-600 ms
        heard_end = (turn[:, USER_QUIET] > 0.0) & (turn[:, USER_QUIET] <= 1.5 * dt_s) & (state != TurnState.SPEAKING)
        murmur = (head[:, MURMUR_S] <= 0.0) & (turn[:, USER] > 0.0) & (state == TurnState.LISTENING)
        phrase = (prosody[:, 5] > 0.0) & (state == TurnState.SPEAKING)
        fresh = head[:, READY] == 0.0
        rows = due(fresh | beats | nods | heard_end | murmur | phrase | (head[:, SHIFT_S] <= 0.0))
        entities = world.entities_by_row() if rows else []
        for row in rows:
            rng = world.rng(entities[row], "head")
            mine = head[row]
            if fresh[row]:
                batch["head.phase"][row] = rng.uniform(0.0, 2.0 * math.pi, SWAY)
                batch["head.rate"][row] = 2.0 * math.pi * np.tile([0.09, 0.19, 0.31], 3) * rng.uniform(0.8, 1.25, SWAY)
                mine[READY] = 1.0
                mine[MURMUR_S] = rng.uniform(2.0, 5.0)
            if beats[row]:
                size = float(onset[row] * lively[row])
                mine[BEAT_V] -= kick(BEAT_DEG * DEG, BEAT_OMEGA) * size * rng.uniform(0.6, 1.2)
                mine[TURN_V] += kick(BEAT_TURN_DEG * DEG, 7.0) * size * rng.normal()
            if heard_end[row] and rng.random() < 0.8:
                mine[NOD_WAIT] = rng.uniform(0.2, 0.5)
            if nods[row] and state[row] != TurnState.SPEAKING:
                start_nod(mine, rng.uniform(4.0, 6.5), 2.0 if rng.random() < 0.55 else 1.0, rng)
            if murmur[row]:
                mine[MURMUR_S] = rng.uniform(4.0, 9.0)
                start_nod(mine, rng.uniform(2.5, 4.5), 2.0 if rng.random() < 0.5 else 1.0, rng)
            if phrase[row] and rng.random() < 0.5:
                start_nod(mine, rng.uniform(2.0, 4.0) * float(lively[row]), 1.0, rng)
            if mine[SHIFT_S] <= 0.0:
                size = float(lively[row]) * DEG
                mine[SHIFT_S] = rng.uniform(4.0, 11.0)
                mine[SHIFT_YAW] = float(np.clip(rng.normal(), -1.6, 1.6)) * 2.0 * size
                mine[SHIFT_PITCH] = float(np.clip(rng.normal(), -1.6, 1.6)) * 1.0 * size
                mine[SHIFT_ROLL] = float(np.clip(rng.normal(), -1.6, 1.6)) * 1.4 * size

    def _sway(self, phase: Float, rate: Float, scale: Float, dt_s: float) -> Float:
        phase += rate * np.float32(dt_s)
        phase[phase > 2.0 * math.pi] -= 2.0 * math.pi
        waves = np.sin(phase).reshape(-1, 3, 3) @ np.array([0.8, 0.5, 0.35], np.float32)
        return np.asarray(waves * (SWAY_DEG * DEG) * scale[:, None], np.float32)

    def _nod(self, head: Float, dt_s: float) -> Float:
        size = head[:, NOD_RAD]
        running = size > 0.0
        if not running.any():
            return np.zeros(len(head), np.float32)
        head[running, NOD_AGE] += dt_s
        turns = head[:, NOD_AGE] * head[:, NOD_F]
        over = running & (turns >= head[:, NOD_CYCLES])
        head[over, NOD_RAD] = 0.0
        dip = 0.5 * (1.0 - np.cos(2.0 * math.pi * turns)) * np.where(turns > 1.0, 0.6, 1.0)
        return np.where(running & ~over, -head[:, NOD_RAD] * dip, 0.0).astype(np.float32)


def start_nod(head: Float, size_deg: float, cycles: float, rng: np.random.Generator) -> None:
    """Begin a nod in one row of the column `head`, unless one is running."""
    if head[NOD_RAD] > 0.0:
        return
    head[NOD_AGE], head[NOD_RAD] = 0.0, size_deg * DEG
    head[NOD_F], head[NOD_CYCLES] = NOD_HZ * rng.uniform(0.85, 1.1), cycles


def gaze_share(target: Float) -> Float:
    """(n, 2) what the head takes of a gaze at (n, 2) yaw, pitch: nothing up to 15 degrees, most of the rest."""
    size = np.hypot(target[:, 0], target[:, 1])
    beyond = np.maximum(size - GAZE_SPLIT_DEG * DEG, 0.0) * GAZE_SHARE
    return np.asarray(target * (beyond / np.maximum(size, 1e-6))[:, None], np.float32)
