"""Breathes: 15 a minute at rest, in before speech and in its pauses, slowly out while words are spoken."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import POSE_INDEX
from avatar_engine.components.mind import BREATH, TURN, TurnState
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.systems.rows import due

Float = NDArray[np.float32]
INHALE_SHARE = 0.365
PER_MIN = (14.0, 16.5)
GULP_S = 0.38  # the quick breath before and between phrases
SPOKEN_S = 4.5  # a breath lasts this long in speech
READY, PHASE, RATE, VOLUME, GULP = range(len(BREATH))
STATE, CHANGED, BEFORE = TURN.index("state"), TURN.index("changed"), TURN.index("before")
PITCH_RAD = -0.008  # the head leans back this much over a breath, the spine forward likewise


class Breath:
    """Writes `pose.breath`: chest 0..1, a trace of shoulders, spine and head."""

    name = "breath"
    phase = Phase.ANIMATE
    reads = ("turn", "prosody")
    writes = ("pose.breath",)

    def run(self, world: World) -> None:
        """One tick of all chests."""
        batch = world.batch
        if not batch.count:
            return
        breath, turn = batch["breath"], batch["turn"]
        dt_s = world.dt_s
        rows = due(breath[:, READY] == 0.0)
        entities = world.entities_by_row() if rows else []
        for row in rows:
            rng = world.rng(entities[row], "breath")
            breath[row, READY] = 1.0
            breath[row, PHASE] = rng.random()
            breath[row, RATE] = rng.uniform(*PER_MIN) / 60.0
            breath[row, VOLUME] = tidal(breath[row : row + 1, PHASE])[0]
        speaking = turn[:, STATE] == TurnState.SPEAKING
        starts = (turn[:, CHANGED] > 0.0) & speaking
        pauses = speaking & (batch["prosody"][:, 5] > 0.0) & (breath[:, VOLUME] < 0.6)
        breath[starts | pauses, GULP] = GULP_S
        gulping = breath[:, GULP] > 0.0
        breath[gulping, GULP] -= dt_s
        breath[:, PHASE] = (breath[:, PHASE] + breath[:, RATE] * dt_s) % 1.0
        # after speech the calm rhythm goes on from an exhale
        spoke = (turn[:, CHANGED] > 0.0) & (turn[:, BEFORE] == TurnState.SPEAKING)
        breath[spoke & ~speaking, PHASE] = INHALE_SHARE + 0.25
        spoken = np.maximum(breath[:, VOLUME] - dt_s / SPOKEN_S, 0.08)
        goal = np.where(gulping, 1.0, np.where(speaking, spoken, tidal(breath[:, PHASE])))
        rate = np.where(gulping, 9.0, np.where(speaking, 30.0, 4.0))
        breath[:, VOLUME] += (goal - breath[:, VOLUME]) * (1.0 - np.exp(-rate * dt_s))
        volume = breath[:, VOLUME]
        pose = batch["pose.breath"]
        pose[:, POSE_INDEX["breath"]] = volume
        pose[:, POSE_INDEX["shoulder_left"]] = pose[:, POSE_INDEX["shoulder_right"]] = 0.02 * volume
        body = batch["switches"][:, 1] * PITCH_RAD * (volume - 0.4)
        pose[:, POSE_INDEX["spine_pitch"]] = -body
        pose[:, POSE_INDEX["head_pitch"]] = body


def tidal(phase: Float) -> Float:
    """Volume 0..1 at a phase 0..1: in during the first 36 %, then out with a rest at the bottom."""
    inward = np.clip(phase / INHALE_SHARE, 0.0, 1.0)
    outward = np.clip((phase - INHALE_SHARE) / (0.85 - INHALE_SHARE), 0.0, 1.0)
    rise = 0.5 * (1.0 - np.cos(math.pi * inward))
    fall = 0.5 * (1.0 + np.cos(math.pi * outward))
    return np.where(phase < INHALE_SHARE, rise, fall).astype(np.float32)
