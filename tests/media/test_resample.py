from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.media.resample import StreamResampler, resample, resampled_length

pytestmark = pytest.mark.property

RATES = st.sampled_from([8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000, 96000, 192000, 44099])
OUT = st.sampled_from([16000, 24000, 44100, 48000])


@settings(max_examples=120, deadline=None)
@given(RATES, OUT, st.integers(0, 6000), st.lists(st.integers(0, 2000), max_size=40), st.integers(0, 2**31))
def test_the_cutting_leaves_no_trace(rate: int, out: int, count: int, cuts: list[int], seed: int) -> None:
    samples = np.random.default_rng(seed).normal(0, 0.3, count).astype(np.float32)
    stream = StreamResampler(rate, out)
    parts, position = [], 0
    for cut in cuts:
        parts.append(stream.push(samples[position : position + cut]))
        position += cut
    parts += [stream.push(samples[position:]), stream.flush()]
    pieces = np.concatenate(parts)
    assert len(pieces) == resampled_length(count, rate, out)
    assert np.array_equal(pieces, resample(samples, rate, out))


@settings(max_examples=40, deadline=None)
@given(RATES, OUT, st.floats(100, 3000))
def test_no_delay_and_no_change_of_a_tone(rate: int, out: int, hz: float) -> None:
    t = np.arange(rate // 4) / rate
    swell = np.hanning(len(t))
    result = resample((np.sin(2 * np.pi * hz * t) * swell).astype(np.float32), rate, out)
    at = np.arange(len(result)) / out
    expected = np.sin(2 * np.pi * hz * at) * np.interp(at, t, swell)
    assert np.max(np.abs(result - expected)) < 2e-3


def test_starts_and_ends_in_silence() -> None:
    result = resample(np.full(1600, 0.5, np.float32), 16000, 48000)
    assert np.max(np.abs(result[300:-300] - 0.5)) < 1e-3  # the middle is untouched
    assert np.max(np.abs(result)) < 0.6  # the edges ring a little, as a band limit must


def test_refuses_samples_after_the_end() -> None:
    stream = StreamResampler(8000, 16000)
    stream.flush()
    with pytest.raises(ValueError, match="new resampler"):
        stream.push(np.zeros(4, np.float32))
    with pytest.raises(ValueError, match="positive"):
        StreamResampler(0, 16000)
