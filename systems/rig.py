"""Maps the mixed face onto each model's own morph targets and joints."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.rig import Rigs
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World


class RigWeights:
    """Writes `morphs` and `joints`; keeps the tick before for frames between two ticks."""

    name = "rig"
    phase = Phase.COMPOSE
    reads = ("controls", "units", "visemes", "pose")
    writes = ("morphs", "joints")

    def run(self, world: World) -> None:
        """Per rig: controls (n, C) and native units (n, 157) -> targets (n, T) in [0, 1]; pose -> joints."""
        batch = world.batch
        batch["morphs_before"][:] = batch["morphs"]
        batch["joints_before"][:] = batch["joints"]
        rig_of = batch["rig"][:, 0]
        for index, rig in enumerate(world.resource(Rigs).items):
            if rig is None:
                continue
            rows = np.flatnonzero(rig_of == index)
            if len(rows) == 0:
                continue
            controls = batch["controls"][rows]
            morphs = controls @ rig.control_morphs + batch["units"][rows] @ rig.unit_morphs
            morphs += batch["visemes"][rows] @ rig.viseme_morphs
            batch["morphs"][rows, : morphs.shape[1]] = np.clip(morphs, 0.0, 1.0)
            joints = batch["pose"][rows] @ rig.pose_joints + controls @ rig.control_joints
            batch["joints"][rows, : joints.shape[1]] = joints
