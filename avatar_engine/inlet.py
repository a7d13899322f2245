"""Speech on its way in: brought to the session's rate and to the analysers' 16 kHz, segment by segment."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

from avatar_engine.components.session import Float
from avatar_engine.engine.media.resample import StreamResampler
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.systems.viseme_model import RATE


@dataclass(frozen=True, slots=True)
class PreparedChunk:
    """A chunk at the session's rate, and the same speech at 16 kHz."""

    chunk: AudioChunk
    heard: Float


class SpeechInlet:
    """One per session; may be fed from any one thread at a time.

    A segment of n samples at rate r comes out as `resampled_length(n, r, rate)` samples, however it was cut up. Where
    its rate changes on the way, so many for every stretch of one rate.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._segment: int | None = None
        self._source_rate = 0
        self._played: StreamResampler | None = None
        self._heard: StreamResampler | None = None
        self._lock = threading.Lock()

    def prepare(self, chunk: AudioChunk) -> list[PreparedChunk]:
        """Resample a chunk. A new segment, or `last`, ends the one before (whose held-back samples come first)."""
        with self._lock:
            out: list[PreparedChunk] = []
            if self._segment is not None and chunk.segment != self._segment:
                out.append(self._finish(self._segment))
            played: list[Float] = []
            heard: list[Float] = []
            if self._segment is None or self._source_rate != chunk.rate:
                if self._segment is not None:  # what the resamplers hold back belongs before the new rate's samples
                    held = self._finish(self._segment)
                    played.append(held.chunk.samples)
                    heard.append(held.heard)
                self._open(chunk)
            played_stream, heard_stream = self._played, self._heard
            assert played_stream is not None
            assert heard_stream is not None
            samples = _clean(chunk.samples)
            played.append(played_stream.push(samples))
            heard.append(heard_stream.push(samples))
            if chunk.last:
                played.append(played_stream.flush())
                heard.append(heard_stream.flush())
                self._segment = None
            ready = AudioChunk(np.concatenate(played), self._rate, chunk.segment, chunk.last, chunk.words)
            out.append(PreparedChunk(ready, np.concatenate(heard)))
            return out

    def drop(self) -> None:
        """Forget what is held back (an interruption)."""
        with self._lock:
            self._segment = None

    def _open(self, chunk: AudioChunk) -> None:
        self._segment = chunk.segment
        self._source_rate = chunk.rate
        self._played = StreamResampler(chunk.rate, self._rate)
        self._heard = StreamResampler(chunk.rate, RATE)

    def _finish(self, segment: int) -> PreparedChunk:
        assert self._played is not None
        assert self._heard is not None
        self._segment = None
        return PreparedChunk(AudioChunk(self._played.flush(), self._rate, segment, True), self._heard.flush())


def _clean(samples: Float) -> Float:
    """Mono float32 with NaN and infinities silenced and clipping kept inside [-1, 1]."""
    mono = np.asarray(samples, np.float32).reshape(-1)
    if not np.isfinite(mono).all():
        mono = np.nan_to_num(mono, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(mono, -1.0, 1.0)
