"""The only door to libespeak-ng: text in, samples and exactly timed IPA phones out."""

from __future__ import annotations

import ctypes as c
import functools
import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# espeak-ng reports a stop at its burst; the lips close earlier. Measured on the waveform: about 35 ms.
STOP_CLOSURE_S = 0.035
STOPS = frozenset("pbtdkɡgcɟʈɖq")
PAUSES = frozenset(("", "_", "_:", "_!", "_|", "_^"))

_EVENT_WORD, _EVENT_PHONEME = 1, 7
_OUTPUT_SYNCHRONOUS = 2
_INIT_PHONEME_EVENTS, _INIT_PHONEME_IPA = 0x0001, 0x0002
_RATE, _PITCH, _RANGE = 1, 3, 4
_CHARS_UTF8 = 1


class _EventId(c.Union):
    _fields_ = [("number", c.c_int), ("name", c.c_char_p), ("string", c.c_char * 8)]


class _Event(c.Structure):
    _fields_ = [
        ("type", c.c_int),
        ("unique_identifier", c.c_uint),
        ("text_position", c.c_int),
        ("length", c.c_int),
        ("audio_position", c.c_int),
        ("sample", c.c_int),
        ("user_data", c.c_void_p),
        ("id", _EventId),
    ]


_Callback = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_short), c.c_int, c.POINTER(_Event))


@dataclass(frozen=True, slots=True)
class Spoken:
    """One synthesised text: `samples` float32 in [-1, 1] at `rate`, `phones` (start_s, end_s, IPA or 'sil')."""

    samples: npt.NDArray[np.float32]
    rate: int
    phones: tuple[tuple[float, float, str], ...]
    word_starts: tuple[int, ...]
    """Index into `phones` of the first phone of every word."""


class _Espeak:
    def __init__(self) -> None:
        self._lib = c.CDLL("libespeak-ng.so.1")
        self.rate: int = self._lib.espeak_Initialize(
            _OUTPUT_SYNCHRONOUS, 0, None, _INIT_PHONEME_EVENTS | _INIT_PHONEME_IPA
        )
        if self.rate <= 0:
            raise RuntimeError("libespeak-ng did not start; install espeak-ng and its data")
        self._pcm: list[npt.NDArray[np.int16]] = []
        self._events: list[tuple[int, str | None]] = []
        self._callback = _Callback(self._collect)
        self._lib.espeak_SetSynthCallback(self._callback)

    def _collect(self, wav: c._Pointer[c.c_short], count: int, events: c._Pointer[_Event]) -> int:
        if count > 0 and wav:
            self._pcm.append(np.ctypeslib.as_array(wav, (count,)).copy())
        i = 0
        while events[i].type != 0:
            event = events[i]
            if event.type == _EVENT_PHONEME:
                raw = bytes(event.id.string).split(b"\0")[0]
                self._events.append((event.sample, raw.decode("utf8", "ignore")))
            elif event.type == _EVENT_WORD:
                self._events.append((event.sample, None))
            i += 1
        return 0

    def speak(
        self, text: str, voice: str, words_per_minute: int, pitch: int, pitch_range: int
    ) -> tuple[npt.NDArray[np.int16], list[tuple[int, str | None]]]:
        self._pcm.clear()
        self._events.clear()
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for key, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self._lib.espeak_SetParameter(key, value, 0)
        raw = text.encode("utf8") + b"\0"
        self._lib.espeak_Synth(raw, c.c_size_t(len(raw)), 0, 1, 0, _CHARS_UTF8, None, None)
        self._lib.espeak_Synchronize()
        pcm = np.concatenate(self._pcm) if self._pcm else np.zeros(0, np.int16)
        return pcm, list(self._events)


@functools.cache
def _espeak() -> _Espeak:
    return _Espeak()


def speak(text: str, voice: str, words_per_minute: int = 165, pitch: int = 50, pitch_range: int = 50) -> Spoken:
    """Synthesise `text`. Raises ValueError for an unknown voice."""
    engine = _espeak()
    pcm, events = engine.speak(text, voice, words_per_minute, pitch, pitch_range)
    rate = engine.rate
    marks = [(sample / rate, name) for sample, name in events if name is not None]
    ends = [start for start, _ in marks[1:]] + [len(pcm) / rate]
    phones: list[tuple[float, float, str]] = []
    index_of_mark: list[int] = []
    for (start, name), end in zip(marks, ends):
        index_of_mark.append(len(phones))
        pause = name in PAUSES or name.startswith("(")
        if end - start <= 1e-4 and pause:
            continue
        phones.append((start, end, "sil" if pause else name))
    word_starts: list[int] = []
    seen = 0
    for _, name in events:
        if name is None:
            if seen < len(index_of_mark):
                word_starts.append(index_of_mark[seen])
        else:
            seen += 1
    return Spoken(
        samples=(pcm.astype(np.float32) / 32768.0),
        rate=rate,
        phones=tuple(closed_early(phones)),
        word_starts=tuple(word_starts),
    )


def closed_early(phones: list[tuple[float, float, str]]) -> list[tuple[float, float, str]]:
    """Move the start of every stop from its burst back to its closure, at most half the phone before it."""
    moved = [list(p) for p in phones]
    for before, stop in itertools.pairwise(moved):
        if str(stop[2])[:1] in STOPS:
            shift = min(STOP_CLOSURE_S, 0.5 * (float(before[1]) - float(before[0])))
            stop[0] = float(stop[0]) - shift
            before[1] = stop[0]
    return [(float(a), float(b), str(p)) for a, b, p in moved]
