"""Words that come with the speech shut the lips where the sound hides it, at any pace, and wrong ones do little harm."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.journal import Told, read_ticks
from avatar_engine.engine.messages import (
    AudioChunk,
    ClearSpeech,
    PauseSpeech,
    ResumeSpeech,
    SetLanguage,
    SpokenWord,
    TimedWord,
)
from avatar_engine.engine.pronunciation import can_pronounce, pronounced_words
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.replay import replay
from avatar_engine.runtime import Runtime, make_runtime
from avatar_engine.systems.viseme_analysis import VisemeEngine
from avatar_engine.systems.viseme_model import HOP
from tests.visemes.speech import phones_of, row_of, samples_of

pytestmark = pytest.mark.unit

FILE, RATE, HZ = "demo_en.flac", 16_000, 60
PP = VISEME_INDEX["PP"]
SHUT = 0.5
NOISE = 0.08
CHUNK = 800
WRONG = [
    "s ɛ v ə n",
    "ɡ ɹ iː n",
    "l ɪ z ɚ d z",
    "s æ t",
    "ɪ n",
    "ð ə",
    "t ɔː l",
    "ɡ ɹ æ s",
    "θ ɔː t",
    "ʌ v",
    "ð ə",
    "s iː",
    "ð ə",
    "s ʌ n",
    "ɐ",
    "θ ɪ k",
    "s t ɪ k",
]


def noisy(noise: float = NOISE) -> np.ndarray:
    voice = samples_of(FILE)
    hiss = np.random.default_rng(0).standard_normal(len(voice)) * noise * np.abs(voice).max()
    return (voice + hiss).astype(np.float32)


def spoken(drift_s: float = 0.0) -> tuple[SpokenWord, ...]:
    """The recording's words at their times, or up to so much beside them."""
    aside = np.random.default_rng(3).uniform(-drift_s, drift_s, 99)
    words = []
    for (begin, end, _), late in zip(row_of(FILE)["words"], aside, strict=False):
        phones = tuple(phone for a, b, phone in phones_of(FILE) if begin <= (a + b) / 2 < end)
        words.append(SpokenWord(phones, max(0.0, begin + late)))
    return tuple(words)


def spoken_by(
    words: tuple[SpokenWord, ...], in_real_time: bool = False, spare_s: float = 0.1, noise: float = NOISE
) -> tuple[np.ndarray, np.ndarray]:
    """Weight of closed lips in every tick, and the time of the recording at its middle."""
    runtime = make_runtime(RuntimeOptions(hz=HZ, draw=False, audio_rate=RATE, spare_s=spare_s))
    session, voice, at = runtime.open_session(SessionOptions()), noisy(noise), 0
    shut, middle_s = [], []
    while not middle_s or middle_s[-1] < len(voice) / RATE - 0.1:
        while at < len(voice) and (not in_real_time or at < (runtime.tick + 1) * RATE / HZ):
            runtime.push_audio(session, AudioChunk(voice[at : at + CHUNK], RATE, 0, at + CHUNK >= len(voice)))
            if at == 0 and words:
                runtime.tell(session, 0, words)
            at += CHUNK
        (packet,) = runtime.step()
        for span in packet.spans[:1]:
            middle_s.append((span.position - span.offset + len(packet.samples) / 2) / RATE)
            shut.append(float(runtime.world.batch["visemes"][0, PP]))
    runtime.close()
    return np.array(shut), np.array(middle_s)


def closures(shut: np.ndarray, middle_s: np.ndarray) -> tuple[int, int, int]:
    """How many of p, b and m shut the lips, how many there are, and how often lips shut without one."""
    said = [(begin, end) for begin, end, phone in phones_of(FILE) if phone[0] in "pbm"]
    seen = sum(bool((shut[(middle_s >= a - 0.03) & (middle_s <= b + 0.03)] >= SHUT).any()) for a, b in said)
    begins = middle_s[1:][(shut[1:] >= SHUT) & (shut[:-1] < SHUT)]
    extra = sum(not any(a - 0.08 <= at <= b + 0.08 for a, b in said) for at in begins)
    return seen, len(said), extra


