"""Moving pictures of a face: clips of action units, and what plays on one face now."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

CLIP_HZ = 60  # clips are compiled to this many samples a second


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """A clip, sampled.

    units: (k,) indices into the 157. values: (t, k) 0..1, CLIP_HZ samples a second. loop: starts again at its end.
    """

    name: str
    units: NDArray[np.intp]
    values: NDArray[np.float32]
    loop: bool = False


@dataclass(slots=True)
class Playing:
    """One clip on its way. fade_s: seconds left once it was told to end, else -1."""

    clip: Clip
    strength: float = 1.0
    age_s: float = 0.0
    fade_s: float = -1.0
    layer: str = ""


@dataclass(slots=True)
class Clips:
    """What plays on one face now, and in which ticks gestures began lately (for policies)."""

    active: list[Playing] = field(default_factory=list)
    begun: deque[int] = field(default_factory=deque)
