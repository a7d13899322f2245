"""Only here do Ctrl-C and SIGTERM wait for native code: Panda3D does not survive an exception in its midst. A program
of ours does not wait long: what it leaves behind is cleaned up aside, and it ends.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        self._last_resort: threading.Timer | None = None

    @contextmanager
    def open(self) -> Iterator[None]:
        """Take over both signals, and give them back."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, self._on_signal) for number in numbers]
        try:
            yield
        finally:
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)

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
        if _program and self._last_resort is None:
            self._last_resort = threading.Timer(GRACE_S, self._end)
            self._last_resort.daemon = True
            self._last_resort.start()
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
