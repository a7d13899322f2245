"""What one session's audio queue holds and when it is heard: pure bookkeeping over the clock, no LiveKit, no thread.

The native audio source takes 10 ms at a time from its queue on the machine's steady clock. Everything follows from
one number, `dry_at_s`: the time at which that queue will be empty if nothing more is pushed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.messages import FramePacket, SegmentSpan
from avatar_engine.plugin.punctuality import POP_S, Punctuality

SLACK_S = 0.002
"""What a punctual packet finds in the queue may differ this much from the lead before silence is left out or added."""


@dataclass(frozen=True, slots=True)
class Heard:
    """Where playback of a segment stands: `position` samples of it are heard; `over`: that was its end."""

    segment: int
    position: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """What to do with one packet.

    samples: (n,) int16 to push now, silence that re-anchors the queue included; may be empty.
    starts: segments whose first sample is among them. ends: (segment, position, heard_at_s).
    frame_heard_s: for each frame of the packet, the time its middle is heard; None where it must not be shown.
    """

    samples: NDArray[np.int16]
    starts: tuple[int, ...]
    ends: tuple[tuple[int, int, float], ...]
    frame_heard_s: tuple[float | None, ...]
    underrun: bool


@dataclass(slots=True)
class _Stretch:
    """Samples [position, position + count) of a segment, heard from `from_s` on."""

    segment: int
    position: int
    count: int
    from_s: float


@dataclass(slots=True)
class Playout:
    """Samples go in with the packets, times and heard positions come out.

    rate: samples a second. fps: presented frames a second. least_lead_s: audio kept queued ahead at least, against
    late packets. All times are steady-clock seconds.
    """

    rate: int
    fps: float
    least_lead_s: float
    dry_at_s: float = 0.0
    _punctuality: Punctuality = field(init=False)
    _muted_below: int = 0
    _over: set[int] = field(default_factory=set)
    _started: set[int] = field(default_factory=set)
    _positions: dict[int, int] = field(default_factory=dict)
    _stretches: list[_Stretch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._punctuality = Punctuality(self.least_lead_s)

    @property
    def lead_s(self) -> float:
        """Audio that a punctual packet shall find in the queue."""
        return self._punctuality.lead_s

    def queued_s(self, now_s: float) -> float:
        """Audio in the queue."""
        return max(0.0, self.dry_at_s - now_s)

    def admit(self, packet: FramePacket, stamp: int, now_s: float, late_s: float) -> Entry:
        """Take the next packet, `late_s` after its tick began, into the queue. Packets made before the last cut are
        heard as silence."""
        muted = stamp < self._muted_below
        samples = np.zeros(len(packet.samples), np.int16) if muted else to_int16(packet.samples)
        spans = () if muted else packet.spans
        queued_s = self.dry_at_s - now_s
        underrun = queued_s <= 0.0
        behind_s = self._punctuality.note(late_s, now_s)
        # What is missing for a punctual packet to find the lead; only silence is ever left out or added for it,
        # and where the queue is empty already.
        wanted_s = self.lead_s - behind_s - (0.0 if underrun else queued_s)
        if underrun:
            self.dry_at_s = now_s
            wanted_s = max(wanted_s, POP_S)
        elif spans or np.any(samples) or abs(wanted_s) <= SLACK_S:
            wanted_s = 0.0
        elif wanted_s < 0.0:
            samples = samples[min(len(samples), round(-wanted_s * self.rate)) :]
        prefix = max(0, round(wanted_s * self.rate))
        begin_s = self.dry_at_s + prefix / self.rate
        self.dry_at_s = begin_s + len(samples) / self.rate
        if prefix:
            samples = np.concatenate([np.zeros(prefix, np.int16), samples])
        starts, ends = self._enter(spans, begin_s)
        self._forget(now_s)
        heard = tuple(
            None if muted else begin_s + ((frame.index + 0.5) / self.fps - packet.start_sample / packet.rate)
            for frame in packet.frames
        )
        return Entry(samples, starts, ends, heard, underrun)

    def cut(self, now_s: float) -> list[Heard]:
        """Stop at `now_s`: everything queued is unheard from now on; says how far every begun segment was heard.

        The caller empties the native queue, fills it with `queued_s` of silence, and calls `mute_below`.
        """
        heard = dict(self._positions)
        for stretch in self._stretches:
            played = min(max(round((now_s - stretch.from_s) * self.rate), 0), stretch.count)
            if played > 0:
                heard[stretch.segment] = max(heard.get(stretch.segment, 0), stretch.position + played)
            else:
                heard.setdefault(stretch.segment, stretch.position)
        self._positions = dict(heard)
        self._stretches.clear()
        self._over.clear()
        return [Heard(segment, position) for segment, position in sorted(heard.items())]

    def hold(self) -> list[Heard]:
        """Stop after what is queued: how far every begun segment will have been heard then. The caller calls
        `mute_below`; nothing is taken out of the queue, so nothing is lost and nothing comes twice."""
        reached = dict(self._positions)
        for stretch in self._stretches:
            end = stretch.position + stretch.count
            reached[stretch.segment] = max(reached.get(stretch.segment, 0), end)
        return [Heard(segment, at, segment in self._over) for segment, at in sorted(reached.items())]

    def mute_below(self, stamp: int) -> None:
        """Packets with a smaller stamp were made before the command that caused the cut."""
        self._muted_below = stamp

    def close_segment(self, segment: int) -> None:
        """Nobody will ask about this segment any more."""
        self._positions.pop(segment, None)
        self._started.discard(segment)
        self._over.discard(segment)
        self._stretches = [stretch for stretch in self._stretches if stretch.segment != segment]

    def _enter(
        self, spans: tuple[SegmentSpan, ...], begin_s: float
    ) -> tuple[tuple[int, ...], tuple[tuple[int, int, float], ...]]:
        starts: list[int] = []
        ends: list[tuple[int, int, float]] = []
        for span in spans:
            from_s = begin_s + span.offset / self.rate
            if span.count:
                self._stretches.append(_Stretch(span.segment, span.position, span.count, from_s))
                if span.segment not in self._started:
                    self._started.add(span.segment)
                    starts.append(span.segment)
            if span.final:
                self._over.add(span.segment)
                self._positions.setdefault(span.segment, 0)
                ends.append((span.segment, span.position + span.count, from_s + span.count / self.rate))
        return tuple(starts), tuple(ends)

    def _forget(self, now_s: float) -> None:
        while self._stretches and self._stretches[0].from_s + self._stretches[0].count / self.rate <= now_s:
            done = self._stretches.pop(0)
            reached = done.position + done.count
            self._positions[done.segment] = max(self._positions.get(done.segment, 0), reached)


def to_int16(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """(n,) float32 in [-1, 1] to 16 bit."""
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)
