"""Only hears SIGTERM and Ctrl-C, on a thread of its own: whoever serves rooms may be busy with something else."""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NUMBERS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def told(heard: Callable[[int], None]) -> Iterator[None]:
    """Inside, `heard` gets 1, 2, ... with the first, the second, ... signal, however long it takes with one of them.

    It is called on a thread of its own that neither an event loop nor native code keeps waiting. Call this on the main
    thread. A call that goes on when this is left is let finish.
    """
    ear, mouth = socket.socketpair()
    mouth.setblocking(False)

    def listen() -> None:
        with ear:
            count = 0
            while ear.recv(1):  # nothing when it was closed
                count += 1
                heard(count)

    threading.Thread(target=listen, name="avatar-signals", daemon=True).start()
    before = [signal.signal(number, _noted) for number in NUMBERS]
    fd = signal.set_wakeup_fd(mouth.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd)
        for number, handler in zip(NUMBERS, before):
            signal.signal(number, handler)
        mouth.close()


def _noted(number: int, frame: FrameType | None) -> None:
    """The interpreter has written to the socket already."""
