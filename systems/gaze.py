"""Points the eyes: contact and aversion by turn, saccades on the main sequence, vergence, and VOR against the head."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import CONTROL_INDEX, POSE_INDEX
from avatar_engine.components.mind import GAZE, LOOK, MOOD, TURN, TurnState
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.systems.gaze_plan import (
    CONTACT_SPREAD_DEG,
    aversion,
    dwell_s,
    face_point,
    first_dwell_s,
    saccade_s,
    starts_away,
)
from avatar_engine.systems.rows import due

Float = NDArray[np.float32]
DEG = math.pi / 180.0
HALF_EYES_M = 0.0315  # half the distance between the pupils
VIEWER_M = (0.0, 0.0, 0.9)
REST_S = 0.15  # shortest time between two saccades
EYE_YAW, EYE_UP, EYE_DOWN = 32 * DEG, 22 * DEG, 28 * DEG  # how far an eye turns
FULL_YAW, FULL_UP, FULL_DOWN = 30 * DEG, 25 * DEG, 30 * DEG  # eyeLook* = 1
(READY, AWAY, MODE_S, FIX_S, YAW, PITCH, FROM_Y, FROM_P, TO_Y, TO_P, AGE, LENGTH, BASE_Y, BASE_P, SHIFT, REST) = range(
    len(GAZE)
)
STATE, CHANGED = TURN.index("state"), TURN.index("changed")
GAZE_AWAY = MOOD.index("gaze_away")
HELD = LOOK.index("held")
YAWS = [POSE_INDEX[f"{part}_yaw"] for part in ("head", "neck", "spine")]
PITCHES = [POSE_INDEX[f"{part}_pitch"] for part in ("head", "neck", "spine")]
EYES = [POSE_INDEX[f"eye_{side}_{axis}"] for side in ("left", "right") for axis in ("yaw", "pitch")]
OUT_L, IN_L, UP_L, DOWN_L = (CONTROL_INDEX[f"eyeLook{way}Left"] for way in ("Out", "In", "Up", "Down"))
OUT_R, IN_R, UP_R, DOWN_R = (CONTROL_INDEX[f"eyeLook{way}Right"] for way in ("Out", "In", "Up", "Down"))


class Gaze:
    """Writes `layer.gaze` (so that lids follow) and `pose.gaze` (so that eye joints turn)."""

    name = "gaze"
    phase = Phase.ANIMATE
    reads = ("turn", "mood", "look", "units", "pose.head", "pose.expression")
    writes = ("gaze", "layer.gaze", "pose.gaze")

    def __init__(self) -> None:
        index = catalogue().index
        self._called = [index["AU69"], index["M69"]]  # units that say: look at the other person

    def run(self, world: World) -> None:
        """One tick of all eyes."""
        batch = world.batch
        if not batch.count:
            return
        gaze = batch["gaze"]
        viewer, distance = direction(viewers(batch["viewer"], batch["look"]))
        gaze[:, SHIFT] = 0.0
        gaze[:, MODE_S : FIX_S + 1] -= world.dt_s
        gaze[:, REST] += world.dt_s
        self._decide(world, gaze, viewer)
        self._move(gaze, world.dt_s)
        self._show(world, gaze, distance)

    def _decide(self, world: World, gaze: Float, viewer: Float) -> None:
        """Draw what happens next where a dwell or a fixation has run out, or the turn has changed."""
        batch = world.batch
        turn, held = batch["turn"], batch["look"][:, HELD] > 0.0
        fresh = gaze[:, READY] == 0.0
        changed = (turn[:, CHANGED] > 0.0) & ~fresh
        yielded = changed & (turn[:, STATE] == TurnState.YIELDING)
        moved = held & (np.hypot(*(gaze[:, BASE_Y : BASE_P + 1] - viewer).T) > 1.0 * DEG)
        back = ~held & (gaze[:, AWAY] < 0.0)
        called = batch["units"][:, self._called].max(axis=1) > 0.5
        ready = (gaze[:, REST] >= REST_S) | yielded
        over = (gaze[:, MODE_S] <= 0.0) | (gaze[:, FIX_S] <= 0.0) | (called & (gaze[:, AWAY] > 0.0))
        rows = due(fresh | (ready & (changed | moved | back | over)))
        entities = world.entities_by_row() if rows else []
        for row in rows:
            rng = world.rng(entities[row], "gaze")
            state = TurnState(int(turn[row, STATE]))
            mine, at = gaze[row], viewer[row]
            share = float(batch["mood"][row, GAZE_AWAY])
            if fresh[row]:
                mine[READY] = 1.0
                mine[YAW], mine[PITCH] = at
            new_mode = True
            if held[row]:
                new_mode = mine[AWAY] >= 0.0 or bool(moved[row])
                mine[AWAY], mine[MODE_S] = -1.0, 1.0
            elif changed[row] or fresh[row] or mine[AWAY] < 0.0:
                mine[AWAY] = float(starts_away(state, rng) and not fresh[row])
                mine[MODE_S] = first_dwell_s(state, bool(mine[AWAY]), rng)
            elif called[row]:
                new_mode = mine[AWAY] > 0.0
                mine[AWAY], mine[MODE_S] = 0.0, rng.uniform(0.6, 1.2)
            elif mine[MODE_S] <= 0.0:
                mine[AWAY] = 1.0 - mine[AWAY]
                mine[MODE_S] = dwell_s(state, bool(mine[AWAY]), share, rng)
            else:
                new_mode = False
            if mine[AWAY] > 0.0:
                if new_mode:
                    mine[BASE_Y : BASE_P + 1] = at + aversion(state, rng)
                offset = rng.normal(0.0, CONTACT_SPREAD_DEG * DEG, 2)
            else:
                mine[BASE_Y : BASE_P + 1] = at
                offset = face_point(rng)
            mine[FIX_S] = min(max(rng.lognormal(math.log(0.55), 0.5), 0.25), 2.5)
            start_saccade(mine, float(mine[BASE_Y] + offset[0]), float(mine[BASE_P] + offset[1]))

    def _move(self, gaze: Float, dt_s: float) -> None:
        """Advance the saccades; between them the eyes rest where the last one went."""
        gaze[:, AGE] += dt_s
        t = np.clip(gaze[:, AGE] / np.maximum(gaze[:, LENGTH], 1e-4), 0.0, 1.0)
        share = 0.5 * (1.0 - np.cos(np.pi * t))
        gaze[:, YAW] = gaze[:, FROM_Y] + (gaze[:, TO_Y] - gaze[:, FROM_Y]) * share
        gaze[:, PITCH] = gaze[:, FROM_P] + (gaze[:, TO_P] - gaze[:, FROM_P]) * share

    def _show(self, world: World, gaze: Float, distance: Float) -> None:
        batch = world.batch
        body = batch["pose.head"] + batch["pose.expression"]
        yaw = gaze[:, YAW] - body[:, YAWS].sum(axis=1)
        pitch = gaze[:, PITCH] - body[:, PITCHES].sum(axis=1)
        together = np.arctan2(HALF_EYES_M, np.maximum(distance, 0.15)) * (gaze[:, AWAY] <= 0.0)
        left = np.clip(yaw - together, -EYE_YAW, EYE_YAW)
        right = np.clip(yaw + together, -EYE_YAW, EYE_YAW)
        pitch = np.clip(pitch, -EYE_DOWN, EYE_UP)
        pose, layer = batch["pose.gaze"], batch["layer.gaze"]
        pose[:, EYES] = np.stack((left, pitch, right, pitch), axis=1)
        layer[:, (OUT_L, IN_R)] = np.maximum(np.stack((left, right), axis=1), 0.0) / FULL_YAW
        layer[:, (IN_L, OUT_R)] = np.maximum(np.stack((-left, -right), axis=1), 0.0) / FULL_YAW
        layer[:, (UP_L, UP_R)] = (np.maximum(pitch, 0.0) / FULL_UP)[:, None]
        layer[:, (DOWN_L, DOWN_R)] = (np.maximum(-pitch, 0.0) / FULL_DOWN)[:, None]
        np.clip(layer, 0.0, 1.0, out=layer)


def viewers(viewer: Float, look: Float) -> Float:
    """(n, 3) the point each avatar looks at when it looks: a held point, else the viewer, else straight ahead."""
    known = (viewer != 0.0).any(axis=1, keepdims=True)
    point = np.where(known, viewer, np.array(VIEWER_M, np.float32))
    return np.asarray(np.where(look[:, HELD : HELD + 1] > 0.0, look[:, :3], point), np.float32)


def direction(point_m: Float) -> tuple[Float, Float]:
    """(n, 2) yaw, pitch in radians and (n,) distance of points in avatar axes."""
    flat = np.hypot(point_m[:, 0], point_m[:, 2])
    angles = np.stack((np.arctan2(point_m[:, 0], point_m[:, 2]), np.arctan2(point_m[:, 1], flat)), axis=1)
    return angles.astype(np.float32), np.hypot(flat, point_m[:, 1])


def start_saccade(gaze: Float, yaw: float, pitch: float) -> None:
    """Begin a saccade from where the eyes are now, in one row of the column `gaze`."""
    gaze[FROM_Y], gaze[FROM_P] = gaze[YAW], gaze[PITCH]
    gaze[TO_Y], gaze[TO_P] = yaw, pitch
    size = math.hypot(yaw - float(gaze[YAW]), pitch - float(gaze[PITCH]))
    gaze[AGE], gaze[LENGTH] = 0.0, saccade_s(size)
    gaze[SHIFT], gaze[REST] = size, 0.0
