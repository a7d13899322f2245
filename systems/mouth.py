"""Turns viseme weights into the mouth layer: what this face's visemes look like, opened with the voice's level."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.components.rig import Rigs
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World

# Lips cross their whole range in about 60 ms at the fastest (a plosive's closure), as in cineradiography tables.
FASTEST_PER_S = 17.0
JAW = CONTROL_INDEX["jawOpen"]


class Mouth:
    """Writes `layer.mouth` for all avatars."""

    name = "mouth"
    phase = Phase.ANIMATE
    reads = ("visemes", "prosody", "last:layer.mouth")
    writes = ("layer.mouth",)

    def run(self, world: World) -> None:
        """Per rig: visemes (n, 15) @ viseme_controls (15, C), limited in speed."""
        batch = world.batch
        layer, visemes = batch["layer.mouth"], batch["visemes"]
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
