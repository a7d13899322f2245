"""Only the lens: a camera in avatar axes to a matrix into the renderer's clip space (y down, first row on top)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.render.base import Camera


def view_projection(camera: Camera, aspect: float) -> tuple[NDArray[np.float64], tuple[float, float, float]]:
    """(4, 4) from avatar axes to clip space with y pointing down, and the eye point."""
    eye, target = np.array(camera.position_m, np.float64), np.array(camera.target_m, np.float64)
    back = eye - target
    distance = max(float(np.linalg.norm(back)), 1e-6)
    back /= distance
    side = np.cross([0.0, 1.0, 0.0], back)
    side /= max(float(np.linalg.norm(side)), 1e-9)
    up = np.cross(back, side)
    look = np.eye(4)
    look[:3, :3] = np.stack([side, up, back])
    look[:3, 3] = -look[:3, :3] @ eye
    near, far = max(distance * 0.1, 0.02), distance + 20.0
    f = 1.0 / np.tan(np.radians(camera.fov_deg) / 2.0)
    projection = np.zeros((4, 4))
    projection[0, 0], projection[1, 1] = f / aspect, -f
    projection[2, 2], projection[2, 3] = (far + near) / (near - far), 2.0 * far * near / (near - far)
    projection[3, 2] = -1.0
    return projection @ look, (float(eye[0]), float(eye[1]), float(eye[2]))
