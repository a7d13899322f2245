"""Only measures the mouth that a mesh shows: gap of the lips, and which visemes its lips look like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.lipsync_score import OPENNESS, Shown
from avatar_engine.scenes.library import Avatar
from avatar_engine.systems.face_mix import kept_by_emotion

Float = NDArray[np.float32]

LEVEL = 1  # the mesh that ordinary qualities draw
LIPS = (0.12, 0.62)  # their height between chin (0) and eyes (1)
RED_M = 0.016  # from the foremost point of the lips back to where the mouth's lining begins
JAW_SIDE_M = 0.004  # what the dropping jaw carries farther than this belongs to the lower lip
COLUMNS = (0.0, -0.22, 0.22)  # where the gap is measured, in half widths of the mouth
SHUT_MM = 1.0  # a gap that nobody sees at conversation distance: two arc minutes at 1.7 m
_STEPS = 500
MOODS = tuple(
    name
    for name, kept in zip(CONTROLS, kept_by_emotion())
    if kept > 0.0 and name.startswith(("mouth", "nose", "cheek"))
)
"""What emotion may do to a mouth that speaks."""


@dataclass(frozen=True, slots=True)
class MouthReader:
    """One avatar's lips as linear functions of its targets.

    columns: per measured column, the vertices of the upper and of the lower lip: rest (e,) and delta (T, e) heights.
    points (T, 3p): what every target does to the surface of the lips. looks (15 + m, 3p): what each viseme, and then
    each of MOODS, does to it. rest_morphs (T,): the face at rest. shut_mm: the gap of `PP`; scale_mm: of a full `aa`.
    """

    columns: tuple[tuple[Float, Float, Float, Float], ...]
    points: Float
    looks: Float
    rest_morphs: Float
    shut_mm: float
    scale_mm: float


def mouth_reader(avatar: Avatar) -> MouthReader:
    """Find the lips of an avatar by what its jaw and its visemes move."""
    model, sizes = avatar.model, avatar.measures
    mesh = max(
        (m for m in model.meshes if m.level == LEVEL and m.material.kind == "skin"), key=lambda m: len(m.positions)
    )
    deltas = np.zeros((len(model.morph_names), len(mesh.positions), 3), np.float32)
    for target in mesh.targets:
        deltas[model.morph_names.index(target.name), target.index] = target.delta
    points = mesh.positions
    chin, eyes, centre = sizes.chin_m or 0.0, sizes.eye_height_m or 0.0, sizes.centre_x_m or 0.0
    level = (points[:, 1] - chin) / (eyes - chin)
    aside = points[:, 0] - centre
    half_m = 0.4 * (sizes.eye_distance_m or 0.063)
    near = (level > LIPS[0]) & (level < LIPS[1]) & (np.abs(aside) < 1.1 * half_m)
    jaw = _morphs(avatar, "aa") @ deltas[:, :, 1].reshape(len(deltas), -1)
    columns = []
    for share in COLUMNS:
        lips = near & (np.abs(aside - share * half_m) < 0.0035)
        lips &= points[:, 2] > points[lips, 2].max() - RED_M
        upper, lower = (np.flatnonzero(lips & side) for side in (jaw > -JAW_SIDE_M, jaw < -JAW_SIDE_M))
        columns.append((points[upper, 1], deltas[:, upper, 1], points[lower, 1], deltas[:, lower, 1]))
    rest = _morphs(avatar, "sil")
    looks = np.stack([_morphs(avatar, name) - rest for name in VISEMES] + _moods(avatar))
    red = np.flatnonzero(near & (points[:, 2] > points[near, 2].max() - RED_M))
    outline = deltas[:, red].reshape(len(deltas), -1)
    reader = MouthReader(tuple(columns), outline, looks @ outline, rest, 0.0, 1.0)
    shut_mm = float(gap_mm(reader, _morphs(avatar, "PP")[None])[0])
    widest_mm = float(gap_mm(reader, _morphs(avatar, "aa")[None])[0])
    return MouthReader(tuple(columns), outline, looks @ outline, rest, shut_mm, widest_mm - shut_mm)


def gap_mm(reader: MouthReader, morphs: Float) -> Float:
    """(n,) widest opening of the lips seen from the front, at (n, T) target weights; below 0: pressed together."""
    gaps = [
        (up + morphs @ up_delta).min(axis=1) - (low + morphs @ low_delta).max(axis=1)
        for up, up_delta, low, low_delta in reader.columns
    ]
    return np.asarray(1000.0 * np.max(gaps, axis=0), np.float32)


def shown_by(reader: MouthReader, morphs: Float) -> Shown:
    """What a lip reader sees in (n, T) target weights: shut where no gap is seen, else the viseme the lips fit best.

    The reader knows this face: its visemes at rest, and what a smile or a frown does to it; not which one is shown.
    """
    opened_mm = gap_mm(reader, morphs) - reader.shut_mm
    weights = _unmixed(reader.looks, np.asarray((morphs - reader.rest_morphs) @ reader.points, np.float32))[:, :15]
    shut = opened_mm < SHUT_MM
    silent, pressed = VISEME_INDEX["sil"], VISEME_INDEX["PP"]
    open_only = weights.copy()
    open_only[:, [silent, pressed]] = 0.0
    label = np.where(shut, np.where(weights[:, pressed] > 0.3, pressed, silent), open_only.argmax(axis=1))
    openness = np.clip(opened_mm / reader.scale_mm, 0.0, 1.2) * OPENNESS[VISEME_INDEX["aa"]]
    return Shown(label.astype(np.int64), openness.astype(np.float32))


def _unmixed(looks: Float, seen: Float) -> Float:
    """(n, 15) weights >= 0 that explain the outlines (n, 3p) best, by accelerated projected gradients."""
    products = looks @ looks.T + 1e-9 * np.eye(len(looks), dtype=np.float32)
    step = 1.0 / float(np.linalg.eigvalsh(products)[-1])
    wanted = seen @ looks.T
    weights = np.zeros_like(wanted)
    ahead, momentum = weights, 1.0
    for _ in range(_STEPS):
        before = weights
        weights = np.maximum(ahead - step * (ahead @ products - wanted), 0.0)
        faster = (1.0 + np.sqrt(1.0 + 4.0 * momentum**2)) / 2.0
        ahead = weights + np.float32((momentum - 1.0) / faster) * (weights - before)
        momentum = faster
    return np.asarray(weights, np.float32)


def _morphs(avatar: Avatar, viseme: str) -> Float:
    """(T,) targets of a viseme on the face at rest."""
    rig, index = avatar.rig, VISEME_INDEX[viseme]
    controls = np.clip(rig.viseme_controls[index] * rig.control_gain + rig.control_offset, 0.0, 1.0)
    return np.asarray(np.clip(controls @ rig.control_morphs + rig.viseme_morphs[index], 0.0, 1.0), np.float32)


def _moods(avatar: Avatar) -> list[Float]:
    """(T,) each: what emotion may do to a mouth that speaks, and that it may take a resting smile away."""
    rig = avatar.rig
    rows = [CONTROL_INDEX[name] for name in MOODS]
    return [rig.control_morphs[row] for row in rows] + [
        -rig.control_morphs[row] for row in rows if rig.control_offset[row] > 0.0
    ]
