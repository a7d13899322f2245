"""What the 15 visemes look like on ARKit controls when a profile does not say: tuned by eye on the bundled faces."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.visemes import VISEMES

VISEME_SHAPES: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress*": 0.45, "mouthRollUpper": 0.4, "mouthRollLower": 0.4, "mouthShrugLower": 0.15},
    "FF": {"mouthRollLower": 0.7, "mouthUpperUp*": 0.3, "jawOpen": 0.05, "mouthStretch*": 0.1},
    "TH": {"jawOpen": 0.17, "tongueOut": 0.55, "mouthUpperUp*": 0.15, "mouthLowerDown*": 0.25},
    "DD": {"jawOpen": 0.14, "mouthLowerDown*": 0.35, "mouthUpperUp*": 0.15, "mouthStretch*": 0.12, "tongueTipUp": 0.8},
    "kk": {"jawOpen": 0.22, "mouthLowerDown*": 0.2, "mouthStretch*": 0.12, "tongueBackUp": 0.8},
    "CH": {"mouthFunnel": 0.6, "mouthPucker": 0.2, "jawOpen": 0.1, "mouthLowerDown*": 0.2, "mouthUpperUp*": 0.15},
    "SS": {"jawOpen": 0.05, "mouthStretch*": 0.3, "mouthSmile*": 0.12, "mouthLowerDown*": 0.4, "mouthUpperUp*": 0.15},
    "nn": {"jawOpen": 0.12, "mouthLowerDown*": 0.2, "mouthUpperUp*": 0.1, "tongueTipUp": 0.9},
    "RR": {"mouthFunnel": 0.35, "mouthPucker": 0.3, "jawOpen": 0.12, "tongueTipUp": 0.4},
    "aa": {"jawOpen": 0.6, "mouthLowerDown*": 0.2, "mouthUpperUp*": 0.15, "mouthStretch*": 0.1},
    "E": {"jawOpen": 0.3, "mouthStretch*": 0.3, "mouthSmile*": 0.15, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.1},
    "I": {"jawOpen": 0.15, "mouthStretch*": 0.35, "mouthSmile*": 0.3, "mouthLowerDown*": 0.25},
    "O": {"mouthFunnel": 0.6, "mouthPucker": 0.3, "jawOpen": 0.35},
    "U": {"mouthPucker": 0.75, "mouthFunnel": 0.25, "jawOpen": 0.1},
}


def viseme_matrix(shapes: dict[str, dict[str, float]]) -> NDArray[np.float32]:
    """(15, C): the given shapes where there are any, the defaults elsewhere. `*` stands for both sides."""
    matrix = np.zeros((len(VISEMES), len(CONTROLS)), np.float32)
    for row, viseme in enumerate(VISEMES):
        for name, weight in shapes.get(viseme, VISEME_SHAPES[viseme]).items():
            sides = (name[:-1] + "Left", name[:-1] + "Right") if name.endswith("*") else (name,)
            for side in sides:
                matrix[row, CONTROL_INDEX[side]] = weight
    return matrix
