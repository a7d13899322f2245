"""Only runs the viseme network over the audio of many streams: what it believes of every hop, undecided.

The network takes two hops at a time; an odd hop's sound waits here for its partner, and one answer waits for its turn,
so that whatever the chunks are, k hops in give the same k rows out, bit for bit.

It believes something of a hop when it has heard `delay_frames` more, and something better `ahead_frames` after it. A
stream told to look ahead leaves the hops between for later; told so no more, it speaks of them at once.
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
from avatar_engine.systems.language_sounds import Th, lips_for_th, th_in
from avatar_engine.systems.log_mel import BINS, HOP, TAIL, clean, spectra
from avatar_engine.systems.phone_table import PHONE_CLASSES

Float = NDArray[np.float32]

VISEMES = 15
CUES = 5
OPENNESS, CLOSURE, LABIODENTAL, ROUNDING, SPEECH = range(CUES)
PHONES = len(PHONE_CLASSES)
_WIDTH = VISEMES + PHONES + CUES
_OUTPUTS = ("beliefs", "beliefs_ahead", "next_state")
# A fresh stream starts in the state of a network that has heard this much silence.
_SETTLE_HOPS = 100


@dataclass(frozen=True, slots=True)
class Posteriors:
    """Beliefs for n streams and k hops, all in one array `every` (n, k, 15 + classes + 5): `viseme` and `phone` sum to
    1, then `cues`. What the properties return are views.

    early (n, k + m, ...), of streams that look ahead: what was believed first of the same hops and of the m that are
    left for later.
    """

    every: Float
    early: Float | None = None

    @property
    def early_phone(self) -> Float | None:
        """(n, k + m, classes)."""
        return None if self.early is None else self.early[..., VISEMES : VISEMES + PHONES]

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
    """Many streams through one network. After T hops the newest row is that of hop T - 1 - `behind`."""

    def __init__(
        self,
        delay_frames: int = 7,
        model: Path | None = None,
        devices: tuple[str, ...] = DEFAULT_DEVICES,
    ) -> None:
        self._net = OnnxModel(model or asset_path("models", "visemes.onnx"), devices)
        about = self._net.about("avatar_engine")
        if about["phones"] != list(PHONE_CLASSES) or about.get("bins") != BINS or "ahead" not in about:
            raise AssetError(str(self._net.path), "was made for another phone table or front end", "train it again")
        if delay_frames not in about["delays"]:
            raise AssetError(
                str(self._net.path),
                f"has no head for a delay of {delay_frames} frames",
                f"known: {', '.join(map(str, about['delays']))}",
            )
        self.delay_frames = delay_frames
        self.ahead_frames = int(about["ahead"])
        self._delay = np.array(about["delays"].index(delay_frames), np.int64)
        self._state = np.zeros((4, self._net.width("state")), np.float32)
        self._tail = np.zeros((4, TAIL + HOP), np.float32)  # what was heard last; its end is a waiting hop's
        self._waits = np.zeros(4, np.bool_)
        self._answer = np.zeros((4, 2, _WIDTH), np.float32)  # at either delay
        self._behind = np.zeros(4, np.int64)
        self._th = np.zeros(4, np.int8)
        # Of the hops left for later, in case nothing more is heard in time: what is believed of them now.
        self._left = np.zeros((4, self.ahead_frames - delay_frames, _WIDTH), np.float32)
        self._free = [3, 2, 1, 0]
        self._same_alone = True
        self._same_alone = self._heard_alone_as_in_company()
        self._fresh_state, self._fresh_answer = self._settled()

    @property
    def _kept(self) -> tuple[NDArray[Any], ...]:
        return self._state, self._tail, self._waits, self._answer, self._behind, self._left, self._th

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return sum(int(part[0].nbytes) for part in self._kept)

    def open(self) -> int:
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self._th[slot] = Th.UNKNOWN
        self.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._free.append(slot)

    def reset(self, slot: int) -> None:
        self._tail[slot] = 0.0
        self._state[slot] = self._fresh_state
        self._waits[slot] = False
        self._answer[slot] = self._fresh_answer
        self._behind[slot] = self.delay_frames

    def speaks(self, slot: int, language: str) -> None:
        """The stream speaks this language, as espeak-ng or BCP 47 name it (empty: unknown), until it is closed."""
        self._th[slot] = th_in(language)

    def behind(self, slot: int) -> int:
        """How many hops that were heard are not spoken of yet."""
        return int(self._behind[slot])

    def push(self, slots: NDArray[np.int64], audio: Float, ahead: bool = False) -> Posteriors:
        """audio (n, k * 160) in [-1, 1] of the streams `slots`, which must all be as far behind.

        Rows of all hops up to `delay_frames` before the newest, or (`ahead`) up to `ahead_frames` before it: k rows
        again, fewer (or none) when a stream begins to look ahead, more when it no longer does, for which k may be 0.
        """
        if audio.ndim != 2 or audio.shape[1] % HOP:
            raise ValueError(f"audio must be (streams, k * {HOP}), not {audio.shape}")
        was = self._behind.take(slots)
        behind = int(was[0])
        if (was != behind).any():
            raise ValueError("streams of one call must be as far behind as each other")
        if audio.shape[1]:
            near, far = self._heard(slots, clean(audio), ahead)
            th = self._th.take(slots)
            none = np.flatnonzero(th == Th.NONE)
            # Some are views of what the network gave, or the same twice.
            if len(none):
                near = near.copy()
                lips_for_th(near, none, known=True)
            if ahead and (th != Th.POSSIBLE).any():
                far = far.copy()
                lips_for_th(far, none, known=True)
                # What is heard with little of what follows is doubtful far too often for that.
                lips_for_th(far, np.flatnonzero(th == Th.UNKNOWN), known=False)
        else:
            near = far = np.zeros((len(slots), 0, _WIDTH), np.float32)
        if not ahead and behind == self.delay_frames:
            return Posteriors(near)
        left = behind - self.delay_frames
        near = np.concatenate([self._left[slots, :left], near], axis=1)
        if not ahead:
            self._behind[slots] = self.delay_frames
            return Posteriors(near)
        now = min(behind + audio.shape[1] // HOP, self.ahead_frames)
        self._behind[slots] = now
        left = now - self.delay_frames
        if left:
            self._left[slots, :left] = near[:, -left:]
        return Posteriors(far[:, far.shape[1] - (near.shape[1] - left) :], near)

    def _heard(self, slots: NDArray[np.int64], audio: Float, ahead: bool) -> tuple[Float, Float]:
        """Beliefs of k hops at either delay (n, k, _WIDTH); those further ahead mean something where they are wanted."""
        waits = self._waits.take(slots)
        waiting = int(np.count_nonzero(waits))
        if waiting in (0, len(slots)):
            return self._stepped(slots, audio, waiting > 0, ahead)
        out = np.empty((2, len(slots), audio.shape[1] // HOP, _WIDTH), np.float32)
        for half in (False, True):
            rows = np.flatnonzero(waits == half)
            out[:, rows] = self._stepped(slots[rows], audio[rows], half, ahead)
        return out[0], out[1]

    def _stepped(self, slots: NDArray[np.int64], audio: Float, waiting: bool, ahead: bool) -> tuple[Float, Float]:
        """Streams that all have, or all have not, a hop waiting for its partner."""
        hops = audio.shape[1] // HOP
        heard = np.concatenate([self._tail.take(slots, axis=0), audio], axis=1)
        self._tail[slots] = heard[:, -TAIL - HOP :]
        if not waiting:
            heard = heard[:, HOP:]
        steps = (hops + waiting) // 2
        self._waits[slots] = hops + waiting > 2 * steps
        beliefs: tuple[Float, ...] = ()
        if steps:
            state = self._state.take(slots, axis=0)
            beliefs, self._state[slots] = self._run(heard[:, : TAIL + 2 * steps * HOP], state, ahead)
        if not waiting:
            answer = self._answer.take(slots, axis=0)
            held = (answer[:, :1], answer[:, 1:])
            beliefs = tuple(np.concatenate(both, axis=1) for both in zip(held, beliefs)) if beliefs else held
        near, far = beliefs
        if near.shape[1] > hops:
            self._answer[slots, 0] = near[:, -1]
            if ahead:
                self._answer[slots, 1] = far[:, -1]
        return near[:, :hops], far[:, :hops]

    def _run(self, heard: Float, state: Float, ahead: bool) -> tuple[tuple[Float, Float], Float]:
        """heard (n, TAIL + 2 * steps * HOP), state (n, ...) -> beliefs (n, 2 * steps, _WIDTH) at either delay, the
        second the first again where nobody asks for it, and the next state."""
        spectrum = spectra(heard).reshape(-1, 2, len(state), 2 * BINS)
        alone = len(state) == 1 and not self._same_alone
        if alone:
            spectrum, state = spectrum.repeat(2, axis=2), state.repeat(2, axis=0)
        inputs: dict[str, NDArray[Any]] = {
            "spectrum": spectrum,
            "state": state,
            "delay": self._delay,
            "ahead": np.array(ahead),
        }
        near, far, state = self._net.run(_OUTPUTS, inputs)
        if alone:
            near, far, state = near[:, :1], far[:, :1], state[:1]
        first = near.swapaxes(0, 1).reshape(len(state), -1, _WIDTH)
        return (first, far.swapaxes(0, 1).reshape(len(state), -1, _WIDTH) if ahead else first), state

    def _heard_alone_as_in_company(self) -> bool:
        """Whether this processor sums a product with one row in the order of one with many; where it does not, a stream
        alone would differ in the last bit from the same stream in company, and is heard twice instead."""
        rng = np.random.default_rng(1)
        for steps in (1, 2, 3, 8):
            one = rng.normal(0.0, 0.1, (1, TAIL + 2 * steps * HOP)).astype(np.float32)
            state = rng.normal(0.0, 0.3, (1, self._state.shape[1])).astype(np.float32)
            alone, after = self._run(one, state, True)
            company, later = self._run(one.repeat(3, axis=0), state.repeat(3, axis=0), True)
            pairs = zip((*alone, after), (*company, later))
            if not all(np.array_equal(a[0], b[2]) for a, b in pairs):
                return False
        return True

    def _settled(self) -> tuple[Float, Float]:
        silence = np.zeros((1, TAIL + _SETTLE_HOPS * HOP), np.float32)
        beliefs, state = self._run(silence, self._state[:1], True)
        return state[0], np.concatenate([part[0, -1:] for part in beliefs])

    def _grow(self) -> None:
        old = len(self._state)
        self._state, self._tail, self._waits, self._answer, self._behind, self._left, self._th = (
            np.concatenate([part, np.zeros_like(part)]) for part in self._kept
        )
        self._free = list(range(2 * old - 1, old - 1, -1))
