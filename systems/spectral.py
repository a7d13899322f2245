"""Only guesses visemes from the spectrum: band energies and two rough formants, no training, no model file.

Honest about what it is: good openness and fricatives, rough vowels, closures only from the dip they leave. It stands in
where onnxruntime is missing and serves as the baseline the neural model is measured against.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.log_mel import BANDS, HOP, RATE, LogMelFrontEnd, band_centres_hz
from avatar_engine.systems.viseme_decoding import VISEME_OPENNESS
from avatar_engine.systems.viseme_model import VisemeFrames

Float = NDArray[np.float32]

DELAY_FRAMES = 3
# Time constants in frames of 10 ms.
_FLOOR_RISE = 1.02  # the noise floor climbs 0.17 dB a frame at most
_FLOOR_FALL = 0.6
_PEAK_FALL = 0.9995
_SMOOTH = 0.45
_GATE_DB = 12.0
_HOLD_FRAMES = 12.0
# Formant prototypes (F1, F2 in Hz) of the five vowel visemes, mean of men and women (Peterson and Barney 1952).
_VOWELS = (
    ("aa", 760.0, 1350.0),
    ("E", 560.0, 1950.0),
    ("I", 330.0, 2450.0),
    ("O", 520.0, 950.0),
    ("U", 350.0, 1000.0),
)


def _centroid(power: Float, centres: Float, low_hz: float, high_hz: float) -> Float:
    band = (centres >= low_hz) & (centres < high_hz)
    # Compressing the power keeps one strong harmonic from being taken for the formant.
    part = np.sqrt(power[..., band])
    return np.asarray((part * centres[band]).sum(-1) / (part.sum(-1) + 1e-9), np.float32)


class SpectralVisemes:
    """Streaming spectral analyser; see `VisemeModel`."""

    name = "spectral"
    rate = RATE
    hop = HOP

    def __init__(self) -> None:
        self.delay_frames = DELAY_FRAMES
        self._front = LogMelFrontEnd(4)
        self._free: list[int] = [3, 2, 1, 0]
        self._centres = band_centres_hz().astype(np.float32)
        self._floor = np.zeros(4, np.float32)
        self._peak = np.zeros(4, np.float32)
        self._hold = np.zeros(4, np.float32)
        self._weights = np.zeros((4, 15), np.float32)
        self._ahead = np.zeros((4, DELAY_FRAMES, BANDS), np.float32)

    def open(self) -> int:
        if not self._free:
            old = len(self._floor)
            self._front.grow(2 * old)
            self._floor = np.concatenate([self._floor, np.zeros(old, np.float32)])
            self._peak = np.concatenate([self._peak, np.zeros(old, np.float32)])
            self._hold = np.concatenate([self._hold, np.zeros(old, np.float32)])
            self._weights = np.concatenate([self._weights, np.zeros((old, 15), np.float32)])
            self._ahead = np.concatenate([self._ahead, np.zeros((old, *self._ahead.shape[1:]), np.float32)])
            self._free = list(range(2 * old - 1, old - 1, -1))
        slot = self._free.pop()
        self.reset(slot)
        return slot

    def close(self, slot: int) -> None:
        self._free.append(slot)

    def reset(self, slot: int) -> None:
        self._front.reset(slot)
        self._floor[slot] = 1e4
        self._peak[slot] = 1e-1
        self._hold[slot] = 0.0
        self._weights[slot] = 0.0
        self._weights[slot, 0] = 1.0
        self._ahead[slot] = 0.0

    def push(self, slots: NDArray[np.int64], audio: Float) -> VisemeFrames:
        fresh = self._front.push(slots, audio)
        power = np.concatenate([self._ahead[slots], fresh], axis=1)
        self._ahead[slots] = power[:, -DELAY_FRAMES:]
        k = fresh.shape[1]
        evidence, openness, speech = self._evidence(slots, power, k)
        weights = np.empty((len(slots), k, 15), np.float32)
        now = self._weights[slots]
        for t in range(k):
            now = now + np.float32(_SMOOTH) * (evidence[:, t] - now)
            weights[:, t] = now
        self._weights[slots] = now
        total = weights[..., 1:].sum(-1)
        openness = np.minimum(openness, (weights * VISEME_OPENNESS).sum(-1) + 0.15 * total)
        return VisemeFrames(
            weights=weights,
            openness=openness.astype(np.float32),
            closure=weights[..., VISEME_INDEX["PP"]].copy(),
            labiodental=weights[..., VISEME_INDEX["FF"]].copy(),
            rounding=weights[..., VISEME_INDEX["O"]] + weights[..., VISEME_INDEX["U"]],
            speech=speech,
        )

    def _evidence(self, slots: NDArray[np.int64], power: Float, k: int) -> tuple[Float, Float, Float]:
        """Viseme evidence (n, k, 15) summing to 1, openness and speech (n, k), from k + delay frames of power."""
        energy = power.sum(-1)
        low = power[..., self._centres < 900].sum(-1)
        high = power[..., self._centres > 2800].sum(-1)
        floor, peak, hold = self._floor[slots], self._peak[slots], self._hold[slots]
        f1 = _centroid(power, self._centres, 200, 1000)
        f2 = _centroid(power, self._centres, 800, 2900)
        out = np.zeros((len(slots), k, 15), np.float32)
        openness = np.zeros((len(slots), k), np.float32)
        speech = np.zeros((len(slots), k), np.float32)
        for t in range(k):
            e = energy[:, t]
            floor = np.where(e < floor, floor + _FLOOR_FALL * (e - floor), floor * _FLOOR_RISE)
            floor = np.maximum(floor, 1e-4)
            peak = np.maximum(e, np.maximum(peak * _PEAK_FALL, 1e-1))
            above_db = 10.0 * np.log10((e + 1e-9) / floor)
            below_db = 10.0 * np.log10((e + 1e-9) / peak)
            loud = (above_db > _GATE_DB) & (below_db > -28.0)
            hold = np.where(loud, _HOLD_FRAMES, np.maximum(hold - 1.0, 0.0))
            ahead = (energy[:, t + 1 : t + 1 + DELAY_FRAMES].max(1) > 6.0 * e) & (hold > 0)
            scores = self._scores(f1[:, t], f2[:, t], low[:, t] / (e + 1e-9), high[:, t] / (e + 1e-9), below_db)
            scores[:, 1] = np.where(ahead & (below_db < -14.0), 4.0, scores[:, 1])
            quiet = ~loud & (hold <= 0)
            # Between words the lips rest half shut; after a tenth of a second they close.
            scores[:, 0] = np.where(loud, 0.0, 1.0 + 4.0 * (hold < 6.0))
            share = scores / scores.sum(1, keepdims=True)
            share[quiet] = 0.0
            share[quiet, 0] = 1.0
            out[:, t] = share
            jaw = np.clip(0.15 + (below_db + 32.0) / 34.0, 0.0, 1.0) * np.clip(f1[:, t] / 620.0, 0.3, 1.2)
            openness[:, t] = np.where(loud, np.clip(jaw, 0.0, 1.0), 0.0)
            speech[:, t] = np.where(loud, 1.0, 0.5 * (hold > 0))
        self._floor[slots], self._peak[slots], self._hold[slots] = floor, peak, hold
        return out, openness, speech

    @staticmethod
    def _scores(f1: Float, f2: Float, low: Float, high: Float, below_db: Float) -> Float:
        """Unnormalised (n, 15) likeness of one frame to every viseme."""
        scores = np.full((len(f1), 15), 0.02, np.float32)
        for name, at1, at2 in _VOWELS:
            distance = ((f1 - at1) / 130.0) ** 2 + ((f2 - at2) / 330.0) ** 2
            scores[:, VISEME_INDEX[name]] = np.exp(-0.5 * distance) + 0.03
        hiss = high > 0.55
        scores[:, VISEME_INDEX["SS"]] += np.where(hiss & (below_db > -24.0), 3.0, 0.0)
        scores[:, VISEME_INDEX["FF"]] += np.where(hiss & (below_db <= -24.0), 2.0, 0.0)
        scores[:, VISEME_INDEX["CH"]] += np.where((high > 0.3) & (high <= 0.55) & (low < 0.3), 1.5, 0.0)
        murmur = (low > 0.93) & (below_db < -9.0)
        scores[:, VISEME_INDEX["nn"]] += np.where(murmur, 0.8, 0.0)
        scores[:, VISEME_INDEX["PP"]] += np.where(murmur & (below_db < -16.0), 1.2, 0.0)
        scores[:, VISEME_INDEX["DD"]] += np.where(below_db < -20.0, 0.5, 0.0)
        scores[:, VISEME_INDEX["RR"]] += np.where((f2 < 1500.0) & (f1 < 600.0) & (low < 0.9), 0.15, 0.0)
        return scores
