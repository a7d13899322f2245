"""Only here does a framing name become a camera, from the avatar's measurements and the picture's shape."""

from __future__ import annotations

import math
from dataclasses import dataclass

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.render.base import Camera
from avatar_engine.scenes.profile import Measures
from avatar_engine.scenes.scene import CameraSpec, Framing


@dataclass(frozen=True, slots=True)
class Rule:
    """In heights of the head (chin to top); `side`: space beside the head, in widths of the head."""

    headroom: float
    below_chin: float
    side: float


# Portrait practice: eyes near the upper third, headroom grows with the distance; the picture is cut through
# the chest or the upper arms, never through chin or neck.
RULES: dict[Framing, Rule] = {
    "head": Rule(headroom=0.17, below_chin=0.42, side=0.16),
    "bust": Rule(headroom=0.24, below_chin=1.02, side=0.24),
    "upper_body": Rule(headroom=0.36, below_chin=1.75, side=0.4),
}

EDGE_M = 0.012
"""So far the picture ends above the model's own lower edge."""

TURN_ROOM = 0.06
"""The head moves while it speaks: so much of its width stays free on both sides even when it is shifted."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a camera must know of an avatar; all of Measures, nothing missing. Metres."""

    centre_x: float
    eye: float
    top: float
    chin: float
    face_z: float
    width: float
    bottom: float

    @property
    def head(self) -> float:
        """Chin to top."""
        return self.top - self.chin


def subject_of(measures: Measures) -> Subject:
    """Complete `measures` by usual proportions. Raises AssetError when they contradict each other."""
    eye, top, chin = measures.eye_height_m, measures.head_top_m, measures.chin_m
    if eye is None:
        if top is None or chin is None:
            raise AssetError(
                "measures", "the height of the eyes is unknown", "give eye_height_m in avatar.yaml"
            )
        eye = (top + chin) / 2
    # Eyes lie in the middle of the skull, hair adds a little (Farkas, Anthropometry of the Head and Face).
    chin = eye - 0.115 if chin is None else chin
    top = eye + (eye - chin) * 1.1 if top is None else top
    if not chin < eye < top:
        raise AssetError(
            "measures",
            f"chin {chin:.3f}, eyes {eye:.3f} and head top {top:.3f} are not above one another",
            "correct chin_m, eye_height_m, head_top_m in avatar.yaml",
        )
    width = measures.head_width_m
    return Subject(
        centre_x=measures.centre_x_m or 0.0,
        eye=eye,
        top=top,
        chin=chin,
        face_z=measures.face_depth_m or 0.0,
        width=(top - chin) * 0.8 if width is None else width,
        bottom=-math.inf if measures.bottom_m is None else measures.bottom_m,
    )


def framed(spec: CameraSpec, measures: Measures, width: int, height: int) -> Camera:
    """The camera that shows the avatar as `spec` says in a picture of width x height pixels.

    It stands at eye level (the avatar looks into the lens), turned down to the middle of the frame.
    """
    who = subject_of(measures)
    aspect = width / height
    top, bottom = _span(spec, who, aspect)
    half_fov = math.radians(spec.fov_deg) / 2
    pitch, yaw = math.radians(spec.pitch_deg), math.radians(spec.yaw_deg)

    # In the vertical plane of the view: the camera at distance d from the face axis, `lift` above the eyes.
    def edges(distance: float) -> tuple[float, float]:
        away, lift = distance * math.cos(pitch), who.eye + distance * math.sin(pitch)
        return math.atan2(top - lift, away), math.atan2(bottom - lift, away)

    near, far = 0.05 * (top - bottom), 1000.0 * (top - bottom)
    for _ in range(60):
        middle = math.sqrt(near * far)
        up, down = edges(middle)
        near, far = (middle, far) if up - down > 2 * half_fov else (near, middle)
    distance = far
    up, down = edges(distance)
    tilt = (up + down) / 2

    across = math.tan(half_fov) * aspect  # half the picture's width at distance 1
    room = across * distance - who.width / 2 * (1 + 2 * TURN_ROOM)
    limit_x = max(0.0, room / (2 * across * distance))
    shift_x = max(-limit_x, min(limit_x, spec.shift[0]))
    pan = math.atan(2 * shift_x * across)
    head_up, head_down = math.atan2(who.top - who.eye, distance), math.atan2(who.chin - who.eye, distance)
    free_up = max(0.0, (up - head_up) / (2 * half_fov) - 0.02)
    free_down = max(0.0, (head_down - down) / (2 * half_fov) - 0.02)
    # Up would show where the model ends: only as far as it reaches.
    free_up = min(free_up, _hidden_below(who, bottom) / (top - bottom))
    tilt -= max(-free_down, min(free_up, spec.shift[1])) * 2 * half_fov

    position = (
        who.centre_x + distance * math.cos(pitch) * math.sin(yaw),
        who.eye + distance * math.sin(pitch),
        who.face_z + distance * math.cos(pitch) * math.cos(yaw),
    )
    heading = yaw + pan  # looking along -heading; + turns the camera to the picture's left
    target = (
        position[0] - distance * math.cos(tilt) * math.sin(heading),
        position[1] + distance * math.sin(tilt),
        position[2] - distance * math.cos(tilt) * math.cos(heading),
    )
    return Camera(position_m=position, target_m=target, fov_deg=spec.fov_deg)


def _span(spec: CameraSpec, who: Subject, aspect: float) -> tuple[float, float]:
    """Upper and lower edge of the picture on the plane of the face, metres."""
    rule = RULES[spec.framing]
    middle = who.eye
    top = middle + (who.top + rule.headroom * who.head - middle) / spec.zoom
    bottom = middle - (middle - who.chin + rule.below_chin * who.head) / spec.zoom
    # Zoomed in, the head still has to fit.
    top = max(top, who.top + 0.04 * who.head)
    bottom = min(bottom, who.chin - 0.04 * who.head)
    if who.bottom < who.chin:
        bottom = max(bottom, min(who.bottom + EDGE_M, who.chin - 0.04 * who.head))
    missing = who.width * (1 + 2 * rule.side) / aspect - (top - bottom)
    if missing > 0:  # a narrow picture: more below as far as there is body, the rest above
        below = min(missing * 0.75, _hidden_below(who, bottom))
        bottom -= below
        top += missing - below
    return top, bottom


def _hidden_below(who: Subject, bottom: float) -> float:
    return max(0.0, bottom - (who.bottom + EDGE_M))
