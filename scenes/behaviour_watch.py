"""Watches a behaviour's files, compiles them aside when they change, and keeps the last good one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.components.script import Persona
from avatar_engine.engine.errors import EngineError
from avatar_engine.scenes.behaviour_compile import load_persona

Stamp = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """The files changed and are good. healed: they were broken before."""

    persona: Persona
    healed: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """The files changed and cannot be used; whoever shows the last good ones goes on with them."""

    error: EngineError


class BehaviourWatch:
    """Looks at the files when asked to. `poll` costs a few microseconds when nothing changed."""

    def __init__(self, behaviour: str, persona: Persona) -> None:
        self.behaviour = behaviour
        self.persona = persona
        self.broken = False
        self._files = tuple(Path(source) for source in persona.sources)
        self._stamps = self._look()

    def poll(self) -> Reloaded | Broken | None:
        """What changed since the last call, if anything."""
        stamps = self._look()
        if stamps == self._stamps:
            return None
        self._stamps = stamps
        try:
            persona = load_persona(self.behaviour)
        except EngineError as error:
            self.broken = True
            return Broken(error)
        healed, self.broken = self.broken, False
        self.persona = persona
        self._files = tuple(Path(source) for source in persona.sources)
        self._stamps = self._look()
        return Reloaded(persona, healed)

    def _look(self) -> tuple[Stamp | None, ...]:
        return tuple(_stamp(path) for path in self._files)


class WatchThread:
    """Polls on a thread of its own, so that parsing never costs a frame; `take` hands over what was found."""

    def __init__(self, watch: BehaviourWatch, every_s: float = 0.25, wake: Callable[[], None] | None = None) -> None:
        self._watch = watch
        self._every_s = every_s
        self._wake = wake
        self._found: Reloaded | Broken | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._thread = threading.Thread(target=self._run, name="behaviour-watch", daemon=True)
        self._thread.start()

    def take(self) -> Reloaded | Broken | None:
        """The newest result that nobody has taken yet."""
        with self._lock:
            found, self._found = self._found, None
        return found

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            found = self._watch.poll()
            if found is None:
                continue
            with self._lock:
                self._found = found
            if self._wake is not None:
                self._wake()


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
