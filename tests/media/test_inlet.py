"""Speech on its way in: exactly as many samples come out as went in, whatever the rates and chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.media.resample import resample, resampled_length
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.inlet import SpeechInlet

pytestmark = pytest.mark.property

RATES = (8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000)
HEARD = 16_000


def through(inlet: SpeechInlet, chunks: list[AudioChunk]) -> dict[int, tuple[np.ndarray, np.ndarray, bool]]:
    """Per segment: samples played and heard, and whether it was ended."""
    out: dict[int, tuple[list[np.ndarray], list[np.ndarray], bool]] = {}
    for chunk in chunks:
        for ready in inlet.prepare(chunk):
            played, heard, _ = out.setdefault(ready.chunk.segment, ([], [], False))
            played.append(ready.chunk.samples)
            heard.append(ready.heard)
            out[ready.chunk.segment] = played, heard, ready.chunk.last
    return {name: (np.concatenate(played), np.concatenate(heard), last) for name, (played, heard, last) in out.items()}


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(RATES),
    st.sampled_from((24_000, 48_000)),
    st.lists(st.lists(st.integers(0, 1500), max_size=8), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_no_sample_is_lost_or_added(rate: int, out_rate: int, segments: list, ends: bool, seed: int) -> None:
    """A segment ends by its own last chunk or by the next segment; both give the same samples."""
    rng = np.random.default_rng(seed)
    chunks, whole = [], []
    for name, sizes in enumerate(segments):
        parts = [rng.uniform(-0.9, 0.9, size).astype(np.float32) for size in sizes]
        whole.append(np.concatenate([*parts, np.zeros(0, np.float32)]))
        chunks += [AudioChunk(part, rate, name) for part in parts]
        if ends or name == len(segments) - 1:
            chunks.append(AudioChunk(np.zeros(0, np.float32), rate, name, last=True))
    got = through(SpeechInlet(out_rate), chunks)
    for name, samples in enumerate(whole):
        if name not in got:
            assert len(samples) == 0
            continue
        played, heard, last = got[name]
        assert last
        assert len(played) == resampled_length(len(samples), rate, out_rate)
        assert len(heard) == resampled_length(len(samples), rate, HEARD)
        assert np.array_equal(played, resample(samples, rate, out_rate))
        assert np.array_equal(heard, resample(samples, rate, HEARD))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(RATES), st.integers(1, 3000)), min_size=1, max_size=6),
    st.sampled_from((24_000, 48_000)),
)
def test_a_change_of_rate_loses_nothing(stretches: list[tuple[int, int]], out_rate: int) -> None:
    """A voice at 24 kHz ended at 48 kHz used to lose the 0.67 ms that the resampler held back."""
    chunks = [AudioChunk(np.full(count, 0.25, np.float32), rate, 7) for rate, count in stretches]
    chunks.append(AudioChunk(np.zeros(0, np.float32), out_rate, 7, last=True))
    joined: list[list[int]] = []
    for rate, count in stretches:
        if joined and joined[-1][0] == rate:
            joined[-1][1] += count
        else:
            joined.append([rate, count])
    played, heard, last = through(SpeechInlet(out_rate), chunks)[7]
    assert last
    assert len(played) == sum(resampled_length(count, rate, out_rate) for rate, count in joined)
    assert len(heard) == sum(resampled_length(count, rate, HEARD) for rate, count in joined)
