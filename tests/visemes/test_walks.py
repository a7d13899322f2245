"""Walks through recordings: what is heard is what is labelled, transitions are real ones, words are not."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avatar_engine.systems.log_mel import BANDS
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL
from tools.visemes.training_data import LABEL_COLUMNS
from tools.visemes.walks import Walks

pytestmark = pytest.mark.property

SAID = ("sil m a n u f a s o sil", "sil s a v o n a m u sil", "sil k a f u l a n o sil")
HOPS = 8


@pytest.fixture(scope="module")
def recorded() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Two speakers, three recordings each; the power of a hop says which hop it is."""
    classes = [[CLASS_OF_SYMBOL[s] for s in said.split()] for said in SAID * 2]
    label = np.zeros((sum(map(len, classes)) * HOPS, LABEL_COLUMNS), np.int16)
    label[:, 0] = np.repeat(np.concatenate(classes), HOPS)
    power = np.repeat(np.arange(len(label), dtype=np.float16)[:, None], BANDS, axis=1)
    length = np.array([len(c) * HOPS for c in classes])
    return power, label, np.concatenate([[0], np.cumsum(length)[:-1]]), length


@pytest.mark.parametrize("seed", range(6))
def test_everything_heard_was_said_by_one_speaker_and_is_labelled_as_what_it_is(recorded, seed: int) -> None:  # type: ignore[no-untyped-def]
    power, label, start, length = recorded
    walks = Walks(power, label, start, length, np.array([0, 0, 0, 1, 1, 1]))
    second = int(start[3])
    rng = np.random.default_rng(seed)
    orders = set()
    for _ in range(40):
        heard, said = walks.draw(rng)
        assert len(heard) == len(said)
        assert heard.shape[1] == BANDS
        source = heard[:, 0]
        assert (source < second).all() or (source >= second).all()
        # Away from joints a hop is one that was recorded, with its own label.
        whole = np.flatnonzero(source == np.round(source))
        alone = [t for t in whole[1:-1] if source[t] - source[t - 1] == 1 == source[t + 1] - source[t]]
        assert len(alone) > len(said) / 3
        assert (said[alone, 0] == label[source[alone].astype(int), 0]).all()
        runs = said[np.flatnonzero(np.diff(said[:, 0], prepend=-9)), 0]
        orders.add(tuple(runs.tolist()))
    pairs = {pair for line in SAID for pair in itertools.pairwise(line.split())}
    names = {CLASS_OF_SYMBOL[s]: s for line in SAID for s in line.split()}
    begins = {(names[a], names[b]) for order in orders for a, b in itertools.pairwise(order)}
    # After a recording's end a walk begins anew somewhere.
    assert {pair for pair in begins if pair[0] != "sil"} <= pairs
    assert len(orders) > 30


def test_long_pauses_lose_their_middle(recorded) -> None:  # type: ignore[no-untyped-def]
    _, label, _, _ = recorded
    pause = np.zeros((200, LABEL_COLUMNS), np.int16)
    said = np.concatenate([pause, label[8:40], pause])
    power = np.ones((len(said), BANDS), np.float16)
    walks = Walks(power, said, np.array([0]), np.array([len(said)]), np.array([0]))
    rng = np.random.default_rng(1)
    for _ in range(20):
        _, heard = walks.draw(rng)
        quiet = np.flatnonzero(np.diff(np.concatenate([[1], heard[:, 0] != 0, [1]]).astype(int)))
        assert np.diff(quiet)[::2].max(initial=0) <= 46
