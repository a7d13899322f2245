"""Only how the face moves, measured on its vertices: gains, symmetry, the jaw, the lips, the lids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.avatar_doctor.posing import Body, Float, face_skin, shown
from avatar_engine.components.controls import ARKIT
from avatar_engine.scenes.measuring import eye_meshes
from avatar_engine.scenes.profile import Measures

# Largest displacement of the skin at full control, in pupil distances; means over the bundled people.
USUAL_REACH = {
    "jawOpen": 0.66, "mouthSmileLeft": 0.31, "mouthSmileRight": 0.31, "mouthPucker": 0.147, "mouthFunnel": 0.18,
    "mouthFrownLeft": 0.112, "mouthFrownRight": 0.112, "eyeBlinkLeft": 0.165, "eyeBlinkRight": 0.165,
    "browInnerUp": 0.083, "browDownLeft": 0.117, "browDownRight": 0.117, "browOuterUpLeft": 0.11,
    "browOuterUpRight": 0.11,
}  # fmt: skip
WEAK, STRONG = 0.55, 1.8  # of the usual: below or above it looks wrong at a glance
SEEN_M = 0.0004
UNEVEN = 0.3  # share by which one side may exceed the other


@dataclass(frozen=True, slots=True)
class Motion:
    """reach: control -> largest displacement in metres. uneven: pairs (without Left/Right) -> left / right.

    jaw_m: how far the chin drops; gap_rest_m, gap_pp_m: between the lips at rest and on PP, NaN where no lips found.
    """

    reach: dict[str, float]
    uneven: dict[str, float]
    gains: dict[str, float]
    jaw_m: float
    gap_rest_m: float
    gap_pp_m: float


def measure_motion(body: Body) -> Motion:
    """Everything at once."""
    skin = body.chosen(face_skin(body))
    sizes = body.avatar.measures
    ipd = sizes.eye_distance_m or 0.063
    reach = {name: _reach(body, name, skin) for name in ARKIT}
    uneven = {}
    for name in ARKIT:
        if name.endswith("Left") and name not in ("mouthLeft", "jawLeft"):
            left, right = reach[name], reach[name[:-4] + "Right"]
            if max(left, right) > 0.001 and abs(left - right) > UNEVEN * max(left, right):
                uneven[name[:-4]] = left / right if right > 1e-6 else np.inf
    gains = {}
    for name, usual in USUAL_REACH.items():
        share = reach[name] / (usual * ipd)
        # Lids meet at 1 however large the eye is: less would leave it open.
        if 0.05 < share < WEAK or (share > STRONG and not name.startswith("eyeBlink")):
            gains[name] = round(float(np.clip(1.0 / share, 0.5, 2.0)), 2)
    opened = shown(body, viseme="aa")
    drop = shown(body, {"jawOpen": 1.0}, raw=True)
    if not drop.any():
        drop = opened
    rest_gap, pp_gap = _lips(body, skin, opened, sizes)
    return Motion(reach, uneven, gains, float(-drop[skin, 1].min(initial=0.0)), rest_gap, pp_gap)


def _reach(body: Body, name: str, skin: np.ndarray) -> float:
    """Metres the skin moves; where it does not, what lies on it: drawn brows, irises."""
    far = np.linalg.norm(shown(body, {name: 1.0}, raw=True), axis=1)
    brows = [mesh for mesh in body.meshes if mesh.material.kind == "brow"]
    on_it = brows if name.startswith("brow") else eye_meshes(body.meshes) if name.startswith("eyeLook") else []
    drawn = body.chosen(tuple(on_it))
    on_skin = float(far[skin].max(initial=0.0))
    return on_skin if on_skin > SEEN_M else max(on_skin, float(far[drawn].max(initial=0.0)))


def _lips(body: Body, skin: np.ndarray, opened: Float, sizes: Measures) -> tuple[float, float]:
    """Gap between the lips in the middle at rest and on PP; NaN where the mesh shows no lips that part."""
    ipd, eye, centre = sizes.eye_distance_m or 0.063, sizes.eye_height_m or 0.0, sizes.centre_x_m or 0.0
    points = body.rest
    strip = skin & (np.abs(points[:, 0] - centre) < 0.1 * ipd)
    strip &= (points[:, 1] < eye - 0.55 * ipd) & (points[:, 1] > eye - 1.7 * ipd)
    if strip.sum() < 6:
        return np.nan, np.nan
    strip &= points[:, 2] > points[strip, 2].max() - 0.35 * ipd
    fall = -opened[:, 1]
    most = fall[strip].max(initial=0.0)
    if most < 0.002:
        return np.nan, np.nan
    lower, upper = strip & (fall > 0.45 * most), strip & (fall < 0.2 * most)
    if not lower.any() or not upper.any():
        return np.nan, np.nan
    # Lips are where upper and lower are nearest at rest and part on AA.
    a, b = points[upper], points[lower]
    apart = np.linalg.norm(a[:, None] - b[None], axis=2)
    nearest = apart.min()
    if nearest > 0.25 * ipd:
        return np.nan, np.nan
    pp = shown(body, viseme="PP")
    pressed = np.linalg.norm((a + pp[upper])[:, None] - (b + pp[lower])[None], axis=2)
    return float(nearest), float(pressed.min())
