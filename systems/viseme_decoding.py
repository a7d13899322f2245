"""Only decides: beliefs of the network in, steady mouth frames out. No flicker, lips that really meet, no delay added.

Two decisions a hop. Whether the lips close or touch the teeth is a question of its own, answered by all heads together
against everything else; what was answered once holds for a while. Which of the other mouths it is falls to one forward
filter that would rather stay than change. A gate opens at once and closes late. One row per stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.phone_table import CLOSED, PHONE_CLASSES, phone_of_class
from avatar_engine.systems.phone_table import LABIODENTAL as LABIODENTAL_PHONE
from avatar_engine.systems.viseme_model import VisemeFrames
from avatar_engine.systems.viseme_posteriors import (
    CLOSURE,
    CUES,
    LABIODENTAL,
    OPENNESS,
    PHONES,
    ROUNDING,
    SPEECH,
    VISEMES,
    Posteriors,
)

Float = NDArray[np.float32]

SIL, PP, FF, AA = (VISEME_INDEX[name] for name in ("sil", "PP", "FF", "aa"))
# Slices, as numpy takes five times as long for lists: O and U, PP and FF stand side by side.
ROUND = slice(VISEME_INDEX["O"], VISEME_INDEX["U"] + 1)
LIPS = slice(PP, FF + 1)
_MEMORY = 8  # hops a held lip looks back at most
_ONE_HOT = np.eye(VISEMES, dtype=np.float32)
_REST = _ONE_HOT[SIL]
_PARTED = 0.45 * _REST + 0.55 * _ONE_HOT[VISEME_INDEX["SS"]]
_THIRD = np.float32(1 / 3)
_FAINT, _TINY = np.float32(1e-4), np.float32(1e-3)
_CLOSED, _BITING = 0, 1  # columns of what is kept about the lips
# Lips that are shut, at rest or at the teeth open no wider than this.
_WIDEST = np.ones(VISEMES, np.float32)
_WIDEST[[SIL, PP]], _WIDEST[FF] = 0.02, 0.15
# Openness a renderer shows for each viseme at full weight, as the lip-sync score assumes it.
VISEME_OPENNESS = np.array(
    [0, 0, 0.12, 0.25, 0.25, 0.30, 0.22, 0.18, 0.25, 0.30, 0.95, 0.60, 0.35, 0.60, 0.30], np.float32
)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to decide. Tuned on the development set of the lip-sync score; see tools/visemes."""

    stay: float = 0.6
    """Share of belief that expects the mouth of the hop before."""
    rounded_bias: float = 1.0
    """Log of what the evidence of round mouths is multiplied with."""
    close_over: float = 0.7
    """Belief above which lips close."""
    bite_over: float = 0.58
    """Belief above which the lower lip touches the teeth."""
    speech_over: float = 0.5
    """Speech belief above which the mouth moves."""
    rest_under: float = 0.25
    """Speech belief under which a mouth without a sound is at rest; above it the lips stay slightly parted."""
    gate_falls: float = 0.85
    """Share of the speech belief kept per hop while it falls."""
    shut_hops: int = 4
    """Hops that p, b and m stay shut at least: 40 ms."""
    bite_hops: int = 4
    """Hops that f and v show at least."""
    focus: float = 0.7
    """Share of the weights given to the decided viseme; the rest follows belief."""


