"""Only notices that a file has changed and reads it again; no thread, no clock: somebody calls `poll`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from avatar_engine.engine.errors import EngineError, SceneError

T = TypeVar("T")
Stamp = tuple[int, int, int] | None
"""Time of change, size and inode; None: no such file."""


@dataclass(frozen=True, slots=True)
class Reload(Generic[T]):
    """What became of a changed file. `value` is new, or None: it is broken (`error` says where), keep the last one.

    healed: the file was broken before and is good again (even when it says the same as the last good one).
    """

    path: Path
    value: T | None
    error: EngineError | None = None
    healed: bool = False

    def __str__(self) -> str:
        if self.error is not None:
            return f"{self.error} (the last good version stays)"
        return f"{self.path}: {'good again' if self.healed else 'reloaded'}"


@dataclass(slots=True)
class _Watched(Generic[T]):
    read: Callable[[Path], T]
    others: Callable[[T], Iterable[Path]]
    last: T | None
    stamps: dict[Path, Stamp]
    digest: bytes
    complaint: str | None = None
    doubt: bytes | None = None  # a broken version that was seen once: perhaps it is still being written


class FileWatch(Generic[T]):
    """Watches any number of files. The last good value is kept; a broken file is reported once."""

    def __init__(self) -> None:
        self._watched: dict[Path, _Watched[T]] = {}

    def add(
        self,
        path: Path,
        read: Callable[[Path], T],
        others: Callable[[T], Iterable[Path]] = lambda value: (),
    ) -> T:
        """Read `path` now and watch it, with the `others` it refers to (pictures). Raises what `read` raises."""
        value = read(path)
        files = tuple(dict.fromkeys((path, *others(value))))
        self._watched[path] = _Watched(read, others, value, {file: _stamp(file) for file in files}, _digest(files))
        return value

    def remove(self, path: Path) -> None:
        """Watch it no longer."""
        self._watched.pop(path, None)

    def last(self, path: Path) -> T:
        """The last good value of a watched file. Raises KeyError when it is not watched."""
        value = self._watched[path].last
        assert value is not None
        return value

    def poll(self) -> list[Reload[T]]:
        """What has changed since the last call. Costs a `stat` per file while nothing does."""
        found = (self._look(path, watched) for path, watched in list(self._watched.items()))
        return [reload for reload in found if reload is not None]

    def _look(self, path: Path, watched: _Watched[T]) -> Reload[T] | None:
        stamps = {file: _stamp(file) for file in watched.stamps}
        if stamps == watched.stamps and watched.doubt is None:
            return None
        watched.stamps = stamps
        digest = _digest(watched.stamps)
        if digest == watched.digest and watched.doubt is None:
            return None  # touched, not changed
        try:
            if stamps[path] is None:
                raise SceneError(str(path), "the file is gone", "put it back")
            value = watched.read(path)
        except EngineError as error:
            return self._broken(path, watched, digest, error)
        files = tuple(dict.fromkeys((path, *watched.others(value))))
        healed = watched.complaint is not None
        same = value == watched.last
        watched.last, watched.digest, watched.complaint, watched.doubt = value, digest, None, None
        watched.stamps = {file: stamps.get(file, _stamp(file)) for file in files}
        if set(files) != set(stamps):
            watched.digest = _digest(files)
        changed_beside = any(stamps.get(file) is not None for file in files if file != path)
        return None if same and not healed and not changed_beside else Reload(path, value, healed=healed)

    def _broken(self, path: Path, watched: _Watched[T], digest: bytes, error: EngineError) -> Reload[T] | None:
        if watched.doubt != digest and watched.complaint is None:
            watched.doubt = digest  # editors empty a file before they fill it: look once more before complaining
            return None
        watched.doubt, watched.digest = None, digest
        if watched.complaint == str(error):
            return None
        watched.complaint = str(error)
        return Reload(path, None, error)


def _stamp(path: Path) -> Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _digest(files: Iterable[Path]) -> bytes:
    total = hashlib.blake2b(digest_size=16)
    for file in files:
        try:
            total.update(hashlib.blake2b(file.read_bytes(), digest_size=16).digest())
        except OSError:
            total.update(b"gone")
    return total.digest()
