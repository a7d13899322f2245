"""Only where up is: a matrix that brings any file to metres, y up, facing +z, feet of the origin kept."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

UNITS = (1.0, 0.1, 0.01, 0.001, 0.0254, 10.0, 100.0)
EYE_DISTANCE_M = 0.063  # mean adult interpupillary distance (Dodgson 2004)
EXTENT_M = (0.12, 2.6)  # from a bare face to a tall body with hair


def _joint(names: Sequence[str], places: Vector, pattern: str) -> Vector | None:
    for name, place in zip(names, places):
        if re.search(pattern, name.lower()):
            return place
    return None


def upright(
    points: Vector, moved: Vector | None, joint_names: Sequence[str], joint_places: Vector
) -> NDArray[np.float64]:
    """(4, 4) from file axes to avatar axes.

    points: (n, 3) all vertices; moved: (k, 3) vertices that face shapes move (the front of the head) or None;
    joint_places: (j, 3).
    """
    if not len(points):
        return np.eye(4)
    low, high = points.min(0), points.max(0)
    left = _joint(joint_names, joint_places, r"(left.?eye|eye.?left|eye[._ -]?l$|l[._ -]?eye$)")
    right = _joint(joint_names, joint_places, r"(right.?eye|eye.?right|eye[._ -]?r$|r[._ -]?eye$)")
    head = _joint(joint_names, joint_places, r"head(?!.*(end|top|nub))")
    neck = _joint(joint_names, joint_places, r"neck|spine|chest|hips|pelvis")
    scale = _unit(high - low, left, right)
    up = _up_axis(low, high, head, neck)
    front = _front(points, moved, up, left, right)
    side = np.cross(up, front)
    turn = np.stack([side, up, front])
    matrix = np.eye(4)
    matrix[:3, :3] = turn * scale
    return matrix


def _unit(size: Vector, left: Vector | None, right: Vector | None) -> float:
    if left is not None and right is not None:
        apart = float(np.linalg.norm(left - right))
        if apart > 1e-9:
            close = min(UNITS, key=lambda unit: abs(np.log(apart * unit / EYE_DISTANCE_M)))
            # 2.54 differs from 1 by less than eyes differ from each other on stylised heads.
            if not 0.4 < apart / EYE_DISTANCE_M < 2.5:
                return close
            return 1.0
    tall = float(size.max())
    if tall < 1e-9 or EXTENT_M[0] <= tall <= EXTENT_M[1]:
        return 1.0
    fitting = [unit for unit in (0.01, 0.1, 0.001, 100.0, 10.0) if EXTENT_M[0] <= tall * unit <= EXTENT_M[1]]
    return fitting[0] if fitting else 1.7 / tall


def _up_axis(low: Vector, high: Vector, head: Vector | None, neck: Vector | None) -> Vector:
    if head is not None and neck is not None and float(np.linalg.norm(head - neck)) > 1e-9:
        way = head - neck
        axis = int(np.argmax(np.abs(way)))
        up = np.zeros(3)
        up[axis] = np.sign(way[axis])
        return up
    size = high - low
    # z up is believed only where the file is clearly taller that way and does not lie about it by symmetry.
    if size[2] > 1.25 * size[1] and abs(low[2] + high[2]) > 0.35 * size[2]:
        return np.array([0.0, 0.0, 1.0])
    if size[2] > 1.6 * size[1]:
        return np.array([0.0, 0.0, 1.0])
    return np.array([0.0, 1.0, 0.0])


def _front(
    points: Vector,
    moved: Vector | None,
    up: Vector,
    left: Vector | None,
    right: Vector | None,
) -> Vector:
    if left is not None and right is not None and float(np.linalg.norm(left - right)) > 1e-9:
        way = np.cross(left - right, up)
    elif moved is not None and len(moved):
        height = moved @ up
        band = np.abs(points @ up - height.mean()) <= max(float(np.ptp(height)), 1e-6)
        near = points[band] if band.any() else points
        middle = (near.min(0) + near.max(0)) / 2.0
        way = moved.mean(0) - middle
    else:
        way = np.array([0.0, 0.0, 1.0]) if up[1] else np.array([0.0, -1.0, 0.0])
    way = way - up * float(way @ up)
    if float(np.linalg.norm(way)) < 1e-9:
        way = np.array([0.0, 0.0, 1.0]) if up[1] else np.array([0.0, -1.0, 0.0])
    axis = int(np.argmax(np.abs(way)))
    front = np.zeros(3)
    front[axis] = np.sign(way[axis])
    return front
