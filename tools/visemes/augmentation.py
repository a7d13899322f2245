"""Only mixes training batches: stretches, warps, equalises, buries in noise, and keeps the labels true."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from avatar_engine.systems.log_mel import BANDS, log_of
from avatar_engine.systems.phone_table import PHONE_CLASSES
from tools.visemes.training_data import COPIES, IGNORED, LABEL_COLUMNS, OPENNESS_SCALE
from tools.visemes.walks import STOPS, Walks

Float = npt.NDArray[np.float32]

_CONSONANTS = list(range(1, PHONE_CLASSES.index("i")))
# Synthesizers give every t its 60 ms; people double them, and hold the lips of a p for a fifth of a second.
_LONG_CONSONANTS = 0.08
_LONG_HOPS = (9, 24)
# Of a long stop the lips or the tongue close as fast as ever; then nothing is heard for so long, often nothing at all.
_LONG_STOPS = 0.2
_LONG_STOP_HOPS = (8, 30)
_VOICED_STOP_HOPS = (4, 10)  # voice dies behind closed lips
_DEAD_SILENCE = 0.5
_VOICELESS = [i for i in STOPS if PHONE_CLASSES[i][0] in "ptk"]
_UNEVEN = 0.4
# Share of what real people say that nobody wrote.
_WALKED = 0.35
_BENT = 0.8  # bands
_CONTRAST = (0.65, 1.35)
_COMPRESSION = 0.4
_GATED = 0.15
_GATE_UNDER = (-3.0, -1.0)  # of the power of speech, as powers of ten


@dataclass(frozen=True, slots=True)
class Batch:
    """mel (B, T, BANDS) log-mel; label (B, T, LABEL_COLUMNS) int16; openness (B, T)."""

    mel: Float
    label: npt.NDArray[np.int16]
    openness: Float


class Bank:
    """Utterances of one kind, drawn at random; of several groups each gets the same share of the draws."""

    def __init__(self, path: Path, grouped: bool = False) -> None:
        self.power = np.load(path.with_suffix(".power.npy"))
        self.label = np.load(path.with_suffix(".label.npy"))
        index = np.load(path.with_suffix(".index.npz"))
        self.length = index["length"]
        self.start = np.concatenate([[0], np.cumsum(self.length)[:-1]])
        self.group = group = index["group"]
        self.pools = [np.flatnonzero(group == g) for g in np.unique(group)] if grouped else [np.arange(len(group))]

    def draw(self, rng: np.random.Generator) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int16]]:
        pool = self.pools[rng.integers(len(self.pools))]
        i = pool[rng.integers(len(pool))]
        part = slice(self.start[i], self.start[i] + self.length[i])
        return self.power[part], self.label[part]


def _curve(rng: np.random.Generator, sd_db: float, knots: int) -> Float:
    """A smooth random gain over the bands (BANDS,), in power."""
    db = np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, knots), rng.normal(0, sd_db, knots))
    return (10 ** (db / 10)).astype(np.float32)


def _warp(factor: float, bent: Float | None = None) -> Float:
    """(BANDS, BANDS) matrix that reads band i from band i * factor, a longer or shorter vocal tract, and `bent` (BANDS,)
    bands further on: one that is shaped differently."""
    at = np.arange(BANDS) * factor
    at = np.clip(at if bent is None else at + bent, 0, BANDS - 1)
    low = at.astype(int)
    share = (at - low).astype(np.float32)
    out = np.zeros((BANDS, BANDS), np.float32)
    out[low, np.arange(BANDS)] += 1 - share
    out[np.minimum(low + 1, BANDS - 1), np.arange(BANDS)] += share
    return out


def _bend(rng: np.random.Generator) -> Float:
    bent = rng.normal(0, _BENT, 6)
    bent[0] = 0
    return np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), bent).astype(np.float32)


def _sharpened(power: Float, strength: float) -> Float:
    """Formants that stand out more (`strength` over 1) or less from what is around them, power (T, BANDS)."""
    floor = np.float32(1e-5) * power.max() + np.float32(1e-12)
    level = np.log(power + floor)
    around = uniform_filter1d(level, 9, axis=1, mode="nearest")
    return np.maximum(np.exp(around + np.float32(strength) * (level - around)) - floor, 0)


def _compressed(power: Float, share: float) -> Float:
    """The faint louder, as transmitters and recorders make it: by `share` of what it lacks, up to 40 dB, of the loudest."""
    level = uniform_filter1d(power.sum(1), 25, mode="nearest")
    gain = np.maximum(level / (level.max() + 1e-12), 1e-4) ** np.float32(-share)
    return power * gain[:, None]


def _gate(row: Float, threshold: float, rng: np.random.Generator) -> None:
    """As noise gates and calls that send no silence do: what is faint for a while is taken for nothing at all."""
    hold = int(rng.integers(2, 10))
    opened = maximum_filter1d(row.sum(1), 2 * hold + 1, mode="nearest") > threshold
    row[~opened] *= np.float32(10 ** rng.uniform(-5, -1))


def _uneven(phone: npt.NDArray[np.int16], power: Float, rng: np.random.Generator) -> tuple[Float, list[int]]:
    """How many hops every hop of an utterance becomes, (hops,): each phone lasts as long as it likes. And the hops whose
    way from the one before is the silence of a long voiceless stop."""
    begins = np.flatnonzero(np.diff(phone, prepend=-2))
    length = np.diff(begins, append=len(phone))
    klass = phone[begins]
    factor = np.exp(rng.normal(0, rng.uniform(0, _UNEVEN), len(begins)))
    factor[klass == 0] = 1.0
    density = np.clip(np.repeat(factor, length), 0.4, 8.0).astype(np.float32)
    stop = np.isin(klass, STOPS)
    long = np.isin(klass, _CONSONANTS) & ~stop & (rng.random(len(begins)) < _LONG_CONSONANTS)
    for i in np.flatnonzero(long):
        density[begins[i] : begins[i] + length[i]] = np.clip(rng.uniform(*_LONG_HOPS) / length[i], 1.0, 8.0)
    held: list[int] = []
    between = (klass != 0) & np.roll(klass != 0, 1) & np.roll(klass != 0, -1)
    between[[0, -1]] = False
    for i in np.flatnonzero(stop & between & (length > 2) & (rng.random(len(begins)) < _LONG_STOPS)):
        first, count = int(begins[i]), int(length[i])
        level = power[first - 1 : first + count + 1].astype(np.float32).sum(1)
        # Between the two hops in which least is heard: what closes and what bursts stays as fast as it was.
        pairs = np.maximum(level[1:-2], level[2:-1])
        at = int(np.argmin(pairs))
        if 10 * pairs[at] < min(level[: at + 2].max(), level[at + 2 :].max()):
            voiceless = klass[i] in _VOICELESS
            density[first + 1 + at] = rng.uniform(*(_LONG_STOP_HOPS if voiceless else _VOICED_STOP_HOPS))
            if voiceless:
                held.append(first + 1 + at)
    return density, held


class BatchMaker:
    """Seeded source of training batches."""

    def __init__(self, real: Bank, synth: Bank, noise: Path, real_share: float, seed: int) -> None:
        self._banks = (real, synth)
        plain = slice(None, None, COPIES)
        self._walks = Walks(real.power, real.label, real.start[plain], real.length[plain], real.group[plain])
        self._real_share = real_share
        stored = np.load(noise)
        self._noise = stored["power"]
        self._starts = stored["starts"]
        self._rng = np.random.default_rng(seed)

    def _spoken(self, row: Float, label: npt.NDArray[np.int16]) -> None:
        """Fill one row with utterances and pauses, one voice (one stretch, one warp) for the whole row."""
        rng = self._rng
        frames = len(row)
        real = rng.random() < self._real_share
        bank = self._banks[0 if real else 1]
        stretch = rng.uniform(0.82, 1.2) if rng.random() < 0.7 else 1.0
        bent = _bend(rng) if rng.random() < 0.5 else None
        warp = _warp(rng.uniform(0.86, 1.16), bent) if rng.random() < 0.7 else None
        t = int(rng.integers(-150, 50))
        while t < frames:
            walks = real and rng.random() < _WALKED
            power, lab = self._walks.draw(rng) if walks else bank.draw(rng)
            density, held = _uneven(lab[:, 0], power, rng)
            end = np.cumsum(stretch * density)
            count = int(end[-1])
            at = np.interp(np.arange(max(0, -t), min(count, frames - t)), end - end[0], np.arange(len(power)))
            if len(at):
                low = at.astype(int)
                share = (at - low).astype(np.float32)[:, None]
                high = np.minimum(low + 1, len(power) - 1)
                part = power[low].astype(np.float32)
                part += share * (power[high].astype(np.float32) - part)
                for hop in held:
                    if rng.random() < _DEAD_SILENCE:
                        part[(at > hop - 0.9) & (at < hop - 0.1)] *= np.float32(10 ** rng.uniform(-4, -0.5))
                if warp is not None:
                    part = part @ warp
                first = max(0, t)
                row[first : first + len(part)] = part
                label[first : first + len(part)] = lab[np.round(at).astype(int)]
            t += count + (int(rng.integers(10, 90)) if rng.random() < 0.5 else 0)

    def _narrowed(self, row: Float) -> None:
        rng = self._rng
        band = rng.random()
        if band < 0.40:
            # Much speech has passed through 8 kHz somewhere: nothing but a floor above 4 kHz or less.
            row[:, int(rng.integers(27, 34)) :] *= 10 ** rng.uniform(-5.0, -2.0)
        elif band < 0.45:
            row[:, : int(rng.integers(2, 9))] *= 10 ** rng.uniform(-4, -1)

    def _noise_part(self, frames: int, spoken: bool) -> Float:
        rng = self._rng
        kind = rng.choice(4, p=(0.42, 0.33, 0.15, 0.10) if spoken else (0.15, 0.15, 0.15, 0.55))
        start = rng.integers(self._starts[kind], self._starts[kind + 1] - frames)
        return self._noise[start : start + frames].astype(np.float32)

    def batch(self, rows: int, frames: int) -> Batch:
        rng = self._rng
        mel = np.zeros((rows, frames, BANDS), np.float32)
        label = np.zeros((rows, frames, LABEL_COLUMNS), np.int16)
        for b in range(rows):
            row = mel[b]
            if rng.random() < 0.92:
                self._spoken(row, label[b])
            if rng.random() < 0.3:
                row[:] = _sharpened(row, rng.uniform(*_CONTRAST))
            if rng.random() < 0.3:
                row[:] = _compressed(row, rng.uniform(0, _COMPRESSION))
            level = row.sum(1)
            peak = level.max()
            loud = float(level[level > 1e-3 * peak].mean()) if peak > 0 else 1.0
            row *= _curve(rng, 4.5, 6)
            # Noise of the room goes through the same line as the voice, noise of the listener's end does not.
            narrowed_last = rng.random() < 0.5
            if not narrowed_last:
                self._narrowed(row)
            kind = rng.random()
            if kind < 0.62 or peak == 0:
                snr_db = rng.uniform(3, 30) if kind < 0.42 else rng.uniform(25, 60)
                noise = self._noise_part(frames, peak > 0) * _curve(rng, 3.0, 5)
                row += noise * (loud * 10 ** (-snr_db / 10))
            if narrowed_last:
                self._narrowed(row)
            if rng.random() < _GATED:
                _gate(row, loud * 10 ** rng.uniform(*_GATE_UNDER), rng)
            if rng.random() < 0.25:
                masked = int(rng.integers(1, 5))
                first = int(rng.integers(0, BANDS - masked))
                row[:, first : first + masked] *= 0.05
            # Peaks arrive at half of full scale; voices are delivered anywhere from -36 dB under that to clipping.
            row *= 10 ** (rng.uniform(-36, 6) / 10 if rng.random() < 0.6 else rng.uniform(-12, 6) / 10)
        openness = label[:, :, 2].astype(np.float32) / OPENNESS_SCALE
        return Batch(log_of(mel), label, openness)


__all__ = ["IGNORED", "Bank", "Batch", "BatchMaker"]
