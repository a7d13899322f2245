"""Only joint rows to bone matrices: rotations about rest positions, children carried by their parents."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.model import Joint

Float = NDArray[np.float32]


def bone_rows(joints: tuple[Joint, ...], rows: Float) -> Float:
    """(J + 1, 3, 4) affine matrices of all joints from `rows` (J, 6); the last is the identity (not moved at all).

    Yaw turns to the avatar's left (+x), pitch up, roll tilts to its own left: R = Ry(yaw) Rx(-pitch) Rz(-roll).
    """
    count = len(joints)
    result = np.zeros((count + 1, 3, 4), np.float64)
    result[:, :, :3] = np.eye(3)
    if not count:
        return result.astype(np.float32)
    angles = rows[:, :3].astype(np.float64)
    c, s = np.cos(angles), np.sin(angles)
    cy, cp, cr, sy, sp, sr = c[:, 0], c[:, 1], c[:, 2], s[:, 0], s[:, 1], s[:, 2]
    turn = np.empty((count, 3, 3))
    # Ry(yaw) @ Rx(-pitch) @ Rz(-roll), written out
    turn[:, 0, 0] = cy * cr + sy * sp * sr
    turn[:, 0, 1] = cy * sr - sy * sp * cr
    turn[:, 0, 2] = sy * cp
    turn[:, 1, 0] = -cp * sr
    turn[:, 1, 1] = cp * cr
    turn[:, 1, 2] = sp
    turn[:, 2, 0] = -sy * cr + cy * sp * sr
    turn[:, 2, 1] = -sy * sr - cy * sp * cr
    turn[:, 2, 2] = cy * cp
    for i, joint in enumerate(joints):  # parents come first
        pivot = joint.rest[:3, 3].astype(np.float64)
        shift = pivot + rows[i, 3:6] - turn[i] @ pivot
        if joint.parent < 0:
            result[i, :, :3], result[i, :, 3] = turn[i], shift
        else:
            above = result[joint.parent]
            result[i, :, :3] = above[:, :3] @ turn[i]
            result[i, :, 3] = above[:, :3] @ shift + above[:, 3]
    return result.astype(np.float32)
