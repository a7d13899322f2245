"""The front end: causal, deaf to offsets and broken samples, the same for every chunking."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.systems.log_mel import (
    BANDS,
    HOP,
    TAIL,
    LogMelFrontEnd,
    band_centres_hz,
    filterbank,
    log_of,
    mel_power,
    spectra,
)

pytestmark = pytest.mark.property

ONE = np.array([0])


def noise(hops: int, streams: int = 1, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal((streams, hops * HOP)) * 0.1).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12))
def test_chunks_do_not_matter(chunks: list[int]) -> None:
    total = sum(chunks)
    audio = noise(total, streams=2)
    both = np.array([0, 1])
    whole = LogMelFrontEnd(2).push(both, audio)
    front = LogMelFrontEnd(2)
    parts, at = [], 0
    for hops in chunks:
        parts.append(front.push(both, audio[:, at * HOP : (at + hops) * HOP]))
        at += hops
    assert np.array_equal(np.concatenate(parts, axis=1), whole)


def test_neighbours_do_not_matter() -> None:
    audio = noise(20, streams=5)
    together = LogMelFrontEnd(5).push(np.arange(5), audio)
    for k in range(5):
        assert np.array_equal(LogMelFrontEnd(1).push(ONE, audio[k : k + 1])[0], together[k])


def test_no_frame_sees_the_future() -> None:
    audio = noise(30)
    changed = audio.copy()
    changed[:, 20 * HOP :] = 0.9
    a, b = (LogMelFrontEnd(1).push(ONE, x)[0] for x in (audio, changed))
    assert np.array_equal(a[:20], b[:20])
    assert not np.array_equal(a[20], b[20])


def test_an_offset_is_not_heard() -> None:
    audio = noise(40)
    a, b = (log_of(LogMelFrontEnd(1).push(ONE, x)) for x in (audio, audio + np.float32(0.4)))
    # The first windows still hold the step from silence to the offset.
    assert np.abs(a[:, 4:] - b[:, 4:]).max() < 0.02


def test_broken_samples_become_silence() -> None:
    audio = noise(10)
    audio[0, ::7] = np.nan
    audio[0, 3::7] = np.inf
    power = LogMelFrontEnd(1).push(ONE, audio)
    assert np.isfinite(power).all()


def test_a_tone_lands_in_its_band() -> None:
    t = np.arange(HOP * 20) / 16000
    for hz in (200.0, 1000.0, 3000.0, 6000.0):
        power = LogMelFrontEnd(1).push(ONE, (0.3 * np.sin(2 * np.pi * hz * t)).astype(np.float32)[None])
        assert abs(band_centres_hz()[power[0, -1].argmax()] - hz) < 0.08 * hz + 40
    assert len(band_centres_hz()) == BANDS


def test_the_network_hears_the_bands_it_was_trained_with() -> None:
    audio = np.concatenate([np.zeros((3, TAIL), np.float32), noise(200, streams=3)], axis=1)
    through_network = (np.square(spectra(audio)) @ filterbank()).swapaxes(0, 1)
    assert np.allclose(log_of(through_network), log_of(mel_power(audio)), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 100), (160,), (1, 0)])
def test_odd_sizes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="audio must be"):
        LogMelFrontEnd(1).push(ONE, np.zeros(shape, np.float32))
