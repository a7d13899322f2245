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
ROUND = tuple(VISEME_INDEX[name] for name in ("O", "U"))
# Openness a renderer shows for each viseme at full weight, as the lip-sync score assumes it.
VISEME_OPENNESS = np.array(
    [0, 0, 0.12, 0.25, 0.25, 0.30, 0.22, 0.18, 0.25, 0.30, 0.95, 0.60, 0.35, 0.60, 0.30], np.float32
)


@dataclass(frozen=True, slots=True)
class Decoding:
    """How to decide. Tuned on the development set of the lip-sync score; see tools/visemes."""

    stay: float = 0.5
    """Share of belief that expects the mouth of the hop before."""
    sharpness: float = 1.0
    """Exponent of the evidence of one hop."""
    viseme_share: float = 0.5
    """Weight of the viseme head against what also passes for the believed phones."""
    silence_bias: float = -1.0
    closed_bias: float = 0.0
    labiodental_bias: float = 0.0
    rounded_bias: float = 0.0
    lips_share: float = 0.5
    """Weight of the closure, labiodental and rounding cues in the evidence of their visemes."""
    speech_on: float = 0.5
    speech_off: float = 0.3
    gate_falls: float = 0.75
    """Share of the speech belief kept per hop while it falls."""
    shut_hops: int = 4
    """Hops that p, b and m stay shut at least: 40 ms."""
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
        bias[list(ROUND)] = d.rounded_bias
        self._bias = bias
        self._belief = np.zeros((4, VISEMES), np.float32)
        self._last = np.zeros((4, 4), np.float32)  # speech gate, is open, label held, hops it is held for

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return int(self._belief[0].nbytes + self._last[0].nbytes)

    def reset(self, slot: int) -> None:
        """Start (or restart) a stream in silence."""
        if slot >= len(self._belief):
            grown = max(2 * len(self._belief), slot + 1)
            self._belief = np.concatenate([self._belief, np.zeros((grown - len(self._belief), VISEMES), np.float32)])
            self._last = np.concatenate([self._last, np.zeros((grown - len(self._last), 4), np.float32)])
        self._belief[slot] = 0.0
        self._belief[slot, SIL] = 1.0
        self._last[slot] = 0.0

    def push(self, slots: NDArray[np.int64], seen: Posteriors) -> VisemeFrames:
        """Frames for k hops of the streams `slots`."""
        d = self.decoding
        evidence = self._evidence(seen)
        speech, openness = seen.cues[..., SPEECH], seen.cues[..., OPENNESS]
        belief = self._belief[slots]
        gate, is_open, held, held_for = self._last[slots].T
        hops = evidence.shape[1]
        weights = np.empty((len(slots), hops, VISEMES), np.float32)
        labels = np.empty((len(slots), hops), np.int64)
        opened = np.empty((len(slots), hops), np.float32)
        gates = np.empty((len(slots), hops), np.float32)
        rows = np.arange(len(slots))
        stay, leave = np.float32(d.stay), np.float32((1.0 - d.stay) / VISEMES)
        for t in range(hops):
            gate = np.maximum(speech[:, t], gate * np.float32(d.gate_falls))
            is_open = np.where(gate > np.where(is_open > 0, d.speech_off, d.speech_on), 1.0, 0.0)
            belief = evidence[:, t] * (stay * belief + leave)
            belief /= belief.sum(axis=1, keepdims=True)
            label = belief.argmax(axis=1)
            # A closed or biting lip holds its minimum, whatever the next hop believes.
            held_for = np.maximum(held_for - 1.0, 0.0)
            label = np.where((held_for > 0) & (is_open > 0), held.astype(np.int64), label)
            begins = ((label == PP) | (label == FF)) & (label != held)
            held_for = np.where(begins, np.where(label == PP, d.shut_hops, d.bite_hops), held_for)
            label = np.where(is_open > 0, label, SIL)
            held = label.astype(np.float32)
            frame = belief * np.float32(1.0 - d.focus)
            frame[rows, label] += np.float32(d.focus)
            shut = is_open <= 0
            frame[shut] = 0.0
            frame[shut, SIL] = 1.0
            weights[:, t] = frame
            labels[:, t] = label
            wide = np.where((label == PP) | (label == SIL), np.float32(0.02), openness[:, t])
            wide = np.where(label == FF, np.minimum(wide, np.float32(0.15)), wide)
            opened[:, t] = np.where(shut, 0.0, wide)
            gates[:, t] = gate
        self._belief[slots] = belief
        self._last[slots] = np.stack([gate, is_open, held, held_for], axis=1)
        return VisemeFrames(
            weights=_opened_to(weights, labels, opened),
            openness=opened,
            closure=seen.cues[..., CLOSURE] * (gates > d.speech_off),
            labiodental=seen.cues[..., LABIODENTAL] * (gates > d.speech_off),
            rounding=seen.cues[..., ROUNDING] * (gates > d.speech_off),
            speech=np.minimum(gates, 1.0),
        )

    def _evidence(self, seen: Posteriors) -> Float:
        """(n, k, VISEMES), unnormalised."""
        d = self.decoding
        # einsum adds in a fixed order, whatever the number of rows; a matrix product would not.
        passing = np.einsum("nkp,pv->nkv", seen.phone, self._accepted)
        log = d.viseme_share * np.log(seen.viseme + 1e-5) + (1.0 - d.viseme_share) * np.log(passing + 1e-5)
        log += self._bias
        cues = np.clip(seen.cues, 1e-4, 1.0 - 1e-4)
        odds = np.log(cues) - np.log1p(-cues)
        lips = np.float32(d.lips_share)
        log[..., PP] += lips * odds[..., CLOSURE]
        log[..., FF] += lips * odds[..., LABIODENTAL]
        for viseme in ROUND:
            log[..., viseme] += np.float32(0.5) * lips * odds[..., ROUNDING]
        log -= log.max(axis=2, keepdims=True)
        return np.exp(log * np.float32(d.sharpness)).astype(np.float32)


def _opened_to(weights: Float, labels: NDArray[np.int64], openness: Float) -> Float:
    """Weights whose mouth is as open as wanted, as far as the decided viseme stays the strongest.

    weights (n, k, VISEMES) summing to 1. A mouth too open gives weight to rest, one not open enough to aa.
    """
    shown = (weights * VISEME_OPENNESS).sum(axis=2)
    strongest = np.take_along_axis(weights, labels[..., None], axis=2)[..., 0]
    # Rest may come to 0.9 of the strongest: w * s + rest' = 0.9 * strongest * s with s + rest' = 1.
    rest = weights[..., SIL]
    least = np.where(labels == SIL, 1.0, (1.0 - rest) / (1.0 - rest + np.maximum(0.9 * strongest - rest, 1e-3)))
    scale = np.clip(openness / np.maximum(shown, 1e-3), np.minimum(least, 1.0), 1.0).astype(np.float32)
    out = weights * scale[..., None]
    out[..., SIL] += 1.0 - scale
    lacks = np.clip((openness - shown) / (0.95 - np.minimum(shown, 0.9)), 0.0, 1.0)
    at_most = np.where(labels == AA, 1.0, 0.9 * strongest / (1.0 + 0.9 * strongest))
    more = np.where(labels == SIL, 0.0, np.minimum(lacks, at_most)).astype(np.float32)
    out *= (1.0 - more)[..., None]
    out[..., AA] += more
    return out


__all__ = ["CUES", "VISEME_OPENNESS", "Decoding", "VisemeDecoder"]
