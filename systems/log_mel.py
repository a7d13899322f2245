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
BINS = FFT // 2 + 1
BANDS = 40
LOW_HZ, HIGH_HZ = 60.0, 7800.0
# Mel power of a full-scale sine is about 1e4 in this scale; -100 dB under that counts as digital silence.
POWER_FLOOR = 1e-6
LOG_SHIFT, LOG_SCALE = 4.0, 0.25
TAIL = WINDOW - HOP
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


def spectra(padded: Float) -> Float:
    """(n, 240 + k * 160) samples, the first 240 already heard -> (k, n, 2 * BINS): real and imaginary part of every
    frequency of the window that ends with each hop."""
    padded = np.ascontiguousarray(padded)
    per_stream, per_sample = padded.strides
    shape = ((padded.shape[1] - WINDOW) // HOP + 1, len(padded), WINDOW)
    # The windows overlap in memory; numpy's own function for this costs as much as the transform.
    frames: Float = np.ndarray(shape, np.float32, padded, 0, (HOP * per_sample, per_stream, per_sample))
    out = np.empty((*shape[:2], BINS), np.complex64)
    hops = max(1, _BLOCK_FRAMES // len(padded))
    streams = min(len(padded), _BLOCK_FRAMES)
    # Transforming what already has its zeros is a third cheaper than having numpy add them.
    room = np.zeros((min(hops, shape[0]), streams, FFT), np.float32)
    for at in range(0, shape[0], hops):
        for row in range(0, len(padded), streams):
            block = frames[at : at + hops, row : row + streams]
            whole = room[: block.shape[0], : block.shape[1]]
            windowed = whole[..., :WINDOW]
            # A constant offset is taken out of every window, so a DC bias never reaches the bands.
            np.subtract(block, np.add.reduce(block, axis=2, keepdims=True) * np.float32(1.0 / WINDOW), out=windowed)
            windowed *= _window()
            np.fft.rfft(whole, axis=2, out=out[at : at + hops, row : row + streams])
    return out.view(np.float32)


def filterbank() -> Float:
    """(2 * BINS, BANDS): the squares of what `spectra` gives, times this, are mel power."""
    first, last, starts, rising, falling = _triangles()
    bank = np.zeros((last - first, BANDS + 2), np.float32)
    gap = np.searchsorted(starts, np.arange(last - first), side="right") - 1
    each = np.arange(last - first)
    bank[each, gap + 1], bank[each, gap] = rising, falling
    out = np.zeros((BINS, 2, BANDS), np.float32)
    out[first:last] = bank[:, None, 1:-1]
    return out.reshape(2 * BINS, BANDS)


def mel_power(padded: Float) -> Float:
    """(n, 240 + k * 160) samples, the first 240 already heard -> mel power (n, k, BANDS)."""
    first, last, starts, rising, falling = _triangles()
    spectrum = spectra(padded).swapaxes(0, 1)
    power = np.square(spectrum[..., 2 * first : 2 * last : 2])
    power += np.square(spectrum[..., 2 * first + 1 : 2 * last : 2])
    up = np.add.reduceat(power * rising, starts, axis=2)
    down = np.add.reduceat(power * falling, starts, axis=2)
    return np.asarray(up[:, :, :-1] + down[:, :, 1:], np.float32)


def log_of(power: Float) -> Float:
    """Natural logarithm of mel power with a floor, shifted and scaled to about [-2, 3] for speech."""
    return ((np.log(power + np.float32(POWER_FLOOR)) + np.float32(LOG_SHIFT)) * np.float32(LOG_SCALE)).astype(
        np.float32
    )


class LogMelFrontEnd:
    """Mel power of many streams; keeps 15 ms of audio per slot."""

    def __init__(self, slots: int = 4) -> None:
        self._tail = np.zeros((slots, TAIL), np.float32)

    @property
    def state_bytes(self) -> int:
        """Memory per stream."""
        return TAIL * 4

    def grow(self, slots: int) -> None:
        """Room for `slots` streams; what is known of the old ones stays."""
        more = np.zeros((slots - len(self._tail), TAIL), np.float32)
        self._tail = np.concatenate([self._tail, more])

    def reset(self, slot: int) -> None:
        self._tail[slot] = 0.0

    def push(self, slots: NDArray[np.int64], audio: Float) -> Float:
        """audio (n, k * HOP) in [-1, 1] of the streams `slots` -> mel power (n, k, BANDS)."""
        if audio.ndim != 2 or audio.shape[1] % HOP or not audio.shape[1]:
            raise ValueError(f"audio must be (streams, k * {HOP}), not {audio.shape}")
        padded = np.concatenate([self._tail[slots], clean(audio)], axis=1)
        self._tail[slots] = padded[:, -TAIL:]
        return mel_power(padded)
