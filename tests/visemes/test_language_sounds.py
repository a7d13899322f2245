"""Where a language has no th, none is heard; where nobody says which it is, none that may as well be a v or an f."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.engine.messages import AudioChunk, Command, SetLanguage
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.replay import replay
from avatar_engine.runtime import make_runtime
from avatar_engine.systems.language_sounds import _DOUBT, _HEARD, Th, lips_for_th, th_in
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL
from avatar_engine.systems.rhubarb import RhubarbVisemes
from avatar_engine.systems.viseme_analysis import VisemeEngine
from avatar_engine.systems.viseme_model import HOP, RATE, LanguageModel
from avatar_engine.systems.viseme_posteriors import PosteriorStreams
from tests.visemes.speech import hops_of, samples_of

pytestmark = pytest.mark.property

TH, FF = VISEME_INDEX["TH"], VISEME_INDEX["FF"]


@pytest.fixture(scope="module")
def english() -> np.ndarray:
    return hops_of(samples_of("demo_en.flac"))[:, : 1050 * HOP]


@pytest.mark.parametrize(
    ("languages", "th"),
    [
        (("", "und", "UND"), Th.UNKNOWN),
        (("en", "en-us", "es_419", "EL", "pt", "cmn-latn-pinyin", "Klingon"), Th.POSSIBLE),
        (("it", "IT-it", "pt_BR", "fr-ch"), Th.NONE),
    ],
)
def test_languages_are_known_by_any_of_their_names(languages: tuple[str, ...], th: Th) -> None:
    assert {th_in(language) for language in languages} == {th}


def test_what_was_th_is_at_the_teeth_and_the_rest_stays(english: np.ndarray) -> None:
    streams = PosteriorStreams()
    plain, italian = streams.open(), streams.open()
    streams.speaks(plain, "en")
    streams.speaks(italian, "it")
    most = 0.0
    for ahead in (False, True, False):
        seen = streams.push(np.array([plain, italian]), english.repeat(2, axis=0), ahead)
        before, after = seen.every
        assert np.allclose(before[:, :15].sum(1), after[:, :15].sum(1), atol=1e-5)
        assert not after[:, TH].any()
        assert np.allclose(after[:, FF], before[:, FF] + before[:, TH])
        for th, lip in (("ð", "v"), ("θ", "f")):
            gone, came = CLASS_OF_SYMBOL[th], CLASS_OF_SYMBOL[lip]
            assert not after[:, 15 + gone].any()
            assert np.allclose(after[:, 15 + came], before[:, 15 + came] + before[:, 15 + gone])
        most = max(most, before[:, TH].max())
        others = [c for c in range(60) if c not in (TH, FF, *(15 + CLASS_OF_SYMBOL[s] for s in "ðvθf"))]
        assert np.array_equal(after[:, others], before[:, others])
        assert after.max() <= 1.0 + 1e-6
    assert most > 0.02


def test_both_pairs_of_sounds_stand_side_by_side() -> None:
    for first, second in ("fv", "θð"):
        assert CLASS_OF_SYMBOL[second] == CLASS_OF_SYMBOL[first] + 1


def test_in_doubt_it_is_the_lip_if_nobody_knows_the_language() -> None:
    at = {s: 15 + CLASS_OF_SYMBOL[s] for s in "ðvθf"}
    beside = np.array([0.5 * _DOUBT, 2 * _DOUBT, 0.0], np.float32)
    every = np.zeros((2, 3, 65), np.float32)
    every[..., at["ð"]] = 0.4
    every[..., at["θ"]] = 0.1
    every[..., at["v"]] = 0.5 * beside
    every[..., TH] = 0.5
    # Of th that is hardly heard nobody asks.
    every[1, 2, [at["ð"], at["θ"]]] = 0.4 * _HEARD
    every[1, 2, at["v"]] = 1.0
    before = every.copy()
    lips_for_th(every, np.array([1]), known=False)
    assert np.array_equal(every[0], before[0])
    assert np.array_equal(every[1, ::2], before[1, ::2])
    assert not every[1, 1, [at["ð"], at["θ"], TH]].any()
    assert every[1, 1, [at["v"], at["f"], FF]] == pytest.approx([0.4 + 0.5 * beside[1], 0.1, 0.5])


def test_of_three_streams_only_those_that_look_ahead_and_have_no_language_are_doubted(english: np.ndarray) -> None:
    streams = PosteriorStreams()
    slots = np.array([streams.open() for _ in range(3)])
    streams.speaks(1, "en")
    streams.speaks(2, "it")
    near = streams.push(slots, english.repeat(3, axis=0)).every
    assert np.array_equal(near[0], near[1])
    far = streams.push(slots, english.repeat(3, axis=0), True).every
    th = far[..., TH].sum(1)
    assert 0 < th[0] < 0.999 * th[1]
    assert th[2] == 0
    assert np.allclose(far[0, :, [TH, FF]].sum(0), far[1, :, [TH, FF]].sum(0), atol=1e-6)


@pytest.mark.parametrize("make", [NeuralVisemes, RhubarbVisemes], ids=lambda m: m.name)
def test_a_stream_keeps_its_language_until_it_is_closed(make: Callable[[], LanguageModel], english: np.ndarray) -> None:
    model = make()
    slot = model.open()
    slots = np.array([slot])
    first = model.push(slots, english)
    assert first.weights[..., TH].max() > 0.3 or isinstance(model, RhubarbVisemes)
    model.reset(slot)
    model.speaks(slot, "it")
    told = model.push(slots, english)
    model.reset(slot)
    again = model.push(slots, english)
    assert np.array_equal(told.weights, again.weights)
    assert told.weights[..., TH].max() < 1e-3
    assert not np.array_equal(told.weights, first.weights)
    model.close(slot)
    assert model.open() == slot
    assert np.array_equal(model.push(slots, english).weights, first.weights)


@pytest.mark.parametrize("chunks", [1, 3, 13])
def test_chunks_and_neighbours_do_not_matter(english: np.ndarray, chunks: int) -> None:
    def seen(company: bool) -> np.ndarray:
        model = NeuralVisemes()
        slots = np.array([model.open() for _ in range(3 if company else 1)])
        model.speaks(int(slots[0]), "it")
        rows = english.repeat(len(slots), axis=0)
        step = chunks * HOP if company else rows.shape[1]
        parts = [model.push(slots, rows[:, at : at + step], True).weights[0] for at in range(0, rows.shape[1], step)]
        return np.concatenate([*parts, model.push(slots, rows[:, :0]).weights[0]])

    assert np.array_equal(seen(False), seen(True))


def shown(path: Path, english: np.ndarray, *sent: Command) -> np.ndarray:
    """Visemes of every tick in which English is spoken after these commands."""
    runtime = make_runtime(RuntimeOptions(hz=60, draw=False, journal=path))
    session = runtime.open_session(SessionOptions())
    for command in sent:
        runtime.send(session, command)
    runtime.push_audio(session, AudioChunk(english[0], RATE, 0, True))
    rows = []
    for _ in range(int(english.shape[1] / RATE * 60)):
        runtime.step()
        rows.append(runtime.world.batch["visemes"][0].copy())
    runtime.close()
    return np.array(rows)


def test_a_session_may_change_its_language(tmp_path: Path, english: np.ndarray) -> None:
    path = tmp_path / "changed.journal"
    as_it_was = shown(path, english, SetLanguage("en"))
    assert np.array_equal(shown(path, english, SetLanguage("it"), SetLanguage("en-US")), as_it_was)
    unknown = shown(path, english, SetLanguage(""))
    assert np.array_equal(unknown, shown(path, english))
    italian = shown(path, english, SetLanguage("it-IT"))
    assert replay(path).divergence is None
    assert italian[:, TH].max() < 1e-3 < as_it_was[:, TH].max()
    assert np.abs(italian - as_it_was).max() > 0.3


def test_a_session_tells_its_language() -> None:
    runtime = make_runtime(RuntimeOptions(draw=False))
    runtime.open_session(SessionOptions(language="en"))
    runtime.open_session(SessionOptions(language="it"))
    runtime.open_session(SessionOptions())
    model = runtime.world.resource(VisemeEngine).model
    assert isinstance(model, NeuralVisemes)
    assert model._streams._th[:3].tolist() == [Th.POSSIBLE, Th.NONE, Th.UNKNOWN]
    runtime.close()
