"""Only describes the rooms of the bundled pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.backgrounds import furniture as f
from tools.backgrounds import patterns as p
from tools.backgrounds.shapes import Box, Cone, Eye, Group, Room, Surface, Vector


def walls(
    low: Vector,
    high: Vector,
    back: Surface,
    left: Surface,
    right: Surface,
    floor: Surface,
    ceiling: Surface,
    left_hole: tuple[float, float, float, float] | None = None,
) -> Group:
    """A closed room; the left wall may have a hole (z0, y0, z1, y1)."""
    t = 0.2
    x0, y0, z0 = low
    x1, y1, z1 = high
    shapes = [
        Box((x0 - t, y0 - t, z0 - t), (x1 + t, y1 + t, z0), back),
        Box((x0 - t, y0 - t, z1), (x1 + t, y1 + t, z1 + t), right),
        Box((x1, y0 - t, z0 - t), (x1 + t, y1 + t, z1 + t), right),
        Box((x0 - t, y0 - t, z0 - t), (x1 + t, y0, z1 + t), floor),
        Box((x0 - t, y1, z0 - t), (x1 + t, y1 + t, z1 + t), ceiling),
    ]
    if left_hole is None:
        shapes.append(Box((x0 - t, y0 - t, z0 - t), (x0, y1 + t, z1 + t), left))
    else:
        a, b, c, d = left_hole
        shapes += [
            Box((x0 - t, y0, z0 - t), (x0, y1, a), left),
            Box((x0 - t, y0, c), (x0, y1, z1 + t), left),
            Box((x0 - t, y0, a), (x0, b, c), left),
            Box((x0 - t, d, a), (x0, y1, c), left),
        ]
    return Group(tuple(shapes))


def medical_office() -> Room:
    """A doctor's consulting room by day: window on the left, film viewer, cabinet, plant, desk with a monitor."""
    random = np.random.default_rng(11)
    white = f.paint("f1f2ef", 0.035, 0.3)
    wall = Surface(pattern=p.plaster("e7e9e4", 3))
    accent = Surface(pattern=p.two_tone("a3c0bd", "eeefeb", 0.98, "f7f7f4"))
    floor = Surface(pattern=p.boards("c9b79c", "a08a6c", 0.16, 4), gloss=0.04, roughness=0.12)
    shell = walls(
        (-1.9, 0, -4.3), (2.6, 2.75, 1.2), accent, wall, wall, floor, f.paint("f4f4f1"), (-3.95, 0.95, -2.35, 2.3)
    )
    win, daylight = f.window((-1.98, 1.62, -3.15), 90, 1.6, 1.35, p.garden(8, -0.25), (5.6, 6.1, 6.8), bars=1)
    slats = f.blinds((-1.84, 1.64, -3.15), 90, 1.62, 1.4, -35, "f6f6f3", 0.1)
    panel, ceiling = f.ceiling_panel((0.4, 2.74, -2.4), (1.2, 0.6), (9.0, 8.3, 7.2))
    panel2, ceiling2 = f.ceiling_panel((0.4, 2.74, -0.4), (1.2, 0.6), (7.0, 6.5, 5.7))

    cabinet_at = (0.78, 0.0, -4.3)
    oak = Surface(pattern=p.wood("e2cba4", "c8a97a", 1, 21), gloss=0.03, roughness=0.3)
    case, boards = f.shelf(cabinet_at, 0, (1.16, 1.92, 0.34), 5, white, oak)
    folders = ["e8e6df", "3f6f78", "8fb3b5", "c7c3b8", "2f4a5c", "d9d4c6"]
    contents: list[f.Shape] = []
    contents += f.books(random, boards[1], 0.33, 0.34, folders, 0.98, even=True)
    contents += f.books(random, boards[2], 0.33, 0.34, folders, 0.62, even=True)
    contents += f.books(random, boards[3], 0.33, 0.34, ["7d2f2f", "27405c", "e4dfd2", "4b6b52", "b58a4a"], 0.55)
    contents += f.books(random, boards[4], 0.33, 0.34, ["e8e6df", "31586a", "9db7b3", "6e7b86"], 0.4)
    glass, steel = f.paint("b9d3d6", 0.08, 0.1), f.paint("c9ced1", 0.25, 0.15)
    for x, radius, tall, surface in (
        (0.30, 0.05, 0.2, glass),
        (0.42, 0.045, 0.16, glass),
        (0.5, 0.03, 0.22, f.paint("a8672f", 0.06)),
    ):
        contents.append(Cone((x, boards[3][2], 0.2), tall, radius, radius, surface))
        contents.append(Cone((x, boards[3][2] + tall, 0.2), 0.025, radius * 0.9, radius * 0.9, white))
    contents.append(Box((0.2, boards[2][2], 0.08), (0.5, boards[2][2] + 0.16, 0.3), f.paint("f4f4f2")))
    contents.append(Box((0.22, boards[2][2] + 0.05, 0.3), (0.48, boards[2][2] + 0.1, 0.301), f.paint("3f8f8a")))
    contents.append(Cone((0.05, boards[4][2], 0.2), 0.13, 0.06, 0.075, f.paint("ece9e2")))
    contents.append(Box((0.2, boards[4][2], 0.1), (0.46, boards[4][2] + 0.2, 0.28), f.paint("cfd8d6")))
    shelf_plant = f.plant(
        (cabinet_at[0] - 0.30, 1.92, cabinet_at[2] + 0.17),
        0.36,
        0.2,
        44,
        7,
        "6fa09c",
        leaf_m=(0.09, 0.045),
        pot_m=(0.08, 0.14),
    )
    viewer_film = f.pane(p.chest_film((0.25, 0.3)), (1.5, 1.6, 1.7))
    viewer = Group(
        (
            f.centred((0.56, 0.68, 0.07), steel, (0, 0, 0.035)),
            f.centred((0.5, 0.6, 0.004), viewer_film, (0, 0, 0.072)),
        ),
        (-1.3, 1.7, -4.3),
    )
    tall_plant = f.plant((-1.5, 0, -3.95), 1.35, 0.36, 120, 5, "dcd7cc", leaf_m=(0.16, 0.06))
    desk = f.table(
        (1.62, 0, -2.75),
        -18,
        (1.3, 0.74, 0.7),
        Surface(pattern=p.wood("d9bf97", "b89668", 0, 9), gloss=0.04, roughness=0.2),
        white,
    )
    shown = f.pane(p.screen(2, "eef4f5", "3f8f8a", (0.27, 0.16)), (1.0, 1.04, 1.1))
    display = f.monitor((1.52, 0.74, -2.9), -24, (0.54, 0.32), shown)
    teal = f.paint("5f918f", 0.04, 0.3)
    couch = Group(
        (
            Box((-0.34, 0.55, -0.95), (0.34, 0.68, 0.95), teal),
            Box((-0.30, 0.0, -0.9), (0.30, 0.55, 0.9), white),
            Box((-0.22, 0.68, -0.95), (0.22, 0.684, 0.95), f.paint("fafaf8")),
        ),
        (-1.4, 0.0, -2.7),
    )
    return Room(
        name="medical_office",
        shell=shell,
        groups=(
            win,
            slats,
            panel,
            panel2,
            case,
            Group(tuple(contents), cabinet_at),
            shelf_plant,
            viewer,
            tall_plant,
            desk,
            display,
            couch,
        ),
        lamps=(daylight, ceiling, ceiling2),
        eye=Eye((0.9, 1.4, 0.2), (-0.32, 1.33, -4.0), 30.0, 1.35, 0.045),
        ambient=(0.25, 0.25, 0.25),
        exposure=1.6,
        white=(1.02, 0.99, 0.93),
    )


ROOMS: dict[str, Callable[[], Room]] = {"medical_office": medical_office}
