"""Only writes `avatar.yaml`: measures, gains, rest offsets, viseme weights and limits, checked on the built mesh."""

from __future__ import annotations

from typing import Any

import numpy as np
import yaml

from avatar_engine.components.viseme_shapes import VISEME_SHAPES
from avatar_engine.maker.body import Person
from avatar_engine.maker.parts import LODS, MeshPart

GAINS = {
    "browDownLeft": 1.3, "browDownRight": 1.3, "browInnerUp": 1.5, "browOuterUpLeft": 1.4, "browOuterUpRight": 1.4,
    "mouthFrownLeft": 1.15, "mouthFrownRight": 1.15,
}  # fmt: skip
"""The face units are weak here (looked at on the four bundled faces)."""

REST = {"mouthSmile*": 0.15}
"""Without a trace of a smile the neutral face looks stern."""

LIMITS: tuple[tuple[tuple[str, ...], float], ...] = (
    (("cheekSquintLeft", "eyeSquintLeft"), 1.0),
    (("cheekSquintRight", "eyeSquintRight"), 1.0),
    (("eyeBlinkLeft", "eyeWideLeft"), 1.0),
    (("eyeBlinkRight", "eyeWideRight"), 1.0),
    (("mouthFunnel", "mouthPucker"), 1.1),
    (("mouthSmileLeft", "mouthStretchLeft"), 1.2),
    (("mouthSmileRight", "mouthStretchRight"), 1.2),
    (("mouthPucker", "mouthSmileLeft"), 1.2),
    (("mouthPucker", "mouthSmileRight"), 1.2),
)
"""Controls whose sum may not pass a ceiling: lids would leave the eye, lips would fold."""


def _round(value: float) -> float:
    return round(float(value), 4)


def measures(person: Person, parts: tuple[MeshPart, ...]) -> dict[str, float]:
    """Sizes at rest in metres above the floor."""
    q = (person.vertices - person.eye_centre) / person.ipd
    front = (np.abs(q[:13380, 0]) < 0.1) & (q[:13380, 1] < -1.2) & (q[:13380, 1] > -2.2) & (q[:13380, 2] > -0.2)
    everything = np.concatenate([part.positions for part in parts if part.lod == LODS[0]])
    above_chin = everything[everything[:, 1] > person.vertices[:13380][front, 1].min()]
    shoulder = person.source.joint_cube(person.vertices, "l-shoulder")
    around = everything[np.abs(everything[:, 1] - shoulder[1] + 0.3) < 0.5]
    return {
        "eye_height_m": _round(person.eye_centre[1] * 0.1),
        "head_top_m": _round(above_chin[:, 1].max() * 0.1),
        "chin_m": _round(person.vertices[:13380][front, 1].min() * 0.1),
        "shoulder_height_m": _round(shoulder[1] * 0.1),
        "shoulder_width_m": _round((around[:, 0].max() - around[:, 0].min()) * 0.1),
        "eye_distance_m": _round(person.ipd * 0.1),
        "face_depth_m": _round(person.eye_centre[2] * 0.1),
        "head_width_m": _round((above_chin[:, 0].max() - above_chin[:, 0].min()) * 0.1),
        "centre_x_m": _round(person.eye_centre[0] * 0.1),
        "bottom_m": _round(everything[:, 1].min() * 0.1),
    }


def profile(person: Person, parts: tuple[MeshPart, ...]) -> dict[str, Any]:
    """The content of avatar.yaml."""
    spec = person.spec
    return {
        "version": 1,
        "name": spec.name,
        "description": spec.description,
        "licence": spec.licence,
        "model": f"{spec.id}.glb",
        "gains": dict(GAINS),
        "rest": dict(REST),
        "visemes": {name: dict(weights) for name, weights in VISEME_SHAPES.items()},
        "limits": [{"controls": list(names), "ceiling": ceiling} for names, ceiling in LIMITS],
        "measures": measures(person, parts),
    }


def profile_text(person: Person, parts: tuple[MeshPart, ...]) -> str:
    """avatar.yaml as text."""
    head = "# Written by the avatar maker from person.yaml; measured on the mesh.\n"
    return head + yaml.safe_dump(profile(person, parts), sort_keys=False, allow_unicode=True, width=110)
