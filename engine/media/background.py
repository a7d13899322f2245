"""Only here does encoding leave the caller's thread: one worker, one bounded queue, errors brought back."""

from __future__ import annotations

import threading
import time
from array import array
from queue import Queue
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.image import Image

Samples = NDArray[np.float32]

_QUEUE_BYTES = 4 << 20  # pictures waiting: three at 720p; enough to keep both sides busy
_MAX_WAITING, _MIN_WAITING = 8, 2


class Writer(Protocol):
    """What the worker drives; every method is called in the worker's thread only."""

    def picture(self, image: Image | None) -> None: ...

    def sound(self, samples: Samples) -> None: ...

    def finish(self) -> None:
        """Write what is still held and close the file."""

    def discard(self) -> None:
        """Close without finishing, never raise."""


class Background:
    """Runs a writer in its own thread. The caller waits when the queue is full; an error of the writer is
    raised in the caller at its next call."""

    def __init__(self, writer: Writer, width: int, height: int, name: str) -> None:
        self._writer = writer
        waiting = min(_MAX_WAITING, max(_MIN_WAITING, _QUEUE_BYTES // (width * height * 3 // 2)))
        self._pictures_free = threading.BoundedSemaphore(waiting)
        self._queue: Queue[Image | NDArray[np.float32] | _Repeat | None] = Queue()
        self._error: BaseException | None = None
        self._stop = False
        self._encode_ms = array("f")
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def encode_ms(self) -> NDArray[np.float32]:
        return np.array(self._encode_ms, np.float32)

    def picture(self, image: Image | None) -> None:
        self._raise()
        self._pictures_free.acquire()
        self._queue.put(_REPEAT if image is None else image)

    def sound(self, samples: Samples) -> None:
        self._raise()
        self._queue.put(samples)

    def finish(self) -> None:
        """Returns when everything is written."""
        self._queue.put(None)
        self._thread.join()
        self._raise()

    def stop(self) -> None:
        """Drop what waits and end the thread; at most one picture's encoding is waited for."""
        self._stop = True
        self._queue.put(None)
        self._thread.join()

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        done = False
        while not done:
            item = self._queue.get()
            is_picture = isinstance(item, (Image, _Repeat))
            try:
                # After an error the queue is emptied without work, so that the caller never waits in vain.
                if self._error is None and not self._stop:
                    done = self._handle(item)
            except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised in the caller
                self._error = error
            finally:
                if is_picture:
                    self._pictures_free.release()
            done = done or item is None
        if self._error is not None or self._stop:
            self._writer.discard()

    def _handle(self, item: Image | NDArray[np.float32] | _Repeat | None) -> bool:
        if item is None:
            self._writer.finish()
            return True
        if isinstance(item, np.ndarray):
            self._writer.sound(item)
            return False
        started = time.perf_counter()
        self._writer.picture(item if isinstance(item, Image) else None)
        self._encode_ms.append((time.perf_counter() - started) * 1e3)
        return False


class _Repeat:
    """Stands in the queue for 'the same picture again'."""


_REPEAT = _Repeat()
