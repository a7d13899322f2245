"""The default lips: our own network over log-mel, then the decision; speech in, mouth frames out, for many streams."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.onnx import DEFAULT_DEVICES
from avatar_engine.systems.log_mel import HOP, RATE
from avatar_engine.systems.viseme_decoding import Decoding, VisemeDecoder
from avatar_engine.systems.viseme_model import VisemeFrames
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
        """delay_frames 3 or 7: how far the network looks ahead (30 or 70 ms)."""
        self._streams = PosteriorStreams(delay_frames, model, devices)
        self._decoder = VisemeDecoder(decoding)
        self.delay_frames = delay_frames

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return self._streams.state_bytes + self._decoder.state_bytes

    def open(self) -> int:
        slot = self._streams.open()
        self._decoder.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._streams.close(slot)

    def reset(self, slot: int) -> None:
        self._streams.reset(slot)
        self._decoder.reset(slot)

    def push(self, slots: NDArray[np.int64], audio: Float) -> VisemeFrames:
        return self._decoder.push(slots, self._streams.push(slots, audio))
