"""Speech is played whole, once and in order, whatever the chunks, pauses and interruptions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.audio import SampleBuffer, SpeechTimeline
from avatar_engine.engine.clock import first_sample

pytestmark = [pytest.mark.unit, pytest.mark.property]
RATE, HZ = 24_000, 30


class Player:
    """Steps a timeline tick by tick and keeps what it played."""

    def __init__(self, look_ahead_s: float = 0.08, spare_s: float = 0.0, wanted_s: float = 0.0) -> None:
        self.timeline = SpeechTimeline(RATE, look_ahead_s, spare_s, wanted_s=wanted_s)
        self.tick = 0
        self.played: list[np.ndarray] = []
        self.spans: list = []

    def push(self, segment: int, samples: np.ndarray, last: bool = False) -> None:
        heard = samples[: len(samples) * 2 // 3]
        self.timeline.push(segment, samples.astype(np.float32), heard.astype(np.float32), last)

    def step(self) -> np.ndarray:
        start, end = first_sample(self.tick, RATE, HZ), first_sample(self.tick + 1, RATE, HZ)
        self.timeline.plan(start, end)
        out, spans = self.timeline.play(start, end)
        self.spans.extend((self.tick, span) for span in spans)
        self.played.append(out)
        self.tick += 1
        return out

    @property
    def now(self) -> int:
        return first_sample(self.tick, RATE, HZ)


def ramp(count: int, start: int = 1) -> np.ndarray:
    return np.arange(start, start + count, dtype=np.float32)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2500), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25),
    st.sampled_from([0.0, 0.03, 0.09]),
    st.sampled_from([0.0, 0.1]),
    st.sampled_from([0.0, 0.25]),
)
def test_every_sample_is_played_once_in_order(
    chunks: list, look_ahead_s: float, spare_s: float, wanted_s: float
) -> None:
    player = Player(look_ahead_s, spare_s, wanted_s)
    position, segment, ends = 1, 0, 0
    for count, last, ticks in chunks:
        player.push(segment, ramp(count, position), last)
        position += count
        if last:
            segment += 1
            ends += 1
        for _ in range(ticks):
            player.step()
    player.push(segment, ramp(0), True)
    for _ in range(200):
        player.step()
    sound = np.concatenate(player.played)
    assert np.array_equal(sound[sound > 0], ramp(position - 1))
    finals = [span.segment for _, span in player.spans if span.final]
    assert finals == sorted(set(finals))
    assert len(finals) >= ends


def test_a_full_buffer_starts_in_the_tick_it_arrives() -> None:
    player = Player()
    player.step()
    player.push(0, ramp(5000))
    assert player.step()[0] == 1.0


def test_a_trickle_waits_for_the_look_ahead_but_an_ended_segment_does_not() -> None:
    player = Player(0.08)
    player.push(0, ramp(800))
    assert not player.step().any()
    player.push(0, ramp(1200, 801))
    assert player.step()[0] == 1.0
    short = Player(0.08)
    short.push(0, ramp(100), last=True)
    assert short.step()[:3].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("wanted_s", [0.0, 0.25])
@pytest.mark.parametrize("spare_s", [0.0, 0.1])
def test_a_voice_in_real_time_keeps_the_look_ahead_it_waited_for(spare_s: float, wanted_s: float) -> None:
    player = Player(0.08, spare_s, wanted_s)
    ahead = []
    for tick in range(60):
        player.push(0, ramp(800, 1 + tick * 800))
        player.step()
        ahead.append(player.timeline.planned_until - player.now)
    waited = int(np.flatnonzero(np.concatenate(player.played))[0])
    assert waited == 1600  # 80 ms of speech are there in the third tick
    assert min(ahead[2:]) == 1600
    assert np.concatenate(player.played)[waited:].all()


@pytest.mark.parametrize("spare_s", [0.0, 0.1])
def test_speech_that_is_there_is_planned_as_far_as_wanted(spare_s: float) -> None:
    player = Player(0.08, spare_s, 0.25)
    player.push(0, ramp(2000))
    player.step()
    assert player.timeline.planned_until == 2000  # it does not wait for what it only wants
    player.push(0, ramp(20_000, 2001))
    for _ in range(12):
        player.step()
        assert player.timeline.planned_until - player.now >= 0.25 * RATE
        assert player.timeline.planned_until - player.now <= (0.25 + spare_s) * RATE + RATE // HZ
    player.timeline.clear(player.now)
    assert not player.step().any()


@pytest.mark.parametrize(("ticks", "start"), [(2, 4000), (3, 4320)])
@pytest.mark.parametrize("wanted_s", [0.0, 0.25])
@pytest.mark.parametrize("spare_s", [0.0, 0.1])
def test_the_spare_holds_up_no_other_speech(spare_s: float, wanted_s: float, ticks: int, start: int) -> None:
    """Silence after speech is planned as far as analysers must look ahead, never further."""
    player = Player(0.08, spare_s, wanted_s)
    player.push(0, ramp(4000), last=True)
    for _ in range(ticks):
        player.step()
    player.push(1, ramp(4000, 50_000), last=True)
    for _ in range(9):
        player.step()
    assert int(np.flatnonzero(np.concatenate(player.played) >= 50_000)[0]) == start


def test_spans_say_what_each_tick_plays() -> None:
    player = Player(0.0)
    player.push(3, ramp(1000), last=True)
    player.push(4, ramp(300), last=True)
    player.step()
    player.step()
    got = [(tick, s.segment, s.offset, s.count, s.position, s.final) for tick, s in player.spans]
    assert got == [(0, 3, 0, 800, 0, False), (1, 3, 0, 200, 800, True), (1, 4, 200, 300, 0, True)]


def test_clear_silences_at_once_and_the_next_segment_is_untouched() -> None:
    player = Player()
    player.push(0, ramp(9000))
    player.step()
    player.timeline.clear(player.now)
    assert not player.step().any()
    player.push(1, ramp(4000, 50_000), last=True)
    assert player.step()[0] == 50_000
    assert all(span.segment == 1 for tick, span in player.spans if tick > 0)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 9000), st.integers(0, 6), st.integers(0, 1500), st.booleans())
def test_pause_and_resume_lose_and_repeat_nothing(count: int, ticks: int, unheard: int, ended: bool) -> None:
    player = Player()
    player.push(0, ramp(count), last=ended)
    for _ in range(ticks):
        player.step()
    heard = np.concatenate([*player.played, np.zeros(0, np.float32)])
    heard = heard[heard > 0]
    heard = heard[: max(0, len(heard) - unheard)]
    player.timeline.pause(player.now, 0, len(heard))
    for _ in range(5):
        assert not player.step().any()
    player.timeline.resume()
    player.push(0, ramp(0), last=True) if not ended else None
    later = np.concatenate([player.step() for _ in range(40)])
    assert np.array_equal(np.concatenate([heard, later[later > 0]]), ramp(count))


def test_analysers_hear_what_will_be_played() -> None:
    player = Player(0.08)
    voice = np.random.default_rng(1).standard_normal(24_000).astype(np.float32)
    player.timeline.push(0, voice, voice[::3][:16_000].repeat(2)[:16_000], True)
    player.step()
    known = player.timeline.planned_until * 16_000 // RATE
    assert known >= (800 + int(0.08 * RATE)) * 16_000 // RATE - 1
    heard = player.timeline.heard(0, known)
    assert np.array_equal(heard, voice[::3].repeat(2)[:known])


def test_buffers_forget_and_keep_positions() -> None:
    buffer = SampleBuffer()
    for start in range(0, 40_000, 1000):
        buffer.append(np.arange(start, start + 1000, dtype=np.float32))
    buffer.forget(39_000)
    assert buffer.start > 0
    assert buffer.read(39_000, 39_005).tolist() == [39_000, 39_001, 39_002, 39_003, 39_004]
    assert buffer.end == 40_000


def test_speech_can_be_rewound_as_often_as_wanted() -> None:
    player = Player()
    player.push(0, ramp(RATE), last=True)
    for _ in range(40):
        player.step()
    for _ in range(3):
        player.timeline.pause(player.now, 0, RATE // 2)
        player.timeline.resume()
        replayed = np.concatenate([player.step() for _ in range(HZ * 2)])
        assert np.array_equal(replayed[replayed > 0], ramp(RATE)[RATE // 2 :])
