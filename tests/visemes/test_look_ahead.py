"""A voice that comes before it is heard: frames decided late where there is time, at once where there is none."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.engine.onnx import OnnxModel
from avatar_engine.lipsync_score import report, shown_of, truth_of
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime
from avatar_engine.spoken_file import analyse
from avatar_engine.systems.log_mel import BANDS, BINS, HOP, log_of, mel_power, spectra
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.spectral import SpectralVisemes
from avatar_engine.systems.viseme_posteriors import PosteriorStreams
from tests.visemes.speech import hops_of, phones_of, row_of, samples_of
from tools.visemes import export, network

pytestmark = pytest.mark.property

HOPS = 120
RATE, HZ = 48_000, 30


def speech(hops: int = HOPS) -> np.ndarray:
    return hops_of(samples_of("demo_en.flac"))[:, 40 * HOP : (40 + hops) * HOP]


def believed(delay: int, ahead: bool, audio: np.ndarray) -> np.ndarray:
    streams = PosteriorStreams(delay)
    return streams.push(np.array([streams.open()]), audio, ahead).every[0]


@pytest.fixture(scope="module", params=[3, 7])
def known(request: pytest.FixtureRequest) -> tuple[int, np.ndarray, np.ndarray]:
    """What is believed of all hops, decided at once and late; the first rows are those of silence."""
    delay: int = request.param
    later = np.concatenate([speech(), np.zeros((1, 30 * HOP), np.float32)], axis=1)
    return delay, believed(delay, False, speech()), believed(delay, True, later)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=20))
def test_every_hop_is_decided_once_and_late_where_it_may(known, calls: list[tuple[int, bool]]) -> None:
    """Bit for bit what one call for everything gives, whatever the calls are."""
    delay, at_once, late = known
    streams, audio = PosteriorStreams(delay), speech()
    slot = np.array([streams.open()])
    fed = decided = 0
    for hops, ahead in calls:
        hops = min(hops, HOPS - fed)
        seen = streams.push(slot, audio[:, fed * HOP : (fed + hops) * HOP], ahead).every[0]
        fed += hops
        until = max(decided, fed - (streams.ahead_frames - delay)) if ahead else fed
        assert np.array_equal(seen, (late if ahead else at_once)[decided:until])
        decided = until


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=8))
def test_with_a_text_too_chunks_do_not_matter(chunks: list[int]) -> None:
    """What is heard next helps to find the place in the text: always as much of it, whatever comes in one call."""
    audio = hops_of(samples_of("demo_en.flac"))[:, : HOPS * HOP]
    words = [word.split() for word in ("p ɑ p ə", "b ɔ t", "m ɪ l k", "f ɔ ɹ", "m ʌ m ə")]
    seen = []
    for pieces in ([HOPS], chunks):
        model = NeuralVisemes()
        slot = model.open()
        model.expect(slot, words)
        parts, fed, turn = [], 0, 0
        while fed < HOPS:
            hops = min(HOPS - fed, pieces[turn % len(pieces)])
            parts.append(model.push(np.array([slot]), audio[:, fed * HOP : (fed + hops) * HOP], True).weights)
            fed, turn = fed + hops, turn + 1
        seen.append(np.concatenate(parts, axis=1))
    assert np.array_equal(seen[0], seen[1])


def test_what_is_heard_next_finds_the_place_in_the_text() -> None:
    """The text-guided mouth of a voice that comes early is nearer to the truth than that of one in real time."""
    file = "demo_en.flac"
    truth = truth_of(phones_of(file), len(samples_of(file)) / 16000)
    noise = np.random.default_rng(3).standard_normal(len(samples_of(file))).astype(np.float32)
    heard = samples_of(file) + 0.02 * noise
    lsq = []
    for ahead in (True, False):
        spoken = analyse(NeuralVisemes(), heard, row_of(file)["text"], ahead=ahead)
        lsq.append(report([(truth, shown_of(spoken.as_displayed(), len(truth.viseme)))], resamples=10).best.lsq)
    print(f"in noise, text known: {lsq[0]:.1f} ahead, {lsq[1]:.1f} in real time")
    assert lsq[0] > lsq[1]


def test_streams_that_are_not_as_far_behind_share_no_call() -> None:
    streams = PosteriorStreams()
    slots = np.array([streams.open(), streams.open()])
    streams.push(slots[:1], speech(20), ahead=True)
    with pytest.raises(ValueError, match="as far behind"):
        streams.push(slots, np.repeat(speech(20), 2, axis=0))


def test_company_changes_nothing() -> None:
    audio = np.concatenate([speech(60), speech(100)[:, 40 * HOP :]])
    streams = PosteriorStreams()
    slots = np.array([streams.open(), streams.open()])
    streams.push(slots[:1], speech(1), ahead=True)  # so that one has an odd hop waiting, the other none
    streams.reset(slots[0])
    together = streams.push(slots, audio, ahead=True).every
    for row, one in zip(together, audio):
        assert np.array_equal(row, believed(7, True, one[None]))


def test_who_hears_more_sees_more() -> None:
    """The bundled recordings, clean and in four noises."""
    lsq: dict[bool, list[float]] = {True: [], False: []}
    for file in ("demo_en.flac", "demo_it.flac"):
        clean = samples_of(file)
        truth = truth_of(phones_of(file), len(clean) / 16000)
        for seed, level in enumerate((0.0, 0.005, 0.01, 0.02, 0.04)):
            noise = np.random.default_rng(seed).standard_normal(len(clean)).astype(np.float32)
            for ahead, found in lsq.items():
                spoken = analyse(NeuralVisemes(), clean + np.float32(level) * noise, ahead=ahead)
                scored = report([(truth, shown_of(spoken.as_displayed(), len(truth.viseme)))], resamples=0)
                found.append(scored.best.lsq)
                assert scored.lag_ms <= (20 if ahead else 100) or level > 0.01
    print(f"{np.mean(lsq[True]):.1f} ahead, {np.mean(lsq[False]):.1f} in real time")
    assert np.mean(lsq[True]) > np.mean(lsq[False])


def test_a_model_that_cannot_look_ahead_is_used_as_ever() -> None:
    ahead, not_ahead = (analyse(SpectralVisemes(), samples_of("demo_en.flac"), ahead=a) for a in (True, False))
    assert np.array_equal(ahead.frames.weights, not_ahead.frames.weights)


def spoken_live(early_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Visemes of every tick (ticks, 15) of bundled speech that arrives so much before it must be there, and its sound."""
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)[: 3 * RATE]
    runtime = make_runtime(RuntimeOptions(draw=False))
    session = runtime.open_session(SessionOptions())
    pushed, visemes, played = 0, [], []
    for tick in range(130):
        until = min(len(voice), first_sample(tick + 1, RATE, HZ) + int(early_s * RATE))
        if until > pushed:
            runtime.push_audio(session, AudioChunk(voice[pushed:until], RATE, 0, until == len(voice)))
            pushed = until
        played.append(runtime.step()[0].samples)
        visemes.append(runtime.world.batch["visemes"][0].copy())
    return np.array(visemes), np.concatenate(played)


