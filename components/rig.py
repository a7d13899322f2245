"""One avatar's own numbers, compiled from its profile: how canonical controls move this very rig."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Limit:
    """The sum of these controls never passes `ceiling`; all are scaled down together."""

    controls: tuple[int, ...]
    ceiling: float


@dataclass(frozen=True, slots=True)
class Rig:
    """Compiled profile. C controls, T morph targets of the model, P pose channels, J joints.

    viseme_controls: (15, C) what a viseme looks like on this face.
    control_gain, control_offset: (C,) applied to the mixed controls, then clamped to [0, 1].
    unit_controls: (157, C) action units on controls, zero where the rig has a native target for the unit.
    control_morphs: (C, T), unit_morphs: (157, T), viseme_morphs: (15, T): what drives the model's own targets.
    pose_joints: (P, J * 6), control_joints: (C, J * 6): joints as in RenderSnapshot.joints, flattened.
    limits: sums that would push skin through skin.
    """

    name: str
    viseme_controls: Float
    control_gain: Float
    control_offset: Float
    unit_controls: Float
    control_morphs: Float
    unit_morphs: Float
    viseme_morphs: Float
    pose_joints: Float
    control_joints: Float
    limits: tuple[Limit, ...]
    morph_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    extras: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Rigs:
    """All rigs in use; the batch column `rig` holds indices into this list. A freed place is None."""

    items: list[Rig | None] = field(default_factory=list)

    def add(self, rig: Rig) -> int:
        """The place of this rig, shared by all sessions that use the same object."""
        for index, item in enumerate(self.items):
            if item is rig:
                return index
        if None in self.items:
            index = self.items.index(None)
            self.items[index] = rig
            return index
        self.items.append(rig)
        return len(self.items) - 1
