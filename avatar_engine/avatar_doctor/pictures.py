"""Only the doctor's pictures: a face at rest, speaking, blinking, feeling; and how long one takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS, POSE, POSE_INDEX
from avatar_engine.components.emotions import emotion_book, find_emotion
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.render.base import RenderSnapshot
from avatar_engine.scenes.staging import camera_of, load_scene, stage_of
from avatar_engine.systems.face_mix import bound, calibrated

if TYPE_CHECKING:
    from avatar_engine.engine.render.base import Renderer
    from avatar_engine.scenes.library import Avatar

Pixels = NDArray[np.uint8]
SIDE = 288
EMOTIONS = ("happy", "sad", "surprised", "angry")
TIMED = 5


def contact_pictures(renderer: Renderer, avatar: Avatar) -> tuple[dict[str, Pixels], float]:
    """caption -> (h, w, 3) sRGB; and milliseconds per 1280x720 frame at medium quality on this machine."""
    scene = load_scene("studio")
    close = scene.camera.model_copy(update={"framing": "head", "zoom": 2.0})
    scene = scene.model_copy(update={"camera": close})
    stage, level = stage_of(scene), min(1, avatar.model.levels - 1)
    view = renderer.open_view(avatar.model, SIDE, SIDE, "high")
    camera = camera_of(scene, avatar.measures, SIDE, SIDE)
    pictures = {}
    for caption, (morphs, joints) in _faces(avatar).items():
        image = renderer.draw([RenderSnapshot(view, stage, camera, morphs, joints, 0)])[0]
        pictures[caption] = np.ascontiguousarray(image.pixels[:, :, 2::-1])
    renderer.close_view(view)
    view = renderer.open_view(avatar.model, 1280, 720, "medium")
    camera = camera_of(scene, avatar.measures, 1280, 720)
    taken = []
    for number in range(TIMED):
        _, (morphs, joints) = list(_faces(avatar).items())[number]
        started = time.perf_counter()
        renderer.draw([RenderSnapshot(view, stage, camera, morphs, joints, level)])
        taken.append(time.perf_counter() - started)
    renderer.close_view(view)
    return pictures, 1000 * float(np.median(taken[1:]))


def _faces(avatar: Avatar) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    faces = {"at rest": _weights(avatar)}
    faces |= {viseme: _weights(avatar, viseme=viseme) for viseme in VISEMES[1:]}
    faces["blink"] = _weights(avatar, controls={"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0})
    looks = {"eyeLookOutLeft": 0.6, "eyeLookInRight": 0.6}
    faces["looks aside"] = _weights(avatar, controls=looks, pose={"eye_left_yaw": 0.35, "eye_right_yaw": 0.35})
    faces["brows up"] = _weights(avatar, controls={"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0})
    faces["head turns"] = _weights(avatar, pose={"head_yaw": 0.4})
    for emotion in EMOTIONS:
        if emotion in emotion_book().names:
            faces[emotion] = _weights(avatar, emotion=emotion)
    return faces


def _weights(
    avatar: Avatar,
    viseme: str = "",
    emotion: str = "",
    controls: dict[str, float] | None = None,
    pose: dict[str, float] | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Morph weights (T,) and joints (J, 6)."""
    rig = avatar.rig
    visemes = np.zeros(len(VISEMES), np.float32)
    row = np.zeros((1, len(CONTROLS)), np.float32)
    channels = np.zeros(len(POSE), np.float32)
    units = np.zeros(len(catalogue().units), np.float32)
    if viseme:
        visemes[VISEME_INDEX[viseme]] = 1.0
    if emotion:
        index, gain = find_emotion(emotion)
        units += emotion_book().units[index] * np.float32(gain)
    for name, value in (controls or {}).items():
        row[0, CONTROL_INDEX[name]] = value
    for name, value in (pose or {}).items():
        channels[POSE_INDEX[name]] = value
    row[0] += visemes @ rig.viseme_controls + units @ rig.unit_controls
    bound(row)
    mixed = calibrated(row, rig)[0]
    morphs = mixed @ rig.control_morphs + units @ rig.unit_morphs + visemes @ rig.viseme_morphs
    joints = (channels + units @ catalogue().pose) @ rig.pose_joints + mixed @ rig.control_joints
    return np.clip(morphs, 0.0, 1.0).astype(np.float32), joints.astype(np.float32).reshape(-1, 6)
