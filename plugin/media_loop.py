"""The thread that paces media: one event loop of its own per process, so that no agent code can delay a sample.

It starts with the first publisher and ends with the last one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")

ENCODER_THREADS = 2


class MediaLoop:
    """An asyncio loop on its own thread, and the small pool in which its publishers encode."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.encoders = ThreadPoolExecutor(ENCODER_THREADS, thread_name_prefix="avatar-encode")
        self._thread = threading.Thread(target=self._run, name="avatar-media", daemon=True)
        self._thread.start()

    def spawn(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine there."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def stop(self) -> None:
        """End the loop and the pool; call it from another thread, once nothing runs there any more."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.encoders.shutdown()
        self.loop.close()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()


_lock = threading.Lock()
_shared: MediaLoop | None = None
_users = 0


def acquire() -> MediaLoop:
    """The process's media loop; every `acquire` needs one `release`."""
    global _shared, _users
    with _lock:
        if _shared is None:
            _shared = MediaLoop()
        _users += 1
        return _shared


def release() -> None:
    """Give it back; the last one ends the thread."""
    global _shared, _users
    with _lock:
        _users -= 1
        last = _shared if _users == 0 else None
        if last is not None:
            _shared = None
    if last is not None:
        last.stop()
