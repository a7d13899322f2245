"""Where people look and for how long: the figures of gaze, as pure draws from a random stream."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.mind import TurnState

DEG = math.pi / 180.0
Pair = NDArray[np.float64]
CONTACT_SPREAD_DEG = 1.6
# Share of time looking away, and how long one look away lasts (s). People look away about 29 % of the time when they
# speak and 10 % when they listen (Argyle & Cook 1976; Vertegaal et al. 2001), and most of it while they think
# (Doherty-Sneddon & Phelps 2005).
AWAY_SHARE = {
    TurnState.IDLE: 0.22,
    TurnState.LISTENING: 0.10,
    TurnState.THINKING: 0.68,
    TurnState.TOOL_WAIT: 0.55,
    TurnState.SPEAKING: 0.30,
    TurnState.YIELDING: 0.0,
}
AWAY_S = {
    TurnState.IDLE: 1.6,
    TurnState.LISTENING: 0.8,
    TurnState.THINKING: 2.0,
    TurnState.TOOL_WAIT: 2.2,
    TurnState.SPEAKING: 1.1,
    TurnState.YIELDING: 0.3,
}
SPREAD = 0.45  # of the log-normal dwell times
MIN_S = 0.35
# yaw magnitude and pitch in degrees, each (low, high)
DIRECTION = {
    TurnState.IDLE: ((5.0, 20.0), (-8.0, 4.0)),
    TurnState.LISTENING: ((4.0, 10.0), (-6.0, 3.0)),
    TurnState.THINKING: ((9.0, 20.0), (6.0, 14.0)),
    TurnState.TOOL_WAIT: ((8.0, 18.0), (-14.0, -6.0)),
    TurnState.SPEAKING: ((5.0, 15.0), (-9.0, 5.0)),
    TurnState.YIELDING: ((2.0, 4.0), (-2.0, 2.0)),
}


def saccade_s(size_rad: float) -> float:
    """Length of a saccade on the main sequence: peak speed 552.9 (1 - exp(-A / 12.788)) degrees/s for amplitude A
    (Baloh et al. 1975), moving along half a sine of speed, whose peak is pi/2 of its mean."""
    degrees = max(size_rad / DEG, 0.05)
    return 0.5 * math.pi * degrees / peak_speed_deg_s(degrees)


def peak_speed_deg_s(size_deg: float) -> float:
    """Peak speed of a saccade of that amplitude."""
    return 552.9 * (1.0 - math.exp(-size_deg / 12.788))


def starts_away(state: TurnState, rng: np.random.Generator) -> bool:
    """Does this turn begin with a look away? Thinking nearly always; speaking sometimes, to plan what to say."""
    chance = {TurnState.THINKING: 0.9, TurnState.TOOL_WAIT: 0.8, TurnState.SPEAKING: 0.3}.get(state, 0.0)
    return bool(rng.random() < chance)


def first_dwell_s(state: TurnState, away: bool, rng: np.random.Generator) -> float:
    """How long the first look of a turn lasts."""
    if away:
        return max(rng.lognormal(math.log(AWAY_S[state]), SPREAD), MIN_S)
    return float(rng.uniform(0.6, 2.0))


def dwell_s(state: TurnState, away: bool, share: float, rng: np.random.Generator) -> float:
    """Length of a look away, or of the look at the viewer between two of them, so that the shares come out."""
    target = min(AWAY_SHARE[state] * share, 0.95)
    mean = AWAY_S[state]
    if not away:
        mean = mean * (1.0 - target) / target if target > 0.0 else 30.0
    median = mean * math.exp(-SPREAD * SPREAD / 2.0)
    return max(rng.lognormal(math.log(median), SPREAD), MIN_S)


def aversion(state: TurnState, rng: np.random.Generator) -> Pair:
    """Yaw and pitch (radians) away from the viewer."""
    (low, high), (down, up) = DIRECTION[state]
    side = -1.0 if rng.random() < 0.5 else 1.0
    return np.array([side * rng.uniform(low, high) * DEG, rng.uniform(down, up) * DEG])


def face_point(rng: np.random.Generator) -> Pair:
    """Yaw and pitch (radians) of a point of the viewer's face, from between their eyes: mostly an eye, at times the
    mouth, often only a micro-saccade away from the middle."""
    draw = rng.random()
    jitter = rng.normal(0.0, 0.22 * DEG, 2)
    if draw < 0.5:
        return np.asarray(jitter)
    if draw < 0.85:
        return np.asarray(jitter + np.array([1.5 * DEG * (1.0 if rng.random() < 0.5 else -1.0), 0.0]))
    return np.asarray(jitter + np.array([0.0, -2.6 * DEG]))
