"""Only builds things that stand in rooms: windows with blinds, shelves with books, plants, frames, desks, lamps."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from tools.backgrounds.shapes import (
    Box,
    Cone,
    Ellipsoid,
    Group,
    Lamp,
    Pattern,
    Surface,
    Vector,
    hexa,
    turned,
)

Shape = Box | Cone | Ellipsoid
Turn = NDArray[np.float64]


def paint(code: str, gloss: float = 0.0, roughness: float = 0.2) -> Surface:
    """A plain surface of an sRGB colour."""
    return Surface(colour=hexa(code), gloss=gloss, roughness=roughness)


def pane(pattern: Pattern | None, glow: Vector) -> Surface:
    """Something flat that shines: a window, a ceiling panel, a screen."""
    return Surface(colour=(0.0, 0.0, 0.0), glow=glow, pattern=pattern)


def centred(size: Vector, surface: Surface, at: Vector = (0.0, 0.0, 0.0)) -> Box:
    """A box about its centre."""
    low = (at[0] - size[0] / 2, at[1] - size[1] / 2, at[2] - size[2] / 2)
    return Box(low, (at[0] + size[0] / 2, at[1] + size[1] / 2, at[2] + size[2] / 2), surface)


def window(
    place: Vector,
    yaw_deg: float,
    width: float,
    height: float,
    view: Pattern,
    glow: Vector,
    bars: int = 1,
    frame: str = "f2f2ef",
) -> tuple[Group, Lamp]:
    """A window whose middle is at `place`, looking into the room along +z turned by yaw; the lamp shines in."""
    shine = pane(view, glow)
    white = paint(frame, 0.03, 0.3)
    shapes: list[Shape] = [Box((-width / 2, -height / 2, -0.06), (width / 2, height / 2, -0.05), shine)]
    uprights = np.linspace(-width / 2, width / 2, bars + 2).tolist()
    shapes += [centred((0.055, height + 0.05, 0.08), white, (x, 0.0, -0.01)) for x in uprights]
    shapes += [centred((width + 0.05, 0.055, 0.08), white, (0.0, y, -0.01)) for y in (-height / 2, height / 2)]
    shapes.append(centred((width + 0.16, 0.035, 0.2), white, (0.0, -height / 2 - 0.03, 0.06)))
    turn = turned(yaw_deg)
    corner = turn @ np.array([-width / 2, -height / 2, -0.045]) + place
    edge_u, edge_v = turn @ np.array([width, 0, 0]), turn @ np.array([0, height, 0])
    mean = (glow[0] * 0.85, glow[1] * 0.9, glow[2] * 0.92)
    lamp = Lamp(_vector(corner), _vector(edge_u), _vector(edge_v), mean, shine)
    return Group(tuple(shapes), place, turn), lamp


def blinds(
    place: Vector, yaw_deg: float, width: float, height: float, tilt_deg: float, colour: str, pitch: float = 0.055
) -> Group:
    """Slats that hang from place + height/2 to - height/2, tilted by `tilt_deg`."""
    slat = paint(colour, 0.02, 0.4)
    tilt = turned(0, tilt_deg)
    shapes = []
    for y in np.arange(-height / 2, height / 2, pitch):
        at = tilt.T @ np.array([0.0, y, 0.0])
        shapes.append(centred((width, 0.0025, pitch * 1.02), slat, _vector(at)))
    return Group(tuple(shapes), place, turned(yaw_deg) @ tilt)


def curtain(place: Vector, yaw_deg: float, width: float, height: float, colour: str, folds: int = 8) -> Group:
    """Folds of cloth that hang down, middle at `place`."""
    cloth = paint(colour)
    shapes = tuple(
        Cone((float(x), -height / 2, 0.02 * (number % 2)), height, 0.62 * width / folds, 0.55 * width / folds, cloth)
        for number, x in enumerate(np.linspace(-width / 2, width / 2, folds))
    )
    return Group(shapes, place, turned(yaw_deg))


def picture(
    place: Vector, yaw_deg: float, size: tuple[float, float], print_: Surface, frame: str, mount: str | None = "f6f4ee"
) -> Group:
    """A framed print on a wall."""
    w, h = size
    wood = paint(frame, 0.04, 0.25)
    shapes: list[Shape] = [
        centred((w, 0.025, 0.03), wood, (0, h / 2, 0.015)),
        centred((w, 0.025, 0.03), wood, (0, -h / 2, 0.015)),
        centred((0.025, h, 0.03), wood, (-w / 2, 0, 0.015)),
        centred((0.025, h, 0.03), wood, (w / 2, 0, 0.015)),
    ]
    border = 0.0
    if mount is not None:
        border = 0.16 * min(w, h)
        shapes.append(centred((w, h, 0.008), paint(mount), (0, 0, 0.004)))
    shapes.append(centred((w - 2 * border, h - 2 * border, 0.012), print_, (0, 0, 0.006)))
    return Group(tuple(shapes), place, turned(yaw_deg))


def shelf(
    place: Vector,
    yaw_deg: float,
    size: Vector,
    rows: int,
    body: Surface,
    back: Surface,
    feet_m: float = 0.08,
    columns: int = 1,
) -> tuple[Group, list[tuple[float, float, float]]]:
    """An open shelf standing at `place` (middle of its foot, at the wall; its front is +z).

    Also the boards to stand things on, in its own axes: (left end, right end, height).
    """
    w, h, d = size
    t = 0.022
    shapes: list[Shape] = [Box((-w / 2, feet_m, 0), (w / 2, h, 0.01), back)]
    xs = np.linspace(-w / 2, w / 2, columns + 1).tolist()
    ys = np.linspace(feet_m, h - t, rows + 1).tolist()
    shapes += [Box((x - t / 2, 0, 0), (x + t / 2, h, d), body) for x in xs]
    shapes += [Box((-w / 2, y, 0), (w / 2, y + t, d), body) for y in ys]
    boards = [(left + t / 2, right - t / 2, y + t) for y in ys[:-1] for left, right in pairwise(xs)]
    return Group(tuple(shapes), place, turned(yaw_deg)), boards


def books(
    random: np.random.Generator,
    board: tuple[float, float, float],
    room_m: float,
    depth: float,
    colours: list[str],
    fill: float = 0.8,
    even: bool = False,
) -> list[Shape]:
    """A row of books (or, `even`, of folders) on a board with `room_m` of height above it."""
    left, right, y = board
    shapes: list[Shape] = []
    x = left + 0.01
    end = left + fill * (right - left)
    while x < end - 0.05:
        thick = 0.062 if even else float(random.uniform(0.018, 0.048))
        tall = room_m * (0.86 if even else float(random.uniform(0.6, 0.92)))
        deep = depth * (0.85 if even else float(random.uniform(0.6, 0.85)))
        colour = colours[int(random.integers(len(colours)))]
        cover = paint(colour, 0.03, 0.35)
        front = depth * 0.92
        shapes.append(Box((x, y, front - deep), (x + thick - 0.002, y + tall, front), cover))
        if even or random.random() < 0.35:
            label = paint("f3f1ea" if random.random() < 0.7 else "2c2f36")
            low, high = (0.52, 0.8) if even else (0.6, 0.74)
            shapes.append(
                Box(
                    (x + 0.12 * thick, y + low * tall, front),
                    (x + 0.86 * thick, y + high * tall, front + 0.0015),
                    label,
                )
            )
        x += thick
        if not even and random.random() < 0.06:
            x += 0.05
    return shapes


def plant(
    place: Vector,
    height: float,
    spread: float,
    leaves: int,
    seed: int,
    pot: str,
    greens: tuple[str, ...] = ("3d6b35", "4f7f3f", "2f5a30", "6a944f"),
    leaf_m: tuple[float, float] = (0.17, 0.075),
    pot_m: tuple[float, float] = (0.15, 0.3),
) -> Group:
    """A potted plant; leaves grow from curved stems in all directions."""
    random = np.random.default_rng(seed)
    surfaces = [paint(code, 0.03, 0.35) for code in greens]
    radius, tall = pot_m
    shapes: list[Shape] = [
        Cone((0, 0, 0), tall, radius * 0.78, radius, paint(pot, 0.03, 0.3)),
        Cone((0, tall, 0), 0.004, radius * 0.9, radius * 0.9, paint("3a2c22")),
    ]
    for _ in range(leaves):
        angle = random.uniform(0, 2 * np.pi)
        up = random.uniform(0.25, 1.0)
        out = spread * (0.25 + 0.75 * np.sin(np.pi * min(up, 0.8))) * random.uniform(0.45, 1.0)
        centre = np.array([np.cos(angle) * out, tall + up * (height - tall), np.sin(angle) * out])
        along = np.array([np.cos(angle), random.uniform(-0.75, 0.55), np.sin(angle)])
        along /= np.linalg.norm(along)
        side = np.cross(along, (0, 1, 0)) + random.normal(0, 0.25, 3)
        side -= along * (side @ along)
        side /= np.linalg.norm(side)
        axes = np.stack([along, side, np.cross(along, side)], 1)
        size = random.uniform(0.7, 1.2)
        shapes.append(
            Ellipsoid(
                _vector(centre),
                (leaf_m[0] * size / 1.0, leaf_m[1] * size, 0.004),
                surfaces[int(random.integers(len(surfaces)))],
                axes,
            )
        )
    for _ in range(max(3, leaves // 12)):
        angle, lean = random.uniform(0, 2 * np.pi), random.uniform(0.1, 0.5) * spread
        end = np.array([np.cos(angle) * lean, height * 0.85, np.sin(angle) * lean])
        start = np.array([0, tall, 0])
        along = (end - start) / 2
        length = float(np.linalg.norm(along))
        along /= length
        side = np.cross(along, (0, 0, 1))
        side /= np.linalg.norm(side)
        axes = np.stack([along, side, np.cross(along, side)], 1)
        shapes.append(Ellipsoid(_vector((start + end) / 2), (length, 0.006, 0.006), surfaces[0], axes))
    return Group(tuple(shapes), place)


def table(place: Vector, yaw_deg: float, size: Vector, top: Surface, legs: Surface) -> Group:
    """A table or desk; `place` is the middle of its foot, size is width, height, depth."""
    w, h, d = size
    shapes: list[Shape] = [Box((-w / 2, h - 0.03, -d / 2), (w / 2, h, d / 2), top)]
    shapes += [
        Box((x - 0.025, 0, z - 0.025), (x + 0.025, h - 0.03, z + 0.025), legs)
        for x in (-w / 2 + 0.05, w / 2 - 0.05)
        for z in (-d / 2 + 0.05, d / 2 - 0.05)
    ]
    return Group(tuple(shapes), place, turned(yaw_deg))


def monitor(place: Vector, yaw_deg: float, size: tuple[float, float], shown: Surface, case: str = "23262b") -> Group:
    """A screen on a foot that stands at `place`; it shines along +z turned by yaw."""
    w, h = size
    dark = paint(case, 0.04, 0.3)
    y = 0.14 + h / 2
    shapes = (
        centred((w + 0.02, h + 0.02, 0.03), dark, (0, 0, 0)),
        centred((w, h, 0.004), shown, (0, 0, 0.016)),
        centred((0.04, 0.2, 0.02), dark, (0, -h / 2 - 0.06, -0.03)),
        centred((0.22, 0.012, 0.16), dark, (0, -y + 0.006, -0.02)),
    )
    return Group(shapes, (place[0], place[1] + y, place[2]), turned(yaw_deg))


def ceiling_panel(centre: Vector, size: tuple[float, float], glow: Vector) -> tuple[Group, Lamp]:
    """A luminous panel under the ceiling that shines down."""
    w, d = size
    shine = pane(None, glow)
    group = Group((centred((w, 0.02, d), shine),), centre)
    corner = (centre[0] - w / 2, centre[1] - 0.015, centre[2] - d / 2)
    return group, Lamp(corner, (w, 0.0, 0.0), (0.0, 0.0, d), glow, shine)


def shade_lamp(
    place: Vector, height: float, shade: tuple[float, float, float], glow: Vector, stem: str = "3a332c"
) -> Group:
    """A standing lamp with a lit cloth shade (radius below, radius above, height); its light is found by chance."""
    low, high, tall = shade
    metal = paint(stem, 0.1, 0.25)
    shapes = (
        Cone((0, 0, 0), 0.02, 0.11, 0.11, metal),
        Cone((0, 0.02, 0), height - tall - 0.02, 0.011, 0.011, metal),
        Cone((0, height - tall, 0), tall, low, high, Surface(colour=(0.5, 0.42, 0.3), glow=glow)),
    )
    return Group(shapes, place)


def pendant(place: Vector, drop: float, radius: float, glow: Vector, shade: str) -> Group:
    """A lamp that hangs `drop` below `place`: a metal shade, a bright bulb under it."""
    metal = paint(shade, 0.06, 0.3)
    shapes = (
        Cone((0, -drop + 0.12, 0), drop - 0.12, 0.004, 0.004, metal),
        Cone((0, -drop, 0), 0.14, radius, radius * 0.35, metal),
        Ellipsoid((0, -drop - 0.005, 0), (radius * 0.55,) * 3, Surface(colour=(0.5, 0.5, 0.5), glow=glow)),
    )
    return Group(shapes, place)


def _vector(values: NDArray[np.float64]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])
