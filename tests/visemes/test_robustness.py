"""What is no speech does not move the mouth; what is broken does no harm."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.spoken_file import analyse, read_audio
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.viseme_decoding import VISEME_OPENNESS
from avatar_engine.systems.viseme_model import HOP, RATE, VisemeFrames
from tests.visemes.speech import hops_of, run, samples_of

pytestmark = pytest.mark.unit


def moves(frames: VisemeFrames, after: int = 50) -> float:
    """Share of frames with the mouth visibly open."""
    opened = (frames.weights[:, after:] * VISEME_OPENNESS).sum(axis=2)
    return float((opened > 0.12).mean())


def tone(hz: float, seconds: float, level: float = 0.3) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return hops_of(level * np.sin(2 * np.pi * hz * t))


def test_thirty_minutes_of_silence() -> None:
    model = NeuralVisemes()
    slots = np.array([model.open() for _ in range(6)])
    silence = np.zeros((6, 1000 * HOP), np.float32)
    # Five minutes in each of six streams, without a pause for the state to settle in.
    for _ in range(30):
        frames = model.push(slots, silence)
        assert (frames.weights[..., 0] == 1).all()
    talk = model.push(slots[:1], hops_of(samples_of("demo_en.flac")))
    assert moves(talk) > 0.3


def test_faint_noise_does_not_move_the_mouth() -> None:
    rng = np.random.default_rng(1)
    for level in (1e-4, 1e-3, 1e-2):
        noise = (rng.standard_normal((1, 600 * HOP)) * level).astype(np.float32)
        assert moves(run(NeuralVisemes(), noise)) < 0.05, level


def test_an_offset_does_not_move_the_mouth() -> None:
    assert moves(run(NeuralVisemes(), np.full((1, 500 * HOP), 0.5, np.float32))) == 0


@pytest.mark.parametrize("hz", [60.0, 440.0, 1000.0, 5000.0])
def test_tones_hardly_move_the_mouth(hz: float) -> None:
    assert moves(run(NeuralVisemes(), tone(hz, 5.0))) < 0.25


def test_music_hardly_moves_the_mouth() -> None:
    rng = np.random.default_rng(2)
    out = np.zeros(8 * RATE, np.float32)
    for beat in range(16):
        at = beat * RATE // 2
        t = np.arange(len(out) - at)[:RATE] / RATE
        for step in (0, 4, 7, 12):
            hz = 220 * 2 ** ((step + int(rng.integers(0, 5))) / 12)
            out[at : at + len(t)] += 0.05 * np.sin(2 * np.pi * hz * t) * np.exp(-3 * t)
    assert moves(run(NeuralVisemes(), hops_of(out))) < 0.3


def test_broken_samples_in_speech() -> None:
    clean = hops_of(samples_of("demo_en.flac"))
    broken = clean.copy()
    broken[0, 5000:5100] = np.nan
    broken[0, 90000:90050] = np.inf
    frames, whole = run(NeuralVisemes(), broken), run(NeuralVisemes(), clean)
    assert np.isfinite(frames.weights).all()
    agree = frames.weights.argmax(2) == whole.weights.argmax(2)
    assert agree.mean() > 0.9


@pytest.mark.parametrize("gain", [0.05, 0.3, 2.0])
def test_level_and_clipping_hardly_matter(gain: float) -> None:
    clean = hops_of(samples_of("demo_en.flac"))
    whole = run(NeuralVisemes(), clean).weights.argmax(2)
    other = run(NeuralVisemes(), clean * np.float32(gain)).weights.argmax(2)
    assert (whole == other).mean() > 0.75


def _write(path: Path, samples: np.ndarray, rate: int, width: int, channels: int) -> None:
    scale = {1: 127, 2: 32767, 4: 2**31 - 1}[width]
    pcm = np.round(np.clip(samples, -1, 1) * scale)
    data = (pcm + 128).astype(np.uint8) if width == 1 else pcm.astype(f"<i{width}")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(np.repeat(data[:, None], channels, axis=1).tobytes())


@pytest.mark.parametrize(("rate", "width", "channels"), [(16000, 2, 1), (16000, 4, 2), (48000, 2, 2), (44100, 2, 1)])
def test_any_file_gives_the_same_visemes(tmp_path: Path, rate: int, width: int, channels: int) -> None:
    from avatar_engine.engine.assets import asset_path
    from avatar_engine.engine.media.reader import read_speech

    speech = read_speech(asset_path("speech", "demo_en.flac"), rate)
    path = tmp_path / "speech.wav"
    _write(path, speech, rate, width, channels)
    model = NeuralVisemes()
    known = analyse(model, samples_of("demo_en.flac")).frames.weights[0]
    seen = analyse(model, read_audio(path)).frames.weights[0]
    count = min(len(known), len(seen))
    assert abs(len(known) - len(seen)) <= 2
    assert (known[:count].argmax(1) == seen[:count].argmax(1)).mean() > 0.97
