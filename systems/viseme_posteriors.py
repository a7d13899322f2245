"""Only runs the viseme network over the audio of many streams: what it believes of every hop, undecided.

The network takes two hops at a time; an odd hop's sound waits here for its partner, and one answer waits for its turn,
so that whatever the chunks are, k hops in give the same k rows out, bit for bit.
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
from avatar_engine.systems.log_mel import BINS, HOP, TAIL, clean, spectra
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
    """Beliefs for n streams and k hops, all in one array `every` (n, k, 15 + classes + 5): `viseme` and `phone` sum to
    1, then `cues`. What the properties return are views."""

    every: Float

    @property
    def viseme(self) -> Float:
        """(n, k, 15)."""
        return self.every[..., :VISEMES]

    @property
    def phone(self) -> Float:
        """(n, k, classes)."""
        return self.every[..., VISEMES : VISEMES + PHONES]

    @property
    def cues(self) -> Float:
        """(n, k, 5)."""
        return self.every[..., VISEMES + PHONES :]


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
        if about["phones"] != list(PHONE_CLASSES) or about.get("bins") != BINS:
            raise AssetError(str(self._net.path), "was made for another phone table or front end", "train it again")
        if delay_frames not in about["delays"]:
            raise AssetError(
                str(self._net.path),
                f"has no head for a delay of {delay_frames} frames",
                f"known: {', '.join(map(str, about['delays']))}",
            )
        self.delay_frames = delay_frames
        self._delay = np.array(about["delays"].index(delay_frames), np.int64)
        self._state = np.zeros((4, self._net.width("state")), np.float32)
        self._tail = np.zeros((4, TAIL + HOP), np.float32)  # what was heard last; its end is a waiting hop's
        self._waits = np.zeros(4, np.bool_)
        self._answer = np.zeros((4, _WIDTH), np.float32)
        self._free = [3, 2, 1, 0]
        self._fresh_state, self._fresh_answer = self._settled()

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return int(self._state[0].nbytes + self._tail[0].nbytes + self._answer[0].nbytes) + 1

    def open(self) -> int:
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._free.append(slot)

    def reset(self, slot: int) -> None:
        self._tail[slot] = 0.0
        self._state[slot] = self._fresh_state
        self._waits[slot] = False
        self._answer[slot] = self._fresh_answer

    def push(self, slots: NDArray[np.int64], audio: Float) -> Posteriors:
        """audio (n, k * 160) in [-1, 1] of the streams `slots`."""
        if audio.ndim != 2 or audio.shape[1] % HOP or not audio.shape[1]:
            raise ValueError(f"audio must be (streams, k * {HOP}), not {audio.shape}")
        audio = clean(audio)
        waits = self._waits.take(slots)
        waiting = int(np.count_nonzero(waits))
        if waiting in (0, len(slots)):
            out = self._stepped(slots, audio, waiting > 0)
        else:
            out = np.empty((len(slots), audio.shape[1] // HOP, _WIDTH), np.float32)
            for half in (False, True):
                rows = np.flatnonzero(waits == half)
                out[rows] = self._stepped(slots[rows], audio[rows], half)
        return Posteriors(out)

    def _stepped(self, slots: NDArray[np.int64], audio: Float, waiting: bool) -> Float:
        """Streams that all have, or all have not, a hop waiting for its partner."""
        hops = audio.shape[1] // HOP
        heard = np.concatenate([self._tail.take(slots, axis=0), audio], axis=1)
        self._tail[slots] = heard[:, -TAIL - HOP :]
        if not waiting:
            heard = heard[:, HOP:]
        steps = (hops + waiting) // 2
        self._waits[slots] = hops + waiting > 2 * steps
        answers = [] if waiting else [self._answer.take(slots, axis=0)[:, None]]
        if steps:
            beliefs, self._state[slots] = self._run(heard[:, : TAIL + 2 * steps * HOP], self._state.take(slots, axis=0))
            answers.append(beliefs)
        every = answers[0] if len(answers) == 1 else np.concatenate(answers, axis=1)
        if every.shape[1] > hops:
            self._answer[slots] = every[:, -1]
        return every[:, :hops]

    def _run(self, heard: Float, state: Float) -> tuple[Float, Float]:
        """heard (n, TAIL + 2 * steps * HOP), state (n, ...) -> beliefs (n, 2 * steps, _WIDTH) and the next state."""
        spectrum = spectra(heard).reshape(-1, 2, len(state), 2 * BINS)
        alone = len(state) == 1
        if alone:
            # A product with one row is summed in another order than with two or more: a stream alone would differ
            # in the last bit from the same stream in company.
            spectrum, state = spectrum.repeat(2, axis=2), state.repeat(2, axis=0)
        inputs: dict[str, NDArray[Any]] = {"spectrum": spectrum, "state": state, "delay": self._delay}
        beliefs, state = self._net.run(_OUTPUTS, inputs)
        if alone:
            beliefs, state = beliefs[:, :1], state[:1]
        return beliefs.swapaxes(0, 1).reshape(len(state), -1, _WIDTH), state

    def _settled(self) -> tuple[Float, Float]:
        silence = np.zeros((1, TAIL + _SETTLE_HOPS * HOP), np.float32)
        beliefs, state = self._run(silence, self._state[:1])
        return state[0], beliefs[0, -1]

    def _grow(self) -> None:
        old = len(self._state)
        self._state = np.concatenate([self._state, np.zeros_like(self._state)])
        self._tail = np.concatenate([self._tail, np.zeros_like(self._tail)])
        self._waits = np.concatenate([self._waits, np.zeros_like(self._waits)])
        self._answer = np.concatenate([self._answer, np.zeros_like(self._answer)])
        self._free = list(range(2 * old - 1, old - 1, -1))
