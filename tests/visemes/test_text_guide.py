"""A known text repairs what the sound hides, and does no harm where it is wrong."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from avatar_engine.engine.errors import DeviceError, InputError
from avatar_engine.engine.pronunciation import can_pronounce, pronounced
from avatar_engine.lipsync_score import report, shown_of, truth_of
from avatar_engine.spoken_file import analyse
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL
from avatar_engine.systems.text_guide import TextGuide
from avatar_engine.systems.viseme_posteriors import CLOSURE, Posteriors
from tests.visemes.speech import phones_of, row_of, samples_of
from tests.visemes.test_decoding import beliefs

pytestmark = pytest.mark.unit

ONE = np.array([0])
needs_program = pytest.mark.skipif(not can_pronounce(), reason="espeak-ng is not installed")


def test_without_a_text_nothing_changes() -> None:
    seen = beliefs(["a"] * 10)
    assert TextGuide().guided(ONE, seen) is seen


def test_words_without_sounds_say_nothing() -> None:
    seen = beliefs(["a"] * 10)
    guide = TextGuide()
    guide.expect(0, [[], ["ʔ"], ["sil"]])
    assert guide.guided(ONE, seen) is seen


def test_a_text_tells_m_from_n() -> None:
    """The sound is half n, half m; the text says m."""
    doubtful = beliefs(["sil"] * 10 + ["a"] * 10 + ["n"] * 8 + ["a"] * 10)
    middle = slice(20, 28)
    doubtful.phone[0, middle, CLASS_OF_SYMBOL["n"]] = 0.5
    doubtful.phone[0, middle, CLASS_OF_SYMBOL["m"]] = 0.4
    guide = TextGuide()
    guide.expect(0, [["a", "m", "a"]])
    out = guide.guided(ONE, doubtful)
    assert out.phone[0, 24].argmax() == CLASS_OF_SYMBOL["m"]
    assert out.cues[0, 24, CLOSURE] > doubtful.cues[0, 24, CLOSURE] + 0.2
    assert out.phone[0, 15].argmax() == CLASS_OF_SYMBOL["a"]


def test_chunks_do_not_matter() -> None:
    seen = beliefs(["sil"] * 5 + ["a"] * 8 + ["p"] * 6 + ["i"] * 8)
    whole = TextGuide()
    whole.expect(0, [["a", "p", "i"]])
    expected = whole.guided(ONE, seen)
    parts = TextGuide()
    parts.expect(0, [["a", "p", "i"]])
    for t in range(seen.phone.shape[1]):
        one = type(seen)(seen.every[:, t : t + 1])
        assert np.array_equal(parts.guided(ONE, one).phone[0, 0], expected.phone[0, t])


def lsq(file: str, text: str | None) -> float:
    truth = truth_of(phones_of(file), len(samples_of(file)) / 16000)
    spoken = analyse(NeuralVisemes(), samples_of(file), text=text, lang=row_of(file)["lang"])
    return report([(truth, shown_of(spoken.as_displayed(), len(truth.viseme)))], resamples=10).best.lsq


@needs_program
def test_the_right_text_does_not_hurt_and_the_wrong_one_hurts_little() -> None:
    file = "demo_en.flac"
    alone = lsq(file, None)
    right = lsq(file, row_of(file)["text"])
    wrong = lsq(file, "Seven green lizards sat in the tall grass and thought of the sea, the sun, and a thick stick.")
    assert right > alone - 1.0
    assert wrong > alone - 25.0
    assert right > wrong


@needs_program
def test_pronunciation() -> None:
    words = pronounced("My mum", "en")
    assert [w[0] for w in words] == ["m", "m"]
    assert words[1][-1] == "m"
    with pytest.raises(InputError, match="no voice"):
        pronounced("hello", "xx-none")


def test_no_program_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    pronounced.cache_clear()
    with pytest.raises(DeviceError, match="install espeak-ng"):
        pronounced("hello", "en")


def test_a_long_talk_stays_small() -> None:
    guide = TextGuide()
    said = beliefs(["a"] * 6 + ["p"] * 6 + ["i"] * 6)
    for _ in range(60):
        guide.expect(0, [["a", "p", "i"]])
        out = guide.guided(ONE, said)
    assert len(guide._paths[0]) < 400
    assert out.phone[0, 9].argmax() == CLASS_OF_SYMBOL["p"]


def doubtful(hops: int = 30) -> Posteriors:
    """Something between n and m, after an a."""
    seen = beliefs(["a"] * 4 + ["n"] * hops)
    seen.phone[0, 4:, CLASS_OF_SYMBOL["n"]] = 0.5
    seen.phone[0, 4:, CLASS_OF_SYMBOL["m"]] = 0.4
    return seen


def test_another_text_holds_from_the_hop_it_was_told_for() -> None:
    """The text says m; the next begins after 20 hops, and says n or nothing."""
    hears_m = np.arange(34) >= 8
    for later in ([["n", "a"]], []):
        guide = TextGuide()
        guide.expect(0, [["a", "m"]])
        guide.expect(0, later, anew=True, after=20)
        seen = doubtful()
        told = [guide.guided(ONE, Posteriors(seen.every[:, t : t + 2])).phone[0] for t in range(0, 34, 2)]
        is_m = np.concatenate(told).argmax(1) == CLASS_OF_SYMBOL["m"]
        assert np.array_equal(is_m[8:], (hears_m & (np.arange(34) < 20))[8:])
    guide.expect(0, [["m"]], anew=True)
    assert guide.guided(ONE, doubtful()).phone[0, 20].argmax() == CLASS_OF_SYMBOL["m"]


def test_words_that_go_on_belong_to_the_newest_text() -> None:
    guide = TextGuide()
    guide.expect(0, [["a", "m"]])
    guide.expect(0, [["a"]], anew=True, after=34)
    guide.expect(0, [["n"]])
    assert guide.guided(ONE, doubtful()).phone[0, 30].argmax() == CLASS_OF_SYMBOL["m"]
    assert guide.guided(ONE, doubtful()).phone[0, 30].argmax() == CLASS_OF_SYMBOL["n"]


def test_what_is_said_after_a_text_does_not_judge_it() -> None:
    """What is heard next is that of another text: this one is followed as if nothing were known of it."""
    seen, ahead = doubtful(), beliefs(["i"] * 50)
    early = ahead.every.copy()
    early[:, :34] = seen.every
    told = []
    for after in (34, 200):
        guide = TextGuide()
        guide.expect(0, [["a", "m"], ["i"]])
        guide.expect(0, [["i"]], anew=True, after=after)
        told.append(guide.guided(ONE, Posteriors(seen.every, early)).phone[0])
    assert not np.array_equal(told[0], told[1])
    assert told[0][33].argmax() == CLASS_OF_SYMBOL["m"]


def test_a_long_script_costs_no_more_than_a_short_one() -> None:
    said = beliefs((["a"] * 6 + ["p"] * 6 + ["i"] * 6) * 160)
    seen = Posteriors(said.every[:, :-16], said.every)
    told, peaks = [], []
    for words in (170, 20_000):
        guide = TextGuide()
        guide.expect(0, [["a", "p", "i"]] * words)
        tracemalloc.start()
        told.append(guide.guided(ONE, seen).phone[0])
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    print(f"{peaks[0] / 1e6:.1f} and {peaks[1] / 1e6:.1f} MB for {len(told[0])} hops")
    assert np.allclose(told[0][:2000], told[1][:2000], atol=1e-4)
    assert peaks[1] < 1.3 * peaks[0] + 4e6
    assert told[1][-10].argmax() == seen.phone[0, -10].argmax()
