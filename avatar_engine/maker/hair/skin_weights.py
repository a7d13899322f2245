"""Only how hair follows the joints: the head, and for what lies on the shoulders the neck and the spine."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.hair.scalp import Head, smooth_step
from avatar_engine.maker.parts import JOINT_INDEX, Floats, Ints


def hair_weights(head: Head, p: Floats) -> tuple[Ints, Floats]:
    """Joints (n, 4) and weights (n, 4). Above the jaw all head; below it the neck, and at the shoulders the spine
    take over, so that long tips stay on the shoulders while the head turns."""
    y = head.q(p)[:, 1]
    neck = 0.45 * smooth_step(-1.7, -2.6, y)
    spine = 0.55 * smooth_step(-2.5, -3.6, y)
    skull = 1.0 - neck - spine
    joints = np.tile([JOINT_INDEX["head"], JOINT_INDEX["neck"], JOINT_INDEX["spine"], 0], (len(p), 1))
    return joints.astype(np.int64), np.stack([skull, neck, spine, np.zeros(len(p))], 1)
