"""The lip-sync score on cases worked out by hand, and a floor for the shipped model."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.lipsync_score import Shown, report, shown_of, truth_of
from avatar_engine.spoken_file import analyse
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.phone_table import segments
from avatar_engine.systems.spectral import SpectralVisemes
from tests.visemes.speech import phones_of, row_of, samples_of

pytestmark = pytest.mark.unit

# "mama, food": silence, two bilabials, a labiodental, a rounded vowel
PHONES = [
    (0.0, 0.5, "sil"), (0.5, 0.6, "m"), (0.6, 0.75, "a"), (0.75, 0.85, "m"), (0.85, 1.0, "a"),
    (1.0, 1.4, "sil"), (1.4, 1.5, "f"), (1.5, 1.7, "uː"), (1.7, 1.8, "d"), (1.8, 2.2, "sil"),
]  # fmt: skip
DURATION_S = 2.2


def perfect(shift: int = 0) -> Shown:
    """What a mouth shows that knows everything, `shift` frames late."""
    truth = truth_of(PHONES, DURATION_S)
    label = np.zeros(len(truth.viseme), np.int64)
    for mouth in segments(PHONES):
        name = mouth.phone.viseme
        i, j = (int(np.ceil(x * 100 - 1e-6)) for x in (mouth.start_s, mouth.end_s))
        label[i:j] = VISEME_INDEX[name or "sil"]
    label, openness = np.roll(label, shift), np.roll(truth.openness, shift)
    return Shown(label, openness)


def test_truth_of_a_word() -> None:
    truth = truth_of(PHONES, DURATION_S)
    assert len(truth.viseme) == 221
    assert VISEMES[truth.viseme[55]] == "PP"
    assert VISEMES[truth.viseme[65]] == "aa"
    assert truth.viseme_passes[65].nonzero()[0].tolist() == [VISEME_INDEX["aa"]]
    assert truth.silent[110]
    assert not truth.silent[145]
    assert truth.openness[80] < 0.02  # the middle of the second m
    assert truth.openness[68] > 0.6
    assert truth.events["B"] == [(0.5, 0.6), (0.75, 0.85)]
    assert truth.events["F"] == [(1.4, 1.5)]
    assert truth.deep_silence[120]
    assert not truth.deep_silence[105]  # within 150 ms of speech
    assert truth.counted[30]
    assert not truth.counted[20]  # more than 200 ms before the first word


def test_perfect_lips() -> None:
    scored = report([(truth_of(PHONES, DURATION_S), perfect())], resamples=10)
    best = scored.best
    assert scored.lag_ms == 0
    assert best.shape == pytest.approx(1.0)
    assert best.closed_f1 == pytest.approx(1.0)
    assert best.labiodental_f1 == pytest.approx(1.0)
    assert best.rounded_f1 == pytest.approx(1.0)
    assert best.moves_in_silence == 0
    assert best.flicker == pytest.approx(1.0, abs=0.15)
    assert best.lsq > 98


def test_late_lips_are_scored_at_their_lag() -> None:
    scored = report([(truth_of(PHONES, DURATION_S), perfect(shift=7))], resamples=10)
    assert scored.lag_ms == 70
    assert scored.best.lsq > 97
    assert scored.live.lsq < scored.best.lsq - 10


def test_lips_that_never_move() -> None:
    truth = truth_of(PHONES, DURATION_S)
    still = Shown(np.zeros(len(truth.viseme), np.int64), np.zeros(len(truth.viseme), np.float32))
    best = report([(truth, still)], resamples=10, lag=0).best
    # Shut lips hit every closure, at a precision of 10 + 5 + 5 frames around m in the words.
    assert best.labiodental_f1 == 0
    assert best.rounded_f1 == 0
    assert best.openness_r == 0
    assert best.moves_in_silence == 0
    assert best.lsq < 40


def test_babbling_in_silence_costs() -> None:
    truth = truth_of(PHONES, DURATION_S)
    restless = perfect()
    restless.openness[truth.deep_silence] = 0.5
    assert report([(truth, restless)], resamples=10, lag=0).best.moves_in_silence == 1


def test_faint_weights_are_rest() -> None:
    weights = np.zeros((3, 15), np.float32)
    weights[:, VISEME_INDEX["aa"]] = 0.05
    assert (shown_of(weights, 5).label == 0).all()
    assert len(shown_of(weights, 5).label) == 5


@pytest.mark.parametrize(("file", "least"), [("demo_en.flac", 75.0), ("demo_it.flac", 78.0)])
def test_the_shipped_lips_are_good(file: str, least: float) -> None:
    """A floor under the shipped model, and its distance to the spectral one."""
    scores = {}
    for model in (NeuralVisemes(), SpectralVisemes()):
        truth = truth_of(phones_of(file), len(samples_of(file)) / 16000)
        shown = shown_of(analyse(model, samples_of(file)).as_displayed(), len(truth.viseme))
        scores[model.name] = report([(truth, shown)], resamples=10)
    assert scores["neural"].best.lsq > least
    assert scores["neural"].best.lsq > scores["spectral"].best.lsq + 10
    assert scores["neural"].lag_ms <= 90
    assert row_of(file)["words"]
