"""Only here do Ctrl-C and SIGTERM wait for native code: Panda3D does not survive an exception in its midst."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """While open, both signals raise KeyboardInterrupt; inside `held` they are kept until it is left.

    Only the main thread can receive signals, elsewhere this does nothing.
    """

    def __init__(self) -> None:
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
        if self._holds:
            self._waiting = True
        else:
            raise KeyboardInterrupt
