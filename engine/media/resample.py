"""Only here is a stream of samples brought to another rate: no delay, and no trace of how it was cut up."""

from __future__ import annotations

from fractions import Fraction
from math import ceil, gcd

import av
import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_TAPS = 32  # at the lower of the two rates; swresample's own default
_PHASE_BITS = 10
_CUTOFF = "0.95"  # of the lower Nyquist frequency: flat to 7.2 kHz at 16 kHz, images 60 dB down
_MAX_BLOCK = 1 << 16  # input samples handed to the library at once


def resampled_length(count: int, in_rate: int, out_rate: int) -> int:
    """How many output samples `count` input samples become: count * out / in, half rounded up."""
    return (2 * count * out_rate + in_rate) // (2 * in_rate)


class StreamResampler:
    """Resamples mono float32 as it comes. Output sample k lies at input time k / out_rate.

    The output does not depend on how the input is cut, bit for bit, and after `flush` it is exactly
    `resampled_length` samples long. Before the first and after the last sample there is silence.
    """

    def __init__(self, in_rate: int, out_rate: int) -> None:
        if in_rate <= 0 or out_rate <= 0:
            raise ValueError(f"sample rates must be positive, got {in_rate} and {out_rate}")
        self.in_rate = in_rate
        self.out_rate = out_rate
        self._taken = 0
        self._given = 0
        self._flushed = False
        self._graph: AudioResampler | None = None
        if in_rate == out_rate:
            return
        common = gcd(in_rate, out_rate)
        step_in, step_out = in_rate // common, out_rate // common
        # swresample mirrors the first samples to start without delay. Leading silence, a whole number of
        # output samples long and dropped again, makes it start from silence and makes short inputs work.
        reach = ceil(_TAPS * max(1.0, in_rate / out_rate))
        steps = ceil(reach / step_in)
        self._lead_in = steps * step_in
        self._drop = steps * step_out
        self._tail = 2 * reach + step_in
        # Rates without a small common ratio get a filter per phase as well: the library's interpolation
        # between phases depends on how the input is cut.
        phase_bits = max(_PHASE_BITS, step_out.bit_length())
        options = {"filter_size": _TAPS, "phase_shift": phase_bits, "exact_rational": 1, "cutoff": _CUTOFF}
        self._graph = AudioResampler(
            format="flt", layout="mono", rate=out_rate, options={k: str(v) for k, v in options.items()}
        )
        self._sent = 0

    def push(self, samples: Samples) -> Samples:
        """Everything that can be said so far; the last few samples wait for what follows."""
        if self._flushed:
            raise ValueError("push after flush; make a new resampler for a new stream")
        self._taken += len(samples)
        if self._graph is None:
            self._given += len(samples)
            return samples
        if len(samples) == 0:
            return np.zeros(0, np.float32)
        out = self._feed(samples)
        self._given += len(out)
        return out

    def flush(self) -> Samples:
        """The rest. Exactly `resampled_length(n, in_rate, out_rate)` samples have come out after it."""
        self._flushed = True
        missing = resampled_length(self._taken, self.in_rate, self.out_rate) - self._given
        if self._graph is None or missing == 0:
            return np.zeros(0, np.float32)
        out = self._feed(np.zeros(self._tail, np.float32))[:missing]
        self._given += len(out)
        return out

    def _feed(self, samples: Samples) -> Samples:
        assert self._graph is not None
        made: list[Samples] = []
        if self._sent == 0:
            samples = np.concatenate([np.zeros(self._lead_in, np.float32), samples])
        for start in range(0, len(samples), _MAX_BLOCK):
            block = np.ascontiguousarray(samples[start : start + _MAX_BLOCK], np.float32)
            frame = av.AudioFrame.from_ndarray(block[None, :], format="flt", layout="mono")
            frame.sample_rate = self.in_rate
            frame.pts, frame.time_base = self._sent, Fraction(1, self.in_rate)
            self._sent += len(block)
            made += [f.to_ndarray()[0] for f in self._graph.resample(frame)]
        out = np.concatenate(made) if made else np.zeros(0, np.float32)
        drop = min(self._drop, len(out))
        self._drop -= drop
        return out[drop:]


def resample(samples: Samples, in_rate: int, out_rate: int) -> Samples:
    """A whole recording at once."""
    stream = StreamResampler(in_rate, out_rate)
    return np.concatenate([stream.push(samples), stream.flush()])
