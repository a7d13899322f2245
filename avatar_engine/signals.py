"""Only hears SIGTERM and Ctrl-C: with handlers of the main thread, and on a thread of its own that nothing keeps busy."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGINT)

Handler = Callable[[int, FrameType | None], None]


@contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """Both signals go to `handler`, as the main thread's next Python instruction; call this on the main thread."""
    before = [signal.signal(number, handler) for number in NUMBERS]
    try:
        yield
    finally:
        for number, known in zip(NUMBERS, before):
            signal.signal(number, known)


@contextmanager
def heard_aside(heard: Callable[[int], None]) -> Iterator[None]:
    """Inside, `heard` gets 1, 2, ... with the first, the second, ... of SIGTERM and Ctrl-C, as far as they have handlers.

    It is called on a thread of its own as the process gets them: native code, an event loop, or a lock entered just
    before the signal may keep a handler waiting for long. Call this on the main thread. A call that goes on when this
    is left is let finish.
    """
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)

    def listen() -> None:
        with ear:
            count = 0
            while number := ear.recv(1):  # nothing when it was closed
                if number[0] in NUMBERS:  # every signal with a handler is told
                    count += 1
                    heard(count)

    threading.Thread(target=listen, name="signals", daemon=True).start()
    before = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        mouth.close()


def noted(number: int, frame: FrameType | None) -> None:
    """A handler for signals that are heard aside: the interpreter has told that thread already."""
