"""Only arithmetic: where the vertices of an avatar's finest level are when its face shows something."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.model import Joint, Mesh
from avatar_engine.scenes.library import Avatar
from avatar_engine.systems.face_mix import bound, calibrated

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Body:
    """Meshes of the finest level and where each one's vertices start in `rest` (n, 3)."""

    avatar: Avatar
    meshes: tuple[Mesh, ...]
    starts: tuple[int, ...]
    rest: Float

    def chosen(self, meshes: tuple[Mesh, ...]) -> NDArray[np.bool_]:
        """(n,) vertices of these meshes."""
        result = np.zeros(len(self.rest), bool)
        for mesh, start in zip(self.meshes, self.starts):
            result[start : start + len(mesh.positions)] = any(mesh is other for other in meshes)
        return result


def body_of(avatar: Avatar) -> Body:
    """All meshes of the finest level in one list of vertices."""
    meshes = tuple(mesh for mesh in avatar.model.meshes if mesh.level == 0)
    starts = tuple(np.cumsum([0, *(len(mesh.positions) for mesh in meshes)])[:-1].tolist())
    return Body(avatar, meshes, starts, np.concatenate([mesh.positions for mesh in meshes]).astype(np.float64))


def face_skin(body: Body) -> tuple[Mesh, ...]:
    """The meshes that show the face: skin with targets, else whatever has the most of them."""
    moving = tuple(mesh for mesh in body.meshes if mesh.targets) or body.meshes
    skin = tuple(mesh for mesh in moving if mesh.material.kind == "skin")
    return skin or (max(moving, key=lambda mesh: (len(mesh.targets), len(mesh.positions))),)


def shown(body: Body, controls: Mapping[str, float] | None = None, *, viseme: str = "", raw: bool = False) -> Float:
    """(n, 3) displacement in metres. raw: the controls as they are, without limits, gains and resting face."""
    rig = body.avatar.rig
    row = np.zeros((1, len(CONTROLS)), np.float32)
    visemes = np.zeros(len(VISEMES), np.float32)
    for name, value in (controls or {}).items():
        row[0, CONTROL_INDEX[name]] = value
    if viseme:
        visemes[VISEME_INDEX[viseme]] = 1.0
        row[0] += visemes @ rig.viseme_controls
    if not raw:
        bound(row)
        row = calibrated(row, rig)
    weights = np.clip(row[0] @ rig.control_morphs + visemes @ rig.viseme_morphs, 0.0, 1.0)
    by_name = dict(zip(rig.morph_names, weights.tolist()))
    moved = np.zeros_like(body.rest)
    for mesh, start in zip(body.meshes, body.starts):
        for target in mesh.targets:
            weight = by_name.get(target.name, 0.0)
            if weight:
                moved[start + target.index] += weight * target.delta
    turns = (row[0] @ rig.control_joints).reshape(-1, 6)
    for number in np.flatnonzero(turns.any(axis=1)):
        _turn(body, int(number), turns[number], moved)
    return moved


def _turn(body: Body, number: int, turn: NDArray[np.float32], moved: Float) -> None:
    """Adds what joint `number` turned by yaw, pitch, roll, x, y, z does to the skin that follows it; in place."""
    joints = body.avatar.model.joints
    pivot = joints[number].rest[:3, 3].astype(np.float64)
    yaw, pitch = float(turn[0]), float(turn[1])
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    matrix = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]]) @ np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    follows = np.array([_below(joints, k, number) for k in range(len(joints))])
    for mesh, start in zip(body.meshes, body.starts):
        span = slice(start, start + len(mesh.positions))
        if mesh.joints is not None and mesh.weights is not None:
            share = (mesh.weights * follows[mesh.joints]).sum(axis=1, keepdims=True)
        else:
            share = np.full((len(mesh.positions), 1), float(mesh.attached_joint >= 0 and follows[mesh.attached_joint]))
        away = body.rest[span] + moved[span] - pivot
        moved[span] += share * (away @ matrix.T - away + turn[3:6])


def _below(joints: tuple[Joint, ...], number: int, top: int) -> bool:
    while number != -1:
        if number == top:
            return True
        number = joints[number].parent
    return False
