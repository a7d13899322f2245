"""Decisions: lips that really shut, no flicker, a mouth as open as wanted, silence at rest."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL, PHONE_CLASSES, PHONES
from avatar_engine.systems.viseme_decoding import VISEME_OPENNESS, VisemeDecoder
from avatar_engine.systems.viseme_posteriors import CLOSURE, LABIODENTAL, Posteriors

pytestmark = pytest.mark.unit

ONE = np.array([0])
SURE = 0.9


def beliefs(symbols: list[str], sure: float = SURE) -> Posteriors:
    """Beliefs of one stream that hears one base symbol per hop ('sil' for silence)."""
    hops = len(symbols)
    viseme = np.full((1, hops, 15), (1 - sure) / 14, np.float32)
    phone = np.full((1, hops, len(PHONE_CLASSES)), (1 - sure) / (len(PHONE_CLASSES) - 1), np.float32)
    cues = np.full((1, hops, 5), 0.02, np.float32)
    for t, symbol in enumerate(symbols):
        silent = symbol == "sil"
        viseme[0, t, 0 if silent else VISEME_INDEX[PHONES[symbol].viseme or "sil"]] = sure
        phone[0, t, CLASS_OF_SYMBOL[symbol]] = sure
        if not silent:
            kind = PHONES[symbol].articulation
            cues[0, t] = (PHONES[symbol].openness, kind == "B", kind == "F", kind == "R", 1)
    return Posteriors(np.concatenate([viseme, phone, np.clip(cues, 0.02, 0.98)], axis=2))


def decide(symbols: list[str], sure: float = SURE) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, weights and openness."""
    decoder = VisemeDecoder()
    decoder.reset(0)
    frames = decoder.push(ONE, beliefs(symbols, sure))
    return frames.weights[0].argmax(1), frames.weights[0], frames.openness[0]


def longest(flags: np.ndarray) -> int:
    best = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        best = max(best, run)
    return best


@pytest.mark.parametrize("lip", ["p", "b", "m"])
@pytest.mark.parametrize("hops", [2, 3, 8])
def test_lips_shut_for_forty_milliseconds(lip: str, hops: int) -> None:
    label, weights, openness = decide(["a"] * 20 + [lip] * hops + ["a"] * 20)
    shut = label == VISEME_INDEX["PP"]
    assert longest(shut) >= 4
    shown = (weights * VISEME_OPENNESS).sum(1)
    assert longest(shown < 0.1) >= 2
    assert openness[shut].max() < 0.05


def test_teeth_touch_the_lip() -> None:
    label, weights, openness = decide(["a"] * 20 + ["f"] * 3 + ["a"] * 20)
    bite = label == VISEME_INDEX["FF"]
    assert longest(bite) >= 3
    assert weights[bite, VISEME_INDEX["FF"]].max() > 0.5
    assert openness[bite].max() <= 0.15


@pytest.mark.parametrize(("share", "shuts"), [(0.3, False), (0.7, True)])
def test_lips_close_only_when_that_is_likelier_than_everything_else(share: float, shuts: bool) -> None:
    """An m that might as well be n, ŋ or l is the best guess of none of the lips' three heads."""
    seen = beliefs(["a"] * 40)
    for symbol, part in (("m", share), *((other, (1 - share) / 3) for other in ("n", "ŋ", "l"))):
        seen.phone[0, 20:28, CLASS_OF_SYMBOL[symbol]] = part
        seen.viseme[0, 20:28, VISEME_INDEX[PHONES[symbol].viseme or "sil"]] = part
    seen.phone[0, 20:28, CLASS_OF_SYMBOL["a"]] = seen.viseme[0, 20:28, VISEME_INDEX["aa"]] = 0
    seen.cues[0, 20:28, 1] = share
    decoder = VisemeDecoder()
    decoder.reset(0)
    label = decoder.push(ONE, seen).weights[0].argmax(1)
    assert bool((label == VISEME_INDEX["PP"]).any()) is shuts


def test_one_doubtful_hop_does_not_flicker() -> None:
    symbols = ["a"] * 20 + ["ɛ"] + ["a"] * 20
    label, _, _ = decide(symbols, sure=0.4)
    assert len(set(label[5:].tolist())) == 1


def test_every_viseme_can_be_shown() -> None:
    for symbol, name in {"p": "PP", "f": "FF", "θ": "TH", "t": "DD", "k": "kk", "ʃ": "CH", "s": "SS", "n": "nn",
                         "ɹ": "RR", "a": "aa", "ɛ": "E", "i": "I", "o": "O", "u": "U"}.items():  # fmt: skip
        label, _, _ = decide(["sil"] * 5 + [symbol] * 12)
        assert label[-1] == VISEME_INDEX[name], symbol


def test_weights_follow_the_openness_that_is_wanted() -> None:
    shown = []
    for wanted in (0.3, 0.6, 0.9):
        decoder = VisemeDecoder()
        decoder.reset(0)
        seen = beliefs(["a"] * 30)
        seen.cues[..., 0] = wanted
        weights = decoder.push(ONE, seen).weights[0, -1]
        assert weights.argmax() == VISEME_INDEX["aa"]
        assert weights.sum() == pytest.approx(1, abs=1e-4)
        shown.append(float(weights @ VISEME_OPENNESS))
    assert shown[0] < shown[1] < shown[2]
    assert shown[1] == pytest.approx(0.6, abs=0.08)
    assert shown[2] == pytest.approx(0.9, abs=0.08)


def test_silence_is_rest() -> None:
    label, weights, openness = decide(["a"] * 10 + ["sil"] * 40)
    assert (label[-20:] == 0).all()
    assert (weights[-20:, 0] == 1).all()
    assert (openness[-20:] == 0).all()


def test_weights_sum_to_one_though_lips_are_believed_shut_and_biting_at_once() -> None:
    both = beliefs(["a"] * 5 + ["p"] * 4 + ["f"] * 4 + ["a"] * 5, sure=0.99)
    both.cues[..., CLOSURE] = both.cues[..., LABIODENTAL] = 0.98
    both.every[0, 5:13, :] = both.every[0, 5:6, :] * 0.5 + both.every[0, 9:10, :] * 0.5
    both.phone[0, 5:13] *= 1.6
    decoder = VisemeDecoder()
    decoder.reset(0)
    weights = decoder.push(ONE, both).weights
    assert np.abs(weights.sum(axis=2) - 1).max() < 1e-5
    assert weights.min() >= 0
