"""Only the parts a room is built of: boxes, cones and ellipsoids in turned groups, surfaces, lamps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Vector = tuple[float, float, float]
Pattern = Callable[[Floats, Floats], Floats]
"""(points (n, 3) in the group's own axes, metres; normals (n, 3)) -> (n, 3) linear colour."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """What light does on a shape. Colours are linear, `glow` is radiance; `gloss` 0..1 mirrors at normal incidence.

    `pattern` replaces the colour (or, on something that glows, the glow).
    """

    colour: Vector = (0.5, 0.5, 0.5)
    glow: Vector = (0.0, 0.0, 0.0)
    gloss: float = 0.0
    roughness: float = 0.2
    pattern: Pattern | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Box:
    """From corner `low` to corner `high`, metres in the group's axes."""

    low: Vector
    high: Vector
    surface: Surface


@dataclass(frozen=True, slots=True, eq=False)
class Cone:
    """Upright, closed, from `base` up by `height`; radii below and above."""

    base: Vector
    height: float
    radius_low: float
    radius_high: float
    surface: Surface


@dataclass(frozen=True, slots=True, eq=False)
class Ellipsoid:
    """Unit sphere scaled by `radii` along the columns of `axes` (3, 3), moved to `centre`."""

    centre: Vector
    radii: Vector
    surface: Surface
    axes: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Shapes that stand together: turned by `turn` (3, 3) about their origin, then moved to `place`."""

    shapes: tuple[Box | Cone | Ellipsoid, ...]
    place: Vector = (0.0, 0.0, 0.0)
    turn: NDArray[np.float64] = field(default_factory=lambda: np.eye(3))


@dataclass(frozen=True, slots=True, eq=False)
class Lamp:
    """A glowing rectangle that is sampled directly: corner, two edges; shines to the side of edge_u x edge_v.

    The shape that shows it (if any) must carry `surface`, so that its light is not counted twice.
    """

    corner: Vector
    edge_u: Vector
    edge_v: Vector
    glow: Vector
    surface: Surface | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Sun:
    """`towards` points to the sun; `light` is the irradiance on a surface facing it."""

    towards: Vector
    light: Vector
    radius_rad: float = 0.02


@dataclass(frozen=True, slots=True)
class Eye:
    """The camera: where, where to, vertical opening angle, focus distance and lens diameter (metres)."""

    place: Vector = (0.0, 1.4, 0.0)
    target: Vector = (0.0, 1.3, -3.0)
    fov_deg: float = 30.0
    focus_m: float = 1.3
    lens_m: float = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Room:
    """Everything a picture is made of. `shell` is what every ray may hit: walls, floor, ceiling."""

    name: str
    shell: Group
    groups: tuple[Group, ...]
    lamps: tuple[Lamp, ...]
    eye: Eye = Eye()
    sun: Sun | None = None
    ambient: Vector = (0.0, 0.0, 0.0)  # light that is still underway after the last bounce
    outside: Vector = (0.0, 0.0, 0.0)  # what a ray sees that leaves the room
    exposure: float = 1.0
    white: Vector = (1.0, 1.0, 1.0)  # white balance: the light's colour that is to look neutral
    saturation: float = 1.0
    vignette: float = 0.08  # little: renderers darken corners themselves


def turned(yaw_deg: float = 0.0, pitch_deg: float = 0.0, roll_deg: float = 0.0) -> NDArray[np.float64]:
    """(3, 3): roll about z, then pitch about x, then yaw about y."""
    y, p, r = np.radians([yaw_deg, pitch_deg, roll_deg])
    yaw = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    pitch = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    roll = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return np.asarray(yaw @ pitch @ roll)


def hexa(code: str, glow: float = 1.0) -> Vector:
    """`rrggbb` (sRGB) as linear colour times `glow`."""
    value = np.array([int(code[at : at + 2], 16) for at in (0, 2, 4)]) / 255
    red, green, blue = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4) * glow
    return float(red), float(green), float(blue)
