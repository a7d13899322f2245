"""Only here do Ctrl-C and SIGTERM wait for native code: Panda3D does not survive an exception in its midst. A program
of ours does not wait long: what it leaves behind is cleaned up aside, and it ends.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

STOPPED = 130
"""Exit code of a program that was interrupted (128 + SIGINT)."""
GRACE_S = 0.5
"""So long may an interrupted program take to end by itself: people are promised a second."""
_program = False


def is_program() -> None:
    """This process is our command line and nobody else's: an interruption may end it as a whole."""
    global _program
    _program = True


def end_process(code: int) -> None:
    """Leave at once, past threads and libraries that would want to be taken down one by one."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


class Interrupts:
    """While open, both signals raise KeyboardInterrupt; inside `held` they are kept until it is left.

    Only the main thread can receive signals, elsewhere this does nothing.
    """

    def __init__(self) -> None:
        self.clean_up: Callable[[], None] | None = None
        """What leaves no trace behind where the program is ended; called on any thread, and perhaps twice."""
        self._holds = 0
        self._waiting = False

    @contextmanager
    def open(self) -> Iterator[None]:
        """Take over both signals, and give them back."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._on_signal) for number in numbers]
        try:
            with self._last_resort() if _program else nullcontext():
                yield
        finally:
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)

    @contextmanager
    def _last_resort(self) -> Iterator[None]:
        """A thread that hears of signals as the process does. `_on_signal` waits for the main thread's next Python
        instruction, which native code or a lock entered just before the signal may keep from it for long.
        """
        heard, told = socket.socketpair()
        told.setblocking(False)
        threading.Thread(target=self._listen, args=(heard,), name="interrupts", daemon=True).start()
        before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            told.close()

    def _listen(self, heard: socket.socket) -> None:
        with heard:
            if heard.recv(1):  # nothing when it was closed
                time.sleep(GRACE_S)
                self._end()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing is interrupted in here; what came meanwhile is raised at the end."""
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
        if self._waiting and not self._holds:
            self._waiting = False
            raise KeyboardInterrupt

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._holds:
            self._waiting = True
        else:
            raise KeyboardInterrupt

    def _end(self) -> None:
        try:
            if self.clean_up is not None:
                self.clean_up()
        finally:
            print("avatar-engine: stopped", file=sys.stderr)
            end_process(STOPPED)
