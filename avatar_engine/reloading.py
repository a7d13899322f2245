"""Scene and behaviour files in use: looked at again and again, parsed aside, handed over between two ticks."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.components.script import Persona
from avatar_engine.scenes.behaviour_compile import load_persona
from avatar_engine.scenes.behaviour_source import find_behaviour
from avatar_engine.scenes.scene import Scene, read_scene
from avatar_engine.scenes.staging import background_path
from avatar_engine.scenes.watching import FileWatch, Reload

LOOK_EVERY_S = 0.25


@dataclass(frozen=True, slots=True)
class SceneChanged:
    """A scene file is good and says something new."""

    path: Path
    scene: Scene


@dataclass(frozen=True, slots=True)
class PersonaChanged:
    """A behaviour's files are good and say something new."""

    behaviour: str
    persona: Persona


@dataclass(frozen=True, slots=True)
class FileTold:
    """What people should know about a file: broken (with file:line), or good again."""

    level: str
    text: str


Change = SceneChanged | PersonaChanged | FileTold


class FilesInUse:
    """`look` may run on any thread and takes as long as parsing takes; `take` is instant."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._scenes: FileWatch[Scene] = FileWatch()
        self._known_scenes: set[Path] = set()
        self._personas: FileWatch[Persona] = FileWatch()
        self._behaviours: dict[str, Path] = {}
        self._found: deque[Change] = deque()
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def scene(self, path: Path) -> Scene:
        """Read a scene and watch it and its picture. Raises SceneError."""
        with self._lock:
            if path in self._known_scenes:
                return self._scenes.last(path)
            scene = self._scenes.add(path, read_scene, _pictures)
            self._known_scenes.add(path)
            return scene

    def persona(self, behaviour: str) -> Persona:
        """Load a behaviour and watch its files. Raises SceneError."""
        with self._lock:
            path = self._behaviours.get(behaviour)
            if path is None:
                path = find_behaviour(behaviour)
                if path not in self._behaviours.values():
                    self._personas.add(path, lambda file: load_persona(str(file)), _includes)
                self._behaviours[behaviour] = path
            return self._personas.last(path)

    def look(self) -> None:
        """Find out what has changed since the last look."""
        with self._lock:
            for scene in self._scenes.poll():
                if scene.value is not None:
                    self._found.append(SceneChanged(scene.path, scene.value))
                self._tell(scene)
            for edited in self._personas.poll():
                if edited.value is not None:
                    names = [name for name, path in self._behaviours.items() if path == edited.path]
                    self._found.extend(PersonaChanged(name, edited.value) for name in names)
                self._tell(edited)

    def _tell(self, reload: Reload[Scene] | Reload[Persona]) -> None:
        if reload.error is not None or reload.healed:
            self._found.append(FileTold("warning" if reload.error else "info", str(reload)))

    def take(self) -> list[Change]:
        """What was found and not taken yet, oldest first."""
        found = []
        while self._found:
            found.append(self._found.popleft())
        return found

    def start(self) -> None:
        """Look every quarter of a second on a thread of its own."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="avatar-files", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End that thread, if there is one."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY_S):
            self.look()


def _pictures(scene: Scene) -> tuple[Path, ...]:
    image = scene.background.image
    return () if image is None else (background_path(image, scene.source),)


def _includes(persona: Persona) -> tuple[Path, ...]:
    return tuple(Path(source) for source in persona.sources)
