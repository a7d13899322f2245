"""Only the mixture of ARKit shapes that makes each viseme, tuned on these meshes (`*` stands for both sides)."""

from __future__ import annotations

VISEME_TABLE: dict[str, dict[str, float]] = {
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
