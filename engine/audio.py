"""Speech waiting to be played: segments addressed by sample, placed on the session's own timeline ahead of time.

The plan says what every sample up to `planned_until` of the timeline is: speech of some segment or silence. It
runs `lookahead` samples ahead of the tick being played wherever speech has arrived that early, so analysers see
the future without delaying anybody; where it has not, a segment waits to start until that much is there. Speech that
has arrived earlier still is planned `spare` samples further: nothing waits for that, but analysers may work in larger
pieces.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.messages import SegmentSpan, SpokenWord

Float = NDArray[np.float32]
KEPT_S = 3.0  # played speech kept for a rewind after a pause


class SampleBuffer:
    """An append-only run of samples of which the oldest may be forgotten; addressed by absolute position."""

    __slots__ = ("_data", "_fill", "start")

    def __init__(self) -> None:
        self._data = np.zeros(4096, np.float32)
        self._fill = 0
        self.start = 0

    @property
    def end(self) -> int:
        """Position after the newest sample."""
        return self.start + self._fill

    def append(self, samples: Float) -> None:
        """Add samples (n,) at `end`."""
        need = self._fill + len(samples)
        if need > len(self._data):
            grown = np.zeros(max(need, 2 * len(self._data)), np.float32)
            grown[: self._fill] = self._data[: self._fill]
            self._data = grown
        self._data[self._fill : need] = samples
        self._fill = need

    def read(self, start: int, stop: int) -> Float:
        """A view of [start, stop) cut to what is held."""
        low, high = start - self.start, stop - self.start
        if low < 0:
            low = 0
        if high > self._fill:
            high = self._fill
        return self._data[low:high] if high > low else self._data[:0]

    def forget(self, before: int) -> None:
        """Drop samples before a position, once that is worth a copy."""
        drop = min(before - self.start, self._fill)
        if drop > len(self._data) // 2:
            self._data[: self._fill - drop] = self._data[drop : self._fill].copy()
            self._fill -= drop
            self.start += drop


@dataclass(slots=True)
class Segment:
    """One utterance: the same speech at the session's rate (`played`) and at 16 kHz (`heard`, for analysers), and its
    words as far as they are known."""

    id: int
    played: SampleBuffer = field(default_factory=SampleBuffer)
    heard: SampleBuffer = field(default_factory=SampleBuffer)
    last: bool = False
    planned: int = 0
    words: list[SpokenWord] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """Speech [position, position + count) of a segment, placed at `at` of the timeline."""

    segment: Segment
    position: int
    at: int
    count: int
    final: bool = False
    heard_to: int | None = None  # `heard` of the segment from here on came too late for this run: it stays silence


class SpeechTimeline:
    """Plans one session's audio. All positions are samples at `rate` unless they say `heard` (16 kHz)."""

    HEARD_RATE = 16_000

    def __init__(
        self, rate: int, lookahead_s: float, spare_s: float = 0.0, first_piece: float = 1.0, wanted_s: float = 0.0
    ) -> None:
        """first_piece 0..1: share of a piece that is planned when speech begins to flow. Sessions that begin in one tick
        with different shares plan, and do what follows from it, in different ticks from then on. wanted_s: how far
        ahead of playback speech is planned where it is there, if that is more than the lookahead it waits for."""
        self.rate = rate
        self.lookahead = int(lookahead_s * rate)
        self.wanted = max(self.lookahead, int(wanted_s * rate))
        self.spare = int(spare_s * rate)
        self._first_piece = first_piece
        self.planned_until = 0
        self.paused = False
        self.worded = False  # some words were told: analysers have to look for them
        self.runs: deque[Run] = deque()
        self._waiting: deque[Segment] = deque()
        self._done: deque[Segment] = deque()
        self._flowing = False
        self._tail_until = 0
        self._forgets_at = 0

    def busy(self, now: int, tail: int = 0) -> bool:
        """Speech waits, is planned at or after `now`, or ended less than `tail` samples before it."""
        if self._waiting:
            return True
        return bool(self.runs) and self.runs[-1].at + self.runs[-1].count + tail > now

    def queued(self) -> int:
        """Samples that have arrived and are not planned yet."""
        return sum(segment.played.end - segment.planned for segment in self._waiting)

    def push(self, segment: int, played: Float, heard: Float, last: bool) -> None:
        """Append speech of a segment; a new segment number ends the one before it."""
        if not self._waiting or self._waiting[-1].id != segment:
            if self._waiting:
                self._waiting[-1].last = True
            self._waiting.append(Segment(segment))
        target = self._waiting[-1]
        target.played.append(played)
        target.heard.append(heard)
        target.last = target.last or last

    def tell(self, segment: int, words: tuple[SpokenWord, ...]) -> None:
        """Words of a segment, after those told before; a segment that is over or unknown needs none."""
        for held in (*self._done, *self._waiting):
            if held.id == segment:
                held.words.extend(words)
                self.worded = True

    def clear(self, now: int) -> None:
        """Forget all speech that lies at or after timeline position `now`."""
        self._cut(now)
        self._waiting.clear()
        self._done.clear()
        self.paused = False
        self._tail_until = now

    def pause(self, now: int, segment: int | None, position: int) -> None:
        """Hold at `now`; with a segment, go back to the given sample of it (the last one really heard + 1)."""
        cut = self._cut(now)
        for run in reversed(cut):
            self._unplan(run.segment, run.position)
        if segment is not None:
            for held in (*self._done, *self._waiting):
                if held.id >= segment:
                    self._unplan(held, position if held.id == segment else 0)
        self._flowing = False
        self.paused = True

    def resume(self) -> None:
        """Let speech flow again from the next plan on."""
        self.paused = False

    def plan(self, start: int, end: int) -> None:
        """Decide the timeline at least up to `end` (the tick plays [start, end)): speech at least `wanted` further
        where it is there, in pieces that end `spare` later (at most a tick more); silence after it at most
        `lookahead`, as other speech may still take its place."""
        if start >= self._forgets_at:
            self._forget(start)
            self._forgets_at = start + self.rate
        if self.planned_until < start:
            self.planned_until = start
        least = end + self.wanted
        if self._flowing and self.planned_until >= least:
            return
        # A piece lasts for the spare and the tick in which it runs out.
        horizon = least + (self.spare if self._flowing else int(self._first_piece * (self.spare + end - start)))
        while self.planned_until < horizon:
            if self.paused or not self._waiting:
                self._flowing = False
                silent_until = end if self.paused else max(end, min(self._tail_until, end + self.lookahead))
                self.planned_until = max(self.planned_until, silent_until)
                return
            segment = self._waiting[0]
            ready = segment.played.end - segment.planned
            if ready == 0 and segment.last:
                self._finish(segment, start)
            elif ready == 0 or (not self._flowing and not segment.last and ready < self.lookahead):
                # Speech that comes before the planned has been played goes on without waiting again.
                if self.planned_until < end:
                    self._flowing = False
                    self._settle()
                    self.planned_until = end
                return
            else:
                self._flowing = True
                self._place(segment, min(ready, horizon - self.planned_until))

    def play(self, start: int, end: int) -> tuple[Float, tuple[SegmentSpan, ...]]:
        """The samples (end - start,) of the timeline, silence where no speech is planned, and what speech they are:
        spans with offsets from `start`."""
        samples: Float | None = None
        spans: list[SegmentSpan] = []
        for run in self.runs:
            at, count = run.at, run.count
            stop = at + count
            if stop < start or at > end:
                continue
            low, high = max(at, start), min(stop, end)
            # An empty run (only the news that a segment is over) belongs to the tick that starts at or before it.
            ends_here = run.final and (start < stop <= end if count else start <= stop < end)
            if high > low or ends_here:
                position = run.position + low - at
                length = max(high - low, 0)
                spans.append(SegmentSpan(run.segment.id, low - start, length, position, ends_here))
                part = run.segment.played.read(position, position + length)
                if len(part) == end - start:
                    samples = part.copy()
                    continue
                if samples is None:
                    samples = np.zeros(end - start, np.float32)
                samples[low - start : low - start + len(part)] = part
        return np.zeros(end - start, np.float32) if samples is None else samples, tuple(spans)

    def heard(self, start: int, stop: int) -> Float:
        """The timeline at 16 kHz, positions [start, stop) counted at 16 kHz; silence where no speech is planned.

        To be read at once: what is returned may be a view of samples that are yet to be forgotten.
        """
        out: Float | None = None
        for run in self.runs:
            at = self._to_heard(run.at)
            end = self._to_heard(run.at + run.count)
            if at <= start and stop <= end and run.heard_to is None:
                first = self._to_heard(run.position) - at
                part = run.segment.heard.read(first + start, first + stop)
                if len(part) == stop - start:
                    return part
            low, high = max(at, start), min(end, stop)
            if high > low:
                first = self._to_heard(run.position)
                if out is None:
                    out = np.zeros(stop - start, np.float32)
                stop_at = first + high - at if run.heard_to is None else min(first + high - at, run.heard_to)
                part = run.segment.heard.read(first + low - at, stop_at)
                out[low - start : low - start + len(part)] = part
        return np.zeros(stop - start, np.float32) if out is None else out

    def place(self, position: int) -> tuple[Segment | None, int, int]:
        """What is heard at a 16 kHz position of the timeline: a segment (None: silence), the position in it, and the
        position of the timeline up to which that holds."""
        for run in self.runs:
            at, end = self._to_heard(run.at), self._to_heard(run.at + run.count)
            if position < at:
                return None, 0, at
            if position < end:
                return run.segment, self._to_heard(run.position) + position - at, end
        return None, 0, max(position, self.heard_until())

    def heard_until(self) -> int:
        """The 16 kHz position up to which `heard` will stay as it is: speech at 16 kHz may be a little behind that at
        the session's rate until its segment ends."""
        until = self.planned_until * self.HEARD_RATE // self.rate
        run = self.runs[-1] if self.runs else None
        if run is not None and not run.segment.last and run.at + run.count == self.planned_until:
            until = min(until, self._to_heard(run.at) + run.segment.heard.end - self._to_heard(run.position))
        return until

    def _settle(self) -> None:
        """Silence follows the last run: what is heard of it now is all that ever will be."""
        run = self.runs[-1] if self.runs else None
        if run is not None and run.heard_to is None and run.at + run.count == self.planned_until:
            run.heard_to = run.segment.heard.end

    def _to_heard(self, position: int) -> int:
        return (position * self.HEARD_RATE + self.rate // 2) // self.rate

    def _place(self, segment: Segment, count: int) -> None:
        run = self.runs[-1] if self.runs else None
        if (
            run is not None
            and run.segment is segment
            and run.at + run.count == self.planned_until
            and run.position + run.count == segment.planned
        ):
            run.count += count
        else:
            self.runs.append(Run(segment, segment.planned, self.planned_until, count))
        segment.planned += count
        self.planned_until += count

    def _finish(self, segment: Segment, now: int) -> None:
        run = self.runs[-1] if self.runs else None
        grows = run is not None and run.segment is segment and run.at + run.count == self.planned_until
        if run is not None and grows and self.planned_until > now:  # a run played to its end cannot tell any more
            run.final = True
        else:
            self.runs.append(Run(segment, segment.planned, self.planned_until, 0, final=True))
        self._waiting.popleft()
        self._done.append(segment)
        self._tail_until = self.planned_until + self.lookahead

    def _cut(self, now: int) -> list[Run]:
        """Take back what was planned at or after `now`; returns those parts, oldest first."""
        cut: list[Run] = []
        while self.runs and self.runs[-1].at + self.runs[-1].count >= now + (self.runs[-1].count > 0):
            run = self.runs.pop()
            keep = max(0, now - run.at)
            taken = Run(run.segment, run.position + keep, run.at + keep, run.count - keep, run.final)
            cut.insert(0, taken)
            if run.at < now:
                self.runs.append(Run(run.segment, run.position, run.at, keep))
                break
        self.planned_until = now
        self._flowing = False
        return cut

    def _unplan(self, segment: Segment, position: int) -> None:
        segment.planned = max(min(segment.planned, position), segment.played.start)
        if segment in self._done:
            self._done.remove(segment)
            later = [held for held in self._waiting if held.id < segment.id]
            self._waiting.insert(len(later), segment)

    def _forget(self, now: int) -> None:
        old = now - int(KEPT_S * self.rate)
        while self.runs and self.runs[0].at + self.runs[0].count < old:
            run = self.runs.popleft()
            replayed = any(later.segment is run.segment for later in self.runs)  # after a rewind it ends once more
            if self._done and self._done[0] is run.segment and run.final and not replayed:
                self._done.popleft()
        if self.runs:
            segment = self.runs[0].segment
            # Of what is said again after a rewind, all of it.
            needed = min(run.position + max(0, old - run.at) for run in self.runs if run.segment is segment)
            segment.played.forget(needed)
            segment.heard.forget(self._to_heard(needed))
