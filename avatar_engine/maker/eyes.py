"""Only the eyeballs: bulged spheres with a painted iris, and the soft shade that the lids throw on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from avatar_engine.maker.body import Person
from avatar_engine.maker.geometry import grid_triangles, smooth_step, vertex_normals, welded_normals
from avatar_engine.maker.joining import joined
from avatar_engine.maker.parts import Floats, Material, MeshPart
from avatar_engine.maker.rings import lid_rings
from avatar_engine.maker.skeleton import four_strongest, rigid_to
from avatar_engine.maker.spec import Eyes

POLAR_END_RAD = 0.62 * np.pi
"""The back of the ball, which nobody sees, is left out."""

IRIS_PART, PUPIL_PART = 0.47, 0.36
"""Radius of the iris over that of the ball, of the pupil over that of the iris; more looks like a doll."""

BULGE = 0.05
"""How far the cornea stands out, part of the radius."""

GRID = {0: (24, 37), 1: (9, 17), 2: (5, 11)}
"""Rows and columns of the ball per level."""
END_RAD = {0: POLAR_END_RAD, 1: 0.50 * np.pi, 2: 0.46 * np.pi}
"""Where the ball ends per level: what comes out from under the lids at the widest glance, and some more."""

SHADE_ROWS = {0: (0.0, 0.14, 0.32, 0.62), 1: (0.0, 0.20, 0.62), 2: (0.0, 0.62)}
"""Rows of the shade per level, from the lid edge towards the middle of the opening."""

SHADE_LIFT = 1.012
"""Radius of the shade over that of the ball."""


@dataclass(frozen=True, slots=True)
class Ball:
    """Centre (3,) and radius, dm, of one eyeball."""

    centre: Floats
    radius: float


def eyeballs(person: Person) -> dict[str, Ball]:
    """Side -> ball, fitted to the helper spheres of the data set."""
    out = {}
    for side in ("Left", "Right"):
        helper = person.vertices[person.source.group_vertices(f"helper-{side[0].lower()}-eye")]
        low, high = helper.min(0), helper.max(0)
        out[side] = Ball((low + high) / 2, float(high[0] - low[0]) / 2)
    return out


def _ball_part(side: str, ball: Ball, material: Material, lod: int) -> MeshPart:
    rows, columns = GRID[lod]
    angles, rings = np.linspace(0, 2 * np.pi, columns), np.linspace(0, 1, rows) ** 0.85 * END_RAD[lod]
    around, polar = (axis.ravel() for axis in np.meshgrid(angles, rings))
    ray = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], 1)
    bulge = BULGE * smooth_step(0.60, 0.0, np.sin(polar)) * (polar < 1.5)
    positions = ball.centre + ray * (ball.radius * (1.0 + bulge))[:, None]
    flip = 1.0 if side == "Left" else -1.0
    uvs = 0.5 + 0.5 * np.stack([flip * np.cos(around), np.sin(around)], 1) * (polar / POLAR_END_RAD)[:, None]
    triangles = grid_triangles(rows, columns)
    corner = positions[triangles]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    triangles = triangles[area > 1e-12]
    joints, weights = rigid_to(f"eye{side}", len(positions))
    return MeshPart(
        f"Eye{side}", positions, welded_normals(positions, triangles), uvs, triangles, material,
        joints=joints, weights=weights, lod=lod,
    )  # fmt: skip


def _shade_part(side: str, ball: Ball, person: Person, material: Material, lod: int) -> MeshPart:
    """A band over the eyeball that hangs on the lid margin and follows all its shapes."""
    ring = lid_rings()[side][-1]
    edge = person.vertices[ring]
    count = len(ring)
    opening = edge.mean(0)
    shade_rows = SHADE_ROWS[lod]
    rows, follow = [], []
    for part in shade_rows:
        point = edge + (opening - edge) * part
        ray = point - ball.centre
        ray /= np.linalg.norm(ray, axis=1, keepdims=True)
        front = smooth_step(0.60, 0.0, np.hypot(ray[:, 0], ray[:, 1]))
        lifted = ball.centre + ray * (ball.radius * (SHADE_LIFT + BULGE * front))[:, None]
        rows.append(edge if part == 0.0 else lifted)
        follow.append(np.full(count, 1.0 - 0.35 * part))
    positions = np.concatenate([np.concatenate([row, row[:1]]) for row in rows])
    triangles = grid_triangles(len(shade_rows), count + 1)
    if vertex_normals(positions, triangles)[:, 2].mean() < 0:
        triangles = triangles[:, ::-1]
    loop = np.concatenate([np.arange(count), [0]])
    upper = np.interp(edge[loop, 1], [edge[:, 1].min(), edge[:, 1].max()], [0.0, 1.0])
    uvs = np.concatenate([np.stack([upper, np.full(count + 1, part / shade_rows[-1])], 1) for part in shade_rows])
    share = np.concatenate([row[loop] for row in follow])[:, None]
    lids = np.tile(loop, len(shade_rows))
    morphs = {name: delta[ring][lids] * share for name, delta in person.shapes.items()}
    joints, weights = four_strongest({name: weight[ring][lids] for name, weight in person.weights.items()})
    normals = positions - ball.centre
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return MeshPart(
        f"EyeShade{side}", positions, normals, uvs, triangles, material,
        morphs=morphs, joints=joints, weights=weights, lod=lod,
    )  # fmt: skip


def eye_materials(spec: Eyes, rng: np.random.Generator, size: int = 1024) -> tuple[Material, Material]:
    """Material of the ball and of the shade."""
    ball = Material("Eye", "eye", texture=iris_picture(spec, rng, size), roughness=0.08)
    shade = Material(
        "EyeShade", "eye_shade", texture=shade_picture(), texture_format="PNG", roughness=1.0,
        alpha_mode="BLEND", double_sided=True,
    )  # fmt: skip
    return ball, shade


def eye_parts(person: Person, materials: tuple[Material, Material], lod: int) -> list[MeshPart]:
    """Both eyes as one part, and both shades as another."""
    balls = eyeballs(person).items()
    eyes = [_ball_part(side, ball, materials[0], lod) for side, ball in balls]
    shades = [_shade_part(side, ball, person, materials[1], lod) for side, ball in balls]
    return [joined("Eyes", eyes, materials[0]), joined("EyeShades", shades, materials[1])]


def _ring_noise(rng: np.random.Generator, count: int, width: int) -> Floats:
    """Periodic noise (count,) along the angle, smoothed over `width` samples, mean 0.5."""
    values = rng.random(count)
    kernel = np.ones(width) / width
    return np.convolve(np.tile(values, 3), kernel, "same")[count : 2 * count]


def iris_picture(spec: Eyes, rng: np.random.Generator, size: int) -> Image.Image:
    """Sclera with faint veins, limbal ring, fibres, collarette, pupil; u runs away from the nose."""
    y, x = np.mgrid[0:size, 0:size]
    u, v = (x + 0.5) / size * 2 - 1, 1 - (y + 0.5) / size * 2
    radius, angle = np.hypot(u, v), np.arctan2(v, u)
    edge = float(np.arcsin(IRIS_PART) / POLAR_END_RAD)
    k = radius / edge
    white = np.ones((size, size, 3)) * [0.865, 0.845, 0.825]
    soft = gaussian_filter(rng.standard_normal((size, size)), size / 90, mode="wrap")
    soft /= soft.std()
    fine = gaussian_filter(rng.standard_normal((size, size)), (size / 400, size / 60), mode="wrap")
    veins = np.clip(fine / fine.std() - 1.2, 0, 2) * smooth_step(edge * 1.25, edge * 2.4, radius)
    white *= 1 + 0.012 * soft[..., None]
    white *= 1 - veins[..., None] * np.array([0.01, 0.05, 0.05])
    inner = smooth_step(-0.34, -0.62, u)
    white *= 1 - 0.38 * inner[..., None] * np.array([0.10, 0.42, 0.42])
    white *= 1 - 0.16 * smooth_step(edge * 1.3, 0.9, radius)[..., None] * np.array([0.4, 1.0, 1.0])
    white *= 1 - 0.10 * smooth_step(edge * 1.35, edge, radius)[..., None]
    steps = 1440
    turn = ((angle / (2 * np.pi) * steps + 10 * np.sin(k * 7.0)) % steps).astype(int)
    thin, broad = _ring_noise(rng, steps, 3), _ring_noise(rng, steps, 25)
    fibre = (thin - 0.5) * 0.9 + (broad - 0.5) * 3.2
    inside, outside = np.array(spec.inner) / 255.0, np.array(spec.outer) / 255.0
    mix = smooth_step(0.38, 0.92, k)[..., None]
    iris = (inside * (1 - mix) + outside * mix) * (1.12 + 0.55 * fibre[turn] * smooth_step(1.0, 0.6, k))[..., None]
    ring = np.exp(-(((k - 0.52 - 0.05 * fibre[turn]) / 0.10) ** 2))
    iris *= (1 + 0.40 * ring)[..., None]
    iris *= (1 - 0.62 * smooth_step(0.78, 1.0, k))[..., None]
    iris *= (1 - 0.42 * smooth_step(0.1, 1.0, v / edge))[..., None]
    iris *= (1 + 0.35 * smooth_step(0.1, 0.9, -v / edge) * smooth_step(0.4, 0.7, k) * smooth_step(1.0, 0.8, k))[
        ..., None
    ]
    pupil = smooth_step(PUPIL_PART + 0.03, PUPIL_PART - 0.02, k)[..., None]
    iris = iris * (1 - pupil) + 0.012 * pupil
    rim = smooth_step(1.07, 0.95, k)[..., None]
    picture = np.clip(white * (1 - rim) + iris * rim, 0, 1)
    return Image.fromarray((picture * 255 + 0.5).astype(np.uint8))


def shade_picture(size: int = 64) -> Image.Image:
    """v = 0 at the lid edge; u = 0 below, 1 at the upper lid, which throws the deeper shade."""
    y, x = np.mgrid[0:size, 0:size]
    upper, inwards = (x + 0.5) / size, 1 - (y + 0.5) / size
    strength = 0.42 + 0.42 * smooth_step(0.35, 0.9, upper)
    reach = 0.22 + 0.78 * smooth_step(0.3, 0.9, upper)
    alpha = strength * (1 - smooth_step(0.0, 1.0, np.clip(inwards / reach, 0, 1)))
    picture = np.zeros((size, size, 4))
    picture[..., :3] = [0.20, 0.075, 0.06]
    picture[..., 3] = np.clip(alpha, 0, 0.85)
    return Image.fromarray((picture * 255 + 0.5).astype(np.uint8), "RGBA")
