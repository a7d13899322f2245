"""Nine mouth shapes in the manner of hand-drawn animation, live: A to H and X, driven by our own network's beliefs.

The shapes and their timing follow the animation rules Rhubarb Lip Sync publishes: close early before p, b and m, hold
a shape long enough to be seen, tween between two shapes, keep the mouth through short pauses and relax in longer ones.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.onnx import DEFAULT_DEVICES
from avatar_engine.systems.log_mel import HOP, RATE
from avatar_engine.systems.viseme_decoding import VISEME_OPENNESS, Decoding, VisemeDecoder
from avatar_engine.systems.viseme_model import VisemeFrames
from avatar_engine.systems.viseme_posteriors import PosteriorStreams

Float = NDArray[np.float32]

SHAPES = "ABCDEFGHX"
# Which shape stands for each viseme, and the viseme our rigs show for each shape.
SHAPE_OF_VISEME = {
    "sil": "X", "PP": "A", "FF": "G", "TH": "B", "DD": "B", "kk": "B", "CH": "B", "SS": "B", "nn": "H", "RR": "E",
    "aa": "D", "E": "C", "I": "B", "O": "E", "U": "F",
}  # fmt: skip
VISEME_OF_SHAPE = {
    "A": "PP", "B": "I", "C": "E", "D": "aa", "E": "O", "F": "U", "G": "FF", "H": "nn", "X": "sil",
}  # fmt: skip
_SHAPE_INDEX = {s: i for i, s in enumerate(SHAPES)}
_SHAPE_OF = [_SHAPE_INDEX[SHAPE_OF_VISEME[v]] for v in VISEMES]
_VISEME_OF = np.array([VISEME_INDEX[VISEME_OF_SHAPE[s]] for s in SHAPES])
_A, _B, _X = (_SHAPE_INDEX[s] for s in "ABX")

# Hops of 10 ms.
EARLY_HOPS = 4  # the mouth closes 40 ms before a plosive
HOLD_HOPS = 5  # a drawing that shows for less than 50 ms is not seen
TWEEN_HOPS = 4  # 40 ms from one drawing to the next
# Rhubarb relaxes through pauses of up to 350 ms, as it knows how long they will be. Live nobody does: a mouth that
# stays open in the hope of a short pause is wrong in all the long ones.
KEEP_HOPS = 8  # pauses up to 80 ms keep their shape
RELAX_HOPS = 12  # up to 120 ms it relaxes, then it closes


class _Track:
    """One stream: decided shapes wait EARLY_HOPS so that closures can begin early."""

    __slots__ = ("_ahead", "_fade", "_for", "_from", "_paused", "_shape")

    def __init__(self) -> None:
        self._ahead: deque[int] = deque([_X] * EARLY_HOPS, maxlen=EARLY_HOPS + 1)
        self._shape = self._from = _X
        self._for = HOLD_HOPS
        self._fade = TWEEN_HOPS
        self._paused = RELAX_HOPS

    def step(self, decided: int) -> tuple[int, int, float]:
        """Shape before, shape now, how far the tween between them has come (0 to 1)."""
        self._ahead.append(decided)
        wanted = self._ahead[0]
        if wanted == _X:
            # Nobody knows yet how long this pause will be, so its rules unfold as it lasts.
            self._paused += 1
            if self._paused <= KEEP_HOPS:
                wanted = self._shape
            elif self._paused <= RELAX_HOPS and self._shape != _X:
                wanted = _B if self._shape != _A else _A
        else:
            self._paused = 0
        if _A in self._ahead and wanted != _X:
            wanted = _A
        self._for += 1
        self._fade += 1
        if wanted != self._shape and (self._for >= HOLD_HOPS or wanted in (_A, _X)):
            self._from, self._shape = self._shape, wanted
            self._for = self._fade = 1
        return self._from, self._shape, min(1.0, self._fade / TWEEN_HOPS)


class RhubarbVisemes:
    """Streaming nine-shape analyser; see `VisemeModel`. Its weights are the visemes that stand for the shapes."""

    name = "rhubarb"
    rate = RATE
    hop = HOP

    def __init__(
        self, model: Path | None = None, devices: tuple[str, ...] = DEFAULT_DEVICES, look_ahead_frames: int = 7
    ) -> None:
        self._streams = PosteriorStreams(look_ahead_frames, model, devices)
        self._decoder = VisemeDecoder(Decoding(stay=0.8))
        self._tracks: dict[int, _Track] = {}
        self.delay_frames = look_ahead_frames + EARLY_HOPS
        self._cues: dict[int, deque[Float]] = {}

    def open(self) -> int:
        slot = self._streams.open()
        self._begin(slot)
        return slot

    def close(self, slot: int) -> None:
        self._streams.close(slot)
        del self._tracks[slot], self._cues[slot]

    def reset(self, slot: int) -> None:
        self._streams.reset(slot)
        self._begin(slot)

    def speaks(self, slot: int, language: str) -> None:
        self._streams.speaks(slot, language)

    def _begin(self, slot: int) -> None:
        self._decoder.reset(slot)
        self._tracks[slot] = _Track()
        self._cues[slot] = deque([np.zeros(4, np.float32)] * EARLY_HOPS)

    def push(self, slots: NDArray[np.int64], audio: Float) -> VisemeFrames:
        seen = self._decoder.push(slots, self._streams.push(slots, audio))
        labels = seen.weights.argmax(axis=2)
        streams, hops = labels.shape
        weights = np.zeros((streams, hops, len(VISEMES)), np.float32)
        cues = np.zeros((streams, hops, 4), np.float32)
        fresh = np.stack([seen.closure, seen.labiodental, seen.rounding, seen.speech], axis=2)
        for row, slot in enumerate(slots.tolist()):
            track, late = self._tracks[slot], self._cues[slot]
            for t in range(hops):
                before, now, share = track.step(_SHAPE_OF[labels[row, t]])
                weights[row, t, _VISEME_OF[before]] += 1.0 - share
                weights[row, t, _VISEME_OF[now]] += share
                late.append(fresh[row, t])
                cues[row, t] = late.popleft()
        return VisemeFrames(
            weights=weights,
            openness=(weights * VISEME_OPENNESS).sum(axis=2),
            closure=cues[..., 0],
            labiodental=cues[..., 1],
            rounding=cues[..., 2],
            speech=cues[..., 3],
        )
