"""Only turns the audio of many streams into log-mel frames: strictly causal, the same for every chunking, bit for bit.

The frame of hop i sees the last 25 ms of audio at the end of that hop, and nothing later.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

RATE = 16_000
HOP = 160
WINDOW = 400
FFT = 512
BANDS = 40
LOW_HZ, HIGH_HZ = 60.0, 7800.0
# Mel power of a full-scale sine is about 1e4 in this scale; -100 dB under that counts as digital silence.
POWER_FLOOR = 1e-6
_TAIL = WINDOW - HOP
# numpy transforms row by row, so the block only keeps what is worked on within a processor's own cache.
_BLOCK_FRAMES = 64


def mel_of_hz(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Mel scale, 2595 log10(1 + f / 700) (O'Shaughnessy 1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hz, np.float64) / 700.0))


def band_centres_hz() -> NDArray[np.float64]:
    """Centre frequency of every band (BANDS,)."""
    mels = np.linspace(mel_of_hz(LOW_HZ), mel_of_hz(HIGH_HZ), BANDS + 2)
    return np.asarray(700.0 * (10.0 ** (mels / 2595.0) - 1.0))[1:-1]


@functools.cache
def _triangles() -> tuple[int, int, NDArray[np.intp], Float, Float]:
    """First and last FFT bin, start of each gap between band centres, rising and falling weight of every bin.

    Every bin lies between two band centres and feeds at most these two bands: sums over runs of bins, always in the
    same order, take the place of a matrix product whose rounding would depend on the number of rows.
    """
    mels = np.linspace(mel_of_hz(LOW_HZ), mel_of_hz(HIGH_HZ), BANDS + 2)
    edges_hz = 700.0 * (10.0 ** (mels / 2595.0) - 1.0)
    bins_hz = np.fft.rfftfreq(FFT, 1.0 / RATE)
    first = int(np.searchsorted(bins_hz, edges_hz[0], side="right"))
    last = int(np.searchsorted(bins_hz, edges_hz[-1], side="left"))
    used_hz = bins_hz[first:last]
    gap = np.searchsorted(edges_hz, used_hz, side="right") - 1
    width = edges_hz[gap + 1] - edges_hz[gap]
    rising = ((used_hz - edges_hz[gap]) / width).astype(np.float32)
    starts = np.searchsorted(used_hz, edges_hz[:-1], side="left")
    return first, last, starts.astype(np.intp), rising, (1.0 - rising).astype(np.float32)


@functools.cache
def _window() -> Float:
    return np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)


def clean(audio: Float) -> Float:
    """A copy of audio (..., samples) without NaN or infinities, within [-1, 1]."""
    out: Float = np.minimum(np.maximum(np.asarray(audio, np.float32), np.float32(-1.0)), np.float32(1.0))
    # Clipping leaves only NaN; one sum finds it more cheaply than a look at every sample.
    if np.isnan(out.sum()):
        np.nan_to_num(out, copy=False, nan=0.0)
    return out


def mel_power(padded: Float) -> Float:
    """(n, 240 + k * 160) samples, the first 240 already heard -> mel power (n, k, BANDS)."""
    padded = np.ascontiguousarray(padded)
    per_stream, per_sample = padded.strides
    shape = (len(padded), (padded.shape[1] - WINDOW) // HOP + 1, WINDOW)
    # The windows overlap in memory; numpy's own function for this costs as much as the transform.
    frames: Float = np.ndarray(shape, np.float32, padded, 0, (per_stream, HOP * per_sample, per_sample))
    first, last, starts, rising, falling = _triangles()
    out = np.empty((*frames.shape[:2], BANDS), np.float32)
    hops = min(frames.shape[1], _BLOCK_FRAMES)
    streams = max(1, _BLOCK_FRAMES // hops)
    for row in range(0, len(frames), streams):
        for at in range(0, frames.shape[1], hops):
            block = frames[row : row + streams, at : at + hops]
            # A constant offset is taken out of every window, so a DC bias never reaches the bands.
            windowed = block - np.add.reduce(block, axis=2, keepdims=True) * np.float32(1.0 / WINDOW)
            windowed *= _window()
            spectrum = np.fft.rfft(windowed, FFT, axis=2)[:, :, first:last]
            power = np.square(spectrum.real, dtype=np.float32)
            power += np.square(spectrum.imag, dtype=np.float32)
            up = np.add.reduceat(power * rising, starts, axis=2)
            down = np.add.reduceat(power * falling, starts, axis=2)
            out[row : row + streams, at : at + hops] = up[:, :, :-1] + down[:, :, 1:]
    return out


def log_of(power: Float) -> Float:
    """Natural logarithm of mel power with a floor, shifted and scaled to about [-2, 3] for speech."""
    return ((np.log(power + np.float32(POWER_FLOOR)) + np.float32(4.0)) * np.float32(0.25)).astype(np.float32)


class LogMelFrontEnd:
    """Mel power of many streams; keeps 15 ms of audio per slot."""

    def __init__(self, slots: int = 4) -> None:
        self._tail = np.zeros((slots, _TAIL), np.float32)

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return _TAIL * 4

    def grow(self, slots: int) -> None:
        """Room for `slots` streams; what is known of the old ones stays."""
        more = np.zeros((slots - len(self._tail), _TAIL), np.float32)
        self._tail = np.concatenate([self._tail, more])

    def reset(self, slot: int) -> None:
        self._tail[slot] = 0.0

    def push(self, slots: NDArray[np.int64], audio: Float) -> Float:
        """audio (n, k * HOP) in [-1, 1] of the streams `slots` -> mel power (n, k, BANDS)."""
        if audio.ndim != 2 or audio.shape[1] % HOP or not audio.shape[1]:
            raise ValueError(f"audio must be (streams, k * {HOP}), not {audio.shape}")
        padded = np.concatenate([self._tail[slots], clean(audio)], axis=1)
        self._tail[slots] = padded[:, -_TAIL:]
        return mel_power(padded)
