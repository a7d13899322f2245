"""Holds every face inside its policy: ceilings, and units that must not show together with an emotion."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.policy import Policy
from avatar_engine.engine.world import Row, World

Float = NDArray[np.float32]
Group = tuple[Policy, NDArray[np.intp]]
TOLERANCE = 1e-3


def policies(world: World) -> list[Group]:
    """(policy, rows) of all avatars that have one."""
    rows: dict[int, list[int]] = {}
    found: dict[int, Policy] = {}
    for _, (row, policy) in world.each2(Row, Policy):
        found[id(policy)] = policy
        rows.setdefault(id(policy), []).append(row.index)
    return [(policy, np.array(rows[key], np.intp)) for key, policy in found.items()]


def hold_back(emotions: Float, units: Float, groups: Sequence[Group]) -> None:
    """Cap emotions; one that forbids units waits at its threshold until those units have gone. In place.

    emotions: (n, slots) about to be shown. units: (n, 157) as they are now.
    """
    for policy, rows in groups:
        seen = np.minimum(emotions[rows], policy.emotion_ceiling)
        for rule in policy.forbidden:
            early = units[np.ix_(rows, rule.units)].max(axis=1) > rule.cap + TOLERANCE
            if early.any():
                spot = np.ix_(early, rule.emotions)
                seen[spot] = np.minimum(seen[spot], rule.threshold)
        emotions[rows] = seen


def enforce(units: Float, emotions: Float, goals: Float, groups: Sequence[Group]) -> None:
    """Cap the (n, 157) units that are about to be shown. In place.

    A forbidden combination ends as soon as the emotion is wanted, so that the units can leave at their own speed
    before it shows.
    """
    for policy, rows in groups:
        wanted = np.minimum(units[rows], policy.unit_ceiling)
        for rule in policy.forbidden:
            strongest = np.maximum(emotions[np.ix_(rows, rule.emotions)], goals[np.ix_(rows, rule.emotions)])
            active = strongest.max(axis=1) > rule.threshold
            if active.any():
                spot = np.ix_(active, rule.units)
                wanted[spot] = np.minimum(wanted[spot], rule.cap)
        units[rows] = wanted
