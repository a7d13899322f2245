"""A safety envelope: what a face may never show, how often it may move, and how it says that it is an AI."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Forbidden:
    """While any of these emotions shows above `threshold`, these units stay at or below `cap`.

    emotions: (k,) indices. units: (m,) indices.
    """

    emotions: NDArray[np.intp]
    threshold: float
    units: NDArray[np.intp]
    cap: float


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """Compiled policy file. emotion_ceiling: (EMOTION_SLOTS,), unit_ceiling: (157,), both 0..1."""

    name: str
    emotion_ceiling: Float
    unit_ceiling: Float
    forbidden: tuple[Forbidden, ...]
    gestures_per_min: float
    blinks_per_min: tuple[float, float]
    badge: str | None
