"""Only follows one text from left to right along what is heard, and mixes what it says into what is believed.

A forward filter over the states of the text (two to a phone, an optional pause between words) walks through the
network's beliefs. Belief reaches a few states at most, and they move slowly: only a window of the states, moved at every
64th hop, takes part, so that a script of an hour costs no more than one of a minute.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.phone_table import (
    CLASS_OF_SYMBOL,
    CLOSED,
    LABIODENTAL,
    PHONE_CLASSES,
    ROUNDED,
    SILENCE,
    phone_of_class,
    segments,
)
from avatar_engine.systems.viseme_posteriors import (
    CLOSURE,
    OPENNESS,
    PHONES,
    ROUNDING,
    SPEECH,
    VISEMES,
    Posteriors,
)
from avatar_engine.systems.viseme_posteriors import (
    LABIODENTAL as LABIODENTAL_CUE,
)

Float = NDArray[np.float32]
Double = NDArray[np.float64]

Word = Sequence[str]
"""IPA phones of one word."""


@dataclass(frozen=True, slots=True)
class Guidance:
    """How much a text may say. Tuned on the development set of the lip-sync score."""

    text_share: float = 0.8
    """Weight of the text in the log of the belief where the alignment is sure."""
    openness_share: float = 0.5
    stay: float = 0.86
    """Chance that a phone goes on for another hop; two parts a phone, so about 160 ms at most on average."""
    floor: float = 1e-3
    """Likeness of a phone the sound does not support at all."""
    trust_rate: float = 0.02
    """How fast agreement between sound and text is learnt, per hop of speech."""
    trust_none: float = 0.42
    """Agreement at which the text has no say; on the development set a wrong text comes to about 0.47, a right one to 0.75."""
    trust_full: float = 0.6


# Substates per phone: nothing said lasts less than two hops.
_PARTS = 2
# Share of every class in running speech is flattened by the network's training; a coarse prior is enough.
_PAUSE_CHANCE = 0.04
_SKIP_CHANCE = 0.002
_KEPT_BEHIND = 100  # states
_LOOK_HOPS = 64  # between two moves of the window
_MOST_ONWARD = 32  # hops beyond the newest that are judged
_REACH = (_PARTS + 1) * (_LOOK_HOPS + _MOST_ONWARD)  # states a belief can come to know of until the next move
# A place that a long pause speaks against at every hop may be the right one yet: nothing is given up before it has to be.
_NOTHING = 1e-290


@functools.cache
def _likeness() -> Double:
    """(PHONES, PHONES): how much a heard class speaks for an expected one; close sounds speak a little."""
    out = np.eye(PHONES)
    for a in range(PHONES):
        for b in range(PHONES):
            one, other = phone_of_class(a), phone_of_class(b)
            if a == b or SILENCE in (PHONE_CLASSES[a], PHONE_CLASSES[b]):
                continue
            if one.viseme == other.viseme:
                out[b, a] += 0.5
            elif one.viseme in other.accepted or other.viseme in one.accepted:
                out[b, a] += 0.2
    return out


_Row = tuple[int, int, bool, float, tuple[float, float, float]]
_Steps = tuple[Double, Double, Double]


@dataclass(slots=True)
class _States:
    """What a text expects, one entry per state; all of one length."""

    klass: NDArray[np.int64]
    viseme: NDArray[np.int64]
    optional: NDArray[np.bool_]
    openness: Float
    lips: Float  # (states, 3): shut, at the teeth, round

    def part(self, low: int, high: int) -> _States:
        return _States(
            self.klass[low:high],
            self.viseme[low:high],
            self.optional[low:high],
            self.openness[low:high],
            self.lips[low:high],
        )

    def and_then(self, more: _States) -> _States:
        return _States(
            np.concatenate([self.klass, more.klass]),
            np.concatenate([self.viseme, more.viseme]),
            np.concatenate([self.optional, more.optional]),
            np.concatenate([self.openness, more.openness]),
            np.concatenate([self.lips, more.lips]),
        )


def _states(rows: Sequence[_Row]) -> _States:
    klass, viseme, optional, openness, lips = zip(*rows)
    return _States(
        np.array(klass, np.int64),
        np.array(viseme, np.int64),
        np.array(optional, np.bool_),
        np.array(openness, np.float32),
        np.array(lips, np.float32),
    )


def _before_it() -> _States:
    return _states([(0, 0, False, 0.0, (0.0, 0.0, 0.0))])


def states_of(words: Iterable[Word]) -> _States | None:
    """Two states to a phone, an optional pause after each word; None where no word has a sound
    that shows."""
    rows: list[_Row] = []
    for word in words:
        before = len(rows)
        for part in segments([(float(i), float(i + 1), p) for i, p in enumerate(word)]):
            index = CLASS_OF_SYMBOL.get(part.symbol)
            if index is None or part.symbol == SILENCE or part.phone.viseme is None:
                continue
            shown = VISEME_INDEX[part.phone.viseme]
            if rows and rows[-1][:2] == (index, shown):
                continue
            kind = part.phone.articulation
            lips = (float(kind == CLOSED), float(kind == LABIODENTAL), float(kind == ROUNDED))
            rows += [(index, shown, False, part.phone.openness, lips)] * _PARTS
        if len(rows) > before:
            rows += [(0, 0, True, 0.0, (0.0, 0.0, 0.0))] * _PARTS
    return _states(rows) if rows else None


@dataclass(slots=True)
class TextPath:
    """A text and where in it the voice probably is."""

    guidance: Guidance
    trust: float = 0.6
    _states: _States = field(default_factory=_before_it)
    _belief: Double = field(default_factory=lambda: np.ones(1))
    _low: int = 0
    _high: int = 0
    _hops: int = 0

    def __len__(self) -> int:
        """How many states are kept."""
        return len(self._belief)

    def append(self, more: _States) -> None:
        """This is said after all that is expected. What was said long ago is forgotten: a session of hours stays as small as
        one of minutes."""
        first = int(self._belief.argmax()) - _KEPT_BEHIND
        if first > _KEPT_BEHIND:
            self._states = self._states.part(first, len(self._belief))
            self._belief = self._belief[first:] / self._belief[first:].sum()
            self._low, self._high = max(0, self._low - first), max(0, self._high - first)
        self._states = self._states.and_then(more)
        self._belief = np.concatenate([self._belief, np.zeros(len(more.klass))])

    def follow(self, told: Posteriors, row: int, hops: slice, early: Float | None) -> None:
        """Mix the text into the beliefs `told` of these hops of one stream, in place.

        early (hops + m, classes): what was believed first of these hops and of the m after them.
        """
        count = hops.stop - hops.start
        later = 0 if early is None else len(early) - count
        done = 0
        while done < count:
            if self._hops % _LOOK_HOPS == 0:
                self._look()
            stop = min(count, done + _LOOK_HOPS - self._hops % _LOOK_HOPS)
            states = self._states.part(self._low, self._high)
            steps = _steps(states, self.guidance)
            onward = None
            if early is not None:
                onward = _onward(states, steps, self.guidance.floor, early[done : stop + later], stop - done)
            self._walk(states, steps, told, row, slice(hops.start + done, hops.start + stop), onward)
            self._hops += stop - done
            done = stop

    def _look(self) -> None:
        held = np.flatnonzero(self._belief)
        self._low, self._high = int(held[0]), int(held[-1]) + 1 + _REACH

    def _walk(
        self, states: _States, steps: _Steps, told: Posteriors, row: int, hops: slice, onward: Double | None
    ) -> None:
        g = self.guidance
        viseme, phone, cues = (part[row, hops] for part in (told.viseme, told.phone, told.cues))
        heard = np.einsum("kp,pc->kc", phone.astype(np.float64), _likeness())
        stay, leave, step_over = steps
        belief = self._belief[self._low : self._high]
        for t in range(len(phone)):
            new = belief * stay
            new[1:] += belief[:-1] * leave[:-1]
            new[_PARTS + 1 :] += belief[: -_PARTS - 1] * step_over[: -_PARTS - 1]
            new[_PARTS:] += _SKIP_CHANCE * belief[:-_PARTS]
            found = heard[t, states.klass]
            new *= found + g.floor
            belief = new / new.sum()
            belief[belief < _NOTHING] = 0.0
            # Agreement is learnt while somebody speaks: what the text expects here against the best guess. Not from what
            # comes next: that finds some place for a wrong text too.
            speaks = 1.0 - float(phone[t, 0])
            agrees = float(belief @ found) / (float(heard[t].max()) + 1e-9)
            self.trust += g.trust_rate * speaks * (agrees - self.trust)
            here = belief
            if onward is not None:
                here = belief * onward[t]
                total = float(here.sum())
                # Where nothing leads on to what is heard next, what was heard so far has to do.
                here = here / total if total > _NOTHING else belief
            said = np.asarray(np.bincount(states.klass, here, PHONES), np.float64)
            shown = np.asarray(np.bincount(states.viseme, here, VISEMES), np.float64)
            share = g.text_share * min(1.0, max(0.0, (self.trust - g.trust_none) / (g.trust_full - g.trust_none)))
            phone[t] = _mixed(phone[t], said, share)
            viseme[t] = _mixed(viseme[t], shown, share)
            lips = here @ states.lips
            for k, cue in enumerate((CLOSURE, LABIODENTAL_CUE, ROUNDING)):
                cues[t, cue] += share * (lips[k] - cues[t, cue])
            opened = float(here @ states.openness)
            cues[t, OPENNESS] += share * g.openness_share * (opened - cues[t, OPENNESS])
            cues[t, SPEECH] = max(cues[t, SPEECH], share * (1.0 - said[0]))
        self._belief[self._low : self._high] = belief


def _steps(states: _States, guidance: Guidance) -> _Steps:
    """The chance of every state to last, to go on to the next, and to step over the pause after it (both its parts)."""
    optional = states.optional
    stay = np.where(states.klass == 0, 1 - _PAUSE_CHANCE, guidance.stay)
    leave = 1 - stay
    step_over = np.zeros(len(stay))
    step_over[: -_PARTS - 1] = leave[: -_PARTS - 1] * (
        optional[1:-_PARTS] & optional[_PARTS:-1] & ~optional[_PARTS + 1 :]
    )
    return stay, leave, step_over


def _onward(states: _States, steps: _Steps, floor: float, early: Float, hops: int) -> Double:
    """How well what is heard after each of `hops` hops goes on from every state, (hops, states).

    early (hops + m, classes): beliefs of those hops and m more; each hop is judged by the m after it. Beliefs of zeros
    say nothing.
    """
    stay, leave, step_over = steps
    heard = np.einsum("kp,pc->kc", early.astype(np.float64), _likeness())
    like = heard.take(states.klass, axis=1) + floor
    out = np.ones((hops, len(stay)))
    for later in range(len(early) - hops, 0, -1):
        there = out * like[later : later + hops]
        out = there * stay
        out[:, :-1] += there[:, 1:] * leave[:-1]
        out[:, : -_PARTS - 1] += there[:, _PARTS + 1 :] * step_over[: -_PARTS - 1]
        out[:, :-_PARTS] += there[:, _PARTS:] * _SKIP_CHANCE
        out /= out.max(axis=1, keepdims=True)
    return out


def _mixed(heard: Float, said: Double, share: float) -> Float:
    mixed = np.exp((1 - share) * np.log(heard + 1e-4) + share * np.log(said + 1e-3))
    return (mixed / mixed.sum()).astype(np.float32)
