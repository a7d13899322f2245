"""Only says what a session's own wishes make of its scene: the stage, the camera, and where the viewer's eyes are."""

from __future__ import annotations

from dataclasses import replace

from avatar_engine.components.policy import Policy
from avatar_engine.engine.errors import InputError, suggest
from avatar_engine.engine.render.base import Camera, Stage
from avatar_engine.options import SessionOptions
from avatar_engine.scenes.framing import RULES
from avatar_engine.scenes.library import Avatar
from avatar_engine.scenes.scene import Scene
from avatar_engine.scenes.staging import camera_of, set_background, stage_of


def dressed(scene: Scene, background: str | None, policy: Policy | None) -> Stage:
    stage = stage_of(scene)
    if background is not None:
        stage = set_background(stage, background)
    if policy is not None and policy.badge is not None:
        stage = replace(stage, badge=policy.badge)
    return stage


def aimed(scene: Scene, avatar: Avatar, options: SessionOptions) -> Camera:
    spec = scene.camera
    if options.framing is not None:
        if options.framing not in RULES:
            raise InputError(f"camera {options.framing}", "no such framing", suggest(options.framing, RULES))
        spec = spec.model_copy(update={"framing": options.framing})
    posed = scene.model_copy(update={"camera": spec})
    return camera_of(posed, avatar.measures, options.width, options.height)


def viewer(camera: Camera, avatar: Avatar) -> tuple[float, float, float]:
    """Where the viewer's eyes are: metres, from between the avatar's eyes."""
    sizes = avatar.measures
    x, y, z = camera.position_m
    return x - (sizes.centre_x_m or 0.0), y - (sizes.eye_height_m or 0.0), z - (sizes.face_depth_m or 0.0)
