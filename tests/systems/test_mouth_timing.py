"""The mouth moves with the voice, not before or after it, and is shut in silence and after an interruption."""

import numpy as np
import pytest

from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk, ClearSpeech
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime

pytestmark = pytest.mark.unit
RATE, HZ = 48_000, 30
OPENERS = {"jawOpen": 1.0, "mouthLowerDownLeft": 0.5, "mouthFunnel": 0.3}


@pytest.fixture
def runtime() -> Runtime:
    engine = make_runtime(RuntimeOptions(draw=False))
    yield engine
    engine.close()


def openness(runtime: Runtime, row: int = 0) -> float:
    controls = runtime.world.batch["controls"][row]
    return float(sum(weight * controls[CONTROL_INDEX[name]] for name, weight in OPENERS.items()))


@pytest.mark.parametrize("speech", ["demo_en", "demo_it"])
def test_openness_follows_the_level_within_a_frame_and_rests_in_silence(runtime: Runtime, speech: str) -> None:
    voice = read_speech(asset_path("speech", f"{speech}.flac"), RATE)
    session = runtime.open_session(SessionOptions())
    lead = 15  # half a second of silence first
    mouth, level = [], []
    for tick in range(lead + len(voice) * HZ // RATE + 30):
        if tick == lead:
            runtime.push_audio(session, AudioChunk(voice, RATE, 0, last=True))
        packet = runtime.step()[0]
        mouth.append(openness(runtime))
        level.append(float(np.log10(np.sqrt(np.mean(packet.samples**2)) + 1e-3)))
    opened, loud = np.array(mouth), np.array(level)
    count = len(opened)

    def correlation(lag: int) -> float:
        a = opened[max(0, lag) : count + min(0, lag)]
        b = loud[max(0, -lag) : count - max(0, lag)]
        return float(np.corrcoef(a, b)[0, 1])

    best = max(range(-6, 7), key=correlation)
    print(f"{speech}: best lag {best} frames, r {correlation(best):.2f}")
    assert abs(best) <= 1
    assert correlation(best) > 0.5
    quiet = loud < -2.8
    still = np.convolve(quiet, np.ones(13), "same") >= 13  # silent for 0.2 s on both sides
    assert still.sum() > 20
    assert opened[still].max() < 0.08


def test_an_interruption_silences_and_closes_the_mouth(runtime: Runtime) -> None:
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)
    session = runtime.open_session(SessionOptions())
    runtime.push_audio(session, AudioChunk(voice, RATE, 0, last=True))
    closing = []
    for _ in range(30):
        runtime.step()
    for _ in range(6):
        for _ in range(15):
            runtime.step()
            if openness(runtime) > 0.4:
                break
        runtime.send(session, ClearSpeech())
        ticks = 0
        while ticks == 0 or openness(runtime) > 0.1:
            packet = runtime.step()[0]
            assert not packet.samples.any()
            assert packet.spans == ()
            ticks += 1
            assert ticks < 30
        closing.append(ticks)
        runtime.push_audio(session, AudioChunk(voice[RATE:], RATE, len(closing), last=True))
        for _ in range(10):
            runtime.step()
    print("ticks to close:", closing)
    assert max(closing) * 1000 / HZ <= 134  # 120 ms after the clear, in whole ticks


def test_every_chunking_of_the_same_speech_looks_the_same(runtime: Runtime) -> None:
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)[: RATE * 2]
    whole = runtime.open_session(SessionOptions(seed=5))
    pieces = runtime.open_session(SessionOptions(seed=5))
    runtime.push_audio(whole, AudioChunk(voice, RATE, 0, last=True))
    cuts = np.sort(np.random.default_rng(1).integers(0, len(voice), 40))
    parts = np.split(voice, cuts)
    for index, part in enumerate(parts):
        runtime.push_audio(pieces, AudioChunk(part, RATE, 0, last=index == len(parts) - 1))
    for _ in range(75):
        one, two = runtime.step()
        assert np.array_equal(one.samples, two.samples)
        visemes = runtime.world.batch["visemes"]
        assert np.allclose(visemes[0], visemes[1], atol=1e-5)
