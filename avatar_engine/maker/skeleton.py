"""Only the ten joints of a bust: their centres and the skin weights, folded from the 163 bones of the data set."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.parts import JOINT_INDEX, JOINTS, Floats, Ints
from avatar_engine.maker.source import Source

OWNER = {
    "jaw": "jaw", "tongue00": "tongue", "eye.L": "eyeLeft", "eye.R": "eyeRight", "head": "head",
    "neck01": "neck", "clavicle.L": "shoulderLeft", "clavicle.R": "shoulderRight", "root": "spine",
}  # fmt: skip
"""Bone of the data set -> our joint; a bone not listed goes where its parent goes."""

CENTRES = {
    "spine": "spine-2", "neck": "neck", "head": "head", "jaw": "mouth", "eyeLeft": "l-eye", "eyeRight": "r-eye",
    "tongue": "tongue-1", "shoulderLeft": "l-clavicle", "shoulderRight": "r-clavicle",
}  # fmt: skip
"""Our joint -> helper cube of the data set."""


def joint_centres(source: Source, vertices: Floats) -> dict[str, Floats]:
    """Joint name -> centre (3,) dm on shaped vertices; the root stands on the floor."""
    centres = {name: source.joint_cube(vertices, cube) for name, cube in CENTRES.items()}
    return {"root": np.zeros(3), **centres}


def joint_weights(source: Source) -> dict[str, Floats]:
    """Joint name -> (n,) weight on all vertices of the data set; they sum to 1 at every vertex."""
    total = {name: np.zeros(len(source.vertices)) for name, _ in JOINTS}
    for bone, weight in source.weights.items():
        at = bone
        while at not in OWNER:
            at = source.bone_parent[at]
        total[OWNER[at]] += weight
    summed = sum(total.values(), np.zeros(len(source.vertices)))
    total["spine"] += summed <= 0.0
    summed = np.where(summed <= 0.0, 1.0, summed)
    return {name: weight / summed for name, weight in total.items()}


def four_strongest(weights: dict[str, Floats]) -> tuple[Ints, Floats]:
    """(n, 4) joint indices and (n, 4) weights summing to 1, strongest first; unused slots are joint 0 weight 0."""
    names = list(weights)
    table = np.stack([weights[name] for name in names], 1)
    numbers = np.array([JOINT_INDEX[name] for name in names])
    order = np.argsort(-table, axis=1, kind="stable")[:, :4]
    best = np.take_along_axis(table, order, 1)
    best = np.where(best < 1e-3, 0.0, best)
    best /= best.sum(1, keepdims=True)
    return np.where(best > 0.0, numbers[order], 0), best


def rigid_to(joint: str, count: int) -> tuple[Ints, Floats]:
    """Weights of a part that follows one joint alone."""
    joints = np.zeros((count, 4), dtype=np.int64)
    joints[:, 0] = JOINT_INDEX[joint]
    weights = np.zeros((count, 4))
    weights[:, 0] = 1.0
    return joints, weights
