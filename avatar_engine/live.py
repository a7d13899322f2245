"""The live driver: one simulation thread that steps a runtime at the pace of played audio; nothing else.

Audio sources drain at exactly the machine's steady clock, so tick k is due at start + k / hz on it. When the
thread falls behind it first leaves out drawing (never samples), and what it still cannot make up it gives up by
moving the start: publishers notice the gap in their own queue and anchor again.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from avatar_engine.engine.errors import EngineError
from avatar_engine.engine.messages import SESSION_ENDED, AudioChunk, Command, FramePacket, Notice

CATCH_UP_S = 0.150
"""Lateness up to here is made up by stepping faster; publishers can hold about as much audio in their queues."""
UNDRAWN_S = 0.25
"""However late it is, a picture is drawn this often."""


class SteppedRuntime(Protocol):
    """What the driver needs of a runtime; all of it is called on the simulation thread."""

    notices: deque[Notice]

    def open_session_soon(self, options: Any) -> Future[str]: ...
    def make_ready(self, until_s: float) -> None: ...
    def close_session(self, session: str) -> None: ...
    def push_audio(self, session: str, chunk: AudioChunk) -> None: ...
    def send(self, session: str, command: Command) -> None: ...
    def step(
        self, draw: bool = True, early: Callable[[list[FramePacket]], None] | None = None
    ) -> list[FramePacket]: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """A packet on its way out. Every tick of a session has two: its sound, before anything is drawn, and its pictures.

    drawn: False with the sound, when the packet's frames are only numbered yet; True with its pictures.
    stamp: the number of the last command of this session that was in force when it was made.
    due_s, made_s: steady-clock times of the tick's beginning and of the packet's completion.
    """

    packet: FramePacket
    stamp: int
    due_s: float
    made_s: float
    drawn: bool


@dataclass(slots=True)
class DriverFigures:
    """Counters of the simulation thread; written there, read anywhere."""

    ticks: int = 0
    undrawn_ticks: int = 0
    slipped_s: float = 0.0
    step_s: float = 0.0  # smoothed duration of one step
    late_s: float = 0.0  # smoothed lateness of a tick's beginning
    deadline_misses: int = 0  # steps that took longer than a tick


@dataclass(slots=True)
class _Session:
    sink: Callable[[Delivery], None]
    lost: Callable[[BaseException], None]
    notice: Callable[[Notice], None]
    sent: int = 0
    in_force: int = 0


class DriverStoppedError(RuntimeError):
    """The simulation thread has ended; open a new driver."""


def _stopped() -> DriverStoppedError:
    return DriverStoppedError("the avatar engine has stopped; start a new session")


class LiveDriver:
    """Owns the simulation thread. Every method may be called from any thread and returns at once."""

    def __init__(self, make_runtime: Callable[[], SteppedRuntime], *, hz: int) -> None:
        self.hz = hz
        self.figures = DriverFigures()
        self._make_runtime = make_runtime
        self._inbox: deque[Callable[[SteppedRuntime], None]] = deque()
        self._sessions: dict[str, _Session] = {}
        self._promised: list[Future[Any]] = []  # to be ended even if the thread ends first
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._failure: BaseException | None = None
        self.ready: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name="avatar-simulation", daemon=True)

    def start(self) -> Future[None]:
        """Start the thread; the future is done when the runtime is built (warm) or has failed to."""
        self._thread.start()
        return self.ready

    def stop(self, timeout_s: float | None = None) -> None:
        """End the thread after the step in progress and wait for it. All sessions end."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(timeout_s)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() and not self._stopping and self._failure is None

    @property
    def failed(self) -> bool:
        """It ended by itself; why is the exception that `lost` and `ready` carried."""
        return self._failure is not None

    @property
    def session_count(self) -> int:
        return len(self._sessions)

    def open_session(
        self,
        options: Any,
        sink: Callable[[Delivery], None],
        lost: Callable[[BaseException], None],
        notice: Callable[[Notice], None],
    ) -> Future[str]:
        """Open a session; the others go on while its avatar is read and made ready. `sink`, `lost` and `notice` are
        called on the simulation thread and must return at once; `lost` comes at most once, when the engine cannot go
        on with this session. Cancelling the future gives it up; what is open by then is closed again."""
        opened: Future[str] = Future()

        def act(runtime: SteppedRuntime) -> None:
            soon = runtime.open_session_soon(options)
            opened.add_done_callback(lambda future: soon.cancel() if future.cancelled() else None)
            soon.add_done_callback(lambda future: settle(runtime, future))

        def settle(runtime: SteppedRuntime, soon: Future[str]) -> None:
            if soon.cancelled():
                return
            error = soon.exception()
            wanted = opened.set_running_or_notify_cancel()
            if error is not None:
                if wanted:
                    opened.set_exception(error)
                return
            session = soon.result()
            if not wanted:
                runtime.close_session(session)
                return
            with self._lock:
                self._sessions[session] = _Session(sink, lost, notice)
            opened.set_result(session)

        self._post(act, opened)
        return opened

    def close_session(self, session: str) -> Future[None]:
        """Close a session; nothing comes out of it once the future is done."""
        closed: Future[None] = Future()

        def act(runtime: SteppedRuntime) -> None:
            with self._lock:
                known = self._sessions.pop(session, None)
            if known is not None:
                runtime.close_session(session)
            closed.set_result(None)

        self._post(act, closed)
        return closed

    def push_audio(self, session: str, chunk: AudioChunk) -> None:
        self._post(lambda runtime: self._if_open(runtime, session, lambda: runtime.push_audio(session, chunk)))

    def send(self, session: str, command: Command) -> int:
        """Queue a command; packets whose stamp is at least the returned number were made under it."""
        with self._lock:
            known = self._sessions.get(session)
            if known is None:
                return 0
            known.sent += 1
            number = known.sent

            def act(runtime: SteppedRuntime) -> None:
                runtime.send(session, command)
                known.in_force = number

            self._inbox.append(lambda runtime: self._if_open(runtime, session, lambda: act(runtime)))
        return number

    def _if_open(self, runtime: SteppedRuntime, session: str, act: Callable[[], None]) -> None:
        """Done for an open session; what it raises ends that session alone."""
        if session not in self._sessions:
            return
        try:
            act()
        except Exception as error:  # noqa: BLE001  (the session is told why it ends)
            runtime.close_session(session)
            self._end(session, EngineError(session, f"{type(error).__name__}: {error}", "open a new session"))

    def _end(self, session: str, error: BaseException) -> None:
        with self._lock:
            known = self._sessions.pop(session)
        known.lost(error)

    def _post(self, act: Callable[[SteppedRuntime], None], waiting: Future[Any] | None = None) -> None:
        with self._lock:
            if self._failure is None and not self._stopping:
                self._inbox.append(act)
                if waiting is not None:
                    self._promised.append(waiting)
                    self._promised = [future for future in self._promised if not future.done()]
                return
        if waiting is not None:
            waiting.set_exception(_stopped())

    def _run(self) -> None:
        runtime: SteppedRuntime | None = None
        failure: BaseException | None = None
        try:
            runtime = self._make_runtime()
            # What is there now stays: later collections, which stop every thread, need not look at it again.
            gc.collect()
            gc.freeze()
            self.ready.set_result(None)
            self._loop(runtime)
        except BaseException as error:  # noqa: BLE001  (every session is told; nothing is swallowed)
            failure = error
            if not self.ready.done():
                self.ready.set_exception(error)
        with self._lock:
            self._failure = failure or DriverStoppedError("the avatar engine was stopped")
            sessions = list(self._sessions.values())
            self._sessions.clear()
            self._inbox.clear()
        if failure is not None:
            for session in sessions:
                session.lost(failure)
        if runtime is not None:
            runtime.close()
        for future in self._promised:
            if not future.done() and future.set_running_or_notify_cancel():
                future.set_exception(_stopped())

    def _loop(self, runtime: SteppedRuntime) -> None:
        tick_s = 1.0 / self.hz
        start_s = time.monotonic()
        tick = 0
        drawn_s = start_s
        while not self._stopping:
            due_s = start_s + tick * tick_s
            runtime.make_ready(due_s)
            self._wake.wait(max(0.0, due_s - time.monotonic()))
            if self._stopping:
                return
            self._drain(runtime)
            began_s = time.monotonic()
            late_s = max(0.0, began_s - due_s)
            if late_s > CATCH_UP_S:
                self.figures.slipped_s += late_s
                start_s += late_s
                due_s += late_s
            draw = late_s <= tick_s or began_s - drawn_s >= UNDRAWN_S
            packets = runtime.step(draw, partial(self._hand_out, due_s, False))
            if draw and any(packet.frames for packet in packets):
                drawn_s = began_s
            made_s = time.monotonic()
            self._note(made_s - began_s, late_s, draw, tick_s)
            self._hand_out(due_s, True, packets)
            while runtime.notices:
                told = runtime.notices.popleft()
                known = self._sessions.get(told.session)
                if known is not None:
                    known.notice(told)
                    if told.code == SESSION_ENDED:
                        self._end(told.session, EngineError(told.session, told.text, "open a new session"))
            tick += 1

    def _hand_out(self, due_s: float, drawn: bool, packets: list[FramePacket]) -> None:
        made_s = time.monotonic()
        for packet in packets:
            known = self._sessions.get(packet.session)
            if known is not None:
                known.sink(Delivery(packet, known.in_force, due_s, made_s, drawn))

    def _drain(self, runtime: SteppedRuntime) -> None:
        while self._inbox:
            self._inbox.popleft()(runtime)

    def _note(self, step_s: float, late_s: float, draw: bool, tick_s: float) -> None:
        figures = self.figures
        figures.ticks += 1
        figures.undrawn_ticks += not draw
        figures.deadline_misses += step_s > tick_s
        figures.step_s += 0.05 * (step_s - figures.step_s)
        figures.late_s += 0.05 * (late_s - figures.late_s)
