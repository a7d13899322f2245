"""Adds up what gaze, head, expression and breath want of the body."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.controls import POSE, POSE_INDEX
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World

LAYERS = ("pose.head", "pose.gaze", "pose.expression", "pose.breath")
# Comfortable ranges of a seated, talking person, radians and metres; channels without an entry are free.
_RANGE = {
    "head_yaw": 0.70, "head_pitch": 0.45, "head_roll": 0.35, "neck_yaw": 0.35, "neck_pitch": 0.30, "neck_roll": 0.25,
    "spine_yaw": 0.25, "spine_pitch": 0.20, "spine_roll": 0.15, "head_x": 0.03, "head_y": 0.03, "head_z": 0.05,
    "eye_left_yaw": 0.60, "eye_left_pitch": 0.45, "eye_right_yaw": 0.60, "eye_right_pitch": 0.45,
    "shoulder_left": 0.30, "shoulder_right": 0.30, "breath": 1.0,
}  # fmt: skip
LIMIT = np.array([_RANGE[name] for name in POSE], np.float32)
assert set(_RANGE) == set(POSE_INDEX)


class Pose:
    """Writes `pose`, each channel inside its range."""

    name = "pose"
    phase = Phase.COMPOSE
    reads = LAYERS
    writes = ("pose",)

    def run(self, world: World) -> None:
        """Sum of the pose layers, (n, P)."""
        batch = world.batch
        total = batch["pose"]
        total[:] = batch[LAYERS[0]]
        for name in LAYERS[1:]:
            total += batch[name]
        np.clip(total, -LIMIT, LIMIT, out=total)
