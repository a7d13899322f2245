"""Only here do Ctrl-C and SIGTERM wait for native code: Panda3D does not survive an exception in its midst. A program
of ours does not wait long: what it leaves behind is cleaned up aside, and it ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from types import FrameType

from avatar_engine import signals

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
        with signals.handled(self._on_signal), signals.heard_aside(self._last_resort) if _program else nullcontext():
            yield

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

    def _last_resort(self, count: int) -> None:
        """On the thread that hears: the main thread may not come to raise anything for long."""
        time.sleep(GRACE_S)
        try:
            if self.clean_up is not None:
                self.clean_up()
        finally:
            print("avatar-engine: stopped", file=sys.stderr)
            end_process(STOPPED)
