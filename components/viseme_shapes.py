"""What the 15 visemes look like on ARKit controls when a profile does not say: tuned by eye on the bundled faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.visemes import VISEMES

VISEME_SHAPES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress*": 0.40, "mouthRollUpper": 0.30, "mouthRollLower": 0.30},
    "FF": {"mouthRollLower": 0.70, "mouthUpperUp*": 0.30, "jawOpen": 0.05, "mouthStretch*": 0.10},
    "TH": {"jawOpen": 0.16, "tongueOut": 0.60, "mouthUpperUp*": 0.15, "mouthLowerDown*": 0.25},
    "DD": {
        "jawOpen": 0.13, "mouthLowerDown*": 0.32, "mouthUpperUp*": 0.12, "mouthStretch*": 0.12, "tongueTipUp": 0.8,
    },
    "kk": {"jawOpen": 0.22, "mouthLowerDown*": 0.20, "mouthStretch*": 0.12, "tongueBackUp": 0.8},
    "CH": {
        "mouthFunnel": 0.42, "mouthPucker": 0.32, "jawOpen": 0.08, "mouthLowerDown*": 0.12, "mouthUpperUp*": 0.10,
    },
    "SS": {
        "jawOpen": 0.05, "mouthStretch*": 0.30, "mouthSmile*": 0.12, "mouthLowerDown*": 0.36, "mouthUpperUp*": 0.12,
    },
    "nn": {"jawOpen": 0.12, "mouthLowerDown*": 0.20, "mouthUpperUp*": 0.08, "tongueTipUp": 0.9},
    "RR": {"mouthFunnel": 0.26, "mouthPucker": 0.40, "jawOpen": 0.12, "tongueTipUp": 0.4},
    "aa": {"jawOpen": 0.56, "mouthLowerDown*": 0.15, "mouthUpperUp*": 0.12, "mouthStretch*": 0.10},
    "E": {
        "jawOpen": 0.30, "mouthStretch*": 0.30, "mouthSmile*": 0.15, "mouthLowerDown*": 0.25, "mouthUpperUp*": 0.10,
    },
    "I": {"jawOpen": 0.15, "mouthStretch*": 0.35, "mouthSmile*": 0.30, "mouthLowerDown*": 0.22},
    "O": {"mouthFunnel": 0.42, "mouthPucker": 0.45, "jawOpen": 0.34},
    "U": {"mouthPucker": 0.85, "mouthFunnel": 0.12, "jawOpen": 0.05},
}  # fmt: skip
"""Also the shapes `viseme_*` that the avatar maker builds; `*` stands for both sides."""


def viseme_matrix(shapes: dict[str, dict[str, float]]) -> NDArray[np.float32]:
    """(15, C): the given shapes where there are any, the defaults elsewhere. `*` stands for both sides."""
    matrix = np.zeros((len(VISEMES), len(CONTROLS)), np.float32)
    for row, viseme in enumerate(VISEMES):
        for name, weight in shapes.get(viseme, VISEME_SHAPES[viseme]).items():
            sides = (name[:-1] + "Left", name[:-1] + "Right") if name.endswith("*") else (name,)
            for side in sides:
                matrix[row, CONTROL_INDEX[side]] = weight
    return matrix
