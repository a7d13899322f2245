"""The agent's speech sink: turns LiveKit's audio frames into chunks for the engine and reports what was played.

Exactly one `playback_finished` per captured segment, whatever happens; positions are samples that left the queue.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from livekit import rtc
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities
from numpy.typing import NDArray

from avatar_engine.engine.messages import (
    AudioChunk,
    ClearSpeech,
    Command,
    PauseSpeech,
    ResumeSpeech,
    TimedWord,
)
from avatar_engine.plugin.metrics import SessionFigures
from avatar_engine.plugin.playout import Heard


class Stage(Protocol):
    """Where speech goes and commands take effect: the engine's session and its publisher."""

    rate: int

    def push_audio(self, chunk: AudioChunk) -> None: ...
    def send(self, command: Command) -> int: ...
    def cut(self, command: Callable[[list[Heard]], int]) -> list[Heard]: ...
    def hold(self, command: Callable[[list[Heard]], int]) -> None: ...
    def speech_arrived(self, segment: int, at_s: float) -> None: ...
    def close_segment(self, segment: int) -> None: ...


@dataclass(slots=True)
class _Open:
    """A captured segment that has not been reported finished. rate: of its last frame."""

    id: int
    rate: int
    started: bool = False
    flushed: bool = False


class AvatarAudioOutput(AudioOutput):
    """In-process sink with pause. All methods run on the agent's loop; `segment_*` may be called from any thread."""

    def __init__(self, stage: Stage, figures: SessionFigures, *, loop: asyncio.AbstractEventLoop) -> None:
        # Any rate is accepted: frames arrive as the TTS made them, word timings included.
        super().__init__(label="AvatarEngine", capabilities=AudioOutputCapabilities(pause=True), sample_rate=None)
        self._stage = stage
        self._figures = figures
        self._loop = loop
        self._open: list[_Open] = []
        self._next_id = 1
        self._capturing: _Open | None = None
        self._deaf = False  # cleared in the middle of a segment: the rest of it is not wanted
        self._paused = False
        self._lost = False
        self._held: list[AudioChunk] | None = []  # what came before the avatar was in the room

    def let_through(self) -> None:
        """The avatar is in the room: what was said so far may be spoken now."""
        held, self._held = self._held, None
        if self._paused:
            self._stage.send(PauseSpeech())
        for chunk in held or ():
            self._stage.push_audio(chunk)

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        """Take a frame; never waits (whole answers come faster than real time, the engine holds them)."""
        await super().capture_frame(frame)
        if self._deaf:
            return
        if self._capturing is None:
            self._capturing = _Open(self._next_id, frame.sample_rate)
            self._next_id += 1
            self._open.append(self._capturing)
            if len(self._open) == 1 and not self._paused and self._held is None:
                self._stage.speech_arrived(self._capturing.id, time.monotonic())
        if self._lost:
            self._finish_all(interrupted=True)
            self._deaf = True
            return
        self._capturing.rate = frame.sample_rate
        chunk = AudioChunk(mono(frame), frame.sample_rate, self._capturing.id, False, words(frame))
        self._push(chunk)

    def flush(self) -> None:
        """The segment is complete."""
        super().flush()
        self._deaf = False
        segment, self._capturing = self._capturing, None
        if segment is not None:
            segment.flushed = True
            # At the segment's own rate: the resampler then gives what it holds back.
            self._push(AudioChunk(np.zeros(0, np.float32), segment.rate, segment.id, last=True))

    def clear_buffer(self) -> None:
        """Silence now; every open segment ends here, with what was heard of it. A pause stays until `resume`."""
        if self._capturing is not None:
            self._deaf = True
        if not self._open:
            return
        self._figures.interruptions += 1
        if self._held is not None:
            self._held.clear()
            self._finish_all(interrupted=True)
            return

        def command(_: list[Heard]) -> int:
            number = self._stage.send(ClearSpeech())
            return self._stage.send(PauseSpeech()) if self._paused else number

        self._finish_all(interrupted=True, heard=self._stage.cut(command))

    def pause(self) -> None:
        """Hold after the very sample that was queued last; `resume` goes on with the next one."""
        super().pause()
        if self._paused:
            return
        self._paused = True
        self._figures.pauses += 1
        if self._held is not None:
            return

        def command(heard: list[Heard]) -> int:
            reached = {item.segment: item for item in heard}
            for item in self._open:
                known = reached.get(item.id)
                if known is None or not known.over:
                    return self._stage.send(PauseSpeech(item.id, known.position if known else 0))
            return self._stage.send(PauseSpeech())

        self._stage.hold(command)

    def resume(self) -> None:
        """Go on with the next sample."""
        super().resume()
        if self._paused:
            self._paused = False
            if self._held is None:
                self._stage.send(ResumeSpeech())

    def segment_started(self, segment: int) -> None:
        """The first sample of a segment is queued to WebRTC."""
        self._loop.call_soon_threadsafe(self._started, segment, time.time())

    def segment_ended(self, segment: int, position: int) -> None:
        """The last sample of a segment has left the queue."""
        self._loop.call_soon_threadsafe(self._ended, segment, position)

    def lose(self) -> None:
        """The engine is gone: nobody must wait for it."""
        self._lost = True
        self._deaf = self._capturing is not None
        self._finish_all(interrupted=True)

    def _push(self, chunk: AudioChunk) -> None:
        if self._held is not None:
            self._held.append(chunk)
        else:
            self._stage.push_audio(chunk)

    def _started(self, segment: int, at: float) -> None:
        for item in self._open:
            if item.id == segment and not item.started:
                item.started = True
                self.on_playback_started(created_at=at)

    def _ended(self, segment: int, position: int) -> None:
        # Segments are heard in order; one that ends has all before it behind it.
        if not any(item.id == segment and item.flushed for item in self._open):
            return
        while self._open:
            item = self._open[0]
            self._finish(item, position / self._stage.rate if item.id == segment else 0.0, interrupted=False)
            if item.id == segment:
                return

    def _finish_all(self, *, interrupted: bool, heard: list[Heard] | None = None) -> None:
        positions = {item.segment: item.position for item in heard or ()}
        self._capturing = None
        while self._open:
            item = self._open[0]
            self._finish(item, positions.get(item.id, 0) / self._stage.rate, interrupted=interrupted)

    def _finish(self, item: _Open, position_s: float, *, interrupted: bool) -> None:
        self._open.remove(item)
        self._stage.close_segment(item.id)
        self._figures.segments_finished += 1
        self.on_playback_finished(playback_position=position_s, interrupted=interrupted)


def mono(frame: rtc.AudioFrame) -> NDArray[np.float32]:
    """(n,) float32 in [-1, 1] of an interleaved 16-bit frame; channels are averaged."""
    data = np.frombuffer(frame.data, np.int16).astype(np.float32) / 32768.0
    if frame.num_channels > 1:
        data = data.reshape(-1, frame.num_channels).mean(axis=1)
    return np.ascontiguousarray(data, np.float32)


def words(frame: rtc.AudioFrame) -> tuple[TimedWord, ...]:
    """Words whose times the TTS gave with this frame."""
    found = []
    for item in frame.userdata.get(USERDATA_TIMED_TRANSCRIPT, ()):
        start_s, end_s = item.start_time, item.end_time
        if isinstance(start_s, (int, float)) and isinstance(end_s, (int, float)):
            found.append(TimedWord(str(item), float(start_s), float(end_s)))
    return tuple(found)
