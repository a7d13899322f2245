"""Only runs the viseme network over the audio of many streams: what it believes of every hop, undecided.

The network takes two hops at a time; an odd hop waits here for its partner, and one answer waits for its turn, so that
whatever the chunks are, k hops in give the same k rows out, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.onnx import DEFAULT_DEVICES, OnnxModel
from avatar_engine.systems.log_mel import BANDS, LogMelFrontEnd, log_of
from avatar_engine.systems.phone_table import PHONE_CLASSES

Float = NDArray[np.float32]

VISEMES = 15
CUES = 5
OPENNESS, CLOSURE, LABIODENTAL, ROUNDING, SPEECH = range(CUES)
PHONES = len(PHONE_CLASSES)
_WIDTH = VISEMES + PHONES + CUES
_OUTPUTS = ("beliefs", "next_state")
# A fresh stream starts in the state of a network that has heard this much silence.
_SETTLE_HOPS = 100


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Beliefs for n streams and k hops: viseme (n, k, 15) and phone (n, k, classes) sum to 1; cues (n, k, 5)."""

    viseme: Float
    phone: Float
    cues: Float


class PosteriorStreams:
    """Many streams through one network. After T hops the newest row is that of hop T - 1 - delay_frames."""

    def __init__(
        self,
        delay_frames: int = 7,
        model: Path | None = None,
        devices: tuple[str, ...] = DEFAULT_DEVICES,
    ) -> None:
        self._net = OnnxModel(model or asset_path("models", "visemes.onnx"), devices)
        about = self._net.about("avatar_engine")
        if about["phones"] != list(PHONE_CLASSES) or about["bands"] != BANDS:
            raise AssetError(str(self._net.path), "was trained for another phone table", "train it again")
        if delay_frames not in about["delays"]:
            raise AssetError(
                str(self._net.path),
                f"has no head for a delay of {delay_frames} frames",
                f"known: {', '.join(map(str, about['delays']))}",
            )
        self.delay_frames = delay_frames
        self._delay = np.array(about["delays"].index(delay_frames), np.int64)
        self._front = LogMelFrontEnd(4)
        self._state = np.zeros((4, self._net.width("state")), np.float32)
        self._half = np.zeros((4, BANDS), np.float32)
        self._waits = np.zeros(4, np.bool_)
        self._answer = np.zeros((4, _WIDTH), np.float32)
        self._free = [3, 2, 1, 0]
        self._fresh_state, self._fresh_answer = self._settled()

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        own = self._state[0].nbytes + self._half[0].nbytes + self._answer[0].nbytes + 1
        return own + self._front.state_bytes

    def open(self) -> int:
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._free.append(slot)

    def reset(self, slot: int) -> None:
        self._front.reset(slot)
        self._state[slot] = self._fresh_state
        self._waits[slot] = False
        self._answer[slot] = self._fresh_answer

    def push(self, slots: NDArray[np.int64], audio: Float) -> Posteriors:
        """audio (n, k * 160) in [-1, 1] of the streams `slots`."""
        mel = log_of(self._front.push(slots, audio))
        waits = self._waits[slots]
        waiting = int(np.count_nonzero(waits))
        if waiting in (0, len(slots)):
            out = self._stepped(slots, mel, waiting > 0)
        else:
            out = np.empty((len(slots), mel.shape[1], _WIDTH), np.float32)
            for half in (False, True):
                rows = np.flatnonzero(waits == half)
                out[rows] = self._stepped(slots[rows], mel[rows], half)
        return Posteriors(out[..., :VISEMES], out[..., VISEMES : VISEMES + PHONES], out[..., VISEMES + PHONES :])

    def _stepped(self, slots: NDArray[np.int64], mel: Float, waiting: bool) -> Float:
        """Streams that all have, or all have not, a hop waiting for its partner."""
        hops = mel.shape[1]
        if waiting:
            mel = np.concatenate([self._half[slots][:, None], mel], axis=1)
        even = mel.shape[1] // 2 * 2
        self._waits[slots] = even < mel.shape[1]
        if even < mel.shape[1]:
            self._half[slots] = mel[:, -1]
        answers = [] if waiting else [self._answer[slots][:, None]]
        if even:
            beliefs, self._state[slots] = self._run(mel[:, :even], self._state[slots])
            answers.append(beliefs)
        every = answers[0] if len(answers) == 1 else np.concatenate(answers, axis=1)
        if every.shape[1] > hops:
            self._answer[slots] = every[:, -1]
        return every[:, :hops]

    def _run(self, mel: Float, state: Float) -> list[Float]:
        alone = len(state) == 1
        if alone:
            # A product with one row is summed in another order than with two or more: a stream alone would differ
            # in the last bit from the same stream in company.
            mel, state = np.repeat(mel, 2, axis=0), np.repeat(state, 2, axis=0)
        inputs: dict[str, NDArray[Any]] = {"mel": np.ascontiguousarray(mel), "state": state, "delay": self._delay}
        results = self._net.run(_OUTPUTS, inputs)
        return [r[:1] for r in results] if alone else results

    def _settled(self) -> tuple[Float, Float]:
        silence = log_of(np.zeros((1, _SETTLE_HOPS, BANDS), np.float32))
        beliefs, state = self._run(silence, self._state[:1])
        return state[0], beliefs[0, -1]

    def _grow(self) -> None:
        old = len(self._state)
        self._front.grow(2 * old)
        self._state = np.concatenate([self._state, np.zeros_like(self._state)])
        self._half = np.concatenate([self._half, np.zeros_like(self._half)])
        self._waits = np.concatenate([self._waits, np.zeros_like(self._waits)])
        self._answer = np.concatenate([self._answer, np.zeros_like(self._answer)])
        self._free = list(range(2 * old - 1, old - 1, -1))
