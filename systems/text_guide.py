"""Only lets a known text correct the network: walks its phones from left to right along what is heard.

A forward filter over the expected phones (with an optional pause between words) runs over the network's beliefs, at
the same delay. Where the stream looks ahead, what is believed of the next hops already says which of the places that
the filter thinks possible lead on (fixed-lag smoothing). Where sound and text agree on the place, the text decides
which lips close; where they do not, the sound keeps the word. No text, no change.
"""

from __future__ import annotations

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


@dataclass(slots=True)
class _Path:
    """The expected states of one stream and where in them it probably is."""

    klass: NDArray[np.int64]
    viseme: NDArray[np.int64]
    optional: NDArray[np.bool_]
    belief: NDArray[np.float64]
    trust: float = 0.6
    openness: Float = field(default_factory=lambda: np.zeros(0, np.float32))
    lips: Float = field(default_factory=lambda: np.zeros((0, 3), np.float32))

    def forget(self) -> None:
        """Drop what was said long ago, so that a session of hours stays as small as one of minutes."""
        first = int(self.belief.argmax()) - _KEPT_BEHIND
        if first > _KEPT_BEHIND:
            for name in ("klass", "viseme", "optional", "belief", "openness", "lips"):
                setattr(self, name, getattr(self, name)[first:])
            self.belief /= self.belief.sum()


def _likeness() -> NDArray[np.float64]:
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


