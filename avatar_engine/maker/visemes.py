"""Only the mixture of ARKit shapes that makes each viseme, tuned on these meshes (`*` stands for both sides)."""

from __future__ import annotations

VISEME_TABLE: dict[str, dict[str, float]] = {
    "sil": {},
    "PP": {"mouthPress*": 0.40, "mouthRollUpper": 0.30, "mouthRollLower": 0.30},
    "FF": {"mouthRollLower": 0.70, "mouthUpperUp*": 0.30, "jawOpen": 0.05, "mouthStretch*": 0.10},
    "TH": {"jawOpen": 0.17, "tongueOut": 0.55, "mouthUpperUp*": 0.15, "mouthLowerDown*": 0.25},
    "DD": {"jawOpen": 0.14, "mouthLowerDown*": 0.35, "mouthUpperUp*": 0.15, "mouthStretch*": 0.12},
    "kk": {"jawOpen": 0.22, "mouthLowerDown*": 0.20, "mouthStretch*": 0.12},
    "CH": {
        "mouthFunnel": 0.60, "mouthPucker": 0.20, "jawOpen": 0.10, "mouthLowerDown*": 0.20, "mouthUpperUp*": 0.15,
    },
    "SS": {
        "jawOpen": 0.05, "mouthStretch*": 0.30, "mouthSmile*": 0.12, "mouthLowerDown*": 0.40, "mouthUpperUp*": 0.15,
    },
    "nn": {"jawOpen": 0.12, "mouthLowerDown*": 0.20, "mouthUpperUp*": 0.10, "tongueOut": 0.12},
    "RR": {"mouthFunnel": 0.35, "mouthPucker": 0.30, "jawOpen": 0.12},
    "aa": {"jawOpen": 0.60, "mouthLowerDown*": 0.20, "mouthUpperUp*": 0.15, "mouthStretch*": 0.10},
    "E": {
        "jawOpen": 0.30, "mouthStretch*": 0.30, "mouthSmile*": 0.15, "mouthLowerDown*": 0.30, "mouthUpperUp*": 0.10,
    },
    "I": {"jawOpen": 0.15, "mouthStretch*": 0.35, "mouthSmile*": 0.30, "mouthLowerDown*": 0.25},
    "O": {"mouthFunnel": 0.60, "mouthPucker": 0.30, "jawOpen": 0.35},
    "U": {"mouthPucker": 0.75, "mouthFunnel": 0.25, "jawOpen": 0.10},
}  # fmt: skip