@pytest.mark.parametrize("early_s", [0.5, 0.0])
def test_a_voice_that_comes_early_is_seen_as_in_a_file(early_s: float) -> None:
    """All but its end, of which nobody knows whether more follows; one in real time as a live listener sees it."""
    visemes, played = spoken_live(early_s)
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)
    begins_s = int(np.flatnonzero(played)[0] - np.flatnonzero(voice)[0]) / RATE
    heard = read_speech(asset_path("speech", "demo_en.flac"), 16_000)[: 3 * 16_000]
    whole = np.concatenate([np.zeros(round(begins_s * 16_000), np.float32), heard])
    middle = (np.arange(int((begins_s + 2.6) * HZ)) + 0.5) / HZ * 100 - 0.5
    low = np.floor(middle).astype(int)
    share = (middle - low)[:, None]
    far = []
    for ahead in (True, False):
        file = analyse(NeuralVisemes(), whole, ahead=ahead).frames.weights[0]
        expected = file[low] * (1 - share) + file[low + 1] * share
        far.append(float(np.abs(visemes[: len(low)] - expected).sum(axis=1).mean()))
    print(f"{early_s} s early: {far[0]:.3f} from a file, {far[1]:.3f} from what a live listener sees")
    # Live, the sound is brought to 16 kHz piece by piece: a few frames differ a little.
    right, wrong = far if early_s else far[::-1]
    assert right < 0.05
    assert wrong > 2 * right


def test_the_end_of_speech_is_not_left_for_later() -> None:
    """When no more comes, what was left is decided at once: the mouth goes on to the last sound and then rests."""
    early, played = spoken_live(0.5)
    real_time, _ = spoken_live(0.0)
    ends = int(np.flatnonzero(played)[-1]) * HZ // RATE
    for visemes in (early, real_time):
        moving = np.abs(np.diff(visemes, axis=0)).max(axis=1) > 0.01
        assert moving[ends - 12 : ends].sum() >= 6
        assert visemes[ends + 8 :, 0].min() > 0.95


def test_the_exported_network_is_the_trained_one(tmp_path: Path) -> None:
    shape = network.Shape(conv1=24, conv2=32, gru=32, head=24, ahead=16, ahead_head=24)
    params = jax.tree.map(lambda w: np.asarray(w, np.float32), network.init(shape, 3))
    onnx.save(export.build(params, shape), tmp_path / "small.onnx")
    model = OnnxModel(tmp_path / "small.onnx")
    heard = np.concatenate([np.zeros((1, 240), np.float32), speech(40)], axis=1)
    spectrum = spectra(heard).reshape(-1, 2, 1, 2 * BINS)
    mel = log_of(mel_power(heard))
    # The network begins in a silence of its own: what a state of zeros means is a matter of training, not of export.
    quiet = np.full((1, 40, BANDS), mel.min(), np.float32)
    settled = network.apply(params, shape, quiet, network.state(shape, 1))[1]
    logits = np.asarray(network.apply(params, shape, mel, settled)[0])
    state = np.concatenate([np.asarray(part).reshape(1, -1) for part in settled], axis=1)
    for delay in range(len(network.DELAYS)):
        near = min(delay, len(network.NEAR_DELAYS) - 1)
        inputs = {"spectrum": spectrum, "state": state, "delay": np.array(near), "ahead": np.array(delay > near)}
        beliefs, ahead, _ = model.run(("beliefs", "beliefs_ahead", "next_state"), inputs)
        if delay == near:
            assert ahead.shape[0] == 0
        got = (ahead if delay > near else beliefs)[:, 0]
        wanted = np.asarray(jax.nn.softmax(logits[0, :, delay, :, : network.VISEMES]))
        off = np.abs(got[..., : network.VISEMES] - wanted)
        assert off.max() < 0.08  # 8-bit weights, 16-bit products
        assert off.mean() < 0.7 * np.abs(got[1:, :, : network.VISEMES] - wanted[:-1]).mean()  # a step further
