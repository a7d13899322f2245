"""Scene and behaviour files in use: looked at again and again, parsed aside, handed over between two ticks."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.components.script import Persona
from avatar_engine.scenes.behaviour_compile import load_persona
from avatar_engine.scenes.behaviour_watch import BehaviourWatch, Broken
from avatar_engine.scenes.scene import Scene, read_scene
from avatar_engine.scenes.staging import background_path
from avatar_engine.scenes.watching import FileWatch

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
        self._behaviours: dict[str, BehaviourWatch] = {}
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
            watch = self._behaviours.get(behaviour)
            if watch is None:
                watch = BehaviourWatch(behaviour, load_persona(behaviour))
                self._behaviours[behaviour] = watch
            return watch.persona

    def look(self) -> None:
        """Find out what has changed since the last look."""
        with self._lock:
            for reload in self._scenes.poll():
                if reload.value is not None:
                    self._found.append(SceneChanged(reload.path, reload.value))
                if reload.error is not None or reload.healed:
                    self._found.append(FileTold("warning" if reload.error else "info", str(reload)))
            for behaviour, watch in self._behaviours.items():
                result = watch.poll()
                if isinstance(result, Broken):
                    self._found.append(FileTold("warning", f"{result.error} (the last good version stays)"))
                elif result is not None:
                    self._found.append(PersonaChanged(behaviour, result.persona))
                    if result.healed:
                        self._found.append(FileTold("info", f"behaviour {behaviour}: good again"))

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
