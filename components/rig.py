"""One avatar's own numbers, compiled from its profile: how canonical controls move this very rig."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class JointDrive:
    """Joint `joint` of the model turns by gain (6,) x pose channel: a sparse row of the pose -> joints map."""

    joint: int
    channel: int
    axis: int  # 0 yaw, 1 pitch, 2 roll, 3 x, 4 y, 5 z
    gain: float


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
    control_morphs: (C, T) and unit_morphs: (157, T): controls and native units on the model's targets.
    drives: pose channels on joints. limits: sums that would push skin through skin.
    """

    name: str
    viseme_controls: Float
    control_gain: Float
    control_offset: Float
    unit_controls: Float
    control_morphs: Float
    unit_morphs: Float
    drives: tuple[JointDrive, ...]
    limits: tuple[Limit, ...]
    joint_count: int
    morph_names: tuple[str, ...]
    extras: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True)
class Rigs:
    """All rigs in use; the batch column `rig` holds indices into this list."""

    items: list[Rig] = field(default_factory=list)
