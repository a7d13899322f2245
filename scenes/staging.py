"""Only turns scenes into what a renderer takes: finds them by name, makes Stage and Camera."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from avatar_engine.engine.errors import SceneError, suggest
from avatar_engine.engine.render.base import Background, Camera, Light, Stage
from avatar_engine.scenes.framing import framed
from avatar_engine.scenes.pictures import picture
from avatar_engine.scenes.profile import Measures
from avatar_engine.scenes.scene import BackgroundSpec, LightSpec, Scene, is_colour, read_scene

BUNDLED = Path(__file__).resolve().parent
BACKGROUNDS = BUNDLED.parent / "assets" / "backgrounds"
PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp")

RGB = tuple[float, float, float]


def scene_ids() -> list[str]:
    """Names of the bundled scenes."""
    return sorted(path.stem for path in BUNDLED.glob("*.yaml"))


def background_ids() -> list[str]:
    """Names of the bundled background pictures."""
    return sorted(path.stem for path in BACKGROUNDS.glob("*.jpg"))


def scene_path(id_or_file: str | Path) -> Path:
    """The file of a bundled scene, or the file itself. Raises SceneError when there is none."""
    text = str(id_or_file)
    if isinstance(id_or_file, Path) or "/" in text or "\\" in text or text.endswith((".yaml", ".yml")):
        return Path(id_or_file)
    if text in scene_ids():
        return BUNDLED / f"{text}.yaml"
    raise SceneError(f"scene '{text}'", "there is no such scene", suggest(text, scene_ids()))


def load_scene(id_or_file: str | Path) -> Scene:
    """A bundled scene by its name, or any scene file. Raises SceneError (file:line field: what; hint)."""
    return read_scene(scene_path(id_or_file))


def stage_of(scene: Scene) -> Stage:
    """Lights and background of `scene`, pictures loaded. Raises SceneError when a picture cannot be had."""
    return Stage(
        lights=tuple(_light(light) for light in scene.lights),
        ambient=_scaled(linear(scene.ambient.colour), scene.ambient.strength),
        background=_background(scene.background, scene.source),
        exposure=scene.exposure,
        badge=scene.badge,
    )


def camera_of(scene: Scene, measures: Measures, width: int, height: int) -> Camera:
    """The scene's camera for an avatar of these measures in a picture of width x height pixels."""
    return framed(scene.camera, measures, width, height)


def set_background(stage: Stage, what: str, beside: Path | None = None) -> Stage:
    """`stage` before another background: `#rrggbb` or `#rgb`, a bundled picture's name, or a picture file, named
    relative to the folder of `beside`. Raises SceneError."""
    image = None if is_colour(what) else str(background_path(what, beside))
    spec = BackgroundSpec(colour=what) if image is None else BackgroundSpec(image=image)
    return replace(stage, background=_background(spec, None))


def load_background(what: str) -> None:
    """Have a background's picture decoded for `set_background`, which then takes no time. Raises SceneError."""
    if not is_colour(what):
        picture(background_path(what))


def pictures_of(scene: Scene) -> tuple[Path, ...]:
    """Files a scene refers to, for whoever watches it."""
    image = scene.background.image
    return () if image is None else (background_path(image, scene.source),)


def background_path(image: str, source: Path | None = None) -> Path:
    """The file of a bundled picture, or of a picture named relative to the scene file `source`."""
    if "/" in image or "\\" in image or image.lower().endswith(PICTURE_ENDINGS):
        path = Path(image).expanduser()
        return path if path.is_absolute() or source is None else source.parent / path
    if image in background_ids():
        return BACKGROUNDS / f"{image}.jpg"
    known = background_ids()
    where = f"{source} background.image" if source else "background"
    if not image:
        raise SceneError(where, "has no name", "name a picture, or a colour as #rrggbb")
    if image.startswith("#"):
        raise SceneError(where, f"'{image}' is no colour", "a colour is written '#rrggbb', each digit 0-9 or a-f")
    raise SceneError(where, f"no background '{image}'", suggest(image, known) or "a file's name ends in .jpg or .png")


def srgb(colour: str) -> RGB:
    """`#rrggbb` as sRGB 0..1."""
    return tuple(int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))  # type: ignore[return-value]


def linear(colour: str) -> RGB:
    """`#rrggbb` as linear light 0..1 (IEC 61966-2-1)."""
    return tuple(  # type: ignore[return-value]
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in srgb(colour)
    )


def _light(spec: LightSpec) -> Light:
    azimuth, elevation = math.radians(spec.azimuth_deg), math.radians(spec.elevation_deg)
    direction = (
        math.cos(elevation) * math.sin(azimuth),
        math.sin(elevation),
        math.cos(elevation) * math.cos(azimuth),
    )
    return Light(spec.kind, direction, linear(spec.colour), spec.strength, spec.shadow)


def _background(spec: BackgroundSpec, source: Path | None) -> Background:
    if spec.colour is not None:
        return Background("colour", (srgb(spec.colour),))
    if spec.gradient is not None:
        return Background("gradient", tuple(srgb(colour) for colour in spec.gradient), radial=spec.radial)
    assert spec.image is not None
    pixels = picture(background_path(spec.image, source), spec.brightness, spec.mirror)
    return Background("image", image=pixels, blur=spec.blur)


def _scaled(colour: RGB, factor: float) -> RGB:
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)
