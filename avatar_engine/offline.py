"""The offline driver: a speech file through a runtime into a sink, as fast as the machine can."""

from __future__ import annotations

import os
import sys
import time
from array import array
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.errors import EngineError, InputError
from avatar_engine.engine.media.reader import SpeechReader
from avatar_engine.engine.media.recording import Recording
from avatar_engine.engine.media.sinks import VideoSink, sink_for
from avatar_engine.engine.memory import give_back, give_back_code
from avatar_engine.engine.messages import AudioChunk, FramePacket, Notice, SpokenWord
from avatar_engine.interrupts import Interrupts
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime
from avatar_engine.systems.present import Studio

Progress = Callable[[float, float | None], None]
"""Called a few times a second with the seconds done and, where the file says so, the seconds in all."""

AHEAD_S = 2.0  # speech that waits in the runtime beyond what its analysers look ahead
_PROGRESS_EVERY_S = 0.2
_STALLED_S = 10.0  # of silence after all speech must have been played: something is wrong
_DRAWING_SYSTEM = "render"


@dataclass(frozen=True, slots=True)
class RenderReport:
    """What a render did and what it cost. Times per frame are medians, in milliseconds.

    speed: seconds of video per second of work. simulation_ms: everything of a tick but drawing.
    draw_ms: a picture that was really drawn. encode_ms: encoding, in its own thread.
    wall_s, cpu_s: time and work of all threads after the start; start_s: from the call to the first tick.
    """

    output: Path | None
    duration_s: float
    frames: int
    drawn: int
    ticks: int
    wall_s: float
    cpu_s: float
    start_s: float
    speed: float
    simulation_ms: float
    draw_ms: float
    encode_ms: float
    peak_memory_mb: float


def describe(report: RenderReport) -> str:
    """The short report people read after a render."""
    return "\n".join(
        (
            f"{report.output}: {report.duration_s:.1f} s, {report.frames} frames",
            f"  {report.speed:.2f} x real time ({report.wall_s:.1f} s, after {report.start_s:.1f} s to load)",
            f"  per frame: simulation {report.simulation_ms:.2f} ms, draw {report.draw_ms:.2f} ms, "
            f"encode {report.encode_ms:.2f} ms (median)",
            f"  peak memory {report.peak_memory_mb:.0f} MB",
        )
    )


def render_file(
    speech: str | os.PathLike[str] | Recording,
    output: str | os.PathLike[str],
    runtime: RuntimeOptions,
    session: SessionOptions,
    progress: Progress | None = None,
    on_notice: Callable[[Notice], None] | None = None,
    words: tuple[SpokenWord, ...] = (),
) -> RenderReport:
    """Render a speech file (or speech at the runtime's rate), its lips guided by its words where they are known. On any
    error, Ctrl-C or SIGTERM (raised as KeyboardInterrupt) no output is left."""
    began = time.perf_counter()
    # What is cheap to refuse is refused before anything expensive starts: first the speech, then the output.
    interrupts = Interrupts()
    with interrupts.open(), _opened(speech, runtime.audio_rate, on_notice) as reader:
        sink = sink_for(os.fspath(output), session.quality, on_notice)
        interrupts.clean_up = sink.abort
        try:
            sink.open(session.width, session.height, session.fps, runtime.audio_rate)
            with interrupts.held():
                engine = make_runtime(runtime, aside=True)
            try:
                with interrupts.held():
                    name = engine.open_session(session, ready=True)
                    give_back()
                    give_back_code()
                start_s = time.perf_counter() - began
                return render(engine, name, session.fps, reader, sink, progress, interrupts, start_s, on_notice, words)
            finally:
                with interrupts.held():
                    engine.close()
        except BaseException:  # Ctrl-C as well
            sink.abort()
            raise


