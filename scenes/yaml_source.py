"""Reads a YAML file into a pydantic model; every complaint names file:line, the field, and the closest valid name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from avatar_engine.engine.errors import SceneError, suggest

MAX_BYTES = 1_000_000
MAX_ALIASES = 100


class Strict(BaseModel):
    """Base of everything written in YAML: unknown keys and non-finite numbers are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


S = TypeVar("S", bound=BaseModel)
Path_ = tuple[str | int, ...]


# libyaml's parser is ten times as fast as the one in Python, and a file may be read while a session draws
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _LineLoader(_Loader):
    """SafeLoader that refuses duplicate keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if isinstance(key, str) and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key '{key}' stands here twice", key_node.start_mark
                )
            if isinstance(key, str):
                seen.add(key)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path, schema: type[S]) -> S:
    """Parse and validate `path`. Raises SceneError (`file:line field: what; hint`) on any mistake."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SceneError(str(path), f"is larger than {MAX_BYTES // 1000} kB", "split it with includes")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SceneError(str(path), "no such file") from None
    except IsADirectoryError:
        raise SceneError(str(path), "is a directory", "name a YAML file") from None
    except UnicodeDecodeError:
        raise SceneError(str(path), "is not UTF-8 text") from None
    except OSError as error:
        raise SceneError(str(path), error.strerror or str(error)) from None
    return parse_yaml(text, schema, str(path))


def parse_yaml(text: str, schema: type[S], name: str) -> S:
    """Like read_yaml for text that is already here; `name` is what errors call it."""
    try:
        _count_aliases(text)
        node = compose_yaml(text)
        loader = _LineLoader("")
        try:
            data = loader.construct_document(node) if node is not None else None
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        where = f"{name}:{mark.line + 1}" if mark is not None else name
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SceneError(where, str(problem), "check the indentation and quotes here") from None
    if not isinstance(data, dict):
        raise SceneError(f"{name}:1", "expected a mapping of keys to values", "start with `version: 1`")
    try:
        return schema.model_validate(data)
    except ValidationError as error:
        raise _first_mistake(error, node, schema, name) from None


def compose_yaml(text: str) -> Any:
    """The text as a node that knows its lines, or None when it says nothing. Raises yaml.YAMLError."""
    return yaml.compose(text, _LineLoader)


def _count_aliases(text: str) -> None:
    """A few aliases of aliases stand for millions of values."""
    if text.count("*") <= MAX_ALIASES:
        return
    aliases: list[Any] = [event for event in yaml.parse(text, _Loader) if isinstance(event, yaml.events.AliasEvent)]
    if len(aliases) > MAX_ALIASES:
        raise yaml.constructor.ConstructorError(None, None, "too many aliases", aliases[MAX_ALIASES].start_mark)


def _first_mistake(error: ValidationError, node: Any, schema: type[BaseModel], name: str) -> SceneError:
    problem = min(error.errors(), key=lambda item: line_of(node, item["loc"]))
    location = tuple(part for part in problem["loc"] if not _is_tag(part))
    where = f"{name}:{line_of(node, problem['loc'])} {dotted(location)}"
    if problem["type"] == "extra_forbidden":
        known = _fields_at(schema, location[:-1])
        return SceneError(where, "unknown key", suggest(str(location[-1]), known))
    message = re.sub(r"^(Value error|Assertion failed), ", "", problem["msg"])
    hint = ""
    if problem["type"] == "literal_error" and isinstance(problem["input"], str):
        expected = re.findall(r"'([^']*)'", str(problem.get("ctx", {}).get("expected", "")))
        hint = suggest(problem["input"], expected)
    given = problem["input"]
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    return SceneError(where.rstrip(), message[0].lower() + message[1:] + shown, hint)


def _is_tag(part: str | int) -> bool:
    # discriminated unions and functions put names such as `function-after[...]` into the location
    return isinstance(part, str) and ("[" in part or "function-" in part)


def dotted(location: Iterable[str | int]) -> str:
    """`(lights, 0, colour)` as people write it: `lights[0].colour`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def line_of(node: Any, location: Iterable[str | int]) -> int:
    """Line of a place in a composed YAML node; parts that stand nowhere in it (a missing key, a tag) are passed over."""
    line = node.start_mark.line + 1 if node is not None else 1
    for part in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    line, child = key.start_mark.line + 1, value
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = node.value[part]
            line = child.start_mark.line + 1
        if child is not None:
            node = child
    return int(line)


def _fields_at(schema: type[BaseModel], location: Path_) -> list[str]:
    models: list[Any] = [schema]
    for part in location:
        nested: list[Any] = []
        for model in models:
            if isinstance(part, int):
                nested.append(model)
            elif part in model.model_fields:
                nested += _models_in(model.model_fields[part].annotation)
            else:
                nested.append(model)
        models = nested or models
    return [name for model in models for name in model.model_fields]


def _models_in(annotation: Any) -> list[Any]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models_in(part)]
