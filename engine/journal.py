"""What went into a simulation and what came out of each tick, as lines of JSON: written, read, compared."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from hashlib import blake2b
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine.engine import messages
from avatar_engine.engine.batch import Batch
from avatar_engine.engine.errors import InputError, OutputError
from avatar_engine.engine.media.output import try_output
from avatar_engine.engine.messages import AudioChunk, Command, SpokenWord, TimedWord

VERSION = 1


@dataclass(frozen=True, slots=True)
class Opened:
    """A session was opened with these options (plain data)."""

    session: str
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Closed:
    """A session was closed."""

    session: str


@dataclass(frozen=True, slots=True)
class Pushed:
    """Speech arrived, already at the rates the simulation works with."""

    session: str
    chunk: AudioChunk
    heard: np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A command arrived."""

    session: str
    command: Command


@dataclass(frozen=True, slots=True)
class Told:
    """The pronunciation of words of a segment became known."""

    session: str
    segment: int
    words: tuple[SpokenWord, ...]


Event = Opened | Closed | Pushed | Sent | Told


@dataclass(frozen=True, slots=True)
class TickRecord:
    """All events applied before a tick, and a digest of every column after it."""

    tick: int
    events: tuple[Event, ...] = ()
    digests: dict[str, str] = field(default_factory=dict)


def digests_of(batch: Batch) -> dict[str, str]:
    """Eight bytes of BLAKE2b per column: equal exactly when every weight is bit-identical."""
    return {
        name: blake2b(np.ascontiguousarray(batch[name]).tobytes(), digest_size=8).hexdigest() for name in batch.names
    }


class JournalWriter:
    """Appends records to a file, unbuffered, so that a crash loses at most one. Raises OutputError when it cannot.

    What is there already stays until the first tick: a simulation that never began has nothing to put in its place.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        self._path = path
        self._header = header
        self._file: FileIO | None = None
        try_output(path)

    def write(self, record: TickRecord) -> None:
        """Add one tick."""
        if self._file is None:
            try:
                self._file = self._path.open("wb", buffering=0)
            except OSError as error:
                raise OutputError(str(self._path), error.strerror or "cannot be written") from None
            self._line(self._file, {"journal": VERSION, **self._header})
        data = {"t": record.tick, "e": [_event_data(event) for event in record.events], "d": record.digests}
        self._line(self._file, data)

    def close(self) -> None:
        """Finish the file."""
        if self._file is not None:
            self._file.close()

    def _line(self, file: FileIO, data: dict[str, Any]) -> None:
        line = json.dumps(data, separators=(",", ":")).encode() + b"\n"
        try:
            while line:
                line = line[file.write(line) :]
        except OSError as error:
            raise OutputError(str(self._path), error.strerror or "cannot be written") from None


def read_header(path: Path) -> dict[str, Any]:
    """The first line. Raises InputError when this is no journal or of another version."""
    try:
        with path.open(encoding="utf-8") as file:
            header = json.loads(file.readline())
    except OSError as error:
        raise InputError(str(path), error.strerror or "cannot be read") from None
    except (UnicodeDecodeError, json.JSONDecodeError):
        raise InputError(f"{path}:1", "is not a journal", "give a file written with --journal") from None
    if not isinstance(header, dict) or header.get("journal") != VERSION:
        raise InputError(f"{path}:1", "is not a journal of this version", "record it again with --journal")
    return header


def read_ticks(path: Path) -> Iterator[TickRecord]:
    """All complete records after the header, in order; a torn last line is left out."""
    with path.open(encoding="utf-8") as file:
        next(file, None)
        for number, line in enumerate(file, start=2):
            if not line.endswith("\n"):
                return
            try:
                data = json.loads(line)
                events = tuple(_event(item) for item in data["e"])
                yield TickRecord(int(data["t"]), events, dict(data["d"]))
            except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
                raise InputError(f"{path}:{number}", f"damaged record ({error})", "record it again") from None


def _packed(samples: np.ndarray[Any, np.dtype[np.float32]]) -> str:
    return base64.b64encode(zlib.compress(samples.astype("<f4").tobytes(), 1)).decode()


def _unpacked(text: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), "<f4").astype(np.float32)


def _event_data(event: Event) -> dict[str, Any]:
    match event:
        case Opened(session, options):
            return {"open": session, "options": options}
        case Closed(session):
            return {"close": session}
        case Pushed(session, chunk, heard):
            return {
                "push": session, "rate": chunk.rate, "segment": chunk.segment, "last": chunk.last,
                "words": [[word.text, word.start_s, word.end_s] for word in chunk.words],
                "samples": _packed(chunk.samples), "heard": _packed(heard),
            }  # fmt: skip
        case Told(session, segment, words):
            return {"tell": session, "segment": segment, "words": [[word.start_s, *word.phones] for word in words]}
        case Sent(session, command):
            return {"send": session, "command": type(command).__name__, "fields": asdict(command)}


def _event(data: dict[str, Any]) -> Event:
    if "open" in data:
        return Opened(data["open"], data["options"])
    if "close" in data:
        return Closed(data["close"])
    if "push" in data:
        words = tuple(TimedWord(*word) for word in data["words"])
        chunk = AudioChunk(_unpacked(data["samples"]), data["rate"], data["segment"], data["last"], words)
        return Pushed(data["push"], chunk, _unpacked(data["heard"]))
    if "tell" in data:
        spoken = tuple(SpokenWord(tuple(phones), float(start_s)) for start_s, *phones in data["words"])
        return Told(data["tell"], int(data["segment"]), spoken)
    kind = getattr(messages, data["command"])
    if not (isinstance(kind, type) and issubclass(kind, Command)):
        raise ValueError(f"no command {data['command']}")
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in data["fields"].items()}
    return Sent(data["send"], kind(**fields))
