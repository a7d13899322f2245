"""The default lips: our own network over log-mel, then the decision; speech in, mouth frames out, for many streams."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.onnx import DEFAULT_DEVICES
from avatar_engine.engine.pronunciation import pronounced
from avatar_engine.systems.log_mel import HOP, RATE
from avatar_engine.systems.text_guide import TextGuide, Word
from avatar_engine.systems.viseme_decoding import Decoding, VisemeDecoder
from avatar_engine.systems.viseme_model import VisemeFrames, no_frames
from avatar_engine.systems.viseme_posteriors import PosteriorStreams

Float = NDArray[np.float32]


class NeuralVisemes:
    """Streaming neural analyser; see `VisemeModel`."""

    name = "neural"
    rate = RATE
    hop = HOP

    def __init__(
        self,
        delay_frames: int = 7,
        model: Path | None = None,
        devices: tuple[str, ...] = DEFAULT_DEVICES,
        decoding: Decoding | None = None,
    ) -> None:
        """delay_frames 3 or 7: how far the network looks ahead at least (30 or 70 ms)."""
        self._streams = PosteriorStreams(delay_frames, model, devices)
        self.ahead_frames = self._streams.ahead_frames
        self._guide = TextGuide()
        self._decoder = VisemeDecoder(decoding)
        self.delay_frames = delay_frames

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return self._streams.state_bytes + self._decoder.state_bytes

    def open(self) -> int:
        slot = self._streams.open()
        self._guide.reset(slot)
        self._decoder.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._streams.close(slot)

    def reset(self, slot: int) -> None:
        self._streams.reset(slot)
        self._guide.reset(slot)
        self._decoder.reset(slot)

    def push(self, slots: NDArray[np.int64], audio: Float, ahead: bool = False) -> VisemeFrames:
        seen = self._streams.push(slots, audio, ahead)
        if not seen.every.shape[1]:
            return no_frames(len(slots))
        return self._decoder.push(slots, self._guide.guided(slots, seen))

    def speaks(self, slot: int, language: str) -> None:
        self._streams.speaks(slot, language)

    def expect(self, slot: int, words: Iterable[Word], anew: bool = False) -> None:
        """The stream will say these words next (IPA phones each), after those expected before, or (`anew`) instead of
        them; reset forgets them."""
        # Of the words before, some are still to be decided.
        self._guide.expect(slot, words, anew, self._streams.behind(slot))

    def expect_text(self, slot: int, text: str, lang: str = "") -> None:
        """The same from plain text. Asks a pronouncing program: some 20 ms for a new text."""
        self._guide.expect(slot, pronounced(text, lang))
