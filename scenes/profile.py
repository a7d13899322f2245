"""An avatar's profile, `avatar.yaml`: which file it is, and how canonical controls, visemes and joints drive it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.errors import suggest
from avatar_engine.scenes.yaml_source import Strict, read_yaml

Unit = Annotated[float, Field(ge=-1.0, le=2.0)]


class TargetDrive(Strict):
    """A control moves `target` by gain x value + offset."""

    target: str
    gain: float = 1.0
    offset: float = 0.0


class LimitRule(Strict):
    """The sum of `controls` never passes `ceiling`."""

    controls: tuple[str, ...]
    ceiling: float = 1.0

    @field_validator("controls")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_control(name) for name in names)


class Measures(Strict):
    """Sizes on the rest pose, metres above the model's origin; missing ones are measured on the mesh."""

    eye_height_m: float | None = None
    head_top_m: float | None = None
    chin_m: float | None = None
    shoulder_height_m: float | None = None
    shoulder_width_m: float | None = None
    eye_distance_m: float | None = None
    face_depth_m: float | None = None  # how far the eyes lie in front of the origin
    head_width_m: float | None = None  # with the hair, above the chin
    centre_x_m: float | None = None  # of the head, towards the avatar's left
    bottom_m: float | None = None  # where the model ends below: no camera may show what is not there


class AvatarProfile(Strict):
    """The whole file. Only `model` must be given: everything else has defaults or is found on the mesh."""

    version: int = 1
    name: str = ""
    description: str = ""
    licence: str = "unknown"
    model: str
    default_scene: str | None = None
    mapping: dict[str, tuple[TargetDrive, ...]] = Field(default_factory=dict)
    gains: dict[str, Annotated[float, Field(ge=0, le=4)]] = Field(default_factory=dict)
    rest: dict[str, Unit] = Field(default_factory=dict)
    visemes: dict[str, dict[str, Unit]] = Field(default_factory=dict)
    units: dict[str, str] = Field(default_factory=dict)
    joints: dict[str, str] = Field(default_factory=dict)
    limits: tuple[LimitRule, ...] = ()
    measures: Measures = Measures()
    extras: dict[str, float] = Field(default_factory=dict)

    @field_validator("mapping", "gains", "rest")
    @classmethod
    def _controls(cls, table: dict[str, object]) -> dict[str, object]:
        return {name: value for key, value in table.items() for name in _sides(key)}

    @field_validator("visemes")
    @classmethod
    def _visemes(cls, table: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        result = {}
        for key, weights in table.items():
            viseme = key.removeprefix("viseme_")
            if viseme not in VISEME_INDEX:
                raise ValueError(f"no viseme '{key}'; {suggest(viseme, VISEMES)}")
            result[viseme] = {name: weight for pair, weight in weights.items() for name in _sides(pair)}
        return result


def load_profile(path: Path) -> AvatarProfile:
    """Read and validate an `avatar.yaml`. Raises SceneError."""
    return read_yaml(path, AvatarProfile)


def _sides(name: str) -> tuple[str, ...]:
    """`mouthSmile*` stands for both sides."""
    if name.endswith("*"):
        return _control(name[:-1] + "Left"), _control(name[:-1] + "Right")
    return (_control(name),)


def _control(name: str) -> str:
    if name not in CONTROL_INDEX:
        raise ValueError(f"no control '{name}'; {suggest(name, CONTROLS)}")
    return name
