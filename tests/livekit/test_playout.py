"""The bookkeeping of the audio queue against a native queue made of samples: nothing lost, nothing twice."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from avatar_engine.engine.messages import AudioChunk, ClearSpeech, PauseSpeech, ResumeSpeech
from avatar_engine.plugin.playout import SLACK_S, Entry, Playout
from tools.av_signal import SignalOptions, SignalRuntime

pytestmark = pytest.mark.property

RATE = 8_000
HZ = 50
TICK = RATE // HZ


class NativeQueue:
    """What WebRTC would have played, sample by sample."""

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self.played: list[int] = []

    def play(self, count: int) -> None:
        self.played += self.waiting[:count] + [0] * (count - len(self.waiting[:count]))
        del self.waiting[:count]


class Desk:
    """A runtime, a playout and a native queue on a clock of ticks; commands take effect `delay` ticks later."""

    def __init__(self, delay: int) -> None:
        self.runtime = SignalRuntime(HZ, HZ)
        self.session = self.runtime.open_session(SignalOptions(16, 16, RATE))
        self.playout = Playout(RATE, HZ, 0.04)
        self.queue = NativeQueue()
        self.now = 0
        self.sent = 0
        self.in_force = 0
        self.delay = delay
        self.on_the_way: list[tuple[int, int, object]] = []
        self.ends: list[tuple[int, int, float]] = []

    @property
    def now_s(self) -> float:
        return 1000.0 + self.now / RATE

    def send(self, command: object) -> int:
        self.sent += 1
        self.on_the_way.append((self.now + self.delay * TICK, self.sent, command))
        return self.sent

    def tick(self) -> None:
        while self.on_the_way and self.on_the_way[0][0] <= self.now:
            _, self.in_force, command = self.on_the_way.pop(0)
            self.runtime.send(self.session, command)
        packet = self.runtime.step(draw=False)[0]
        entry = self.playout.admit(packet, self.in_force, self.now_s, 0.0)
        self.queue.waiting += entry.samples.tolist()
        self.ends += entry.ends
        self.queue.play(TICK)
        self.now += TICK


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 1500), min_size=1, max_size=4),
    pauses=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=4),
    delay=st.integers(0, 2),
)
def test_pauses_play_every_sample_once(lengths, pauses, delay) -> None:
    desk = Desk(delay)
    speech, value = [], 1
    for segment, length in enumerate(lengths):
        part = np.arange(value, value + length) / 32767.0
        value += length
        speech.append(part)
        desk.runtime.push_audio(desk.session, AudioChunk(part.astype(np.float32), RATE, segment, True))
    for before, during in pauses:
        for _ in range(before):
            desk.tick()
        reached = {item.segment: item for item in desk.playout.hold()}
        open_segments = [s for s in range(len(lengths)) if s not in reached or not reached[s].over]
        if open_segments:
            first = open_segments[0]
            position = reached[first].position if first in reached else 0
            desk.playout.mute_below(desk.send(PauseSpeech(first, position)))
        for _ in range(during):
            desk.tick()
        desk.send(ResumeSpeech())
    for _ in range(sum(lengths) // TICK + 12 + 3 * len(pauses)):
        desk.tick()
    heard = np.array([sample for sample in desk.queue.played if sample])
    assert np.array_equal(heard, np.arange(1, value))
    assert [(segment, position) for segment, position, _ in desk.ends] == list(enumerate(lengths))


@settings(max_examples=60, deadline=None)
@given(
    length=st.integers(400, 4000),
    before=st.integers(0, 20),
    within=st.integers(0, TICK - 1),
    delay=st.integers(0, 2),
)
def test_a_cut_reports_what_was_played_and_nothing_follows(length, before, within, delay) -> None:
    desk = Desk(delay)
    samples = (np.arange(1, length + 1) / 32767.0).astype(np.float32)
    desk.runtime.push_audio(desk.session, AudioChunk(samples, RATE, 0, True))
    for _ in range(before):
        desk.tick()
    # somewhere inside the tick that is being played
    cut_s = desk.now_s - (TICK - within) / RATE
    played = desk.queue.played[: len(desk.queue.played) - (TICK - within)] if before else []
    truly = max((sample for sample in played if sample), default=0)
    heard = {item.segment: item.position for item in desk.playout.cut(cut_s)}
    assert abs(heard.get(0, 0) - truly) <= 1
    desk.playout.mute_below(desk.send(ClearSpeech()))
    desk.queue.waiting = [0] * len(desk.queue.waiting)
    mark = len(desk.queue.played)
    for _ in range(length // TICK + 5):
        desk.tick()
    assert not any(desk.queue.played[mark:])


class Line:
    """Packets of silence or speech that come late, and the queue they find."""

    def __init__(self, speech: bool = False) -> None:
        self.playout = Playout(RATE, HZ, 0.02)
        self.runtime = SignalRuntime(HZ, HZ)
        self.session = self.runtime.open_session(SignalOptions(16, 16, RATE))
        if speech:
            self.runtime.push_audio(self.session, AudioChunk(np.full(60 * RATE, 0.1, np.float32), RATE, 0, False))
        self.due_s = self.now_s = 1000.0
        self.underruns = 0

    def come(self, late_s: float) -> Entry:
        """The next packet, as the driver makes it: never before its tick begins and never before the one before it."""
        self.now_s = max(self.now_s, self.due_s + late_s)
        packet = self.runtime.step(draw=False)[0]
        entry = self.playout.admit(packet, 0, self.now_s, self.now_s - self.due_s)
        self.due_s += 1.0 / HZ
        self.underruns += entry.underrun
        return entry


@given(lates=st.lists(st.floats(0.0, 0.14), min_size=5, max_size=200), speech=st.booleans())
@settings(max_examples=60, deadline=None)
def test_however_late_packets_come_the_queue_stays_short(lates, speech) -> None:
    line = Line(speech)
    for late_s in lates:
        entry = line.come(late_s)
        assert entry.samples.dtype == np.int16
        assert 0.02 <= line.playout.lead_s <= 0.1
        # what was queued for the latest of them, in speech, of which nothing is left out
        assert line.playout.queued_s(line.now_s) <= line.playout.lead_s + 0.14 + 2.0 / HZ
    for _ in range(3 * HZ):
        line.come(0.0)
    if not speech:
        assert line.playout.queued_s(line.now_s) <= line.playout.lead_s + SLACK_S + 1.0 / HZ


@given(hitch_s=st.floats(0.0, 0.085), every_s=st.floats(0.3, 1.0), speech=st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_comes_again_and_again_is_provided_for(hitch_s, every_s, speech) -> None:
    """After a few seconds of silence with such hitches no packet finds the queue empty any more."""
    line = Line()
    every = round(every_s * HZ)
    for tick in range(6 * HZ):
        line.come(hitch_s if tick % every == 0 else 0.003 * (tick % 3))
    if speech:
        line.runtime.push_audio(line.session, AudioChunk(np.full(9 * RATE, 0.1, np.float32), RATE, 0, False))
    before = line.underruns
    for tick in range(8 * HZ):
        line.come(hitch_s if tick % every == 0 else 0.003 * (tick % 3))
    assert line.underruns == before
    assert line.playout.lead_s >= hitch_s


def test_a_lone_hitch_is_forgiven_and_a_rough_time_is_forgotten() -> None:
    line = Line()
    for tick in range(4 * HZ):
        line.come(0.08 if tick == HZ else 0.0)
    assert line.playout.lead_s == 0.02
    assert line.playout.queued_s(line.now_s) <= 0.02 + SLACK_S + 1.0 / HZ
    for tick in range(5 * HZ):
        line.come(0.08 if tick % HZ == 0 else 0.0)
    assert line.playout.lead_s > 0.08
    for _ in range(32 * HZ):
        line.come(0.001)
    assert line.playout.lead_s == 0.02
    assert line.playout.queued_s(line.now_s) <= 0.02 + SLACK_S + 1.0 / HZ
