"""Blinks: log-normal gaps, more at phrase ends and with large gaze shifts, fast down and slow up."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.components.mind import BLINK, GAZE, MOOD, TURN, TurnState
from avatar_engine.components.policy import Policy
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.systems.rows import due
from avatar_engine.systems.springs import smooth

Float = NDArray[np.float32]
CLOSE_S, HOLD_S, OPEN_S = 0.070, 0.020, 0.150  # people: 50-100, 10-30, 150-300 ms
GAP_SPREAD = 0.55  # of the log-normal gaps
MIN_GAP_S, MAX_GAP_S = 0.5, 9.0
MARGIN = 1.12  # a policy's bounds hold for what is counted over some minutes, so the mean keeps this distance
PHRASE_END_CHANCE, SHIFT_CHANCE, SHIFT_DEG = 0.35, 0.3, 14.0
# Spontaneous blinks relative to the style's rate: fewer when attending or looking at something.
PACE = {
    TurnState.IDLE: 0.95,
    TurnState.LISTENING: 0.9,
    TurnState.THINKING: 1.0,
    TurnState.TOOL_WAIT: 0.9,
    TurnState.SPEAKING: 0.86,  # evoked blinks at phrase ends come on top: about 21 a minute together
    TurnState.YIELDING: 1.0,
}
READY, WAIT, AGE, CLOSE, HOLD, OPEN, DEPTH = range(len(BLINK))
LIDS = (CONTROL_INDEX["eyeBlinkLeft"], CONTROL_INDEX["eyeBlinkRight"])
STATE = TURN.index("state")
RATE = MOOD.index("blinks_per_min")
SHIFT = GAZE.index("shift_rad")


class Blink:
    """Writes `layer.blink`."""

    name = "blink"
    phase = Phase.ANIMATE
    reads = ("prosody", "turn", "mood", "gaze")
    writes = ("layer.blink",)

    def run(self, world: World) -> None:
        """One tick of all lids."""
        batch = world.batch
        if not batch.count:
            return
        blink, turn = batch["blink"], batch["turn"]
        dt_s = world.dt_s
        shut = blink[:, AGE] > 0.0
        blink[shut, AGE] += dt_s
        over = shut & (blink[:, AGE] >= blink[:, CLOSE] + blink[:, HOLD] + blink[:, OPEN])
        blink[over, AGE] = 0.0
        blink[:, WAIT] -= dt_s
        fresh = blink[:, READY] == 0.0
        speaking = turn[:, STATE] == TurnState.SPEAKING
        phrase = (batch["prosody"][:, 5] > 0.0) & speaking
        shifted = batch["gaze"][:, SHIFT] > SHIFT_DEG * math.pi / 180.0
        open_now = blink[:, AGE] == 0.0
        rows = due(fresh | (open_now & (phrase | shifted | (blink[:, WAIT] <= 0.0))))
        entities = world.entities_by_row() if rows else []
        for row in rows:
            rng = world.rng(entities[row], "blink")
            mine = blink[row]
            low, high = blink_bounds(world, entities[row])
            pace = PACE[TurnState(int(turn[row, STATE]))]
            rate = min(max(float(batch["mood"][row, RATE]) * pace, low * MARGIN), high / MARGIN)
            if fresh[row]:
                mine[READY] = 1.0
                mine[WAIT] = rng.uniform(0.3, 1.0) * 60.0 / max(rate, 1.0)
            elif mine[WAIT] <= 0.0:
                start_blink(mine, rate, dt_s, rng)
            elif (
                mine[WAIT] > 0.25
                and rate < high / MARGIN
                and rng.random() < (PHRASE_END_CHANCE if phrase[row] else SHIFT_CHANCE)
            ):
                # an evoked blink takes the place of the next spontaneous one
                mine[WAIT] = rng.uniform(0.0, 0.12)
        batch["layer.blink"][:, LIDS] = closure(blink)[:, None]


def blink_bounds(world: World, entity: int) -> tuple[float, float]:
    """Fewest and most blinks a minute that the avatar's policy allows."""
    try:
        return world.get(entity, Policy).blinks_per_min
    except KeyError:
        return 0.0, 120.0


def start_blink(blink: Float, per_min: float, dt_s: float, rng: np.random.Generator) -> None:
    """Begin a blink in one row of the column, and draw the gap to the next one."""
    pace = rng.lognormal(0.0, 0.1)
    blink[CLOSE], blink[HOLD], blink[OPEN] = CLOSE_S * pace, HOLD_S, OPEN_S * pace
    blink[DEPTH] = 1.0 if rng.random() < 0.9 else rng.uniform(0.75, 0.95)
    # start so that one tick falls into the moment the lids are shut: 20 ms would slip between two ticks
    middle = float(blink[CLOSE] + 0.5 * blink[HOLD])
    blink[AGE] = middle - math.floor(middle / dt_s) * dt_s + 1e-5
    gap = rng.lognormal(math.log(60.0 / max(per_min, 1.0)) - GAP_SPREAD**2 / 2.0, GAP_SPREAD)
    length = float(blink[CLOSE] + blink[HOLD] + blink[OPEN])
    blink[WAIT] = min(max(gap, MIN_GAP_S + length), max(MAX_GAP_S, 180.0 / max(per_min, 1.0)))


def closure(blink: Float) -> Float:
    """(n,) how far the lids are shut, 0..1: an accelerating close, a hold, a slower opening that eases out."""
    age, close, hold = blink[:, AGE], blink[:, CLOSE], blink[:, HOLD]
    down = smooth(age / np.maximum(close, 1e-4))
    up = np.clip((age - close - hold) / np.maximum(blink[:, OPEN], 1e-4), 0.0, 1.0)
    shut = down * (1.0 - smooth(up**0.8))
    return np.where(age > 0.0, shut * blink[:, DEPTH], 0.0).astype(np.float32)
