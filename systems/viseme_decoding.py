"""Only decides: beliefs of the network in, steady mouth frames out. No flicker, lips that really meet, no delay added.

One forward filter that would rather stay than change, dedicated evidence for lips that close or touch the teeth, and
a gate that opens at once and closes late. Everything is one row per stream and one step per hop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.phone_table import PHONE_CLASSES, phone_of_class
from avatar_engine.systems.viseme_model import VisemeFrames
from avatar_engine.systems.viseme_posteriors import (
    CLOSURE,
    CUES,
    LABIODENTAL,
    OPENNESS,
    ROUNDING,
    SPEECH,
    VISEMES,
    Posteriors,
)

Float = NDArray[np.float32]

SIL, PP, FF, AA = (VISEME_INDEX[name] for name in ("sil", "PP", "FF", "aa"))
ROUND = [VISEME_INDEX[name] for name in ("O", "U")]
_MEMORY = 8  # hops a held lip looks back at most
_ONE_HOT = np.eye(VISEMES, dtype=np.float32)
_REST = _ONE_HOT[SIL]
_PARTED = 0.45 * _REST + 0.55 * _ONE_HOT[VISEME_INDEX["SS"]]
_FAINT = np.float32(1e-4)
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
    silence_bias: float = 0.0
    """Logs of what the evidence of some visemes is multiplied with."""
    closed_bias: float = -0.5
    labiodental_bias: float = 0.0
    rounded_bias: float = 0.4
    speech_over: float = 0.5
    """Speech belief above which the mouth moves."""
    rest_under: float = 0.2
    """Speech belief under which a mouth without a sound is at rest; above it the lips stay slightly parted."""
    gate_falls: float = 0.75
    """Share of the speech belief kept per hop while it falls."""
    shut_hops: int = 5
    """Hops that p, b and m stay shut at least: 50 ms."""
    bite_hops: int = 3
    """Hops that f and v show at least."""
    focus: float = 0.6
    """Share of the weights given to the decided viseme; the rest follows belief."""


def _accepted() -> Float:
    """(phone classes, VISEMES): 1 where a viseme passes for a phone."""
    out = np.zeros((len(PHONE_CLASSES), VISEMES), np.float32)
    for index in range(len(PHONE_CLASSES)):
        for viseme in phone_of_class(index).accepted:
            out[index, VISEME_INDEX[viseme]] = 1.0
    return out


class VisemeDecoder:
    """Decides for many streams; slots are those of the posterior streams before it."""

    def __init__(self, decoding: Decoding | None = None) -> None:
        self.decoding = decoding or Decoding()
        self._accepted = _accepted()
        d = self.decoding
        bias = np.zeros(VISEMES, np.float32)
        bias[SIL], bias[PP], bias[FF] = d.silence_bias, d.closed_bias, d.labiodental_bias
        bias[ROUND] = d.rounded_bias
        self._bias = np.exp(bias)
        self._belief = np.zeros((4, VISEMES), np.float32)
        self._gate = np.zeros(4, np.float32)
        self._before = np.zeros((4, _MEMORY), np.int64)  # labels of the last hops, before any was held

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return int(self._belief[0].nbytes + self._gate[0].nbytes + self._before[0].nbytes)

    def reset(self, slot: int) -> None:
        """Start (or restart) a stream in silence."""
        more = max(2 * len(self._belief), slot + 1) - len(self._belief)
        if slot >= len(self._belief):
            self._belief = np.concatenate([self._belief, np.zeros((more, VISEMES), np.float32)])
            self._gate = np.concatenate([self._gate, np.zeros(more, np.float32)])
            self._before = np.concatenate([self._before, np.zeros((more, _MEMORY), np.int64)])
        self._belief[slot] = 0.0
        self._belief[slot, SIL] = 1.0
        self._gate[slot] = 0.0
        self._before[slot] = SIL

    def push(self, slots: NDArray[np.int64], seen: Posteriors) -> VisemeFrames:
        """Frames for k hops of the streams `slots`."""
        d = self.decoding
        belief, gate = self._filtered(slots, seen)
        speaks = gate > d.speech_over
        raw = np.where(speaks, belief.argmax(axis=2), SIL)
        # The silence inside a long t or k is no rest: while speech is still in doubt the lips stay parted.
        doubtful = seen.cues[..., SPEECH] > d.rest_under
        past = np.concatenate([self._before[slots], raw], axis=1)
        self._before[slots] = past[:, -_MEMORY:]
        # A closed or biting lip is held, whatever the next hops believe; of the two, lips that close win.
        label = np.where(_held(past, FF, d.bite_hops) & (raw != PP), FF, raw)
        label = np.where(_held(past, PP, d.shut_hops), PP, label)
        label = np.where(speaks, label, SIL)
        idle = label == SIL
        parted = idle & doubtful

        weights = belief * np.float32(1.0 - d.focus)
        chosen = _ONE_HOT[label]
        weights += np.float32(d.focus) * chosen
        strongest = np.einsum("nkv,nkv->nk", weights, chosen)
        openness = np.minimum(seen.cues[..., OPENNESS], _WIDEST[label])
        weights = _opened_to(weights, strongest, label == AA, openness)
        weights[idle] = _REST
        weights[parted] = _PARTED
        openness[idle] = 0.0
        openness[parted] = _PARTED @ VISEME_OPENNESS
        return VisemeFrames(
            weights=weights,
            openness=openness,
            closure=seen.cues[..., CLOSURE] * speaks,
            labiodental=seen.cues[..., LABIODENTAL] * speaks,
            rounding=seen.cues[..., ROUNDING] * speaks,
            speech=np.minimum(gate, 1.0),
        )

    def _filtered(self, slots: NDArray[np.int64], seen: Posteriors) -> tuple[Float, Float]:
        """Belief (n, k, VISEMES) and speech gate (n, k), each hop knowing the ones before it."""
        d = self.decoding
        belief = self._evidence(seen)
        gate = seen.cues[..., SPEECH].copy()
        now, level = self._belief[slots], self._gate[slots]
        stay, leave = np.float32(d.stay), np.float32((1.0 - d.stay) / VISEMES)
        falls = np.float32(d.gate_falls)
        for t in range(belief.shape[1]):
            now = now * stay
            now += leave
            now *= belief[:, t]
            now /= now.sum(axis=1, keepdims=True)
            belief[:, t] = now
            level = np.maximum(gate[:, t], level * falls)
            gate[:, t] = level
        self._belief[slots], self._gate[slots] = now, level
        return belief, gate

    def _evidence(self, seen: Posteriors) -> Float:
        """(n, k, VISEMES), unnormalised: what the two heads agree on, times the odds of the lips' own cues."""
        # einsum adds in a fixed order, whatever the number of rows; a matrix product would not.
        out = np.einsum("nkp,pv->nkv", seen.phone, self._accepted)
        out += _FAINT
        out *= seen.viseme + _FAINT
        np.sqrt(out, out=out)
        out *= self._bias
        cues = np.minimum(np.maximum(seen.cues, _FAINT), 1.0 - _FAINT)
        odds = cues / (1.0 - cues)
        out[..., PP] *= odds[..., CLOSURE]
        out[..., FF] *= odds[..., LABIODENTAL]
        out[..., ROUND] *= np.sqrt(odds[..., ROUNDING, None])
        return out


