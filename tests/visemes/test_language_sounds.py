"""Where a language has no th, none is heard; nothing else changes, for nobody else."""

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
from avatar_engine.systems.language_sounds import may_have_th
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
    ("language", "may"),
    [
        ("en", True), ("en-us", True), ("es_419", True), ("EL", True), ("pt", True), ("", True), ("Klingon", True),
        ("it", False), ("IT-it", False), ("pt_BR", False), ("fr-ch", False), ("cmn-latn-pinyin", True),
    ],
)  # fmt: skip
def test_languages_are_known_by_any_of_their_names(language: str, may: bool) -> None:
    assert may_have_th(language) is may


def test_what_was_th_is_at_the_teeth_and_the_rest_stays(english: np.ndarray) -> None:
    streams = PosteriorStreams()
    plain, italian = streams.open(), streams.open()
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
    as_it_was = shown(path, english)
    assert np.array_equal(shown(path, english, SetLanguage("it"), SetLanguage("en-US")), as_it_was)
    italian = shown(path, english, SetLanguage("it-IT"))
    assert replay(path).divergence is None
    assert italian[:, TH].max() < 1e-3 < as_it_was[:, TH].max()
    assert np.abs(italian - as_it_was).max() > 0.3


def test_a_session_tells_its_language() -> None:
    runtime = make_runtime(RuntimeOptions(draw=False))
    runtime.open_session(SessionOptions(language="en"))
    runtime.open_session(SessionOptions(language="it"))
    model = runtime.world.resource(VisemeEngine).model
    assert isinstance(model, NeuralVisemes)
    assert model._streams._no_th[:2].tolist() == [False, True]
    runtime.close()
