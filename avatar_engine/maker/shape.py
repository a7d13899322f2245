"""Only turns a person's description into shaped vertices: macro blend, sliders, asymmetry, arms lowered."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.geometry import neighbour_mean, quad_triangles, rotate_about_z
from avatar_engine.maker.parts import Floats
from avatar_engine.maker.source import Source
from avatar_engine.maker.spec import PersonSpec

YOUNG_YEARS, OLD_YEARS = 25.0, 90.0
"""Ages of the macro targets `young` and `old` (MakeHuman's age slider)."""

ASYMMETRY = (
    "brown-1",
    "cheek-1",
    "cheek-2",
    "ear-1",
    "eye-1",
    "eye-3",
    "eye-5",
    "jaw-1",
    "mouth-1",
    "nose-1",
    "top-1",
)
"""Asymmetry targets of the data set that look natural when small."""

ASYMMETRY_SCALE = 0.3
"""Weight of one asymmetry target at `asymmetry: 1` (one standard deviation)."""


def blend_weights(spec: PersonSpec) -> dict[str, float]:
    """Weights of the macro targets; those of ethnicity-sex-age sum to 1, those of the build sum to 1."""
    old = float(np.clip((spec.age_years - YOUNG_YEARS) / (OLD_YEARS - YOUNG_YEARS), 0.0, 1.0))
    ages = {"young": 1.0 - old, "old": old}
    sexes = {"female": 1.0 - spec.sex, "male": spec.sex}
    kinds = spec.ethnicity
    total = kinds.african + kinds.asian + kinds.caucasian
    kin = {
        "african": kinds.african / total,
        "asian": kinds.asian / total,
        "caucasian": kinds.caucasian / total,
    }
    out: dict[str, float] = {}
    for sex, of_sex in sexes.items():
        for age, of_age in ages.items():
            for name, of_kin in kin.items():
                out[f"macrodetails/{name}-{sex}-{age}"] = of_sex * of_age * of_kin
            for muscle, of_muscle in _three("muscle", spec.muscle).items():
                for weight, of_weight in _three("weight", spec.weight).items():
                    key = f"macrodetails/universal-{sex}-{age}-{muscle}-{weight}"
                    out[key] = of_sex * of_age * of_muscle * of_weight
    return {name: weight for name, weight in out.items() if weight > 0.0}


def _three(word: str, value: float) -> dict[str, float]:
    low, high = max(0.0, 1.0 - 2.0 * value), max(0.0, 2.0 * value - 1.0)
    return {f"min{word}": low, f"average{word}": 1.0 - low - high, f"max{word}": high}


def shaped(source: Source, spec: PersonSpec) -> Floats:
    """All vertices of the data set (helpers too) in this person's shape, dm, feet on y = 0, arms lowered."""
    vertices = source.vertices.copy()
    for name, weight in blend_weights(spec).items():
        vertices += weight * source.target(name)
    for name, weight in sorted(spec.sliders.items()):
        for full in [name.format(s=side) for side in "lr"] if "{s}" in name else [name]:
            vertices += weight * source.target(full)
    rng = np.random.default_rng([spec.seed, 11])
    for name in ASYMMETRY:
        amount = float(np.clip(rng.normal(), -1.5, 1.5)) * spec.asymmetry * ASYMMETRY_SCALE
        side = "l" if amount > 0 else "r"
        vertices += abs(amount) * source.target(f"asym/asym-{name}-{side}")
    vertices[:, 1] -= source.joint_cube(vertices, "ground")[1]
    return _lower_arms(source, _softened(source, vertices), np.radians(spec.arm_drop_deg))


TEAR_TROUGH = ((0.35, -0.25), (0.13, 0.12), 8)
"""Centre and size in eye distances, and rounds of smoothing: the data set has a hard crease beside the nose."""


def _softened(source: Source, vertices: Floats) -> Floats:
    """Smooth the crease under the inner corners of the eyes."""
    left, right = source.joint_cube(vertices, "l-eye"), source.joint_cube(vertices, "r-eye")
    q = (vertices - (left + right) / 2) / (left[0] - right[0])
    (x, y), (wide, high), rounds = TEAR_TROUGH
    spot = np.exp(-(((np.abs(q[:, 0]) - x) / wide) ** 2) - ((q[:, 1] - y) / high) ** 2) * (q[:, 2] > -0.5)
    spot[np.setdiff1d(np.arange(len(vertices)), source.group_vertices("body"))] = 0.0
    mean = neighbour_mean(quad_triangles(source.groups["body"][..., 0]), len(vertices))
    out = vertices.copy()
    for _ in range(rounds):
        out += (0.5 * spot)[:, None] * (mean @ out - out)
    return out


def _lower_arms(source: Source, vertices: Floats, angle_rad: float) -> Floats:
    """The A-pose of the data set makes a bust look like a mannequin: turn the arms about the shoulders."""
    for side, sign in (("L", -1.0), ("R", 1.0)):
        arm = 0.35 * source.weights[f"shoulder01.{side}"]
        for bone, weight in source.weights.items():
            if bone.endswith(f".{side}") and bone.startswith(("upperarm", "lowerarm", "wrist", "finger", "metacarpal")):
                arm = arm + weight
        centre = source.joint_cube(vertices, f"{side.lower()}-shoulder")
        vertices = rotate_about_z(vertices, centre, sign * angle_rad * np.clip(arm, 0.0, 1.0))
    return vertices
