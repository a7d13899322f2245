"""What is known of the line: what went through it lately, how far to believe WebRTC's targets, when to hold back."""

from __future__ import annotations

import math
from collections import deque

from avatar_engine.plugin.adaptation import START_S

GROWTH, HEADROOM = 1.35, 1.5
"""Once a line was narrow, a target is believed that grows by no more than the first in a second, and is no more than the
second over what went through the line in the last one: WebRTC's probes take what a router's buffer swallows for a wide line."""

RATE_WINDOW_S = 3.0
"""Over which WebRTC counts the pictures it gets, and from that how large each may be: fewer and larger ones are too large
for it until then, and it drops some, keyframes among them (VideoStreamEncoder, FrameDropper)."""

DIP = 0.9
"""A target this much below the last one says that the line is full."""

FALL = 0.8
"""A target this much below the last one was not found by careful steps: the line has changed."""

BRAKE_WINDOW_S = 0.6
"""From a line's narrowing to WebRTC's first lower target at least (measured with the line cut to 300 kbit/s)."""

BRAKE_S = 0.6
"""A router's queue of a third of a second is empty by then, with what is sent again of it."""


class Flow:
    """What was sent lately. Times are steady-clock seconds."""

    def __init__(self) -> None:
        self._sent: deque[tuple[float, int]] = deque()

    def sent(self, size: int, now_s: float) -> None:
        """So many bytes left for the line, a picture."""
        self._sent.append((now_s, size))
        while self._sent[0][0] < now_s - RATE_WINDOW_S:
            self._sent.popleft()

    def bps(self, window_s: float, now_s: float) -> float:
        """Bits a second of the last so many seconds, `RATE_WINDOW_S` at most."""
        return sum(size for at_s, size in self._sent if at_s >= now_s - window_s) * 8 / window_s

    def fps(self, now_s: float) -> float:
        """Pictures a second as WebRTC counts them."""
        return sum(at_s >= now_s - RATE_WINDOW_S for at_s, _ in self._sent) / RATE_WINDOW_S


class Caution:
    """Follows target bitrates down at once and, after a fall, up slowly. Times are steady-clock seconds."""

    def __init__(self, ceiling_bps: float) -> None:
        self._ceiling_bps = self._bps = ceiling_bps
        self._was_narrow = False
        self._first_s = self._at_s = math.inf

    def follow(self, target_bps: float, flow_bps: float, now_s: float) -> float:
        """How much of a target heard now to believe, with so much sent in the last second."""
        self._first_s = min(self._first_s, now_s)
        passed_s, self._at_s = max(0.0, now_s - self._at_s), now_s
        fell = target_bps < DIP * self._bps and passed_s > 0  # the first is no fall
        self._was_narrow = fell or (self._was_narrow and self._bps < self._ceiling_bps)
        if self._was_narrow and now_s > self._first_s + START_S:
            shown_bps = max(self._bps, HEADROOM * flow_bps)
            target_bps = min(target_bps, shown_bps, self._bps * GROWTH ** min(passed_s, 1.0))
        self._bps = target_bps
        return self._bps


class Brake:
    """Stops the pictures when the line turns out narrower than what was sent: they wait in its queue by then, and
    every one sent after them makes the sound late. Times are steady-clock seconds."""

    def __init__(self) -> None:
        self._until_s = 0.0
        self._target_bps = 0.0

    def follow(self, target_bps: float, flow_bps: float, now_s: float) -> bool:
        """Whether to hold pictures back, given a target bitrate heard now and what was sent in `BRAKE_WINDOW_S`."""
        fell = target_bps < FALL * self._target_bps
        self._target_bps = target_bps
        if fell and flow_bps > target_bps:
            self._until_s = now_s + BRAKE_S
        return now_s < self._until_s
