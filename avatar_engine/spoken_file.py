"""Only runs a viseme model over a whole recording and keeps what it saw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.errors import InputError
from avatar_engine.systems.viseme_model import HOP, RATE, AheadModel, LanguageModel, VisemeFrames, VisemeModel

Float = NDArray[np.float32]

FRAME_S = HOP / RATE
CUES = ("openness", "closure", "labiodental", "rounding", "speech")
# Memory stays bounded for hour-long files.
_PUSH_HOPS = 3000


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """Mouth frames of one recording; row i of every array belongs to the 10 ms that start at i / 100 s."""

    frames: VisemeFrames
    late_frames: int
    """How much later a listener sees them than he hears the sound: the model's look-ahead and one hop, unless the voice
    comes early enough."""
    duration_s: float

    def as_displayed(self) -> Float:
        """Weights (T, 15) as that listener sees them."""
        weights = self.frames.weights[0]
        before = np.zeros((self.late_frames, len(VISEMES)), np.float32)
        before[:, 0] = 1.0
        return np.concatenate([before, weights])


def read_audio(path: Path) -> Float:
    """Any sound file as mono float32 at 16 kHz."""
    from avatar_engine.engine.media.reader import read_speech

    samples = read_speech(path, RATE)
    if not len(samples):
        raise InputError(str(path), "holds no sound", "give a recording of speech")
    return samples


def analyse(
    model: VisemeModel, samples: Float, text: str | None = None, lang: str = "", ahead: bool = True
) -> SpokenFile:
    """All frames of mono 16 kHz samples, the model's delay taken out. With a text the model may be guided by it.

    `lang` is the language of the speech and of the text, as espeak-ng names it; empty: not known, and the text English.

    `ahead`: nobody waits, so that a model that sees more the more it hears first may do so; without, all is as with a
    voice that arrives no sooner than it is heard.
    """
    hops = -(-len(samples) // HOP)
    far = model if ahead and isinstance(model, AheadModel) else None
    delay = model.delay_frames if far is None else far.ahead_frames
    padded = np.zeros((hops + delay) * HOP, np.float32)
    padded[: len(samples)] = samples
    slot = model.open()
    if isinstance(model, LanguageModel):
        model.speaks(slot, lang)
    slots = np.array([slot])
    try:
        if text:
            _guide(model, slot, text, lang)
        parts = []
        for at in range(0, len(padded), _PUSH_HOPS * HOP):
            audio = padded[None, at : at + _PUSH_HOPS * HOP]
            parts.append(model.push(slots, audio) if far is None else far.push(slots, audio, True))
    finally:
        model.close(slot)
    names = ("weights", *CUES)
    joined = {n: np.concatenate([getattr(p, n) for p in parts], axis=1) for n in names}
    frames = VisemeFrames(**{n: v[:, model.delay_frames :] for n, v in joined.items()})
    return SpokenFile(frames, 0 if ahead else delay + 1, len(samples) / RATE)


def _guide(model: VisemeModel, slot: int, text: str, lang: str) -> None:
    expect = getattr(model, "expect_text", None)
    if expect is None:
        raise InputError(f"viseme model {model.name}", "cannot be guided by a text", "leave --text out")
    expect(slot, text, lang)