@pytest.mark.parametrize(("drift_s", "in_real_time"), [(0.0, False), (0.0, True), (0.3, True)])
def test_words_shut_the_lips_where_noise_hides_it(drift_s: float, in_real_time: bool) -> None:
    alone, all_of_them, extra_alone = closures(*spoken_by((), in_real_time))
    told, _, extra = closures(*spoken_by(spoken(drift_s), in_real_time))
    print(f"{told} of {all_of_them} closures, {alone} without words; beside them {extra} and {extra_alone}")
    assert told >= 0.4 * all_of_them
    assert told >= 1.6 * alone
    assert extra <= extra_alone + 2


def test_wrong_words_cost_little() -> None:
    alone, all_of_them, extra_alone = closures(*spoken_by((), noise=0.0))
    wrong = tuple(
        SpokenWord(tuple(said.split()), word.start_s) for said, word in zip(WRONG * 9, spoken(), strict=False)
    )
    told, _, extra = closures(*spoken_by(wrong, noise=0.0))
    print(f"{told} of {all_of_them} closures, {alone} without words; beside them {extra} and {extra_alone}")
    assert alone > 0.5 * all_of_them
    assert told >= alone - 0.34 * all_of_them
    assert extra <= extra_alone + 2


def test_larger_pieces_change_nothing() -> None:
    one, two = (spoken_by(spoken(), spare_s=spare_s)[0] for spare_s in (0.0, 0.1))
    assert np.array_equal(one, two)


@pytest.mark.parametrize("late_ticks", [0, 1, 3])
def test_the_first_words_count_though_they_come_after_their_sound(late_ticks: int) -> None:
    """Sound in one burst, its words some ticks later, as their pronunciation is looked up: all are followed."""
    known = []
    for told_at in (0, late_ticks):
        runtime = make_runtime(RuntimeOptions(draw=False, audio_rate=RATE))
        session = runtime.open_session(SessionOptions())
        runtime.push_audio(session, AudioChunk(noisy(), RATE, 0, True))
        for tick in range(30):
            if tick == told_at:
                runtime.tell(session, 0, spoken())
            runtime.step()
        guide = runtime.world.resource(VisemeEngine).model._guide  # type: ignore[attr-defined]
        known.append(len(guide._paths[0]))
        runtime.close()
    assert known[0] == known[1] > 20


def test_a_sentence_keeps_its_words_to_its_end_though_another_follows_at_once() -> None:
    words, voice = spoken(), noisy()
    cut_s = row_of(FILE)["words"][6][0]
    cut = int(cut_s * RATE) // HOP * HOP
    first = tuple(word for word in words if word.start_s < cut_s - 0.01)
    second = tuple(SpokenWord(w.phones, max(0.0, w.start_s - cut_s)) for w in words if w.start_s >= cut_s - 0.01)
    seen = []
    for pieces in (
        ((voice, words),),
        ((voice[:cut], first), (voice[cut:], second)),
        ((voice[:cut], first), (voice[cut:], ())),
    ):
        runtime = make_runtime(RuntimeOptions(hz=HZ, draw=False, audio_rate=RATE))
        session = runtime.open_session(SessionOptions())
        for segment, (samples, said) in enumerate(pieces):
            runtime.push_audio(session, AudioChunk(samples, RATE, segment, True))
            if said:
                runtime.tell(session, segment, said)
        rows = []
        for _ in range(int(cut_s * HZ)):
            runtime.step()
            rows.append(runtime.world.batch["visemes"][0].copy())
        seen.append(np.array(rows))
        runtime.close()
    before = slice(int((cut_s - 0.3) * HZ), int((cut_s - 0.1) * HZ))
    for cut_there in seen[1:]:
        changed = np.abs(cut_there - seen[0]).sum(axis=1)
        assert changed[: before.start].max() < 0.05
        assert changed[before].mean() < 0.25


