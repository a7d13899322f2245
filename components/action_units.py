"""The catalogue of the 157 action units, read from action_units.yaml and checked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS, POSE, POSE_INDEX
from avatar_engine.engine.errors import AssetError, suggest

Float = NDArray[np.float32]
UNIT_COUNT = 157
SIDES = ("", "left", "right", "upper", "lower", "upper_left", "upper_right", "lower_left", "lower_right")
KINDS = ("action_unit", "descriptor", "gross", "head", "eye", "extension")
REGIONS = (
    "brow", "lid", "eye", "nose", "cheek", "corner", "lip", "jaw", "tongue", "neck", "head", "shoulder", "chest",
    "skin", "face",
)  # fmt: skip
MOTIONS = ("pulse", "osc", "envelope", "gaze", "gate", "noise", "sweep", "roll")
METRES = frozenset(POSE_INDEX[name] for name in ("head_x", "head_y", "head_z"))
PLAIN = frozenset({POSE_INDEX["breath"]})


@dataclass(frozen=True, slots=True)
class Motion:
    """How a unit moves by itself while its intensity is above zero."""

    kind: str
    attack_ms: float = 0.0
    hold_ms: float = 0.0
    release_ms: float = 0.0
    apex_ms: float = 0.0
    total_ms: float = 0.0
    period_ms: float = 0.0
    hz: float = 0.0
    cycles: float = 0.0
    target: str = ""
    parts: str = ""
    lateral: Mapping[str, float] = field(default_factory=dict)  # two controls, left then right


@dataclass(frozen=True, slots=True)
class ActionUnit:
    """One unit. controls: name -> weight at intensity 1. pose: channel -> degrees, metres or share."""

    index: int
    id: str
    code: str
    kind: str
    name: str
    region: str
    side: str = ""
    muscle: str = ""
    controls: Mapping[str, float] = field(default_factory=dict)
    pose: Mapping[str, float] = field(default_factory=dict)
    native: Mapping[str, Any] = field(default_factory=dict)
    shape: str = ""
    motion: Motion | None = None
    effect: Mapping[str, float] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All units in order, and the same as matrices.

    controls: (157, C) weights. pose: (157, P) radians, metres or shares.
    """

    version: int
    units: tuple[ActionUnit, ...]
    index: Mapping[str, int]
    letters: Mapping[str, float]
    not_controllable: Mapping[str, str]
    controls: Float
    pose: Float


@cache
def catalogue() -> Catalogue:
    """The shipped catalogue."""
    path = resources.files("avatar_engine.components").joinpath("action_units.yaml")
    return build_catalogue(yaml.load(path.read_text("utf-8"), Loader=_loader()), "action_units.yaml")


def build_catalogue(data: Mapping[str, Any], where: str) -> Catalogue:
    """Check the parsed file and compile it; AssetError names the unit and the field."""
    units = tuple(_unit(where, i, name, raw) for i, (name, raw) in enumerate(data["units"].items()))
    if len(units) != UNIT_COUNT:
        raise AssetError(where, f"{len(units)} units", f"there must be exactly {UNIT_COUNT}")
    controls = np.zeros((UNIT_COUNT, len(CONTROLS)), np.float32)
    pose = np.zeros((UNIT_COUNT, len(POSE)), np.float32)
    for unit in units:
        for name, weight in unit.controls.items():
            controls[unit.index, CONTROL_INDEX[name]] = weight
        for name, value in unit.pose.items():
            channel = POSE_INDEX[name]
            straight = channel in METRES or channel in PLAIN
            pose[unit.index, channel] = value if straight else math.radians(value)
    return Catalogue(
        version=int(data["version"]),
        units=units,
        index={unit.id: unit.index for unit in units},
        letters=dict(data["intensity"]),
        not_controllable=dict(data["not_controllable"]),
        controls=controls,
        pose=pose,
    )


def unit_ids(name: str, known: Mapping[str, int] | None = None) -> tuple[str, ...]:
    """The ids a name stands for: an id itself (`AU12L`), or a FACS code for all its sides (`12`, `AU12`, `M83`).

    Empty when nothing is called so.
    """
    book = catalogue()
    if name in (known if known is not None else book.index):
        return (name,)
    code = name[2:].lstrip("0") if name.startswith("AU") else name
    found = tuple(unit.id for unit in book.units if unit.code == code and code != "-")
    if found:
        return found
    stem = name if name.startswith("X_") else f"X_{name}"
    return tuple(unit.id for unit in book.units if unit.id in (stem, f"{stem}L", f"{stem}R"))


def unit_names() -> Iterator[str]:
    """Every name that `unit_ids` understands, for suggestions."""
    for unit in catalogue().units:
        yield unit.id
        if unit.code != "-":
            yield unit.code


def _unit(where: str, index: int, name: str, raw: Mapping[str, Any]) -> ActionUnit:
    spot = f"{where} units.{name}"
    fields = dict(raw)
    motion = fields.pop("motion", None)
    try:
        unit = ActionUnit(index=index, id=name, motion=Motion(**motion) if motion else None, **fields)
    except TypeError as error:
        raise AssetError(spot, str(error), "see the comment at the top of the file") from error
    _check(spot, "kind", unit.kind, KINDS)
    _check(spot, "region", unit.region, REGIONS)
    _check(spot, "side", unit.side, SIDES)
    if unit.motion:
        _check(spot, "motion.kind", unit.motion.kind, MOTIONS)
        for control in unit.motion.lateral:
            _check(spot, "motion.lateral", control, CONTROLS)
    for control, weight in unit.controls.items():
        _check(spot, "controls", control, CONTROLS)
        if not 0.0 < weight <= 1.0:
            raise AssetError(spot, f"controls.{control} is {weight}", "give a weight above 0 and at most 1")
    for channel in unit.pose:
        _check(spot, "pose", channel, POSE)
    if not (unit.controls or unit.pose or unit.effect or unit.motion):
        raise AssetError(spot, "moves nothing", "give controls, pose, motion or effect")
    return unit


def _check(spot: str, what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise AssetError(spot, f"{what}: unknown name '{name}'", suggest(name, known))


def _loader() -> type[Any]:
    fast: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return fast
