"""Reads a policy file: what a face may never show, how often it may move, and its disclosure badge."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field, field_validator, model_validator

from avatar_engine.components.action_units import UNIT_COUNT, catalogue, unit_ids, unit_names
from avatar_engine.components.emotions import EMOTION_SLOTS, find_emotion
from avatar_engine.components.policy import Forbidden, Policy
from avatar_engine.engine.errors import InputError, SceneError, suggest
from avatar_engine.scenes.yaml_source import Strict, read_yaml

BUNDLED = Path(__file__).parent / "policies"
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ForbiddenSpec(Strict):
    """While one of these emotions shows above `threshold`, these units stay at or below `at_most`."""

    model_config = Strict.model_config | {"populate_by_name": True}

    during: Annotated[tuple[str, ...], Field(min_length=1)]
    units: Annotated[tuple[str, ...], Field(min_length=1)]
    threshold: Annotated[float, Field(ge=0.02, le=1.0)] = 0.15
    at_most: Share = 0.1

    @field_validator("during")
    @classmethod
    def _emotions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            _emotion(name)
        return names

    @field_validator("units", mode="before")
    @classmethod
    def _codes(cls, value: object) -> object:
        return tuple(str(item) for item in value) if isinstance(value, list | tuple) else value

    @field_validator("units")
    @classmethod
    def _units(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            _ids(name)
        return names


class PolicySpec(Strict):
    """The whole file. What is not said is not restricted."""

    version: Literal[1]
    name: Annotated[str, Field(max_length=80)] = ""
    emotion_ceilings: dict[str, Share] = Field(default_factory=dict)
    unit_ceilings: dict[str, Share] = Field(default_factory=dict)
    forbidden: tuple[ForbiddenSpec, ...] = ()
    gestures_per_min: Annotated[float, Field(ge=0.0, le=120.0)] | None = None
    blinks_per_min: tuple[Annotated[float, Field(ge=2.0, le=60.0)], Annotated[float, Field(ge=2.0, le=60.0)]] | None = (
        None
    )
    badge: Annotated[str, Field(min_length=1, max_length=40)] | None = None

    @field_validator("emotion_ceilings")
    @classmethod
    def _emotions(cls, table: dict[str, float]) -> dict[str, float]:
        for name in table:
            _emotion(name)
        return table

    @field_validator("unit_ceilings", mode="before")
    @classmethod
    def _codes(cls, value: object) -> object:
        return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value

    @field_validator("unit_ceilings")
    @classmethod
    def _units(cls, table: dict[str, float]) -> dict[str, float]:
        for name in table:
            _ids(name)
        return table

    @model_validator(mode="after")
    def _bounds(self) -> PolicySpec:
        if self.blinks_per_min is not None and self.blinks_per_min[0] > self.blinks_per_min[1]:
            low, high = self.blinks_per_min
            raise ValueError(f"blinks_per_min [{low:g}, {high:g}] runs backwards")
        return self


def load_policy(policy: str) -> Policy:
    """A policy by bundled name or file, compiled. Raises SceneError (file:line, what, hint)."""
    path = Path(policy).expanduser()
    if path.suffix not in (".yaml", ".yml") and path.name == policy:
        path = BUNDLED / f"{policy}.yaml"
        if not path.is_file():
            known = [found.stem for found in BUNDLED.glob("*.yaml")]
            raise SceneError(f"policy {policy}", "no such policy", suggest(policy, known))
    return compile_policy(read_yaml(path, PolicySpec), path.stem)


def compile_policy(spec: PolicySpec, name: str) -> Policy:
    """The arrays that the systems enforce."""
    emotions = np.ones(EMOTION_SLOTS, np.float32)
    for emotion, ceiling in spec.emotion_ceilings.items():
        emotions[_emotion(emotion)] = ceiling
    units = np.ones(UNIT_COUNT, np.float32)
    for unit, ceiling in spec.unit_ceilings.items():
        units[_indices((unit,))] = ceiling
    return Policy(
        name=spec.name or name,
        emotion_ceiling=emotions,
        unit_ceiling=units,
        forbidden=tuple(
            Forbidden(
                np.array([_emotion(emotion) for emotion in rule.during], np.intp),
                rule.threshold,
                np.array(_indices(rule.units), np.intp),
                rule.at_most,
            )
            for rule in spec.forbidden
        ),
        gestures_per_min=float("inf") if spec.gestures_per_min is None else spec.gestures_per_min,
        blinks_per_min=(0.0, 120.0) if spec.blinks_per_min is None else spec.blinks_per_min,
        badge=spec.badge,
    )


def _emotion(name: str) -> int:
    try:
        return find_emotion(name)[0]
    except InputError as error:
        raise ValueError(f"{error.what}; {error.hint}") from None


def _ids(name: str) -> tuple[str, ...]:
    ids = unit_ids(name)
    if not ids:
        raise ValueError(f"there is no action unit '{name}'; {suggest(name, unit_names())}")
    return ids


def _indices(names: tuple[str, ...]) -> list[int]:
    index = catalogue().index
    return [index[unit] for name in names for unit in _ids(name)]