def _held(past: NDArray[np.int64], viseme: int, hops: int) -> NDArray[np.bool_]:
    """(n, k): whether `viseme` began in this hop or the hops - 1 before it; past (n, _MEMORY + k)."""
    is_it = past == viseme
    if not is_it.any():
        return is_it[:, _MEMORY:]
    begins = is_it[:, 1:] & ~is_it[:, :-1]
    count = past.shape[1] - _MEMORY
    held = np.zeros((len(past), count), np.bool_)
    for back in range(hops):
        first = _MEMORY - 1 - back
        held |= begins[:, first : first + count]
    return held


def _opened_to(weights: Float, strongest: Float, is_aa: NDArray[np.bool_], openness: Float) -> Float:
    """Weights whose mouth is as open as wanted, as far as the decided viseme stays the strongest.

    weights (n, k, VISEMES) summing to 1, `strongest` (n, k) that of the decided viseme. A mouth too open gives
    weight to rest, one not open enough to aa.
    """
    shown = np.einsum("nkv,v->nk", weights, VISEME_OPENNESS)
    rest = weights[..., SIL]
    # Rest may come to 0.9 of the strongest: rest + (1 - s) * (1 - rest) = 0.9 * s * strongest.
    least = (1.0 - rest) / (1.0 - rest + np.maximum(0.9 * strongest - rest, 1e-3))
    scale = np.minimum(np.maximum(openness / np.maximum(shown, 1e-3), least), 1.0)
    lacks = np.maximum(openness - shown, 0.0) / (0.95 - np.minimum(shown, 0.9))
    room = 0.9 * strongest
    more = np.minimum(lacks, np.where(is_aa, 1.0, room / (1.0 + room)))
    out = weights * (scale * (1.0 - more))[..., None]
    out[..., SIL] += 1.0 - scale
    out[..., AA] += more
    return out


__all__ = ["CUES", "VISEME_OPENNESS", "Decoding", "VisemeDecoder"]
