"""Only the thread that makes things ready while the simulation goes on, and the pieces of it that only that may do.

One thread does one piece of work after another. What needs the drawing thread it hands over in pieces of a few
milliseconds and waits for each; the simulation does them between its ticks.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

from avatar_engine.engine.render.base import HandOver, Piece

Value = TypeVar("Value")

SWITCH_S = 0.0005
"""While something loads, Python changes threads this often: at its usual 5 ms every array operation of a tick that
lets go of the interpreter could wait that long to get it back."""


class StoppedError(RuntimeError):
    """The thread was told to end before the work was done."""

    def __init__(self) -> None:
        super().__init__("the avatar engine has stopped; start a new session")


class Aside:
    """The thread; it starts with the first piece of work. `serve` and `serve_one` belong to the drawing thread."""

    def __init__(self) -> None:
        self._works: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._pieces: SimpleQueue[tuple[Piece, Future[None]]] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self._waiting = 0  # works not done yet
        self._stopping = False
        self._longest_s = 0.0  # a piece took, lately

    def soon(self, prepare: Callable[[HandOver], object], finish: Callable[[], Value]) -> Future[Value]:
        """`prepare` on the loading thread, then `finish` on the drawing thread while what was prepared is still held.

        What either raises ends the future, and only that; a future cancelled before `finish` is passed over.
        """
        future: Future[Value] = Future()
        with self._lock:
            self._waiting += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="avatar-loading", daemon=True)
                self._thread.start()
        self._works.put(lambda: self._work(future, prepare, finish))
        return future

    def _work(self, future: Future[Value], prepare: Callable[[HandOver], object], finish: Callable[[], Value]) -> None:
        def settle() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(finish())
                except Exception as error:  # noqa: BLE001  (told to whoever waits)
                    future.set_exception(error)

        try:
            if self._stopping:
                raise StoppedError
            if not future.cancelled():
                ready = prepare(self.hand_over)
                self.hand_over(settle)
                del ready
        except StoppedError as error:
            if future.set_running_or_notify_cancel():
                future.set_exception(error.with_traceback(None))  # its frames would keep what was prepared
        except Exception as error:  # noqa: BLE001  (told to whoever waits)
            if future.set_running_or_notify_cancel():
                future.set_exception(error)

    def hand_over(self, piece: Piece) -> None:
        """On the loading thread: have this done on the drawing thread and wait for it. Raises what it raises."""
        if self._stopping:
            raise StoppedError
        done: Future[None] = Future()
        self._pieces.put((piece, done))
        done.result()

    @property
    def busy(self) -> bool:
        """Whether anything is being made ready."""
        return self._waiting > 0

    def serve_one(self) -> None:
        """Do one piece, if one waits."""
        try:
            self._serve(*self._pieces.get_nowait())
        except Empty:
            return

    def serve(self, until_s: float) -> None:
        """Do pieces, and wait for more, as long as the next will probably be done by then (steady clock)."""
        while self.busy:
            left_s = until_s - self._longest_s - time.monotonic()
            if left_s <= 0.0:
                return
            try:
                self._serve(*self._pieces.get(timeout=left_s))
            except Empty:
                return

    def stop(self) -> None:
        """End the thread; what is under way sees `StoppedError` where it hands over its next piece."""
        self._stopping = True
        self._works.put(None)
        while self._thread is not None and self._thread.is_alive():
            try:
                self._pieces.get(timeout=0.01)[1].set_exception(StoppedError())
            except Empty:
                continue

    def _serve(self, piece: Piece, done: Future[None]) -> None:
        began_s = time.monotonic()
        try:
            piece()
        except BaseException as error:  # noqa: BLE001  (raised where it was handed over)
            done.set_exception(error)
        else:
            done.set_result(None)
        self._longest_s = max(time.monotonic() - began_s, 0.9 * self._longest_s)

    def _run(self) -> None:
        while (work := self._works.get()) is not None:
            usual_s = sys.getswitchinterval()
            sys.setswitchinterval(min(SWITCH_S, usual_s))
            try:
                work()
            finally:
                sys.setswitchinterval(usual_s)
                with self._lock:
                    self._waiting -= 1
            del work  # it holds what it worked on
