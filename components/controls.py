"""The canonical controls of a face: the 52 ARKit shapes, tongue shapes, and the pose channels."""

from __future__ import annotations

ARKIT = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight",
    "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker",
    "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
TONGUE = ("tongueTipUp", "tongueBackUp", "tongueUp", "tongueDown", "tongueLeft", "tongueRight")
CONTROLS = ARKIT + TONGUE
CONTROL_INDEX = {name: index for index, name in enumerate(CONTROLS)}

# Radians: yaw +left, pitch +up, roll +tilt to the avatar's own left. Metres: x +left, y +up, z +forward. Breath 0..1.
POSE = (
    "head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z",
    "neck_yaw", "neck_pitch", "neck_roll", "spine_yaw", "spine_pitch", "spine_roll",
    "eye_left_yaw", "eye_left_pitch", "eye_right_yaw", "eye_right_pitch",
    "shoulder_left", "shoulder_right", "breath",
)  # fmt: skip
POSE_INDEX = {name: index for index, name in enumerate(POSE)}
