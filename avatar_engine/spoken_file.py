"""Only runs a viseme model over a whole recording and keeps what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.errors import InputError
from avatar_engine.systems.viseme_model import HOP, RATE, VisemeFrames, VisemeModel

Float = NDArray[np.float32]

FRAME_S = HOP / RATE
CUES = ("openness", "closure", "labiodental", "rounding", "speech")
# Memory stays bounded for hour-long files.
_PUSH_HOPS = 3000


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """Mouth frames of one recording; row i of every array belongs to the 10 ms that start at i / 100 s."""

    frames: VisemeFrames
    delay_frames: int
    duration_s: float

    def as_displayed(self) -> Float:
        """Weights (T, 15) as a live listener would see them: delayed by the model's look-ahead and one hop."""
        weights = self.frames.weights[0]
        before = np.zeros((self.delay_frames + 1, len(VISEMES)), np.float32)
        before[:, 0] = 1.0
        return np.concatenate([before, weights])


def read_audio(path: Path) -> Float:
    """Any sound file as mono float32 at 16 kHz."""
    from avatar_engine.engine.media.reader import read_speech

    samples = read_speech(path, RATE)
    if not len(samples):
        raise InputError(str(path), "holds no sound", "give a recording of speech")
    return samples


def analyse(model: VisemeModel, samples: Float, text: str | None = None, lang: str = "en") -> SpokenFile:
    """All frames of mono 16 kHz samples, the model's delay taken out. With a text the model may be guided by it."""
    hops = -(-len(samples) // HOP)
    padded = np.zeros((hops + model.delay_frames) * HOP, np.float32)
    padded[: len(samples)] = samples
    slot = model.open()
    try:
        if text:
            _guide(model, slot, text, lang)
        parts = [
            model.push(np.array([slot]), padded[None, at : at + _PUSH_HOPS * HOP])
            for at in range(0, len(padded), _PUSH_HOPS * HOP)
        ]
    finally:
        model.close(slot)
    names = ("weights", *CUES)
    joined = {n: np.concatenate([getattr(p, n) for p in parts], axis=1) for n in names}
    frames = VisemeFrames(**{n: v[:, model.delay_frames :] for n, v in joined.items()})
    return SpokenFile(frames, model.delay_frames, len(samples) / RATE)


def _guide(model: VisemeModel, slot: int, text: str, lang: str) -> None:
    expect = getattr(model, "expect_text", None)
    if expect is None:
        raise InputError(f"viseme model {model.name}", "cannot be guided by a text", "leave --text out")
    expect(slot, text, lang)
