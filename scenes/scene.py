"""Only the schema of a scene file: camera, lights, background. What it says, never how it is drawn."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from avatar_engine.scenes.yaml_source import Strict, read_yaml

Framing = Literal["head", "bust", "upper_body"]
FRAMINGS: tuple[Framing, ...] = ("head", "bust", "upper_body")

MAX_LIGHTS = 6
"""What the renderer's shaders have room for."""


def is_colour(text: str) -> bool:
    """Whether `text` is `#rrggbb` or `#rgb`."""
    return re.fullmatch(r"#[0-9a-fA-F]{6}|#[0-9a-fA-F]{3}", text) is not None


def _colour(text: Any) -> Any:
    if not isinstance(text, str):
        raise ValueError("a colour is text in quotes such as '#c8d2e0' (without quotes YAML reads a comment)")
    if not is_colour(text):
        raise ValueError("a colour is written '#rrggbb', each digit 0-9 or a-f")
    return text.lower() if len(text) == 7 else "#" + "".join(digit * 2 for digit in text[1:].lower())


Colour = Annotated[str, Field(description="sRGB, `#rrggbb`")]
Degrees = Annotated[float, Field(ge=-180, le=180)]
Shift = Annotated[float, Field(ge=-0.4, le=0.4)]


class CameraSpec(Strict):
    """How the avatar is framed; sizes come from the avatar itself."""

    framing: Framing = "bust"
    yaw_deg: Annotated[float, Field(ge=-75, le=75)] = 0.0  # + : seen from the avatar's left
    pitch_deg: Annotated[float, Field(ge=-30, le=30)] = 0.0  # + : seen from above
    fov_deg: Annotated[float, Field(ge=5, le=60)] = 20.0  # vertical; small = long lens = flat, flattering
    shift: tuple[Shift, Shift] = (0.0, 0.0)  # moves the avatar, parts of the picture: right, up
    zoom: Annotated[float, Field(ge=0.5, le=2)] = 1.0


class LightSpec(Strict):
    """A light far away. Azimuth 0 = from the front, + = from the avatar's left (right in the picture)."""

    kind: Literal["key", "fill", "rim"]
    azimuth_deg: Degrees
    elevation_deg: Annotated[float, Field(ge=-90, le=90)] = 30.0
    colour: Colour = "#ffffff"
    strength: Annotated[float, Field(ge=0, le=10)] = 1.0
    shadow: bool = False

    _check_colour = field_validator("colour", mode="before")(_colour)


class AmbientSpec(Strict):
    """Light from everywhere."""

    colour: Colour = "#ffffff"
    strength: Annotated[float, Field(ge=0, le=5)] = 0.3

    _check_colour = field_validator("colour", mode="before")(_colour)


class BackgroundSpec(Strict):
    """Exactly one of `colour`, `gradient` and `image`; the rest refines it."""

    colour: Colour | None = None
    gradient: Annotated[tuple[Colour, ...], Field(min_length=2, max_length=4)] | None = None
    image: Annotated[str, Field(min_length=1)] | None = None
    radial: bool = False
    blur: Annotated[float, Field(ge=0, le=1)] = 0.0
    brightness: Annotated[float, Field(ge=0.1, le=3)] = 1.0
    mirror: bool = False

    _check_colour = field_validator("colour", mode="before")(lambda value: None if value is None else _colour(value))

    @field_validator("gradient", mode="before")
    @classmethod
    def _check_gradient(cls, value: Any) -> Any:
        return tuple(_colour(item) for item in value) if isinstance(value, list | tuple) else value

    @model_validator(mode="after")
    def _one_kind(self) -> BackgroundSpec:
        given = [name for name in ("colour", "gradient", "image") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none of them"
            raise ValueError(f"a background has exactly one of colour, gradient, image; found {found}")
        owners = {"radial": "gradient", "blur": "image", "brightness": "image", "mirror": "image"}
        for name, owner in owners.items():
            if getattr(self, name) != type(self).model_fields[name].default and given[0] != owner:
                raise ValueError(f"'{name}' goes with '{owner}', not with '{given[0]}'")
        return self


class Scene(Strict):
    """The whole file. Every part has a default that looks decent."""

    version: Literal[1] = 1
    name: Annotated[str, Field(max_length=80)] = ""
    description: Annotated[str, Field(max_length=500)] = ""
    camera: CameraSpec = CameraSpec()
    lights: Annotated[tuple[LightSpec, ...], Field(max_length=MAX_LIGHTS)] = (
        LightSpec(kind="key", azimuth_deg=-35, elevation_deg=35, strength=1.0, shadow=True),
        LightSpec(kind="fill", azimuth_deg=45, elevation_deg=10, strength=0.35),
        LightSpec(kind="rim", azimuth_deg=155, elevation_deg=40, strength=0.7),
    )
    ambient: AmbientSpec = AmbientSpec()
    exposure: Annotated[float, Field(ge=0.1, le=8)] = 1.0
    background: BackgroundSpec = BackgroundSpec(colour="#3a424d")
    badge: Annotated[str, Field(min_length=1, max_length=60)] | None = None

    _source: Path | None = PrivateAttr(default=None)

    @field_validator("background", mode="before")
    @classmethod
    def _short_background(cls, value: Any) -> Any:
        # `background: "#20242c"` and `background: studio` are what people write first
        if isinstance(value, str):
            return {"colour": value} if value.startswith("#") else {"image": value}
        return value

    @field_validator("ambient", mode="before")
    @classmethod
    def _short_ambient(cls, value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return {"strength": value}
        return value

    @field_validator("lights")
    @classmethod
    def _one_shadow(cls, lights: tuple[LightSpec, ...]) -> tuple[LightSpec, ...]:
        if sum(light.shadow for light in lights) > 1:
            raise ValueError("only one light may cast a shadow")
        return lights

    @property
    def source(self) -> Path | None:
        """The file it was read from; images are named relative to it."""
        return self._source

    def at(self, source: Path | None) -> Scene:
        """The same scene, said to lie in the file `source`."""
        scene = self.model_copy()
        scene._source = source
        return scene


def read_scene(path: Path) -> Scene:
    """Read and validate a scene file. Raises SceneError."""
    return read_yaml(path, Scene).at(path)
