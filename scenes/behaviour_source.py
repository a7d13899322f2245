"""Finds and reads behaviour files with their includes, and knows the line of every part of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avatar_engine.engine.errors import SceneError, suggest
from avatar_engine.scenes.behaviour_schema import BehaviourSpec
from avatar_engine.scenes.yaml_source import compose_yaml, dotted, line_of, parse_yaml

BUNDLED = Path(__file__).parent / "behaviors"
MAX_FILES = 32
Location = tuple[str | int, ...]


@dataclass(slots=True)
class Source:
    """One behaviour file as read."""

    path: Path
    text: str
    spec: BehaviourSpec
    _node: Any = field(default=None, repr=False)

    def where(self, location: Location) -> str:
        """`file:line part.of.it` of a place in this file."""
        if self._node is None:
            self._node = compose_yaml(self.text)
        return f"{self.path}:{line_of(self._node, location)} {dotted(location)}"


def find_behaviour(name: str, beside: Path | None = None) -> Path:
    """The file a name means: a path (relative to `beside`), or a bundled behaviour. Raises SceneError."""
    path = Path(name).expanduser()
    base = beside if beside is not None else Path()
    if path.suffix in (".yaml", ".yml") and (base / path).is_file():
        return base / path
    if path.name == name and (BUNDLED / f"{path.stem}.yaml").is_file():
        return BUNDLED / f"{path.stem}.yaml"
    if path.suffix in (".yaml", ".yml") or path.name != name:
        raise SceneError(str(base / path), "no such file", suggest(path.stem, bundled_behaviours()))
    raise SceneError(f"behaviour {name}", "no such behaviour", suggest(name, bundled_behaviours()))


def bundled_behaviours() -> list[str]:
    """Names of the behaviours that come with the engine."""
    return sorted(path.stem for path in BUNDLED.glob("*.yaml"))


def read_sources(path: Path) -> list[Source]:
    """The file and everything it includes, included ones first, each once. Raises SceneError."""
    found: dict[Path, Source] = {}
    _read(path, (), found)
    return list(found.values())


def _read(path: Path, chain: tuple[Path, ...], found: dict[Path, Source]) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SceneError(str(path), "no such file") from None
    except UnicodeDecodeError:
        raise SceneError(str(path), "is not UTF-8 text") from None
    except OSError as error:
        raise SceneError(str(path), error.strerror or str(error), "name a YAML file") from None
    source = Source(path, text, parse_yaml(text, BehaviourSpec, str(path)))
    here = (*chain, path.resolve())
    for index, name in enumerate(source.spec.include):
        spot = source.where(("include", index))
        try:
            target = find_behaviour(name, path.parent)
        except SceneError as error:
            raise SceneError(spot, f"there is no behaviour file '{name}'", error.hint) from None
        if target.resolve() in here:
            circle = " -> ".join(item.name for item in (*here, target.resolve()))
            raise SceneError(spot, f"includes itself: {circle}", "take one of these includes out")
        if len(found) >= MAX_FILES:
            raise SceneError(spot, f"more than {MAX_FILES} files are included")
        if target.resolve() not in found:
            _read(target, here, found)
    found[path.resolve()] = source
