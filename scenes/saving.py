"""Only writes scenes back to their files: changed values in place so that comments stay, whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from avatar_engine.engine.errors import OutputError, SceneError
from avatar_engine.scenes.scene import Scene
from avatar_engine.scenes.yaml_source import parse_yaml

INLINE = 96
"""Longest line that a light or a pair of numbers is written on."""


def scene_text(scene: Scene) -> str:
    """The scene as YAML: what differs from the defaults, in the schema's order."""
    data = _plain(scene)
    return "".join(_block(key, data[key]) for key in data)


def save_scene(scene: Scene, path: Path) -> Scene:
    """Write `scene` to `path` and give it back as lying there. Raises OutputError; the old file then still stands.

    Comments, order and layout of a file that is there are kept where its values can be changed in place; a part
    whose shape changes (another light, another kind of background) is written anew, and only that part.
    """
    text = scene_text(scene)
    try:
        old = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = ""
    except (OSError, UnicodeDecodeError) as error:
        raise OutputError(str(path), f"cannot be read before it is overwritten ({error})") from None
    if old.strip():
        merged = _merged(old, scene)
        text = text if merged is None else merged
    if not _same(parse_yaml(text, Scene, str(path)), scene):
        raise OutputError(str(path), "the scene does not survive being written", "save it under another name")
    _write_whole(path, text)
    return scene.at(path)


def _plain(scene: Scene) -> dict[str, Any]:
    """What a file must say to mean this scene: version and name always, the rest where it is not the default."""
    default = Scene().model_dump(mode="json")
    data = scene.model_dump(mode="json")
    result = {k: v for k, v in data.items() if k == "version" or (v != default[k] and v is not None)}
    if "camera" in result:
        base = default["camera"]
        result["camera"] = {k: v for k, v in data["camera"].items() if v != base[k] or k == "framing"}
    if "background" in result:
        fields = type(scene.background).model_fields
        result["background"] = {k: v for k, v in data["background"].items() if v != fields[k].default}
    return result


def _same(one: Scene, other: Scene) -> bool:
    """Equal in all that is written; where they lie does not count."""
    return one.model_dump() == other.model_dump()


def _merged(old: str, scene: Scene) -> str | None:
    """`old` with the scene's values, or None when it has to be written anew."""
    try:
        before = parse_yaml(old, Scene, "old")
        node = yaml.compose(old, Loader=yaml.SafeLoader)
    except (SceneError, yaml.YAMLError):
        return None
    if not isinstance(node, yaml.MappingNode) or node.flow_style:
        return None
    wanted, had = scene.model_dump(mode="json"), before.model_dump(mode="json")
    written = {key.value: (key, value) for key, value in node.value}
    edits: list[tuple[int, int, str]] = []
    added: list[str] = []
    plain = _plain(scene)
    for key, value in wanted.items():
        if value == had[key]:
            continue
        if key not in written:
            if key in plain:
                added.append(_block(key, plain[key]))
            continue
        key_node, value_node = written[key]
        patch = _patch(old, value_node, value, had[key])
        if patch is None:
            start, end = key_node.start_mark.index, _end(old, value_node)
            patch = [(start, end, _block(key, plain[key]).rstrip("\n") if key in plain else "")]
        edits += patch
    text = old
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    if added:
        text = text.rstrip("\n") + "\n\n" + "".join(added)
    try:
        return text if _same(parse_yaml(text, Scene, "new"), scene) else None
    except SceneError:
        return None


def _patch(text: str, node: yaml.Node, value: Any, had: Any) -> list[tuple[int, int, str]] | None:
    """Replacements (start, end, text) that turn what `node` says from `had` to `value`; None: not in place."""
    if value == had:
        return []
    if isinstance(value, Mapping) and isinstance(had, Mapping) and isinstance(node, yaml.MappingNode):
        written = {key.value: item for key, item in node.value}
        edits: list[tuple[int, int, str]] = []
        for key, item in value.items():
            if item == had.get(key):
                continue
            if key not in written or item is None:
                return None
            below = _patch(text, written[key], item, had[key])
            if below is None:
                return None
            edits += below
        return edits
    if isinstance(value, Sequence) and not isinstance(value, str) and isinstance(node, yaml.SequenceNode):
        if not isinstance(had, Sequence) or not len(value) == len(had) == len(node.value):
            return None
        edits = []
        for child, item, before in zip(node.value, value, had):
            below = _patch(text, child, item, before)
            if below is None:
                return None
            edits += below
        return edits
    if isinstance(node, yaml.ScalarNode) and not isinstance(value, Mapping | list | tuple) and value is not None:
        return [(node.start_mark.index, node.end_mark.index, _scalar(value))]
    return None


def _end(text: str, node: yaml.Node) -> int:
    """Where a value ends, without the blank lines and comments that follow it."""
    part = text[node.start_mark.index : node.end_mark.index]
    while True:
        shorter = re.sub(r"(\s+|(?<=\n)[ \t]*#[^\n]*)$", "", part)
        if shorter == part:
            return node.start_mark.index + len(part)
        part = shorter


def _block(key: str, value: Any) -> str:
    if isinstance(value, Mapping):
        lines = "".join(f"  {name}: {_inline(item)}\n" for name, item in value.items())
        return f"{key}:\n{lines}"
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return f"{key}:\n" + "".join(_item(item) for item in value)
    return f"{key}: {_inline(value)}\n"


def _item(item: Mapping[str, Any]) -> str:
    line = f"  - {_inline(item)}\n"
    if len(line) <= INLINE:
        return line
    parts = [f"{name}: {_inline(value)}" for name, value in item.items()]
    return "  - " + "\n    ".join(parts) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_inline(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inline(item) for item in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"{value:.1f}"
    if isinstance(value, int | float):
        return _number(value)
    # Words such as yes and null would be read as something else.
    if re.fullmatch(r"[A-Za-z][A-Za-z_]*", value) and yaml.safe_load(value) == value:
        return str(value)
    return yaml.safe_dump(str(value), default_style='"', allow_unicode=True, width=10**6).rstrip("\n")


def _number(value: float) -> str:
    # YAML 1.1 reads 1e-05 as text: it wants a dot before the exponent.
    text = repr(value)
    return text if "e" not in text or "." in text else text.replace("e", ".0e")


def _write_whole(path: Path, text: str) -> None:
    """Write beside the file, then swap: readers see the old or the new file, never half of one."""
    target = path.resolve()
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.partial")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputError(
            str(path), f"cannot be written ({error.strerror or error})", "choose another folder"
        ) from None
