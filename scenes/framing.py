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
    "head": Rule(headroom=0.17, below_chin=0.42, side=0.1),
    "bust": Rule(headroom=0.22, below_chin=1.02, side=0.14),
    "upper_body": Rule(headroom=0.34, below_chin=1.75, side=0.2),
}

MARGIN = 0.04
RAGGED = 0.14
BODY_DEPTH = 0.55
"""In heights of the head: the least air above and below it; how uneven the lower edge of a bust is; how far behind
the eyes the arms are."""

TURN_ROOM = 0.06
"""The head moves while it speaks: shifted or not, a frame holds a head that is wider by this share."""


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
            raise AssetError("measures", "the height of the eyes is unknown", "give eye_height_m in avatar.yaml")
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

    position = (
        who.centre_x + distance * math.cos(pitch) * math.sin(yaw),
        who.eye + distance * math.sin(pitch),
        who.face_z + distance * math.cos(pitch) * math.cos(yaw),
    )
    pan = math.atan(2 * spec.shift[0] * math.tan(half_fov) * aspect)
    sink = -2 * spec.shift[1] * half_fov

    def aimed(share: float) -> Camera:
        # + pan turns the camera to the picture's left: the avatar moves to the right
        heading, rise = yaw + share * pan, tilt + share * sink
        target = (
            position[0] - distance * math.cos(rise) * math.sin(heading),
            position[1] + distance * math.sin(rise),
            position[2] - distance * math.cos(rise) * math.cos(heading),
        )
        return Camera(position_m=position, target_m=target, fov_deg=spec.fov_deg)

    straight = aimed(0.0)
    if spec.shift == (0.0, 0.0):
        return straight
    # Nowhere higher than it is seen without a shift, but for what a turned lens does to the corners.
    edge = max(-1.0, _edge_seen(straight, who, aspect)) + 0.005
    fits, too_far = 0.0, 1.0
    if _holds(aimed(1.0), who, aspect, edge):
        return aimed(1.0)
    for _ in range(20):
        middle = (fits + too_far) / 2
        fits, too_far = (middle, too_far) if _holds(aimed(middle), who, aspect, edge) else (fits, middle)
    return aimed(fits)


def _holds(camera: Camera, who: Subject, aspect: float, edge: float) -> bool:
    """Whether the head with room to move is in the picture and the model's lower edge is not above `edge`."""
    half = who.width / 2 * (1 + TURN_ROOM)
    corners = [(side * half, y) for side in (-1, 1) for y in (who.chin, who.top)]
    for across, y in corners:
        x, up = _seen(camera, (who.centre_x + across, y, who.face_z), aspect)
        if abs(x) > 1 or abs(up) > 1:
            return False
    return _edge_seen(camera, who, aspect) <= edge


def _edge_seen(camera: Camera, who: Subject, aspect: float) -> float:
    """How high in the picture the model's lower edge is seen, -1 at the bottom of the picture."""
    if who.bottom > who.chin - MARGIN * who.head or who.bottom == -math.inf:
        return -math.inf  # no edge to hide: the model is but a head, or nobody knows where it ends
    y, behind = who.bottom + RAGGED * who.head, who.face_z - BODY_DEPTH * who.head
    return max(_seen(camera, (who.centre_x, y, z), aspect)[1] for z in (who.face_z, behind))


def _seen(camera: Camera, point: tuple[float, float, float], aspect: float) -> tuple[float, float]:
    """Place of a point in the picture, -1..1 to the right and up."""
    ahead = [camera.target_m[axis] - camera.position_m[axis] for axis in range(3)]
    length = math.hypot(*ahead)
    ahead = [value / length for value in ahead]
    flat = math.hypot(ahead[0], ahead[2])
    right = (-ahead[2] / flat, 0.0, ahead[0] / flat)
    up = (-ahead[0] * ahead[1] / flat, flat, -ahead[2] * ahead[1] / flat)
    way = [point[axis] - camera.position_m[axis] for axis in range(3)]
    depth = sum(a * b for a, b in zip(way, ahead, strict=True))
    scale = max(depth, 1e-9) * math.tan(math.radians(camera.fov_deg) / 2)
    x = sum(a * b for a, b in zip(way, right, strict=True)) / (scale * aspect)
    return x, sum(a * b for a, b in zip(way, up, strict=True)) / scale


def _span(spec: CameraSpec, who: Subject, aspect: float) -> tuple[float, float]:
    """Upper and lower edge of the picture on the plane of the face, metres."""
    rule = RULES[spec.framing]
    wanted = who.eye - (who.eye - who.chin + rule.below_chin * who.head) / spec.zoom
    wanted = min(wanted, who.chin - MARGIN * who.head)
    bottom = max(wanted, _lowest(spec, who, wanted))
    # Where the body ends too soon for this framing, the air above shrinks with it.
    share = (who.eye - bottom) / (who.eye - wanted)
    top = who.eye + (who.top + rule.headroom * share * who.head - who.eye) / spec.zoom
    top = max(top, who.top + MARGIN * who.head)
    missing = who.width * (1 + 2 * rule.side) / aspect - (top - bottom)
    if missing > 0:  # a narrow picture: more below as far as there is body, the rest above
        below = min(missing * 0.75, bottom - min(bottom, _lowest(spec, who, bottom - missing)))
        bottom -= below
        top += missing - below
    return top, bottom


def _lowest(spec: CameraSpec, who: Subject, bottom: float) -> float:
    """How low the picture may reach, at most `bottom` being wanted, without showing where the model ends."""
    if who.bottom > who.chin - MARGIN * who.head:
        return -math.inf  # but a head: there is nothing to hide its edge behind
    if who.bottom == -math.inf:
        return -math.inf
    # The rear of that edge lies further away, so it is seen higher up.
    behind = BODY_DEPTH * who.head
    distance = (who.top - bottom) / (2 * math.tan(math.radians(spec.fov_deg) / 2))
    seen = who.bottom + (who.eye - who.bottom) * behind / (distance + behind)
    return min(seen + RAGGED * who.head, who.chin - MARGIN * who.head)