class TextGuide:
    """Alignments of the streams that have a text; slots are those of the posterior streams."""

    def __init__(self, guidance: Guidance | None = None) -> None:
        self.guidance = guidance or Guidance()
        self._likeness = _likeness()
        self._paths: dict[int, _Path] = {}

    def reset(self, slot: int) -> None:
        """Forget the text of a stream."""
        self._paths.pop(slot, None)

    def expect(self, slot: int, words: Iterable[Word], anew: bool = False) -> None:
        """These words are said next, after those expected before, or (`anew`) instead of them."""
        if anew:
            self.reset(slot)
        klass: list[int] = []
        viseme: list[int] = []
        optional: list[bool] = []
        openness: list[float] = []
        lips: list[tuple[float, float, float]] = []

        def add(index: int, shown: int, opened: float, kind: str, may_skip: bool) -> None:
            for _ in range(_PARTS):
                klass.append(index)
                viseme.append(shown)
                optional.append(may_skip)
                openness.append(opened)
                lips.append((float(kind == CLOSED), float(kind == LABIODENTAL), float(kind == ROUNDED)))

        for word in words:
            parts = segments([(float(i), float(i + 1), p) for i, p in enumerate(word)])
            for part in parts:
                index = CLASS_OF_SYMBOL.get(part.symbol)
                if index is None or part.symbol == SILENCE or part.phone.viseme is None:
                    continue
                shown = VISEME_INDEX[part.phone.viseme]
                if klass and klass[-1] == index and viseme[-1] == shown:
                    continue
                add(index, shown, part.phone.openness, part.phone.articulation, False)
            add(0, 0, 0.0, "", True)
        if not klass:
            return
        path = self._paths.get(slot)
        if path is not None:
            path.forget()
        if path is None:
            start = _Path(np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1, np.bool_), np.ones(1))
            start.openness, start.lips = np.zeros(1, np.float32), np.zeros((1, 3), np.float32)
            path = self._paths[slot] = start
        path.klass = np.concatenate([path.klass, np.array(klass, np.int64)])
        path.viseme = np.concatenate([path.viseme, np.array(viseme, np.int64)])
        path.optional = np.concatenate([path.optional, np.array(optional, np.bool_)])
        path.openness = np.concatenate([path.openness, np.array(openness, np.float32)])
        path.lips = np.concatenate([path.lips, np.array(lips, np.float32).reshape(-1, 3)])
        path.belief = np.concatenate([path.belief, np.zeros(len(klass))])

    def guided(self, slots: NDArray[np.int64], seen: Posteriors) -> Posteriors:
        """Beliefs with the texts taken into account; streams without a text pass unchanged."""
        rows = [(row, self._paths[slot]) for row, slot in enumerate(slots.tolist()) if slot in self._paths]
        if not rows:
            return seen
        told = Posteriors(seen.every.copy())
        viseme, phone, cues = told.viseme, told.phone, told.cues
        for row, path in rows:
            early = seen.early_phone
            onward = None if early is None else self._onward(path, early[row], len(viseme[row]))
            self._follow(path, viseme[row], phone[row], cues[row], onward)
        return told

    def _steps(self, path: _Path) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Where optional states (a pause, both its parts) may be stepped over, and the chance of every state to last."""
        count = len(path.klass)
        skip_to = np.zeros(count, np.bool_)
        skip_to[_PARTS + 1 :] = (
            path.optional[_PARTS:-1] & path.optional[1 : count - _PARTS] & ~path.optional[_PARTS + 1 :]
        )
        return skip_to, np.where(path.klass == 0, 1 - _PAUSE_CHANCE, self.guidance.stay)

    def _onward(self, path: _Path, early: Float, hops: int) -> NDArray[np.float64]:
        """How well what is heard after each of `hops` hops goes on from every state, (hops, states).

        early (hops + m, classes): beliefs of those hops and m more; each hop is judged by the m after it.
        """
        skip_to, stay = self._steps(path)
        leave = 1 - stay
        step_over = np.zeros(len(stay))
        step_over[: -_PARTS - 1] = leave[: -_PARTS - 1] * skip_to[_PARTS + 1 :]
        heard = np.einsum("kp,pc->kc", early.astype(np.float64), self._likeness)
        like = heard.take(path.klass, axis=1) + self.guidance.floor
        out = np.ones((hops, len(stay)))
        for later in range(len(early) - hops, 0, -1):
            there = out * like[later : later + hops]
            out = there * stay
            out[:, :-1] += there[:, 1:] * leave[:-1]
            out[:, : -_PARTS - 1] += there[:, _PARTS + 1 :] * step_over[: -_PARTS - 1]
            out[:, :-_PARTS] += there[:, _PARTS:] * _SKIP_CHANCE
            out /= out.max(axis=1, keepdims=True)
        return out

    def _follow(
        self, path: _Path, viseme: Float, phone: Float, cues: Float, onward: NDArray[np.float64] | None
    ) -> None:
        g = self.guidance
        heard = np.einsum("kp,pc->kc", phone.astype(np.float64), self._likeness)
        count = len(path.klass)
        skip_to, stay = self._steps(path)
        for t in range(len(phone)):
            belief = path.belief
            moved = belief * (1 - stay)
            new = belief * stay
            new[1:] += moved[:-1]
            new[_PARTS + 1 :] += np.where(skip_to[_PARTS + 1 :], moved[: -_PARTS - 1], 0.0)
            new += _SKIP_CHANCE * np.concatenate([np.zeros(_PARTS), belief[:-_PARTS]])[:count]
            found = heard[t, path.klass]
            new *= found + g.floor
            total = new.sum()
            path.belief = belief = new / total if total > 1e-30 else np.full(count, 1.0 / count)
            # Agreement is learnt while somebody speaks: what the text expects here against the best guess. Not from what
            # comes next: that finds some place for a wrong text too.
            speaks = 1.0 - float(phone[t, 0])
            agrees = float(belief @ found) / (float(heard[t].max()) + 1e-9)
            path.trust += g.trust_rate * speaks * (agrees - path.trust)
            if onward is not None:
                belief = belief * onward[t]
                belief /= max(float(belief.sum()), 1e-30)
            said = np.asarray(np.bincount(path.klass, belief, PHONES), np.float64)
            shown = np.asarray(np.bincount(path.viseme, belief, VISEMES), np.float64)
            share = g.text_share * min(1.0, max(0.0, (path.trust - g.trust_none) / (g.trust_full - g.trust_none)))
            phone[t] = _mixed(phone[t], said, share)
            viseme[t] = _mixed(viseme[t], shown, share)
            lips = belief @ path.lips
            for k, cue in enumerate((CLOSURE, LABIODENTAL_CUE, ROUNDING)):
                cues[t, cue] += share * (lips[k] - cues[t, cue])
            opened = float(belief @ path.openness)
            cues[t, OPENNESS] += share * g.openness_share * (opened - cues[t, OPENNESS])
            cues[t, SPEECH] = max(cues[t, SPEECH], share * (1.0 - said[0]))


def _mixed(heard: Float, said: NDArray[np.float64], share: float) -> Float:
    mixed = np.exp((1 - share) * np.log(heard + 1e-4) + share * np.log(said + 1e-3))
    return (mixed / mixed.sum()).astype(np.float32)