def _readings() -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Columns of `Posteriors.every` that are added up, and where each sum begins: VISEMES sums of the phones a viseme
    passes for, then what speaks for closed lips and for biting ones.

    Runs of columns, always added in the same order: the rounding of a matrix product would depend on the rows.
    """
    sums: list[list[int]] = [[] for _ in range(VISEMES + 2)]
    closed, biting = sums[VISEMES:]
    for index in range(len(PHONE_CLASSES)):
        phone = phone_of_class(index)
        column = VISEMES + index
        for viseme in phone.accepted:
            sums[VISEME_INDEX[viseme]].append(column)
        if phone.articulation == CLOSED:
            closed.append(column)
        # The v of many languages is hardly more than a lip near the teeth.
        if phone.articulation == LABIODENTAL_PHONE or "ʋ" in PHONE_CLASSES[index].split():
            biting.append(column)
    closed += [PP, VISEMES + PHONES + CLOSURE]
    biting += [FF, VISEMES + PHONES + LABIODENTAL]
    starts = np.cumsum([0, *(len(columns) for columns in sums[:-1])])
    return np.concatenate(sums).astype(np.intp), starts.astype(np.intp)


class VisemeDecoder:
    """Decides for many streams; slots are those of the posterior streams before it."""

    def __init__(self, decoding: Decoding | None = None) -> None:
        self.decoding = decoding or Decoding()
        d = self.decoding
        self._columns, self._sums = _readings()
        self._focused = _ONE_HOT * np.float32(d.focus)
        self._over = np.array([d.close_over, d.bite_over], np.float32)
        self._rounded = np.float32(np.exp(2.0 * d.rounded_bias))  # before the root is taken
        self._belief = np.zeros((4, VISEMES), np.float32)
        self._gate = np.zeros(4, np.float32)
        self._before = np.zeros((4, _MEMORY), np.int64)  # labels of the last hops, before any was held

    @property
    def _kept(self) -> tuple[NDArray[Any], ...]:
        return self._belief, self._gate, self._before

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return sum(int(part[0].nbytes) for part in self._kept)

    def reset(self, slot: int) -> None:
        """Start (or restart) a stream in silence."""
        if slot >= len(self._gate):
            more = max(2 * len(self._gate), slot + 1) - len(self._gate)
            self._belief, self._gate, self._before = (
                np.concatenate([part, np.zeros((more, *part.shape[1:]), part.dtype)]) for part in self._kept
            )
        for part in self._kept:
            part[slot] = 0
        self._belief[slot, SIL] = 1.0
        self._before[slot] = SIL

    def push(self, slots: NDArray[np.int64], seen: Posteriors) -> VisemeFrames:
        """Frames for k hops of the streams `slots`."""
        d = self.decoding
        belief, lips = self._evidence(seen)
        gate = seen.cues[..., SPEECH].copy()
        self._filter(slots, belief, gate)
        speaks = gate > d.speech_over
        shown = lips > self._over
        raw = belief.argmax(axis=2)
        closed, biting = shown[..., _CLOSED], shown[..., _BITING]
        np.copyto(raw, FF, where=biting)
        # Of the two, the likelier.
        np.copyto(raw, PP, where=closed & ~(biting & (lips[..., _CLOSED] < lips[..., _BITING])))
        raw *= speaks  # SIL is 0
        past = np.concatenate([self._before.take(slots, axis=0), raw], axis=1)
        self._before[slots] = past[:, -_MEMORY:]
        # A closed or biting lip is held, whatever the next hops believe; of the two, lips that close win.
        label = raw.copy()
        np.copyto(label, FF, where=_held(past, FF, d.bite_hops) & (raw != PP))
        np.copyto(label, PP, where=_held(past, PP, d.shut_hops))
        label *= speaks

        # Two questions, two answers: together they may believe in more than all.
        taken = lips[..., :1] + lips[..., 1:]
        belief *= np.float32(1.0) - np.minimum(taken, np.float32(1.0))
        np.divide(lips, np.maximum(taken, np.float32(1.0)), out=belief[..., LIPS])
        belief *= np.float32(1.0 - d.focus)
        belief += self._focused.take(label, axis=0)
        strongest = np.maximum.reduce(belief, axis=2)
        cues = seen.cues
        openness = np.minimum(cues[..., OPENNESS], _WIDEST.take(label))
        weights = _opened_to(belief, strongest, label == AA, openness)
        idle = label == SIL
        if idle.any():
            weights[idle] = _REST
            openness[idle] = 0.0
            # The silence inside a long t or k is no rest: while speech is still in doubt the lips stay parted.
            parted = idle & (cues[..., SPEECH] > d.rest_under)
            weights[parted] = _PARTED
            openness[parted] = _PARTED @ VISEME_OPENNESS
        said = cues[..., CLOSURE : ROUNDING + 1] * speaks[..., None]
        return VisemeFrames(
            weights=weights,
            openness=openness,
            closure=said[..., 0],
            labiodental=said[..., LABIODENTAL - CLOSURE],
            rounding=said[..., ROUNDING - CLOSURE],
            speech=np.minimum(gate, 1.0),
        )

    def _filter(self, slots: NDArray[np.int64], belief: Float, gate: Float) -> None:
        """What each hop says becomes what is believed that knows the ones before it: mouths that are not the lips' own
        (n, k, VISEMES), and the speech gate (n, k)."""
        d = self.decoding
        # `take` costs a quarter of what an index costs here.
        now, level = self._belief.take(slots, axis=0), self._gate.take(slots, axis=0)
        falls = np.float32(d.gate_falls)
        anew = belief * np.float32((1.0 - d.stay) / VISEMES)
        belief *= np.float32(d.stay)
        # Every hop is worked out where it is kept, and read from there by the next.
        for mouths, unexpected, speech in zip(belief.swapaxes(0, 1), anew.swapaxes(0, 1), gate.T):
            mouths *= now
            mouths += unexpected
            mouths /= np.add.reduce(mouths, axis=1, keepdims=True)
            np.maximum(speech, level * falls, out=speech)
            now, level = mouths, speech
        self._belief[slots], self._gate[slots] = now, level

    def _evidence(self, seen: Posteriors) -> tuple[Float, Float]:
        """For mouths other than the lips' own (n, k, VISEMES), unnormalised, what the two heads agree on, times the
        odds of rounding; for closed and biting lips (n, k, 2) the mean of the three heads."""
        read = np.add.reduceat(seen.every.take(self._columns, axis=2), self._sums, axis=2)
        lips = read[..., VISEMES:] * _THIRD
        mouths = read[..., :VISEMES]
        mouths += _FAINT
        mouths *= seen.viseme + _FAINT
        rounding = seen.cues[..., ROUNDING, None]
        mouths[..., ROUND] *= (rounding + _FAINT) / (np.float32(1.0 + _FAINT) - rounding) * self._rounded
        np.sqrt(mouths, out=mouths)
        mouths[..., LIPS] = 0.0
        return mouths, lips


def _held(past: NDArray[np.int64], viseme: int, hops: int) -> NDArray[np.bool_]:
    """(n, k): whether `viseme` began in this hop or the hops - 1 before it; past (n, _MEMORY + k)."""
    is_it = past == viseme
    begins = np.add.accumulate(is_it[:, 1:] & ~is_it[:, :-1], axis=1, dtype=np.int32)
    return np.not_equal(begins[:, _MEMORY - 1 :], begins[:, _MEMORY - 1 - hops : -hops])


def _opened_to(weights: Float, strongest: Float, is_aa: NDArray[np.bool_], openness: Float) -> Float:
    """Weights whose mouth is as open as wanted, as far as the decided viseme stays the strongest.

    weights (n, k, VISEMES) summing to 1, `strongest` (n, k) that of the decided viseme. A mouth too open gives
    weight to rest, one not open enough to aa.
    """
    shown = np.einsum("nkv,v->nk", weights, VISEME_OPENNESS)
    rest = weights[..., SIL]
    room = strongest * np.float32(0.9)
    moves = np.float32(1.0) - rest
    # Rest may come to 0.9 of the strongest: rest + (1 - s) * (1 - rest) = 0.9 * s * strongest.
    least = moves / (moves + np.maximum(room - rest, _TINY))
    scale = np.minimum(np.maximum(openness / np.maximum(shown, _TINY), least), np.float32(1.0))
    lacks = np.maximum(openness - shown, np.float32(0.0)) / (np.float32(0.95) - np.minimum(shown, np.float32(0.9)))
    most = room / (room + np.float32(1.0))
    np.copyto(most, np.float32(1.0), where=is_aa)
    more = np.minimum(lacks, most)
    out = weights * (scale * (np.float32(1.0) - more))[..., None]
    out[..., SIL] += np.float32(1.0) - scale
    out[..., AA] += more
    return out


__all__ = ["CUES", "VISEME_OPENNESS", "Decoding", "VisemeDecoder"]
