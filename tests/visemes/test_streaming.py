"""Every model: chunks, neighbours and the past of a slot change nothing; the delay is what it says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.errors import AssetError, DeviceError
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.rhubarb import RhubarbVisemes
from avatar_engine.systems.spectral import SpectralVisemes
from avatar_engine.systems.viseme_model import HOP, VisemeModel
from tests.visemes.speech import hops_of, run, same, samples_of

pytestmark = pytest.mark.property

MODELS: list[Callable[[], VisemeModel]] = [NeuralVisemes, SpectralVisemes, RhubarbVisemes]
models = pytest.mark.parametrize("make", MODELS, ids=lambda m: m.name)


def speech(hops: int) -> np.ndarray:
    return hops_of(samples_of("demo_en.flac"))[:, 40 * HOP : (40 + hops) * HOP]


@models
@pytest.mark.parametrize("chunks", [[1], [2], [3, 3, 4], [7, 1, 12], [150]])
def test_chunks_do_not_matter(make: Callable[[], VisemeModel], chunks: list[int]) -> None:
    audio = speech(151)
    assert same(run(make(), audio, chunks), run(make(), audio))


def test_a_stream_that_has_to_be_heard_twice_says_the_same() -> None:
    twice, audio = NeuralVisemes(), speech(41)
    twice._streams._same_alone = False
    assert same(run(twice, audio, [3]), run(NeuralVisemes(), audio, [3]))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 11), min_size=1, max_size=9))
def test_any_chunks_do_not_matter(chunks: list[int]) -> None:
    model, audio = NeuralVisemes(), speech(40)
    assert same(run(model, audio, chunks), run(model, audio))


@models
def test_neighbours_do_not_matter(make: Callable[[], VisemeModel]) -> None:
    rng = np.random.default_rng(4)
    audio = np.stack([speech(60)[0], rng.standard_normal(60 * HOP).astype(np.float32) * 0.1, speech(80)[0, 20 * HOP :]])
    together = run(make(), audio, [2])
    for k in range(3):
        alone = run(make(), audio[k : k + 1], [2])
        assert np.array_equal(alone.weights[0], together.weights[k])
        assert np.array_equal(alone.openness[0], together.openness[k])


def test_streams_out_of_step_share_a_call() -> None:
    """One stream has an odd hop waiting, the other none."""
    audio = speech(61)
    model = NeuralVisemes()
    first, second = model.open(), model.open()
    model.push(np.array([first]), audio[:, :HOP])
    both = np.stack([audio[0, HOP:], audio[0, : 60 * HOP]])
    frames = model.push(np.array([first, second]), both)
    whole = run(NeuralVisemes(), audio)
    assert np.array_equal(frames.weights[0], whole.weights[0, 1:])
    assert np.array_equal(frames.weights[1], whole.weights[0, :60])


@models
def test_a_used_slot_is_as_good_as_new(make: Callable[[], VisemeModel]) -> None:
    audio = speech(50)
    model = make()
    fresh = run(model, audio)
    slot = model.open()
    model.push(np.array([slot]), speech(33))
    model.reset(slot)
    again = model.push(np.array([slot]), audio)
    assert np.array_equal(again.weights, fresh.weights)


@models
def test_many_slots(make: Callable[[], VisemeModel]) -> None:
    model = make()
    slots = np.array([model.open() for _ in range(37)])
    assert len(set(slots.tolist())) == 37
    frames = model.push(slots, np.repeat(speech(4), 37, axis=0))
    assert frames.weights.shape == (37, 4, 15)
    assert (frames.weights == frames.weights[:1]).all()


@models
def test_frames_are_proper(make: Callable[[], VisemeModel]) -> None:
    frames = run(make(), speech(300))
    assert np.abs(frames.weights.sum(axis=2) - 1).max() < 1e-3
    for name in ("weights", "openness", "closure", "labiodental", "rounding", "speech"):
        values = getattr(frames, name)
        assert values.dtype == np.float32, name
        assert values.min() >= 0, name
        assert values.max() <= 1.0001, name


@pytest.mark.parametrize("delay", [3, 7])
def test_the_delay_is_what_it_says(delay: int) -> None:
    """Speech that starts at a known hop opens the mouth at that hop once the delay is taken out."""
    audio = np.concatenate([np.zeros((1, 100 * HOP), np.float32), speech(60)], axis=1)
    model = NeuralVisemes(delay_frames=delay)
    assert model.delay_frames == delay
    frames = run(model, audio)
    opened = int(np.flatnonzero(frames.openness[0] > 0.1)[0]) - delay
    # The bundled speech is under way at the cut, so it begins with hop 100.
    assert 97 <= opened <= 106


def test_an_unknown_delay_is_refused() -> None:
    with pytest.raises(AssetError, match="known: 3, 7"):
        NeuralVisemes(delay_frames=5)


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(DeviceError, match="known: cpu"):
        NeuralVisemes(devices=("abacus",))


def test_a_device_that_is_missing_is_passed_over() -> None:
    assert NeuralVisemes(devices=("coreml", "cuda", "cpu")).delay_frames == 7
