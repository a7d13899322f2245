"""How late a session's packets come, and how much sound therefore has to be queued ahead of them; keeps no sound.

A lone hitch, as when a face is loaded, is heard once and forgiven; what comes again is provided for. Packets come up to
15 ms late on a machine that has time. On recorded traces of them this leaves as many gaps in speech as providing for the
worst, with 10 to 50 ms less in the queue.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

POP_S = 0.010
"""The native source takes this much at a time; with less in its queue it sends nothing for that long."""
LEAD_MAX_S = 0.100
WINDOW = 30
"""Seconds that are remembered."""
FORGIVEN = 1
"""So many of them may be worse than what is provided for."""


@dataclass(slots=True)
class _Second:
    """Least and greatest lateness of the packets in one second."""

    number: int
    least_s: float
    most_s: float


@dataclass(slots=True)
class Punctuality:
    """lead_s: sound to keep queued, between `least_lead_s` and `LEAD_MAX_S`. Times are steady-clock seconds."""

    least_lead_s: float
    lead_s: float = 0.0
    _seconds: deque[_Second] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def __post_init__(self) -> None:
        self.lead_s = self.least_lead_s

    def note(self, late_s: float, now_s: float) -> float:
        """A packet came this long after its tick began; returns how much later that is than the most punctual ones."""
        second = self._seconds[-1] if self._seconds else None
        if second is None or second.number != int(now_s):
            self._seconds.append(_Second(int(now_s), late_s, late_s))
        elif second.least_s <= late_s <= second.most_s:
            return late_s - self._least_s()
        else:
            second.least_s, second.most_s = min(second.least_s, late_s), max(second.most_s, late_s)
        least_s = self._least_s()
        worst = sorted((known.most_s for known in self._seconds), reverse=True)
        if len(worst) > FORGIVEN:
            wanted_s = worst[FORGIVEN] - least_s + POP_S
            self.lead_s = max(self.least_lead_s, min(wanted_s, LEAD_MAX_S))
        return late_s - least_s

    def _least_s(self) -> float:
        return min(known.least_s for known in self._seconds)
