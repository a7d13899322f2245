"""Only describes the rooms of the bundled pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.backgrounds import furniture as f
from tools.backgrounds import patterns as p
from tools.backgrounds.shapes import Box, Cone, Ellipsoid, Eye, Group, Lamp, Room, Surface, Vector, turned


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
    glass = f.paint("b9d3d6", 0.08, 0.1)
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
    viewer_film = f.pane(p.chest_film((0.25, 0.3)), (1.0, 1.1, 1.2))
    viewer = Group(
        (
            f.centred((0.57, 0.69, 0.07), f.paint("7d878d", 0.1, 0.2), (0, 0, 0.035)),
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
        exposure=1.75,
        white=(1.02, 0.99, 0.93),
    )


def office() -> Room:
    """A wide, modern office by day: windows on the right, desks, a slatted wall, lamps that hang in rows."""
    random = np.random.default_rng(5)
    white, dark = f.paint("f0f0ed", 0.03, 0.3), f.paint("2b2e33", 0.05, 0.3)
    oak = Surface(pattern=p.wood("d9b98c", "a97f4f", 1, 31), gloss=0.03, roughness=0.3)
    desk_top = Surface(pattern=p.wood("e0c8a2", "c4a272", 0, 9), gloss=0.04, roughness=0.2)
    wall = Surface(pattern=p.plaster("e3e2dd", 3))
    carpet = Surface(pattern=p.plaster("8d9196", 8, 0.1))
    shell = walls(
        (-3.4, 0, -8.2), (3.1, 3.1, 1.6), Surface(pattern=p.plaster("d8d5cc", 6)), wall, wall, carpet, f.paint("ecece8")
    )
    groups: list[Group] = []
    lamps = []
    for z in (-6.9, -4.9, -2.9, -0.9):
        group, lamp = f.window(
            (3.02, 1.6, z), -90, 1.75, 2.2, p.garden(int(-z * 3), -0.4), (5.0, 5.3, 5.7), 1, "3a3d42"
        )
        groups.append(group)
        lamps.append(lamp)
    for x in (-1.9, 0.9):
        group, lamp = f.ceiling_panel((x, 3.09, -4.2), (0.14, 4.6), (7.0, 6.5, 5.8))
        groups.append(group)
        lamps.append(lamp)
    for x, z in ((-1.35, -3.6), (-1.15, -4.8), (-0.95, -6.0), (-0.8, -7.1)):
        groups.append(f.pendant((x, 3.1, z), 0.92, 0.15, (15.0, 10.5, 6.0), "26282c"))
    slats = [f.centred((0.05, 3.1, 0.035), oak, (0, 1.55, float(z))) for z in np.arange(-8.1, -2.0, 0.13)]
    groups.append(Group(tuple(slats), (-3.36, 0, 0)))
    for x, z, yaw in ((-1.5, -4.6, 4.0), (0.9, -5.2, -3.0), (-1.3, -6.8, 2.0), (1.6, -3.4, -6.0)):
        groups.append(f.table((x, 0, z), yaw, (1.5, 0.74, 0.75), desk_top, white))
        shown = f.pane(p.screen(int(10 + x * 3), "39424d", "6c7f8f", (0.27, 0.16)), (1.3, 1.33, 1.36))
        groups.append(f.monitor((x - 0.25, 0.74, z - 0.1), yaw + 12, (0.54, 0.32), shown))
        seat = f.paint("4d5a63" if x < 0 else "9a6a42")
        groups.append(
            Group((
                Cone((0, 0, 0), 0.42, 0.03, 0.03, dark), f.centred((0.46, 0.08, 0.46), seat, (0, 0.46, 0)),
                f.centred((0.44, 0.55, 0.07), seat, (0, 0.85, -0.22)),
            ), (x + 0.45, 0, z - 0.65), turned(200.0 + yaw * 5))
        )  # fmt: skip
    case, boards = f.shelf((1.35, 0, -8.2), 0, (2.3, 2.0, 0.36), 5, dark, f.paint("3a3f45"), columns=2)
    colours = ["e8e2d4", "b8553f", "2f5d73", "d9a441", "5c7a63", "efece4", "32363d"]
    contents = [
        shape
        for number, board in enumerate(boards)
        for shape in f.books(random, board, 0.33, 0.36, colours, (0.45, 0.75, 0.6, 0.9)[number % 4])
    ]
    groups += [case, Group(tuple(contents), (1.35, 0, -8.2))]
    poster = Surface(pattern=p.landscape("e8cdb2", "f3e9dc", 12, ("d38a63", "7a9a97", "2f4a5a")))
    groups.append(f.picture((-1.5, 1.75, -8.2), 0, (1.3, 0.9), poster, "23262a", None))
    groups.append(f.plant((-2.75, 0, -5.2), 1.75, 0.45, 110, 3, "e6e2da", leaf_m=(0.2, 0.07), pot_m=(0.19, 0.4)))
    groups.append(f.plant((2.45, 0, -6.0), 1.5, 0.42, 100, 8, "55595f", leaf_m=(0.18, 0.08), pot_m=(0.18, 0.36)))
    return Room(
        name="office", shell=shell, groups=tuple(groups), lamps=tuple(lamps),
        eye=Eye((-0.25, 1.45, 0.7), (0.12, 1.42, -5.0), 31.0, 1.35, 0.05),
        ambient=(0.22, 0.23, 0.25), exposure=1.45, white=(0.97, 1.0, 1.03),
    )  # fmt: skip


def living_room() -> Room:
    """A warm home: sage wall, shelf with books, sofa, lit lamp, a window with curtains on the left."""
    random = np.random.default_rng(23)
    oak = Surface(pattern=p.wood("cfa673", "94663a", 1, 41), gloss=0.03, roughness=0.3)
    oak_back = Surface(pattern=p.wood("bd9463", "8c6238", 0, 43))
    sage = Surface(pattern=p.plaster("aab3aa", 13, 0.06))
    cream = Surface(pattern=p.plaster("ece5d8", 14))
    floor = Surface(pattern=p.boards("c59b6a", "8d6239", 0.14, 4), gloss=0.04, roughness=0.15)
    shell = walls((-2.1, 0, -4.1), (2.6, 2.7, 1.4), sage, cream, cream, floor, f.paint("f3efe7"))
    win, daylight = f.window((-2.02, 1.45, -2.75), 90, 1.3, 1.7, p.garden(4, -0.35), (4.6, 4.7, 4.8), 1)
    veil = [f.curtain((-1.98, 1.35, z), 90, 0.42, 2.3, "efe6d6", 7) for z in (-3.62, -1.9)]
    panel, ceiling = f.ceiling_panel((0.6, 2.69, -0.6), (1.4, 1.0), (4.6, 3.9, 3.0))
    panel2, ceiling2 = f.ceiling_panel((0.2, 2.69, -2.4), (0.8, 0.8), (3.2, 2.6, 1.9))
    case, boards = f.shelf((-0.98, 0, -4.1), 0, (1.15, 2.05, 0.32), 5, oak, oak_back, columns=1)
    colours = ["7b3a2e", "2f4858", "d8c9a8", "b9803f", "54674f", "ece3d0", "8c4a3a", "3d3a38", "c7b08a"]
    contents: list[f.Shape] = []
    for number, board in enumerate(boards):
        contents += f.books(random, board, 0.34, 0.32, colours, (0.9, 0.72, 0.5, 0.82, 0.55)[number])
    clay, cream_pot = f.paint("b8694a", 0.02), f.paint("ebe3d3", 0.04)
    contents.append(Cone((0.26, boards[2][2], 0.18), 0.2, 0.08, 0.05, clay))
    contents.append(Ellipsoid((0.42, boards[2][2] + 0.07, 0.18), (0.08, 0.07, 0.08), cream_pot))
    contents.append(Cone((0.38, boards[4][2], 0.16), 0.24, 0.06, 0.085, cream_pot))
    shelf_plant = f.plant((-1.22, 2.05, -3.94), 0.4, 0.26, 46, 9, "c98562", leaf_m=(0.1, 0.045), pot_m=(0.08, 0.14))
    linen, pillow = f.paint("d9cdb8"), f.paint("a9694e")
    sofa = Group(
        (
            Box((-0.95, 0.12, 0.0), (0.95, 0.42, 0.85), linen), Box((-0.95, 0.4, 0.0), (0.95, 0.86, 0.22), linen),
            Box((-1.1, 0.12, 0.0), (-0.92, 0.64, 0.86), linen), Box((0.92, 0.12, 0.0), (1.1, 0.64, 0.86), linen),
            Ellipsoid((0.55, 0.62, 0.3), (0.24, 0.2, 0.1), pillow, turned(10, -18, 12)),
            Ellipsoid((0.2, 0.6, 0.3), (0.22, 0.19, 0.09), f.paint("6f7f6c"), turned(-8, -18, -8)),
        ),
        (0.72, 0, -4.05),
    )  # fmt: skip
    lamp = f.shade_lamp((1.52, 0, -3.45), 1.62, (0.24, 0.17, 0.3), (2.6, 1.95, 1.15))
    halo = Lamp((1.42, 1.3, -3.5), (0.2, 0, 0), (0, 0, 0.2), (30.0, 22.0, 13.5))
    art = Surface(pattern=p.landscape("f0d9b8", "e9e0d0", 5, ("c98f5f", "8f9f88", "4f6a6a")))
    picture = f.picture((0.62, 1.66, -4.1), 0, (0.78, 0.56), art, "5a3d25")
    palm = f.plant((-1.78, 0, -3.75), 1.5, 0.36, 90, 15, "d8cdb9", leaf_m=(0.19, 0.06), pot_m=(0.17, 0.34))
    return Room(
        name="living_room", shell=shell,
        groups=(win, *veil, panel, panel2, case, Group(tuple(contents), (-0.98, 0, -4.1)), shelf_plant, sofa, lamp,
                picture, palm),
        lamps=(daylight, ceiling, ceiling2, halo),
        eye=Eye((0.62, 1.32, 0.45), (-0.02, 1.34, -3.9), 31.0, 1.3, 0.045),
        ambient=(0.2, 0.18, 0.15), exposure=1.75, white=(1.1, 0.99, 0.82),
    )  # fmt: skip


def night() -> Room:
    """A room high above a town by night: lights far out of focus behind glass, a warm lamp on the right."""
    random = np.random.default_rng(2)
    frame = f.paint("17181b", 0.05, 0.25)
    wall = Surface(pattern=p.plaster("4a4b52", 3))
    walnut = Surface(pattern=p.wood("6a4529", "3c2617", 1, 7), gloss=0.04, roughness=0.25)
    floor = Surface(pattern=p.boards("4b3524", "2c1f16", 0.15, 4), gloss=0.06, roughness=0.1)
    t = 0.2
    x0, x1, y1, z0, z1 = -2.6, 2.2, 2.8, -3.9, 1.4
    shell = Group(
        (
            Box((x0 - t, -t, z1), (x1 + t, y1 + t, z1 + t), wall), Box((x0 - t, -t, z0), (x0, y1 + t, z1), wall),
            Box((x1, -t, z0), (x1 + t, y1 + t, z1), wall), Box((x0 - t, -t, z0), (x1 + t, 0, z1), floor),
            Box((x0 - t, y1, z0), (x1 + t, y1 + t, z1), f.paint("5a5a60")),
            Box((1.05, 0, z0 - t), (x1 + t, y1, z0), wall), Box((x0, 0, z0 - t), (1.05, 0.35, z0), wall),
            Box((x0, 2.62, z0 - t), (1.05, y1, z0), wall),
            Box((-12, -9, -16.2), (12, 9, -16), f.pane(p.city_night(27, 1.9, 0.24, 24.0), (1.0, 1.0, 1.0))),
        )
    )  # fmt: skip
    bars = [f.centred((0.06, 2.3, 0.1), frame, (float(x), 1.48, -3.95)) for x in (-2.55, -1.35, -0.15, 1.05)]
    bars += [f.centred((3.7, 0.07, 0.1), frame, (-0.75, y, -3.95)) for y in (0.36, 2.6)]
    case, boards = f.shelf((1.62, 0, -3.9), 0, (1.0, 2.1, 0.34), 5, walnut, walnut)
    colours = ["5b2a22", "23323f", "b79a68", "7a5230", "2d3b33", "cfc3ab"]
    contents = [
        s for n, b in enumerate(boards) for s in f.books(random, b, 0.34, 0.34, colours, (0.6, 0.85, 0.5)[n % 3])
    ]
    lamp = f.shade_lamp((1.12, 0, -3.1), 1.5, (0.2, 0.13, 0.25), (1.5, 0.85, 0.36), "8a6a3a")
    halo = Lamp((1.02, 1.2, -3.2), (0.2, 0, 0), (0, 0, 0.2), (30.0, 17.0, 7.0))
    up = Lamp((1.02, 1.53, -3.2), (0, 0, 0.2), (0.2, 0, 0), (30.0, 17.0, 7.0))
    palm = f.plant((-2.1, 0, -3.3), 1.4, 0.36, 80, 6, "3a3c40", leaf_m=(0.19, 0.06), pot_m=(0.16, 0.32))
    panel, ceiling = f.ceiling_panel((0.6, 2.79, -1.2), (0.9, 0.9), (2.2, 1.8, 1.4))
    return Room(
        name="night", shell=shell,
        groups=(Group(tuple(bars)), case, Group(tuple(contents), (1.62, 0, -3.9)), lamp, palm, panel),
        lamps=(halo, up, ceiling),
        eye=Eye((0.1, 1.36, 0.5), (-0.02, 1.42, -3.9), 31.0, 1.3, 0.075),
        ambient=(0.02, 0.02, 0.03), exposure=1.5, white=(1.0, 0.92, 0.86), saturation=1.05,
    )  # fmt: skip


ROOMS: dict[str, Callable[[], Room]] = {
    "medical_office": medical_office,
    "office": office,
    "living_room": living_room,
    "night": night,
}
