"""What every viseme analyser offers: audio of many streams in, viseme frames at 100 Hz out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEMES

Float = NDArray[np.float32]
RATE = 16_000
HOP = 160


@dataclass(frozen=True, slots=True)
class VisemeFrames:
    """k frames of 10 ms for n streams; every value in [0, 1].

    weights (n, k, 15) in the order of `components.visemes.VISEMES`, summing to about 1; openness (n, k) of jaw and
    lips; closure, labiodental, rounding (n, k): evidence for p/b/m, f/v and rounded lips; speech (n, k): probability.
    """

    weights: Float
    openness: Float
    closure: Float
    labiodental: Float
    rounding: Float
    speech: Float


def no_frames(streams: int) -> VisemeFrames:
    """None of `streams` streams."""
    none = np.zeros((streams, 0), np.float32)
    return VisemeFrames(np.zeros((streams, 0, len(VISEMES)), np.float32), none, none, none, none, none)


class VisemeModel(Protocol):
    """Streaming analyser over many streams. Not thread-safe: it lives on the simulation thread."""

    name: str
    rate: int  # 16000
    hop: int  # 160
    delay_frames: int
    """After T hops in total the newest frame returned is that of hop T - 1 - delay_frames."""

    def open(self) -> int:
        """A new stream; returns its slot."""
        ...

    def close(self, slot: int) -> None: ...

    def reset(self, slot: int) -> None:
        """Forget the past of a stream (after an interruption)."""
        ...

    def push(self, slots: NDArray[np.int64], audio: Float) -> VisemeFrames:
        """audio (n, k * hop) float32 at 16 kHz in [-1, 1] for the n streams `slots`; k >= 1."""
        ...


@runtime_checkable
class LanguageModel(VisemeModel, Protocol):
    """A model that hears better when it knows the language."""

    def speaks(self, slot: int, language: str) -> None:
        """The stream speaks this language, as espeak-ng or BCP 47 name it (empty: nobody knows which), until it is told
        another one or closed; resetting it changes nothing about that."""
        ...


@runtime_checkable
class GuidedModel(VisemeModel, Protocol):
    """A model that can be told what is said."""

    def expect(self, slot: int, words: Iterable[Sequence[str]], anew: bool = False) -> None:
        """The stream will say these words next (IPA phones each), after those expected before, or (`anew`) instead of
        them; reset forgets them."""
        ...


@runtime_checkable
class AheadModel(VisemeModel, Protocol):
    """A model that sees more where it may hear more before it has to answer."""

    ahead_frames: int
    """How many hops after a hop it would rather speak of it; not under `delay_frames`."""

    def push(self, slots: NDArray[np.int64], audio: Float, ahead: bool = False) -> VisemeFrames:
        """As `VisemeModel.push`; with `ahead`, hops that lie less than `ahead_frames` before the newest are left for
        later calls, so that there may be fewer frames than hops, or none. The first call without `ahead` catches up.
        Streams of one call must be as far behind as each other."""
        ...


def look_ahead_s(model: VisemeModel) -> tuple[float, float]:
    """How far ahead a model must hear for a frame of the tick's middle, and how far it would rather: its delay, its own
    hop, and one hop of interpolation."""
    rather = model.ahead_frames if isinstance(model, AheadModel) else model.delay_frames
    return (model.delay_frames + 2) * HOP / RATE, (rather + 2) * HOP / RATE
