"""How the heads are taught: the furthest by the labels alone, the others by what it hears too."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL
from tools.visemes.losses import loss_of
from tools.visemes.network import DELAYS, OUTPUTS
from tools.visemes.training_data import LABEL_COLUMNS

pytestmark = pytest.mark.unit

STEPS = 40
NEAR, FURTHEST = DELAYS.index(7), len(DELAYS) - 1


def gradient(logits: np.ndarray) -> np.ndarray:
    """Of the loss of a row that says a long a, (STEPS, delays, 2, OUTPUTS)."""
    label = np.zeros((1, 2 * STEPS, LABEL_COLUMNS), np.int16)
    label[..., 0], label[..., 1] = CLASS_OF_SYMBOL["a"], 10
    openness = np.full((1, 2 * STEPS), 0.9, np.float32)
    slope = jax.grad(lambda x: loss_of(x, label, openness)[0])(logits[None])
    return np.asarray(slope)[0]


@pytest.fixture
def logits() -> np.ndarray:
    return np.random.default_rng(5).normal(0, 1, (STEPS, len(DELAYS), 2, OUTPUTS)).astype(np.float32)


def test_what_the_others_believe_is_nothing_to_the_furthest(logits: np.ndarray) -> None:
    before = gradient(logits)[:, FURTHEST]
    logits[:, :FURTHEST] *= -2
    assert gradient(logits)[:, FURTHEST] == pytest.approx(before, abs=1e-7)


def test_the_others_are_told_of_the_hop_they_speak_of(logits: np.ndarray) -> None:
    before = gradient(logits)[:, NEAR]
    told = 33
    logits[told, FURTHEST] += 3 * np.sin(np.arange(OUTPUTS))
    changed = np.flatnonzero(np.abs(gradient(logits)[:, NEAR] - before).max(axis=(1, 2)) > 1e-6)
    # Both speak of the same hop at steps that lie as far apart as their delays.
    assert changed.tolist() == [told - (DELAYS[-1] - DELAYS[NEAR]) // 2]


def test_what_is_heard_too_late_for_the_furthest_is_taught_by_the_label(logits: np.ndarray) -> None:
    before = gradient(logits)[:, NEAR]
    logits[:, FURTHEST] *= -2
    changed = np.abs(gradient(logits)[:, NEAR] - before).max(axis=(1, 2)) > 1e-6
    assert not changed[STEPS - (DELAYS[-1] - DELAYS[NEAR]) // 2 :].any()
    assert changed[15:30].all()
