"""Only arms: a model in T- or A-pose lets them hang naturally, by its upper-arm bones."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.model import Joint, Mesh, Model

Floats = NDArray[np.float64]

HANGING_RAD = np.radians(74.0)
"""Below the horizontal; a relaxed arm stands off the trunk by about 15 degrees."""
SPREAD_RAD = np.radians(62.0)
"""Arms that hang less than this count as posed for modelling (T: 0, A: 30 to 55)."""
REACH_M = 0.08  # an upper arm is longer; twist joints along it are nearer
UPPER_ARM = re.compile(
    r"upper_?\.?arm(?!.*(twist|roll))|(left|right|[lr])[._ ]?arm$|^arm[._ ]?(left|right|[lr])$", re.I
)


def relaxed(model: Model) -> Model:
    """The same model with hanging arms; itself where there are no arm bones or they hang already."""
    turns: dict[int, Floats] = {}
    for number, joint in enumerate(model.joints):
        if not UPPER_ARM.search(joint.name) or _above(model.joints, number, turns):
            continue
        turn = _turn(model.joints, number)
        if turn is not None:
            turns[number] = turn
    if not turns:
        return model
    moves = np.tile(np.eye(4), (len(model.joints), 1, 1))
    for number in range(len(model.joints)):
        at = number
        while at != -1:
            if at in turns:
                moves[number] = turns[at]
                break
            at = model.joints[at].parent
    joints = tuple(
        replace(joint, rest=(moves[number] @ joint.rest).astype(np.float32))
        for number, joint in enumerate(model.joints)
    )
    meshes = tuple(_posed(mesh, moves) for mesh in model.meshes)
    return replace(model, joints=joints, meshes=meshes, extras={**model.extras, "arms_relaxed": len(turns)})


def _above(joints: tuple[Joint, ...], number: int, turns: dict[int, Floats]) -> bool:
    at = joints[number].parent
    while at != -1:
        if at in turns:
            return True
        at = joints[at].parent
    return False


def _turn(joints: tuple[Joint, ...], number: int) -> Floats | None:
    """(4, 4) rotation about the shoulder that lets the arm hang, or None."""
    pivot = joints[number].rest[:3, 3].astype(np.float64)
    inside = {number}
    for k, joint in enumerate(joints):  # parents come first
        if joint.parent in inside:
            inside.add(k)
            way = joint.rest[:3, 3] - pivot
            if np.linalg.norm(way) >= REACH_M:
                break
    else:
        return None
    side = np.sign(way[0])
    below = np.arctan2(-way[1], abs(way[0]))
    if side == 0 or not -np.radians(30.0) < below < SPREAD_RAD or abs(way[2]) > abs(way[0]):
        return None
    angle = -side * (HANGING_RAD - below)  # about +z, counter-clockwise seen from the front
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.eye(4)
    matrix[:2, :2] = [[c, -s], [s, c]]
    matrix[:3, 3] = pivot - matrix[:3, :3] @ pivot
    return matrix


def _posed(mesh: Mesh, moves: Floats) -> Mesh:
    if mesh.joints is None or mesh.weights is None:
        if mesh.attached_joint < 0 or np.array_equal(moves[mesh.attached_joint], np.eye(4)):
            return mesh
        matrix = np.broadcast_to(moves[mesh.attached_joint], (len(mesh.positions), 4, 4))
        chosen = np.arange(len(mesh.positions))
    else:
        moved = ~(moves == np.eye(4)).all(axis=(1, 2))
        chosen = np.flatnonzero((moved[mesh.joints] & (mesh.weights > 0)).any(axis=1))
        if not len(chosen):
            return mesh
        matrix = np.einsum("nk,nkij->nij", mesh.weights[chosen], moves[mesh.joints[chosen]])
    positions, normals = mesh.positions.copy(), mesh.normals.copy()
    turn = matrix[:, :3, :3]
    positions[chosen] = np.einsum("nij,nj->ni", turn, positions[chosen]) + matrix[:, :3, 3]
    bent = np.einsum("nij,nj->ni", turn, normals[chosen])
    normals[chosen] = bent / np.maximum(np.linalg.norm(bent, axis=1, keepdims=True), 1e-9)
    return replace(mesh, positions=positions, normals=normals)
