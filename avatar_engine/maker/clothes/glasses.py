"""Only glasses: thin frames that rest on the nose and the ears, with clear lenses."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.clothes.torso import vertex_normals
from avatar_engine.maker.hair.scalp import head_of, unit
from avatar_engine.maker.hair.sheet import grid_triangles
from avatar_engine.maker.parts import Floats, Ints, Material, MeshPart, Surface
from avatar_engine.maker.spec import Garment

GLASSES_TRIANGLES = {0: 1800, 1: 760, 2: 380}
SHAPES = {"round": (0.365, 0.335, 2.1), "square": (0.430, 0.305, 3.0), "oval": (0.400, 0.290, 2.3)}
"""Half width and half height of a lens (pupil distances), exponent of its outline."""
TUBE = 0.032
"""Thickness of the frame, pupil distances."""


def _tube(path: Floats, radius: Floats, sides: int, closed: bool) -> tuple[Floats, Floats, Ints]:
    """A round tube along (n, 3) points."""
    along = np.gradient(path, axis=0)
    if closed:
        along = np.roll(path, -1, 0) - np.roll(path, 1, 0)
    along = unit(along)
    first = unit(np.cross(along, np.array([0.05, 1.0, 0.1])))
    second = np.cross(along, first)
    angle = np.arange(sides + 1) / sides * 2 * np.pi
    spokes = np.cos(angle)[None, :, None] * first[:, None] + np.sin(angle)[None, :, None] * second[:, None]
    p = path[:, None] + spokes * radius[:, None, None]
    if closed:
        p, spokes = np.concatenate([p, p[:1]]), np.concatenate([spokes, spokes[:1]])
    return p.reshape(-1, 3), spokes.reshape(-1, 3), grid_triangles(len(p), sides + 1, flip=True)


def build_glasses(surface: Surface, garment: Garment) -> list[MeshPart]:
    """Frame and lenses; `garment.style` is the shape of the lenses."""
    if garment.style not in SHAPES:
        raise ValueError(f"clothes.glasses.style: no style {garment.style!r}; there are {', '.join(SHAPES)}")
    wide, tall, power = SHAPES[garment.style]
    head, lod = head_of(surface), surface.lod
    q = head.q(surface.positions)
    n, sides = ((44, 7), (24, 5), (14, 4))[lod]
    angle = np.arange(n) / n * 2 * np.pi
    cos, sin = np.cos(angle), np.sin(angle)
    outline = np.stack(
        [np.sign(cos) * np.abs(cos) ** (2 / power) * wide, np.sign(sin) * np.abs(sin) ** (2 / power) * tall], 1
    )
    frame_p: list[Floats] = []
    frame_n: list[Floats] = []
    frame_t: list[Ints] = []
    lens_p: list[Floats] = []
    lens_t: list[Ints] = []
    rims = {}

    def keep(p: Floats, normal: Floats, t: Ints) -> None:
        frame_p.append(p)
        frame_n.append(normal)
        frame_t.append(t)

    for sign in (1.0, -1.0):
        centre = np.array([0.535 * sign, -0.035])
        near = (np.abs(q[:, 0] - centre[0]) < wide * 0.95) & (np.abs(q[:, 1] - centre[1]) < tall)
        near &= q[:, 2] > -0.8
        # The lenses stand just off the brow and the cheek, tilted and wrapped a little.
        rim_xy = centre + outline * np.array([sign, 1.0])
        tilt = 0.10 * (q[near, 1] - centre[1]) - 0.16 * (np.abs(q[near, 0]) - 0.535)
        depth = float((q[near, 2] - tilt).max()) + 0.06
        z = depth + 0.10 * (rim_xy[:, 1] - centre[1]) - 0.16 * (np.abs(rim_xy[:, 0]) - 0.535)
        rim = np.concatenate([rim_xy, z[:, None]], 1)
        rims[sign] = rim
        p, normal, t = _tube(rim, np.full(n, TUBE / 2), sides, True)
        keep(p, normal, t)
        middle = np.array([[centre[0], centre[1], depth + 0.02]])
        fan = np.stack([np.full(n, n), np.arange(n), (np.arange(n) + 1) % n], 1)
        lens_p.append(np.concatenate([rim, middle]))
        lens_t.append(fan if sign > 0 else fan[:, ::-1])
        # The arm: from the upper outer rim to the top of the ear, and down behind it.
        ear_y, ear_z, ear_tall, ear_deep = head.ear
        hinge = rim[np.argmax(rim[:, 0] * sign + 0.35 * rim[:, 1])]
        beside = (np.abs(q[:, 1] - ear_y - 0.5 * ear_tall) < 0.2) & (np.abs(q[:, 2] - ear_z) < 0.25)
        reach = float(np.percentile(np.abs(q[beside, 0]), 60)) + 0.02
        stops = np.array(
            [
                hinge,
                [sign * max(1.09, abs(hinge[0]) + 0.08), hinge[1], hinge[2] - 0.10],
                [sign * max(reach, 1.1), ear_y + 0.80 * ear_tall, ear_z + 0.5 * ear_deep],
                [sign * reach, ear_y + 0.45 * ear_tall, ear_z - 0.5 * ear_deep],
                [sign * (reach - 0.04), ear_y - 0.25 * ear_tall, ear_z - 1.25 * ear_deep],
            ]
        )
        pick = np.linspace(0, 4, (16, 10, 7)[lod])
        path = np.stack([np.interp(pick, np.arange(5), stops[:, k]) for k in range(3)], 1)
        path[1:-1] = 0.25 * path[:-2] + 0.5 * path[1:-1] + 0.25 * path[2:]
        p, normal, t = _tube(path, np.full(len(path), TUBE * 0.42), max(4, sides - 2), False)
        keep(p, normal, t)
    inner = [rims[s][np.argmin(np.abs(rims[s][:, 0]) - 0.12 * rims[s][:, 1])] for s in (1.0, -1.0)]
    t01 = np.linspace(0, 1, (9, 6, 4)[lod])
    bridge = inner[0] * (1 - t01[:, None]) + inner[1] * t01[:, None]
    bridge[:, 1] += 0.05 * np.sin(np.pi * t01)
    bridge[:, 2] = np.maximum(bridge[:, 2] + 0.05 * np.sin(np.pi * t01), bridge[:, 2])
    p, normal, t = _tube(bridge, np.full(len(bridge), TUBE * 0.5), max(4, sides - 2), False)
    keep(p, normal, t)
    color = tuple(float(c) for c in (np.array(garment.color) / 255.0) ** 2.2)
    frame = Material("glasses_frame", "plain", (color[0], color[1], color[2], 1.0), roughness=0.65, double_sided=True)
    lens = Material("glasses_lens", "glass", (0.9, 0.95, 1.0, 0.07), roughness=0.05, alpha_mode="BLEND")
    parts = [_part("GlassesFrame", frame_p, frame_t, frame, surface, frame_n)]
    parts.append(_part("GlassesLens", lens_p, lens_t, lens, surface, None))
    return parts


def _part(
    name: str,
    points: list[Floats],
    triangles: list[Ints],
    material: Material,
    surface: Surface,
    normals: list[Floats] | None,
) -> MeshPart:
    """Join pieces in head-normalised coordinates into one rigid part."""
    start = np.cumsum([0] + [len(p) for p in points[:-1]])
    p = np.concatenate(points) * surface.ipd + surface.eye_centre
    t = np.concatenate([tri + s for tri, s in zip(triangles, start, strict=True)])
    n = vertex_normals(p, t) if normals is None else np.concatenate(normals)
    return MeshPart(
        name=name,
        positions=p,
        normals=n,
        uvs=np.zeros((len(p), 2)),
        triangles=t,
        material=material,
        lod=surface.lod,
    )
