"""Turns viseme weights into the mouth layer: what this face's visemes look like, opened with the voice's level."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.components.rig import Rigs
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World

# Lips cross their whole range in about 60 ms at the fastest (a plosive's closure), as in cineradiography tables.
FASTEST_PER_S = 17.0
OWNERSHIP_ATTACK_S = 0.05
OWNERSHIP_RELEASE_S = 0.12
JAW = CONTROL_INDEX["jawOpen"]


class Mouth:
    """Writes `layer.mouth` for all avatars and how far speech owns the mouth."""

    name = "mouth"
    phase = Phase.ANIMATE
    reads = ("visemes", "cues", "prosody", "speaking", "last:layer.mouth")
    writes = ("layer.mouth", "mouth_owner")

    def run(self, world: World) -> None:
        """Per rig: visemes (n, 15) @ viseme_controls (15, C), limited in speed."""
        batch = world.batch
        layer, visemes, cues = batch["layer.mouth"], batch["visemes"], batch["cues"]
        rig_of = batch["rig"][:, 0]
        step = np.float32(FASTEST_PER_S * world.dt_s)
        for index, rig in enumerate(world.resource(Rigs).items):
            if rig is None:
                continue
            rows = np.flatnonzero(rig_of == index)
            if len(rows) == 0:
                continue
            target = visemes[rows] @ rig.viseme_controls
            # A loud vowel opens wider than a murmured one: 70 % of the shape at the floor, 115 % when loud.
            level = batch["prosody"][rows, 0]
            target[:, JAW] *= 0.70 + 0.45 * level
            before = layer[rows]
            layer[rows] = before + np.clip(target - before, -step, step)
        # Speech owns the mouth while there is evidence of it, and gives it back smoothly.
        voiced = np.maximum(batch["speaking"][:, 0] * (1.0 - visemes[:, 0]), cues[:, 1])
        owner = batch["mouth_owner"]
        rising = voiced > owner[:, 0]
        rate = np.where(rising, world.dt_s / OWNERSHIP_ATTACK_S, world.dt_s / OWNERSHIP_RELEASE_S)
        owner[:, 0] += np.clip(voiced - owner[:, 0], -rate, rate).astype(np.float32)