def render(
    runtime: Runtime,
    session: str,
    fps: int,
    reader: SpeechReader | Recording,
    sink: VideoSink,
    progress: Progress | None = None,
    interrupts: Interrupts | None = None,
    start_s: float = 0.0,
    on_notice: Callable[[Notice], None] | None = None,
    words: tuple[SpokenWord, ...] = (),
) -> RenderReport:
    """Play the reader's speech through a fresh session into an open sink, and close the sink.

    The result holds exactly the speech: its samples, and the pictures up to the one that shows the last
    sample, ceil(duration * fps) of them. When this raises, the caller aborts the sink.
    """
    began, worked = time.perf_counter(), time.process_time()
    interrupts = interrupts or Interrupts()
    feed = _Feed(runtime, session, reader, words)
    tally = _Tally(runtime)
    rate = runtime.options.audio_rate
    end: int | None = None  # sample after the last one of the speech, once known
    frames = 0
    told = began
    while end is None or frames < _frames_until(end, fps, rate):
        feed.keep_ahead()
        with interrupts.held():
            packets = runtime.step()
        while runtime.notices:  # such as a watched file that is broken, or why the session ended
            notice = runtime.notices.popleft()
            if on_notice is not None:
                on_notice(notice)
        packet = _packet_of(packets, session)
        del packets
        tally.add(packet)
        for span in packet.spans:
            if span.final:
                end = packet.start_sample + span.offset + span.count
        for image in [frame.image for frame in packet.frames]:
            if end is None or frames < _frames_until(end, fps, rate):
                sink.write_video(image)
                frames += 1
            del image
        room = len(packet.samples) if end is None else max(0, end - packet.start_sample)
        sink.write_audio(packet.samples[:room])
        if end is None:
            feed.expect_end(packet.start_sample)
        now = time.perf_counter()
        if progress is not None and now - told > _PROGRESS_EVERY_S:
            told = now
            progress(packet.start_sample / rate, reader.duration_s)
        del packet  # and its picture, before the next one is drawn
    duration_s = end / rate
    if progress is not None:  # before the file is in its place: an error from here on leaves none
        progress(duration_s, duration_s)
    sink.close()
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - worked
    return RenderReport(
        output=sink.path,
        duration_s=duration_s,
        frames=frames,
        drawn=tally.drawn,
        ticks=tally.ticks,
        wall_s=wall_s,
        cpu_s=cpu_s,
        start_s=start_s,
        speed=duration_s / wall_s,
        simulation_ms=_median(np.array(tally.simulation_ms)),
        draw_ms=_median(np.array(tally.draw_ms)),
        encode_ms=_median(sink.encode_ms),
        peak_memory_mb=peak_memory_mb(),
    )


class _Feed:
    """Keeps the runtime a couple of seconds of speech ahead, never more: a long file needs no more memory."""

    def __init__(
        self, runtime: Runtime, session: str, reader: SpeechReader | Recording, words: tuple[SpokenWord, ...]
    ) -> None:
        self._words = words
        self._runtime = runtime
        self._session = session
        self._reader = reader
        self._blocks = reader.blocks()
        self._ahead = int((AHEAD_S + (runtime.options.look_ahead_s or 0.0)) * reader.rate)
        self._pushed = 0
        self._ended = False

    def keep_ahead(self) -> None:
        """Push what the coming ticks need."""
        rate = self._reader.rate
        until = first_sample(self._runtime.tick + 1, rate, self._runtime.options.hz) + self._ahead
        while not self._ended and self._pushed < until:
            samples = next(self._blocks, None)
            if samples is None:
                self._ended = True
                if self._pushed == 0:
                    raise InputError(str(self._reader.path), "holds no samples", "give a longer recording")
                samples = np.zeros(0, np.float32)
            self._pushed += len(samples)
            self._runtime.push_audio(self._session, AudioChunk(samples, rate, 0, self._ended))
            if self._words:
                self._runtime.tell(self._session, 0, self._words)
                self._words = ()

    def expect_end(self, position: int) -> None:
        """Raise when the speech should long be over and the runtime has not said so."""
        if self._ended and position > self._pushed + _STALLED_S * self._reader.rate:
            raise EngineError("render", "the speech was pushed but never ended", "report this with the file")


class _Tally:
    """Collects what every tick cost; four bytes a figure."""

    def __init__(self, runtime: Runtime) -> None:
        self._spent_s = runtime.schedule.spent_s
        self._studio = runtime.world.resource(Studio)
        self.ticks = 0
        self.drawn = 0
        self.simulation_ms = array("f")
        self.draw_ms = array("f")

    def add(self, packet: FramePacket) -> None:
        drawn = sum(frame.image is not None for frame in packet.frames)
        waited_s = self._spent_s[_DRAWING_SYSTEM]
        self.ticks += 1
        self.drawn += drawn
        self.simulation_ms.append((sum(self._spent_s.values()) - waited_s) * 1e3)
        if drawn:
            self.draw_ms.append(self._studio.took_s * 1e3 / drawn)


def peak_memory_mb() -> float:
    """The most resident memory this process has had, in MB (10^6 bytes); 0 where the system does not say."""
    if sys.platform == "linux":
        # Not getrusage: its figure is inherited from whatever process started this one.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def _opened(
    speech: str | os.PathLike[str] | Recording, rate: int, on_notice: Callable[[Notice], None] | None
) -> AbstractContextManager[SpeechReader | Recording]:
    if isinstance(speech, Recording):
        return nullcontext(speech)
    return SpeechReader(speech, rate, on_notice)


def _packet_of(packets: list[FramePacket], session: str) -> FramePacket:
    for packet in packets:
        if packet.session == session:
            return packet
    raise EngineError(session, "the session stopped", "see the notices before this line")


def _frames_until(end: int, fps: int, rate: int) -> int:
    """ceil(end / rate * fps): pictures up to the one in which the last sample is heard."""
    return -(-end * fps // rate)


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else 0.0
