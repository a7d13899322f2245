"""The renderer's door: a snapshot of what to draw goes in, an image comes out. Nothing here knows a GPU API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.model import Model

Quality = Literal["low", "medium", "high", "ultra"]


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the picture is taken from. Metres, avatar axes: x to the avatar's left, y up, z forward."""

    position_m: tuple[float, float, float]
    target_m: tuple[float, float, float]
    fov_deg: float  # vertical


@dataclass(frozen=True, slots=True)
class Light:
    """A directional light; `direction` points from the avatar to the light, colour is linear, strength 1 = key-like."""

    kind: Literal["key", "fill", "rim"]
    direction: tuple[float, float, float]
    colour: tuple[float, float, float]
    strength: float
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Background:
    """Colour, vertical/radial gradient, or image ((h, w, 3) uint8 sRGB, cropped to fill). blur 0..1."""

    kind: Literal["colour", "gradient", "image"]
    colours: tuple[tuple[float, float, float], ...] = ((0.2, 0.23, 0.28),)  # sRGB 0..1, top to bottom
    image: NDArray[np.uint8] | None = None
    radial: bool = False
    blur: float = 0.0


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything about a picture that rarely changes; a new Stage object means it changed."""

    lights: tuple[Light, ...]
    ambient: tuple[float, float, float]
    background: Background
    exposure: float = 1.0
    badge: str | None = None  # text burnt into the lower left corner (AI disclosure)


@dataclass(frozen=True, slots=True)
class RenderSnapshot:
    """One picture to draw.

    morphs: (T,) float32 weights in the order of `model.morph_names`.
    joints: (J, 6) float32 in the order of `model.joint_names`: yaw, pitch, roll (radians; yaw +left, pitch +up,
        roll +tilt to the avatar's own left) and x, y, z (metres), relative to the joint's rest pose, avatar axes.
    level: level of detail, 0 finest.
    """

    view: int
    stage: Stage
    camera: Camera
    morphs: NDArray[np.float32]
    joints: NDArray[np.float32]
    level: int = 1


@dataclass(frozen=True, slots=True)
class Show:
    """What a view will show first: everything that takes time to make ready depends on it."""

    model: Model
    stage: Stage
    width: int
    height: int
    quality: Quality
    level: int


Piece = Callable[[], None]
HandOver = Callable[[Piece], None]
"""Has a piece of work of a few milliseconds done on the drawing thread, and returns when it is."""


@dataclass(frozen=True, slots=True)
class RendererInfo:
    """What draws: filled by the renderer once it has a context."""

    backend: str
    vendor: str
    device: str
    version: str
    software: bool
    extras: dict[str, str] = field(default_factory=dict)


def nobody_waits() -> None:
    """For `Renderer.draw`, where nobody wants to know."""


class Renderer(Protocol):
    """One per process and per GL context; used from one thread only, but for `prepare` and `pose`."""

    info: RendererInfo

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "bgra") -> int:
        """A picture of one avatar. Geometry and textures of one Model object are shared between views."""
        ...

    def prepare(self, show: Show, hand_over: HandOver) -> object:
        """Make a model ready on a thread that does not draw, so that its first picture takes no longer than others.

        `hand_over(piece)` has a piece of a few milliseconds done on the drawing thread and returns when it is. What
        is returned keeps everything ready: hold it until a view is open. Drawing without it gives the same picture.
        """
        ...

    def close_view(self, view: int) -> None: ...

    def pose(self, snapshots: Sequence[RenderSnapshot]) -> None:
        """Optional: what of drawing these needs no driver, on a thread that does not draw. Not before `taken` was
        called for the pictures before, and with the very objects that are drawn next."""
        ...

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        """Draw all snapshots (each of another view), in order. The first picture of a view is complete.

        taken: called when what remains is done by the driver, without the interpreter. What was raised before means
        that nothing of it happened; what is raised after it, that these pictures are lost.
        """
        ...

    def close(self) -> None: ...
