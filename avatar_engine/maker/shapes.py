"""Only the shapes of the face on the vertices of the data set: 52 ARKit, 15 visemes, tongue, native unit splits."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from avatar_engine.components.controls import ARKIT, TONGUE
from avatar_engine.components.visemes import VISEMES
from avatar_engine.maker.geometry import neighbour_mean, quad_triangles, smooth_step
from avatar_engine.maker.lids import fitted_blink
from avatar_engine.maker.lips import rounding, sealing
from avatar_engine.maker.parts import Floats, Ints
from avatar_engine.maker.rings import lip_rings
from avatar_engine.maker.source import Source

SEALED = (
    "cheekPuff", "jawForward", "jawLeft", "jawRight", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthLeft", "mouthRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "noseSneerLeft", "noseSneerRight",
)  # fmt: skip
"""Shapes that leave closed lips closed. Gaps add like the shapes do, so any mixture of these stays closed."""

QUADRANTS = ("TL", "TR", "BL", "BR")

UNIT_RECIPES: tuple[tuple[str, tuple[str, ...], dict[str, float]], ...] = (
    ("AU01", ("L", "R"), {"browInnerUp": 1.0}),
    ("AU17", ("L", "R"), {"mouthShrugLower": 1.0, "mouthShrugUpper": 0.4}),
    ("AU33", ("L", "R"), {"cheekPuff": 0.8, "mouthPucker": 0.3}),
    ("AU34", ("L", "R"), {"cheekPuff": 1.0}),
    ("AU35", ("L", "R"), {"cheekPuff": -0.6, "mouthPucker": 0.3, "mouthDimple*": 0.2}),
    ("AU18", QUADRANTS, {"mouthPucker": 1.0}),
    ("AU22", QUADRANTS, {"mouthFunnel": 1.0}),
    ("AU23", QUADRANTS, {"mouthPress*": 0.6, "mouthRollUpper": 0.16, "mouthRollLower": 0.16, "mouthPucker": 0.24}),
    ("AU24", QUADRANTS, {"mouthPress*": 1.0}),
    ("AU28", ("TL", "TR"), {"mouthRollUpper": 1.0}),
    ("AU28", ("BL", "BR"), {"mouthRollLower": 1.0}),
)
"""Unit of the 157, its parts, and the shapes each part is cut from: all parts together are the whole shape."""

UNITS: tuple[tuple[str, str, str, float], ...] = (
    ("AU38L", "nose-left-dilatation", "", 1.5),
    ("AU38R", "nose-right-dilatation", "", 1.5),
    ("AU39L", "nose-left-dilatation", "", -1.3),
    ("AU39R", "nose-right-dilatation", "", -1.3),
    ("AU21L", "neck-platysma", "L", 0.8),
    ("AU21R", "neck-platysma", "R", 0.8),
)
"""Units that ARKit lacks, from the expression units of the data set: unit, target, mask, factor."""

BLEND_WIDTH_DM = 0.10
"""Half width of the soft border between left and right, and between the lips away from the seam."""


LIP_CORNER = 12
"""Steps from the middle of the upper lip to the corner of the mouth on each lip ring."""


def mirrored_names(name: str) -> tuple[str, ...]:
    """`mouthSmile*` -> both sides; other names stay."""
    return (name[:-1] + "Left", name[:-1] + "Right") if name.endswith("*") else (name,)


def side_mask(vertices: Floats, mask: str) -> Floats:
    """Weight (n,) of a part: L, R, T, B or two of them. Left and right, top and bottom each sum to 1."""
    out = np.ones(len(vertices))
    if "L" in mask or "R" in mask:
        left = smooth_step(-BLEND_WIDTH_DM, BLEND_WIDTH_DM, vertices[:, 0])
        out = out * (left if "L" in mask else 1.0 - left)
    if "T" in mask or "B" in mask:
        seam = vertices[lip_rings()[2], 1].mean()
        top = smooth_step(seam - BLEND_WIDTH_DM / 2, seam + BLEND_WIDTH_DM / 2, vertices[:, 1])
        for ring in lip_rings():
            number = np.arange(len(ring))
            from_upper_middle = np.minimum(number, len(ring) - number)
            top[ring] = np.select([from_upper_middle < LIP_CORNER, from_upper_middle == LIP_CORNER], [1.0, 0.5], 0.0)
        out = out * (top if "T" in mask else 1.0 - top)
    return np.asarray(out)


def arkit_shapes(source: Source, vertices: Floats) -> dict[str, Floats]:
    """The 52 shapes (n, 3), lips and lids made to meet on this face. `vertices`: at rest with the lips sealed."""
    shapes = {name: source.face_unit(name).copy() for name in ARKIT}
    for side in ("Left", "Right"):
        shapes[f"eyeBlink{side}"] = fitted_blink(source, vertices, side)
        shapes[f"mouthSmile{side}"] = _smooth_cheek(source, vertices, shapes[f"mouthSmile{side}"])
    for name in SEALED:
        shapes[name] += sealing(vertices + shapes[name])
    shapes["mouthFunnel"] += rounding(vertices + shapes["mouthFunnel"])
    shapes["tongueOut"] += _over_the_teeth(source, vertices)
    open_jaw = vertices + shapes["jawOpen"] + shapes["mouthClose"]
    shapes["mouthClose"] += sealing(open_jaw)
    return shapes


TONGUE_RISE_DM = 0.15
"""How far the tip of the resting tongue lies under the edge of the lower lip."""


def _tongue_along(source: Source, vertices: Floats) -> tuple[Ints, Floats]:
    """Vertices of the tongue and their place from root (0) to tip (1)."""
    members = source.group_vertices("helper-tongue")
    depth = vertices[members, 2]
    return members, (depth - depth.min()) / (depth.max() - depth.min())


def _over_the_teeth(source: Source, vertices: Floats) -> Floats:
    """Our tongue rests lower than that of the data set: it has to rise on its way out."""
    members, along = _tongue_along(source, vertices)
    out = np.zeros_like(vertices)
    out[members, 1] = TONGUE_RISE_DM * smooth_step(0.0, 0.75, along)
    return out


CHEEK_FOLD = ((0.70, -0.70), (0.26, 0.26), 24)
"""Where the smile of the data set has a hard half ring in the cheek: centre, size (eye distances), rounds."""


def _smooth_cheek(source: Source, vertices: Floats, delta: Floats) -> Floats:
    left, right = source.joint_cube(vertices, "l-eye"), source.joint_cube(vertices, "r-eye")
    q = (vertices - (left + right) / 2) / (left[0] - right[0])
    (x, y), (wide, high), rounds = CHEEK_FOLD
    spot = np.exp(-(((np.abs(q[:, 0]) - x) / wide) ** 2) - ((q[:, 1] - y) / high) ** 2) * (q[:, 2] > -0.9)
    spot[np.setdiff1d(np.arange(len(vertices)), source.group_vertices("body"))] = 0.0
    lips = vertices[np.concatenate(lip_rings())]
    spot *= smooth_step(0.04, 0.34, cKDTree(lips).query(vertices)[0])
    mean = neighbour_mean(quad_triangles(source.groups["body"][..., 0]), len(vertices))
    out = delta.copy()
    for _ in range(rounds):
        out += (0.6 * spot)[:, None] * (mean @ out - out)
    return out


def viseme_shapes(arkit: dict[str, Floats], table: dict[str, dict[str, float]]) -> dict[str, Floats]:
    """The 15 visemes as sums of ARKit shapes; `sil` is the zero shape."""
    return {f"viseme_{viseme}": _mixed(arkit, table[viseme]) for viseme in VISEMES}


def unit_shapes(source: Source, vertices: Floats, arkit: dict[str, Floats]) -> dict[str, Floats]:
    """Native shapes of units of the 157 that ARKit has only as a whole or not at all."""
    masks = {mask: side_mask(vertices, mask)[:, None] for mask in ("L", "R", *QUADRANTS)}
    out = {}
    for unit, parts, recipe in UNIT_RECIPES:
        whole = _mixed(arkit, recipe)
        out.update({f"{unit}{part}": whole * masks[part] for part in parts})
    for unit, target, mask, factor in UNITS:
        whole = factor * source.target(f"expression/units/caucasian/{target}")
        out[unit] = whole * masks[mask] if mask else whole
    return out


def _mixed(arkit: dict[str, Floats], recipe: dict[str, float]) -> Floats:
    total = np.zeros_like(arkit["jawOpen"])
    for pattern, weight in recipe.items():
        for name in mirrored_names(pattern):
            total += weight * arkit[name]
    return total


def tongue_shapes(source: Source, vertices: Floats) -> dict[str, Floats]:
    """Bends of the tongue for the speech articulators; the root stays."""
    members, along = _tongue_along(source, vertices)
    length = float(np.ptp(vertices[members, 2]))
    tip = smooth_step(0.45, 1.0, along)
    middle = np.exp(-(((along - 0.35) / 0.25) ** 2))
    whole = smooth_step(0.1, 1.0, along)
    zero = np.zeros_like(along)
    moves = {
        "tongueTipUp": (zero, 0.34 * length * tip, -0.05 * length * tip),
        "tongueBackUp": (zero, 0.20 * length * middle, zero),
        "tongueUp": (zero, 0.24 * length * whole, -0.03 * length * whole),
        "tongueDown": (zero, -0.12 * length * whole, zero),
        "tongueLeft": (0.22 * length * whole, zero, -0.02 * length * whole),
        "tongueRight": (-0.22 * length * whole, zero, -0.02 * length * whole),
    }
    out = {}
    for name in TONGUE:
        delta = np.zeros_like(vertices)
        delta[members] = np.stack(moves[name], 1)
        out[name] = delta
    return out
