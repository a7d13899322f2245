"""Pure maths of motion: critically damped springs and smooth steps, for whole columns at once."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]


def spring(position: Float, velocity: Float, goal: Float | float, omega: float, dt_s: float) -> None:
    """Advance a critically damped spring in place; exact for any dt. omega in rad/s: about 4.7/omega s to settle."""
    away = position - goal
    push = (velocity + omega * away) * np.float32(dt_s)
    fade = np.float32(math.exp(-omega * dt_s))
    position[...] = goal + (away + push) * fade
    velocity[...] = (velocity - omega * push) * fade


def kick(peak: float, omega: float) -> float:
    """The velocity that makes a resting spring swing out to `peak` (after 1/omega s) and come back."""
    return peak * math.e * omega


def smooth(x: NDArray[np.floating[Any]]) -> Float:
    """Smoothstep of x clipped to [0, 1]."""
    t = np.clip(x, 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)
