"""Only lets people say what nobody wrote: one speaker's recordings walked through from phone to phone, out of order.

A walk leaves a recording in the middle of a phone and goes on in the middle of another one of the same class by the same
speaker, so that every transition of two phones was really spoken, and no word is. A network that hears enough of that
listens to sounds instead of remembering which words people read.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avatar_engine.systems.phone_table import PHONE_CLASSES

Float = npt.NDArray[np.float32]

STOPS = [i for i, c in enumerate(PHONE_CLASSES) if c[0] in "pbtdkɡ"]
# Walks leave neither in a stop, whose middle may lie before or after its burst, nor in anything shorter than this.
_LEAST_HOPS = 5
_LEAVES = 0.5
# Transitions into f, v, p, b, m are what is seldom heard and easily seen.
_LIPS = [i for i, c in enumerate(PHONE_CLASSES) if c[0] in "pbmfvʋ"]
_LIPS_WEIGHT = 2.5
_FADE_HOPS = 2  # on either side of a joint
_LONGEST_PAUSE_HOPS = 30
_HOPS = (120, 500)


class Walks:
    """Walks through recordings that lie end to end: power (hops, BANDS), the phone class of each hop, and of every
    recording its first hop, its length and its speaker."""

    def __init__(
        self,
        power: npt.NDArray[np.float16],
        label: npt.NDArray[np.int16],
        start: npt.NDArray[np.int64],
        length: npt.NDArray[np.int64],
        speaker: npt.NDArray[np.int64],
    ) -> None:
        self._power, self._label = power, label
        # Of every run of hops with one phone: its first hop, its length, class and speaker, and whether another follows.
        rows = []
        for first, hops, who in zip(start, length, speaker):
            phone = label[first : first + hops, 0]
            begins = np.flatnonzero(np.diff(phone, prepend=-9))
            lengths = np.diff(begins, append=hops)
            last = np.arange(len(begins)) == len(begins) - 1
            rows.append(np.stack([first + begins, lengths, phone[begins], np.full(len(begins), who), last], axis=1))
        self._first, self._hops, self._class, who, last = np.concatenate(rows).T.astype(np.int64)
        self._ends = last.astype(bool)
        leads = np.append(np.isin(self._class[1:], _LIPS), False)
        weight = np.where(leads, _LIPS_WEIGHT, 1.0)
        changes = (self._hops >= _LEAST_HOPS) & ~np.isin(self._class, STOPS) & (self._class >= 0)
        self._alike: dict[tuple[int, int], tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = {}
        for key in {(int(w), int(c)) for w, c in zip(who[changes], self._class[changes])}:
            found = np.flatnonzero(changes & (who == key[0]) & (self._class == key[1]) & ~self._ends)
            if len(found) > 1:
                self._alike[key] = found, np.cumsum(weight[found])
        self._changes = changes
        self._speakers = np.unique(who)
        self._begins = {int(w): np.flatnonzero((who == w) & ~self._ends) for w in self._speakers}

    def draw(self, rng: np.random.Generator) -> tuple[Float, npt.NDArray[np.int16]]:
        """Power (hops, BANDS) and labels of one walk of some seconds."""
        who = int(self._speakers[rng.integers(len(self._speakers))])
        begins = self._begins[who]
        run = int(begins[rng.integers(len(begins))])
        wanted = int(rng.integers(*_HOPS))
        power: list[Float] = []
        label: list[npt.NDArray[np.int16]] = []
        hops, joint = 0, -1
        while hops < wanted:
            if self._ends[run]:
                run = int(begins[rng.integers(len(begins))])
                continue
            first, after = self._middle(run, leaves=True), self._middle(run + 1, leaves=False)
            part = self._power[first:after].astype(np.float32)
            if joint >= 0 and min(len(part), len(power[-1])) > _FADE_HOPS:
                self._fade(power[-1], part, joint, first)
            power.append(part)
            label.append(self._label[first:after])
            hops += after - first
            run += 1
            joint = -1
            if self._changes[run] and rng.random() < _LEAVES:
                alike = self._alike.get((who, int(self._class[run])))
                if alike is not None:
                    joint = after
                    found, weights = alike
                    run = int(found[np.searchsorted(weights, rng.random() * weights[-1], side="right")])
        return np.concatenate(power), np.concatenate(label)

    def _middle(self, run: int, leaves: bool) -> int:
        """The hop where a phone is left for the next or entered from the one before; long pauses lose their middle."""
        first, half = int(self._first[run]), int(self._hops[run]) // 2
        if self._class[run] == 0 and half > _LONGEST_PAUSE_HOPS // 2:
            half = _LONGEST_PAUSE_HOPS // 2
            return first + (int(self._hops[run]) - half if leaves else half)
        return first + half

    def _fade(self, before: Float, part: Float, left_at: int, came_at: int) -> None:
        """The last hops before a joint and the first after it become mixtures of both recordings."""
        for i in range(-_FADE_HOPS, _FADE_HOPS):
            share = (i + _FADE_HOPS + 0.5) / (2 * _FADE_HOPS)
            mixed = (1 - share) * self._power[left_at + i].astype(np.float32) + share * self._power[came_at + i]
            (before if i < 0 else part)[i] = mixed
