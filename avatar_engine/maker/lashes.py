"""Only the eyelashes: curved strips on the lid edges with painted hairs, moving with the lids."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from avatar_engine.maker.body import Person
from avatar_engine.maker.eyes import eyeballs
from avatar_engine.maker.geometry import grid_triangles, vertex_normals
from avatar_engine.maker.joining import joined
from avatar_engine.maker.parts import Floats, Ints, Material, MeshPart
from avatar_engine.maker.rings import MARGIN, lid_rings, split_ring
from avatar_engine.maker.skeleton import four_strongest

ROWS = {0: 6, 1: 3, 2: 2}
COLUMNS = {0: 28, 1: 14, 2: 9}

TURN_RAD = {
    "eyeBlink": (-1.15, 0.25), "eyeLookDown": (-0.55, 0.0), "eyeSquint": (-0.12, 0.10), "eyeWide": (0.12, 0.0),
    "eyeLookUp": (0.15, 0.0),
}  # fmt: skip
"""How far lashes turn about the lid edge at weight 1: upper, lower; minus turns tips down."""

PICTURE = (1024, 256)
LOWER_BAND = 0.25
"""Part of the picture's height that holds the lower lashes."""


def lash_material(amount: float, rng: np.random.Generator) -> Material:
    """Painted hairs; u from the inner to the outer corner; upper lashes above, lower ones in the band below."""
    return Material(
        "Lash", "lash", base_color=(1.0, 1.0, 1.0, 1.0), texture=lash_picture(amount, rng), texture_format="PNG",
        roughness=0.8, alpha_mode="BLEND", double_sided=True,
    )  # fmt: skip


def lash_picture(amount: float, rng: np.random.Generator) -> Image.Image:
    """RGBA; upper hairs grow upwards from the bottom of their band, clumped, longest at two thirds."""
    width, height = PICTURE
    scale = 3
    ink = Image.new("L", (width * scale, height * scale), 0)
    pen = ImageDraw.Draw(ink)
    split = height * (1 - LOWER_BAND)
    for upper in (True, False):
        count = int((88 if upper else 32) * (0.55 + 0.55 * amount))
        base, room = (split, split) if upper else (height, height * LOWER_BAND)
        for number in range(count):
            t = (number + 0.5 + rng.uniform(-0.35, 0.35)) / count
            long = np.interp(t, [0, 0.12, 0.45, 0.8, 0.95, 1], [0.28, 0.5, 0.82, 1.0, 0.9, 0.6])
            length = room * 0.94 * long * rng.uniform(0.72, 1.0)
            lean = (t - 0.38) * 0.62 + rng.normal(0, 0.07)
            root = t * (width - 24) + 12
            thick = (3.0 if upper else 2.2) * (0.5 + 0.65 * amount)
            points = []
            for s in np.linspace(0, 1, 9):
                x = root + lean * length * (0.5 * s + 0.7 * s * s)
                points.append((x * scale, (base - 1 - length * s) * scale))
            for k in range(8):
                w = max(1, round(thick * scale * (1 - (k / 8.0) ** 1.3 * 0.85)))
                pen.line([points[k], points[k + 1]], fill=int(250 - 60 * k / 8), width=w)
        if upper:
            pen.rectangle(
                [12 * scale, (split - 5) * scale, (width - 12) * scale, (split - 1) * scale],
                fill=int(60 + 130 * amount),
            )
    alpha = np.asarray(ink.resize(PICTURE, Image.Resampling.LANCZOS), dtype=np.float64) / 255.0
    picture = np.zeros((height, width, 4))
    picture[..., :3] = [0.06, 0.045, 0.04]
    picture[..., 3] = alpha
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), "RGBA")


def _curve(points: Floats, count: int) -> tuple[Floats, Floats]:
    """Matrix (count, len(points)) that resamples a polyline evenly by length, and the arc position 0..1."""
    step = np.linalg.norm(np.diff(points, axis=0), axis=1)
    at = np.concatenate([[0.0], np.cumsum(step)])
    wanted = np.linspace(0, 1, count)
    matrix = np.stack([np.interp(wanted * at[-1], at, row) for row in np.eye(len(points))], 1)
    return matrix, wanted


def lash_part(person: Person, material: Material, lod: int, amount: float) -> MeshPart:
    """Strips for both eyes; the lowest level has upper lashes only."""
    parts = []
    home = person.source.vertices
    balls = eyeballs(person)
    for side, sign in (("Left", 1.0), ("Right", -1.0)):
        ring = lid_rings()[side][MARGIN]
        halves = split_ring(ring, home[:, 0] * sign, home[:, 1])
        for upper, half in zip((True, False), halves, strict=True):
            if lod == 2 and not upper:
                continue
            parts.append(_strip(person, side, half, upper, balls[side].centre, material, lod, amount))
    return joined("Lashes", parts, material)


def _strip(
    person: Person, side: str, half: Ints, upper: bool, eye: Floats, material: Material, lod: int, amount: float
) -> MeshPart:
    sign = 1.0 if side == "Left" else -1.0
    matrix, along = _curve(person.vertices[half], COLUMNS[lod])
    root = matrix @ person.vertices[half]
    rows = np.linspace(0, 1, ROWS[lod])
    outward = root - eye
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    grow = outward * [0.55, 0.25, 1.0] + np.array([0.0, 0.28 if upper else -0.42, 0.0])
    grow[:, 0] += sign * 0.30 * (along - 0.35)
    grow /= np.linalg.norm(grow, axis=1, keepdims=True)
    length = (0.046 + 0.036 * amount if upper else 0.020 + 0.012 * amount) * np.interp(
        along, [0, 0.2, 0.7, 1], [0.7, 0.9, 1.0, 0.95]
    )
    bend = np.array([0.0, 0.62 if upper else -0.35, 0.0])
    arm = np.concatenate(
        [(grow * row + bend * row**2) * length[:, None] + outward * 0.002 * (row == 0.0) for row in rows]
    )
    positions = np.tile(root, (len(rows), 1)) + arm
    band = (LOWER_BAND, 1.0) if upper else (0.0, LOWER_BAND - 0.01)
    v = np.repeat(band[0] + (band[1] - band[0]) * rows * 0.995, len(along))
    uvs = np.stack([np.tile(along * 0.98 + 0.01, len(rows)), v], 1)
    triangles = grid_triangles(len(rows), len(along))
    if (vertex_normals(positions, triangles)[:, 2].mean() < 0) == upper:
        triangles = triangles[:, ::-1]
    morphs = {}
    for name, delta in person.shapes.items():
        moved = np.tile(matrix @ delta[half], (len(rows), 1))
        stem = name.removesuffix(side)
        if stem != name and stem in TURN_RAD:
            moved = moved + _turned(arm, TURN_RAD[stem][0 if upper else 1]) - arm
        if np.abs(moved).max() > 1e-5:
            morphs[name] = moved
    table = {name: np.tile(matrix @ weight[half], len(rows)) for name, weight in person.weights.items()}
    joints, weights = four_strongest(table)
    name = f"Lash{'Upper' if upper else 'Lower'}{side}"
    normals = np.tile(outward, (len(rows), 1))
    return MeshPart(
        name, positions, normals, uvs, triangles, material, morphs=morphs, joints=joints, weights=weights, lod=lod
    )


def _turned(arm: Floats, angle_rad: float) -> Floats:
    """Arms turned about the x axis; a positive angle lifts tips that point forward."""
    c, s = np.cos(angle_rad), np.sin(angle_rad)
    return np.stack([arm[:, 0], c * arm[:, 1] + s * arm[:, 2], -s * arm[:, 1] + c * arm[:, 2]], 1)
