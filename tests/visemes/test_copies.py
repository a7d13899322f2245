"""Copies of recordings the training hears: labels move with the sound, and what is said stays to be heard."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.systems.phone_table import SILENCE, Segment, segments
from tests.visemes.speech import phones_of
from tools.visemes.copies import RATE, narrow, other_voice, prompts, studio, telephone

pytestmark = pytest.mark.property
NAME = "demo_it.flac"


@pytest.fixture(scope="module")
def spoken() -> tuple[np.ndarray, list[Segment]]:
    return read_speech(asset_path("speech", NAME), RATE), segments(phones_of(NAME))


def loudness(samples: np.ndarray, at_s: float, until_s: float) -> float:
    part = samples[round(at_s * RATE) : round(until_s * RATE)].astype(np.float64)
    return float(np.sqrt((part**2).mean()))


def centroid_hz(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float((power * np.fft.rfftfreq(len(samples), 1 / RATE)).sum() / power.sum())


@pytest.mark.parametrize("seed", range(6))
def test_prompts_say_the_same_with_silence_between(spoken: tuple[np.ndarray, list[Segment]], seed: int) -> None:
    samples, mouths = spoken
    heard, moved = prompts(samples, mouths, np.random.default_rng(seed))
    said = [m.symbol for m in mouths if m.symbol != SILENCE]
    assert [m.symbol for m in moved if m.symbol != SILENCE] == said
    assert moved[0].symbol == moved[-1].symbol == SILENCE
    assert moved[0].start_s == 0
    assert moved[-1].end_s == pytest.approx(len(heard) / RATE, abs=1e-3)
    assert all(a.end_s <= b.start_s + 1e-6 for a, b in itertools.pairwise(moved))
    lengths = [m.end_s - m.start_s for m in moved if m.symbol != SILENCE]
    assert lengths == pytest.approx([m.end_s - m.start_s for m in mouths if m.symbol != SILENCE], abs=1e-3)
    # Sound lies where it is said to lie; between prompts there is only comfort noise.
    voice = [m for m in moved if m.symbol in "aeo"]
    assert min(loudness(heard, m.start_s, m.end_s) for m in voice) > 0.01
    assert 0 < loudness(heard, 0.0, 0.1) < 0.005


def test_what_holds_no_speech_stays_as_it_is() -> None:
    noise = np.full(RATE, 0.1, np.float32)
    quiet = segments([(0.0, 1.0, "sil")])
    heard, moved = prompts(noise, quiet, np.random.default_rng(1))
    assert heard is noise
    assert moved is quiet


@pytest.mark.parametrize("seed", range(4))
def test_another_voice_says_the_same_at_its_own_pitch(spoken: tuple[np.ndarray, list[Segment]], seed: int) -> None:
    samples, mouths = spoken
    said, moved = other_voice(samples, mouths, np.random.default_rng(seed))
    pace = len(said) / len(samples)
    assert 0.72 < pace < 1.38
    assert abs(pace - 1) > 0.005
    assert [m.start_s for m in moved] == pytest.approx([m.start_s * pace for m in mouths], abs=2e-3)
    assert np.abs(said).max() == pytest.approx(0.5, abs=1e-3)
    long = [(a, b) for a, b in zip(mouths, moved) if a.end_s - a.start_s > 0.04]
    old = np.array([loudness(samples, a.start_s, a.end_s) for a, _ in long])
    new = np.array([loudness(said, b.start_s, b.end_s) for _, b in long])
    assert np.corrcoef(np.log(old + 1e-3), np.log(new + 1e-3))[0, 1] > 0.9


def test_formants_move_apart_from_the_pitch(spoken: tuple[np.ndarray, list[Segment]]) -> None:
    found = []
    for seed in range(24):
        said, _ = other_voice(*spoken, np.random.default_rng(seed))
        found.append((len(spoken[0]) / len(said), centroid_hz(said)))
    pitch, centroid = np.array(found).T
    assert centroid.std() / centroid.mean() > 0.05
    assert abs(np.corrcoef(pitch, centroid)[0, 1]) < 0.6


@pytest.mark.parametrize("way", [narrow, telephone])
@pytest.mark.parametrize("seed", range(8))
def test_lines_keep_the_time_and_lose_the_top(spoken: tuple[np.ndarray, list[Segment]], way, seed: int) -> None:  # type: ignore[no-untyped-def]
    samples, _ = spoken
    heard = way(samples, np.random.default_rng(seed))
    assert heard.shape == samples.shape
    assert heard.dtype == np.float32
    power = np.abs(np.fft.rfft(heard)) ** 2
    hz = np.fft.rfftfreq(len(heard), 1 / RATE)
    assert power[hz > 4600].sum() < 0.01 * power.sum()
    envelopes = [np.abs(x[: len(x) // RATE * RATE]).reshape(-1, 800).mean(1) for x in (samples, heard)]
    lags = [np.corrcoef(envelopes[0][2:-2], np.roll(envelopes[1], k)[2:-2])[0, 1] for k in (-1, 0, 1)]
    assert int(np.argmax(lags)) == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_studio_brightens_and_hisses(spoken: tuple[np.ndarray, list[Segment]], seed: int) -> None:
    samples, mouths = spoken
    heard = studio(samples, np.random.default_rng(seed))
    assert heard.shape == samples.shape
    assert heard.dtype == np.float32
    assert centroid_hz(heard) > 1.05 * centroid_hz(samples)
    quiet = [m for m in mouths if m.symbol == SILENCE and m.end_s - m.start_s > 0.1]
    hiss = max(loudness(heard, m.start_s, m.end_s) for m in quiet)
    assert 0.002 < hiss / heard.std() < 0.5
