"""Guesses from what morph targets move on the mesh: which nameless one is the jaw or a blink, which move nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.model import Model
from avatar_engine.scenes.automap import propose
from avatar_engine.scenes.profile import Measures

Floats = NDArray[np.float64]
STILL_M = 1e-4  # what moves no vertex further is an empty shape with rounding errors


@dataclass(frozen=True, slots=True)
class _Motion:
    """How a target moves the face, in pupil distances: where (from between the eyes), how far, how much in all."""

    target: str
    left: float  # share of the motion on the avatar's left, 0..1
    height: float
    mean: Floats  # (3,)
    largest: float


def still_targets(model: Model) -> frozenset[str]:
    """Targets that move nothing: some exporters write all 52 names and leave empty what they have no shape for."""
    moving = {
        target.name
        for mesh in model.meshes
        for target in mesh.targets
        if len(target.delta) and float(np.abs(target.delta).max()) > STILL_M
    }
    return frozenset(model.morph_names) - moving


def shapes_seen(model: Model, sizes: Measures) -> dict[str, str]:
    """control -> target, only for targets whose names say nothing and controls that no name drives.

    Empty unless the model lacks a jaw or a blink: names are better evidence than geometry.
    """
    still = still_targets(model)
    guess = propose([name for name in model.morph_names if name not in still])
    if {"jawOpen", "eyeBlinkLeft"} <= guess.mapping.keys() or guess.visemes or not guess.unknown:
        return {}
    motions = [motion for name in guess.unknown if (motion := _motion(model, sizes, name)) is not None]
    found: dict[str, str] = {}
    lower = [m for m in motions if m.height < -0.7 and m.mean[1] < -0.01 and 0.35 < m.left < 0.65]
    if "jawOpen" not in guess.mapping and lower:
        found["jawOpen"] = min(lower, key=lambda m: m.mean[1] * m.largest).target
    lids = [m for m in motions if -0.45 < m.height < 0.9 and m.mean[1] < -0.003 and m.largest < 0.5]
    for side, low, high in (("Left", 0.8, 1.01), ("Right", -0.01, 0.2)):
        one = [m for m in lids if low < m.left < high]
        both = [m for m in lids if 0.35 < m.left < 0.65]
        if f"eyeBlink{side}" not in guess.mapping and (one or both):
            found[f"eyeBlink{side}"] = max(one or both, key=lambda m: -m.mean[1]).target
    return found


def _motion(model: Model, sizes: Measures, name: str) -> _Motion | None:
    ipd = sizes.eye_distance_m or 0.063
    eyes = np.array([sizes.centre_x_m or 0.0, sizes.eye_height_m or 0.0, 0.0])
    places, deltas = [], []
    for mesh in model.meshes:
        if mesh.level == 0:
            for target in mesh.targets:
                if target.name == name:
                    places.append(mesh.positions[target.index])
                    deltas.append(target.delta)
    if not places or not sum(map(len, places)):
        return None
    place = (np.concatenate(places).astype(np.float64) - eyes) / ipd
    delta = np.concatenate(deltas).astype(np.float64) / ipd
    size = np.linalg.norm(delta, axis=1)
    total = float(size.sum())
    if total < 1e-6:
        return None
    share = size / total
    return _Motion(
        name,
        float(share[place[:, 0] > 0.02].sum() + 0.5 * share[np.abs(place[:, 0]) <= 0.02].sum()),
        float(share @ place[:, 1]),
        share @ delta,
        float(size.max()),
    )
