"""Feeding the viseme model in larger pieces, where speech is there early, changes no frame and delays none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk, ClearSpeech, PauseSpeech, ResumeSpeech
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.viseme_analysis import VisemeEngine
from avatar_engine.systems.viseme_model import VisemeFrames

pytestmark = pytest.mark.property
RATE, HZ = 48_000, 30


class Counted(NeuralVisemes):
    """The default model, counting its calls."""

    calls = calls_ahead = 0

    def push(self, slots: np.ndarray, audio: np.ndarray, ahead: bool = False) -> VisemeFrames:
        self.calls += 1
        self.calls_ahead += ahead
        return super().push(slots, audio, ahead)


def speaking(spare_s: float) -> tuple[Runtime, Counted, str]:
    runtime = make_runtime(RuntimeOptions(draw=False, spare_s=spare_s))
    model = Counted()
    runtime.world.put(VisemeEngine(model))
    return runtime, model, runtime.open_session(SessionOptions())


@settings(max_examples=8, deadline=None)
@given(
    st.lists(st.integers(0, 9000), min_size=20, max_size=60),
    st.dictionaries(st.integers(5, 50), st.sampled_from([ClearSpeech, PauseSpeech, ResumeSpeech]), max_size=3),
)
def test_larger_pieces_change_nothing(arrivals: list[int], commands: dict) -> None:
    """Whatever arrives when: samples, visemes and cues of every tick are equal bit for bit."""
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)
    pair = [speaking(0.0), speaking(0.1)]
    at = 0
    for tick in range(len(arrivals) + 12):
        count = arrivals[tick] if tick < len(arrivals) else 0
        played = []
        for runtime, _, session in pair:
            if tick in commands:
                runtime.send(session, commands[tick]())
            if tick < len(arrivals):
                last = tick == len(arrivals) - 1
                runtime.push_audio(session, AudioChunk(voice[at : at + count], RATE, tick // 25, last))
            played.append(runtime.step()[0].samples)
        at += count
        (one, _, _), (two, _, _) = pair
        assert np.array_equal(played[0], played[1])
        for column in ("visemes", "cues"):
            assert np.array_equal(one.world.batch[column], two.world.batch[column]), (tick, column)


def test_speech_that_is_there_early_needs_fewer_calls() -> None:
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)
    calls, calls_ahead = [], []
    for early in (True, False):
        runtime, model, session = speaking(0.1)
        if early:
            runtime.push_audio(session, AudioChunk(voice, RATE, 0, True))
        for tick in range(60):
            if not early:
                runtime.push_audio(session, AudioChunk(voice[tick * 1600 : (tick + 1) * 1600], RATE, 0))
            runtime.step()
        calls.append(model.calls)
        calls_ahead.append(model.calls_ahead)
    print("calls in 60 ticks, early and in real time:", calls)
    assert calls[0] <= 20  # three of them while it begins
    assert 50 <= calls[1] <= 60
    assert calls_ahead == [calls[0], 0]  # so early, the model may look ahead; in real time nobody waits for that
