"""Only measures a loaded avatar: where its eyes, chin, top and shoulders are."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.model import Joint, Mesh, Model
from avatar_engine.scenes.automap import normalised
from avatar_engine.scenes.profile import Measures

Floats = NDArray[np.float64]

IPD_M = 0.063
"""Mean distance of grown pupils (Dodgson 2004, Variation and extrema of human interpupillary distance)."""
CHIN_BELOW_EYES_IPD = (1.35, 2.4)
"""Where the lowest point of the chin is looked for, in pupil distances below the eyes; 1.85 is usual."""
USUAL_CHIN_IPD = 1.85
EYE_RADIUS_IPD = 0.19
"""An eyeball is 24 mm long (Bekerman 2014, Variations in eyeball diameters of the healthy adults): half, over IPD_M."""
DEEP_JOINT_IPD = 0.5
"""A joint this far behind the front of its eye is not the middle of an eyeball (bundled people: 0.27)."""
TURNS_IPD = 0.06
"""A shape that moves an eye this far looks somewhere; lids drag an eye less."""
LOOKS = {f"eyelook{way}{side}" for way in ("up", "down", "in", "out") for side in ("left", "right")}


def measure(model: Model, given: Measures | None = None) -> Measures:
    """All sizes of `model`; what `given` says stays. Raises AssetError when there is nothing to measure."""
    given = given or Measures()
    meshes = [mesh for mesh in model.meshes if mesh.level == 0 and len(mesh.positions)]
    if not meshes:
        raise AssetError(model.source, "has no mesh to measure", "export the avatar with its geometry")
    points = np.concatenate([mesh.positions for mesh in meshes]).astype(np.float64)
    left, right = _eyes(model, meshes)
    found = {
        "head_top_m": float(points[:, 1].max()),
        "bottom_m": float(points[:, 1].min()),
    }
    if left is not None and right is not None:
        centre = (left + right) / 2
        found["eye_height_m"] = float(centre[1])
        found["eye_distance_m"] = float(np.linalg.norm(left - right))
        found["face_depth_m"] = float(centre[2])
        found["centre_x_m"] = float(centre[0])
    else:
        found |= _without_eyes(points)
    known = {**found, **{key: value for key, value in given.model_dump().items() if value is not None}}
    found["chin_m"] = known["chin_m"] = known.get("chin_m") or max(_chin(meshes, known), _face_end(meshes))
    found["head_width_m"] = _head_width(points, known)
    found |= _shoulders(model, points, known)
    return Measures(**{**found, **{k: v for k, v in given.model_dump().items() if v is not None}})


def _eyes(model: Model, meshes: list[Mesh]) -> tuple[Floats | None, Floats | None]:
    """Centres of the left and the right eye (3,), from joints, else from the eyeballs themselves."""
    joints = _eye_joints(model)
    balls = _eyeballs(meshes)
    if joints is None or balls is None:
        return joints or balls or (None, None)
    # Some makers put the joints deep in the head and close together: the eyes are where they are seen.
    inside = all(ball.min(0)[0] <= joint[0] <= ball.max(0)[0] for joint, ball in zip(joints, _eye_points(meshes)))
    return joints if inside else balls


def eye_turn(model: Model, sizes: Measures) -> float:
    """Radians an eye joint turns per radian of gaze, 0..1: below 1 where it lies far behind the eye it moves.

    0 where the eyeLook shapes turn the eyeballs themselves: joints would turn them a second time.
    """
    meshes = [mesh for mesh in model.meshes if mesh.level == 0]
    joints, eyes = _eye_joints(model), _eye_points(meshes)
    if joints is None or not eyes:
        return 1.0
    ipd = sizes.eye_distance_m or IPD_M
    turning = {
        normalised(target.name)
        for mesh in eye_meshes(meshes)
        for target in mesh.targets
        if len(target.delta) and float(np.abs(target.delta).max()) > TURNS_IPD * ipd
    }
    if turning >= LOOKS:
        return 0.0
    arm = float(np.mean([eye[:, 2].max() - joint[2] for joint, eye in zip(joints, eyes)]))
    return 1.0 if arm < DEEP_JOINT_IPD * ipd else EYE_RADIUS_IPD * ipd / arm


def _eye_joints(model: Model) -> tuple[Floats, Floats] | None:
    left, right = (_joint(model, side, r"eye(?!lid|brow|lash|_?socket)") for side in ("left", "right"))
    return (left, right) if left is not None and right is not None and left[0] > right[0] else None


def eye_meshes(meshes: Iterable[Mesh]) -> list[Mesh]:
    """Those that show where the eyes look: irises where they are meshes of their own, else eyeballs."""
    meshes = list(meshes)
    irises = [mesh for mesh in meshes if re.search("iris|pupil", f"{mesh.name} {mesh.material.name}".lower())]
    return irises or [mesh for mesh in meshes if mesh.material.kind == "eye"]


def _eye_points(meshes: list[Mesh]) -> tuple[Floats, ...]:
    """(n, 3) of the left and of the right eye, or nothing; irises, where they are meshes of their own."""
    balls = [mesh.positions for mesh in eye_meshes(meshes)]
    if not balls:
        return ()
    points = np.concatenate(balls).astype(np.float64)
    middle = (points[:, 0].min() + points[:, 0].max()) / 2
    sides = points[points[:, 0] > middle], points[points[:, 0] <= middle]
    return sides if len(sides[0]) and len(sides[1]) else ()


def _eyeballs(meshes: list[Mesh]) -> tuple[Floats, Floats] | None:
    sides = _eye_points(meshes)
    return ((sides[0].min(0) + sides[0].max(0)) / 2, (sides[1].min(0) + sides[1].max(0)) / 2) if sides else None


def _joint(model: Model, side: str, what: str) -> Floats | None:
    """The joint whose name says `what` on `side`: eyeLeft, LeftEye, eye.L, J_Adj_L_FaceEye, eye_l."""
    initial = side[0]
    for joint in model.joints:
        words = _words(joint)
        if re.search(what, "".join(words)) and (side in words or initial in words):
            return joint.rest[:3, 3].astype(np.float64)
    return None


def _words(joint: Joint) -> list[str]:
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", joint.name)]


def _without_eyes(points: Floats) -> dict[str, float]:
    """A head without known eyes: they lie 0.115 m below the top of a grown head (half its height)."""
    top, low = points[:, 1].max(), points[:, 1].min()
    eye = top - min(0.115, 0.5 * (top - low))
    near = points[np.abs(points[:, 1] - eye) < 0.03]
    near = near if len(near) else points
    return {
        "eye_height_m": float(eye),
        "eye_distance_m": IPD_M,
        "face_depth_m": float(near[:, 2].max() - 0.02),
        "centre_x_m": float((near[:, 0].min() + near[:, 0].max()) / 2),
    }


def _chin(meshes: list[Mesh], known: dict[str, float]) -> float:
    """Underside of the chin: where the front profile of the skin falls back most steeply below the mouth."""
    ipd, eye, x = known["eye_distance_m"], known["eye_height_m"], known["centre_x_m"]
    usual = eye - USUAL_CHIN_IPD * ipd
    skin = [mesh.positions for mesh in meshes if mesh.material.kind == "skin"] or [m.positions for m in meshes]
    points = np.concatenate(skin).astype(np.float64)
    strip = points[np.abs(points[:, 0] - x) < 0.25 * ipd]
    step = 0.06 * ipd
    edges = np.arange(eye - CHIN_BELOW_EYES_IPD[1] * ipd, eye - CHIN_BELOW_EYES_IPD[0] * ipd + step, step)
    heights, front = [], []
    for low in edges:
        inside = (strip[:, 1] >= low - step / 2) & (strip[:, 1] < low + step / 2)
        if inside.any():
            heights.append(low)
            front.append(strip[inside, 2].max())
    if len(heights) < 4:
        return float(usual)
    fall = np.diff(front) / np.diff(heights)  # metres forward per metre up
    steepest = int(np.argmax(fall))
    if fall[steepest] < 1.0:  # a beard, a scarf: no edge to be seen
        return float(usual)
    return float(heights[steepest + 1] - step / 2)


def _face_end(meshes: list[Mesh]) -> float:
    """Lowest point of the skin that has shapes: a face without a neck ends at its chin."""
    return min(
        (float(m.positions[:, 1].min()) for m in meshes if m.material.kind == "skin" and m.targets), default=-9e9
    )


def _head_width(points: Floats, known: dict[str, float]) -> float:
    chin, x = known["chin_m"], known["centre_x_m"]
    # Hands may be up beside the head in some rest poses: no head is wider than 1.6 times its height.
    reach = 0.8 * (known["head_top_m"] - chin)
    head = points[(points[:, 1] > chin) & (np.abs(points[:, 0] - x) < reach)]
    return float(2 * np.abs(head[:, 0] - x).max()) if len(head) else float(reach)


def _shoulders(model: Model, points: Floats, known: dict[str, float]) -> dict[str, float]:
    left, right = (_joint(model, side, r"upperarm|shoulder|clavicle|^arm|arm$") for side in ("left", "right"))
    head = known["head_top_m"] - known["chin_m"]
    height = known["chin_m"] - 0.35 * head
    if left is not None and right is not None:
        height = float((left[1] + right[1]) / 2)
    # Width where the deltoids are, but not the spread arms of a T-pose: at most 2.6 heads.
    row = points[np.abs(points[:, 1] - (height - 0.3 * head)) < 0.3 * head]
    width = 2 * np.abs(row[:, 0] - known["centre_x_m"]).max() if len(row) else 1.9 * head
    return {"shoulder_height_m": height, "shoulder_width_m": float(min(width, 2.6 * head))}