def conversation(path: Path, spare_s: float = 0.1) -> Runtime:
    """With words that come a little late: a pause that goes back a little, and an interruption."""
    runtime = make_runtime(RuntimeOptions(draw=False, audio_rate=RATE, journal=path, spare_s=spare_s))
    session, voice = runtime.open_session(SessionOptions()), noisy()
    for tick in range(100):
        if tick in (0, 60):
            runtime.push_audio(session, AudioChunk(voice, RATE, tick, True))
        if tick in (15, 75):
            runtime.tell(session, tick - 15, spoken())
        if tick == 20:
            runtime.send(session, PauseSpeech(0, RATE // 2))
        if tick == 25:
            runtime.send(session, ResumeSpeech())
        if tick == 55:
            runtime.send(session, ClearSpeech())
        runtime.step()
    runtime.close()
    return runtime


@pytest.mark.parametrize("spare_s", [0.1, 0.5])
def test_words_are_journalled(tmp_path: Path, spare_s: float) -> None:
    path = tmp_path / "words.journal"
    conversation(path, spare_s)
    assert replay(path).divergence is None
    told = [event for record in read_ticks(path) for event in record.events if isinstance(event, Told)]
    assert [event.segment for event in told] == [0, 60]
    assert told[0].words == spoken()


def test_words_of_a_voice_are_looked_up_aside(tmp_path: Path) -> None:
    path = tmp_path / "words.journal"
    runtime = make_runtime(RuntimeOptions(draw=False, audio_rate=RATE, journal=path))
    session = runtime.open_session(SessionOptions(language="en"))
    words = (TimedWord("My", 0.0, 0.2), TimedWord("—", 0.2, 0.2), TimedWord("mum", 0.2, 0.5))
    began = time.thread_time()
    runtime.push_audio(session, AudioChunk(noisy(), RATE, 0, True, words))
    assert time.thread_time() - began < 0.2
    notices = []
    for _ in range(200):
        runtime.step()
        notices += [notice.text for notice in runtime.notices]
        if notices or '"tell"' in path.read_text():
            break
        time.sleep(0.02)
    runtime.close()
    told = [event for record in read_ticks(path) for event in record.events if isinstance(event, Told)]
    if can_pronounce():
        assert [word.start_s for event in told for word in event.words] == [0.0, 0.2]
        assert [word.phones[0] for event in told for word in event.words] == ["m", "m"]
    else:
        assert "install" in notices[0]


@pytest.mark.parametrize("language", ["en", "it"])
def test_words_are_looked_up_in_the_language_told_last(tmp_path: Path, language: str) -> None:
    path = tmp_path / "words.journal"
    runtime = make_runtime(RuntimeOptions(draw=False, audio_rate=RATE, journal=path))
    session = runtime.open_session(SessionOptions(language="en"))
    notices: list[str] = []

    def say(spoken: str, segment: int) -> None:
        words = (TimedWord("che", 0.0, 0.5),)
        runtime.send(session, SetLanguage(spoken))
        runtime.push_audio(session, AudioChunk(noisy()[:RATE], RATE, segment, True, words))
        for _ in range(200):
            runtime.step()
            notices.extend(notice.text for notice in runtime.notices)
            runtime.notices.clear()
            if notices or path.read_text().count('"tell"') > segment:
                break
            time.sleep(0.02)

    say("multi", 0)
    assert len(notices) == 1  # that it cannot be done
    notices.clear()
    say(language, 0)
    runtime.close()
    told = [event for record in read_ticks(path) for event in record.events if isinstance(event, Told)]
    if can_pronounce():
        assert [word.phones[0] for event in told for word in event.words] == [{"en": "tʃ", "it": "k"}[language]]
    else:
        assert "install" in notices[0]


def test_every_word_has_its_own_pronunciation() -> None:
    if can_pronounce():
        said = pronounced_words(("Hello,", "—", "12:30", "Mr. Smith", "apple!"), "en")
        assert [bool(phones) for phones in said] == [True, False, True, True, True]
        assert said[0][0] == "h"
        assert said[4][0] == "æ"
        assert pronounced_words((), "en") == ()
        # Words of a language nobody says are taken for English.
        assert (
            pronounced_words(("Hello,", "apple!"), "")
            == pronounced_words(("Hello,", "apple!"), "und")
            == (said[0], said[4])
        )
    else:
        assert row_of(FILE)["lang"] == "en"


def test_a_model_that_cannot_use_words_says_so() -> None:
    runtime = make_runtime(RuntimeOptions(draw=False, viseme_model="spectral"))
    session = runtime.open_session(SessionOptions())
    with pytest.raises(InputError, match="cannot be guided"):
        runtime.tell(session, 0, spoken())
    runtime.close()


def test_what_a_model_would_rather_hear_gives_way_to_what_is_asked_for() -> None:
    make_runtime(RuntimeOptions(draw=False, spare_s=1.0)).close()
    make_runtime(RuntimeOptions(draw=False, look_ahead_s=1.1, spare_s=0.1)).close()
    with pytest.raises(InputError, match=r"are 1\.3 s together"):
        make_runtime(RuntimeOptions(draw=False, look_ahead_s=1.1, spare_s=0.2))
