"""Puts the layers of a face together: who owns what is cleared, then multiplied, summed and clamped."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.components.rig import Rig, Rigs
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.systems.rig_groups import rig_groups
from avatar_engine.systems.unit_limits import CORNER_SHARE

Float = NDArray[np.float32]
# Two controls that pull the same skin opposite ways: only their difference is shown.
OPPOSITES = (
    ("jawLeft", "jawRight"), ("mouthLeft", "mouthRight"), ("mouthSmileLeft", "mouthFrownLeft"),
    ("mouthSmileRight", "mouthFrownRight"), ("eyeLookInLeft", "eyeLookOutLeft"), ("eyeLookUpLeft", "eyeLookDownLeft"),
    ("eyeLookInRight", "eyeLookOutRight"), ("eyeLookUpRight", "eyeLookDownRight"), ("tongueLeft", "tongueRight"),
    ("tongueUp", "tongueDown"),
)  # fmt: skip
# Sums that would push skin through skin on any head; a rig's own limits come on top.
SAFE_SUMS = (
    (("mouthPucker", "mouthFunnel", "mouthStretchLeft"), 1.2),
    (("mouthPucker", "mouthFunnel", "mouthStretchRight"), 1.2),
    (("mouthRollUpper", "mouthUpperUpLeft"), 1.0),
    (("mouthRollUpper", "mouthUpperUpRight"), 1.0),
    (("mouthRollLower", "mouthLowerDownLeft"), 1.0),
    (("mouthRollLower", "mouthLowerDownRight"), 1.0),
    (("cheekSquintLeft", "eyeSquintLeft"), 1.2),
    (("cheekSquintRight", "eyeSquintRight"), 1.2),
)
# What else narrows the eye, as a share of a full blink (measured on the bundled avatars' lids): a blink does the rest.
NARROWS = {"eyeLookDown": 0.33, "eyeSquint": 0.31, "eyeLookUp": 0.12, "cheekSquint": 0.1, "browDown": 0.08}
OPEN_LIDS = ("eyeWideLeft", "eyeWideRight")
FROWN_SHARE = 0.8  # lips pressed for p, b, m look pleased on most heads: a sad face needs more of its frown
SERIOUS = 2.0  # half a frown is serious enough to say everything without looking pleased
ROUND_TAKES = 0.6  # of what emotion keeps of the corners, while lips are fully rounded: an "oo" narrows any smile
CORNERS = frozenset({"mouthSmileLeft", "mouthSmileRight", "mouthFrownLeft", "mouthFrownRight"})
CORNERS_WEAK = frozenset({"mouthDimpleLeft", "mouthDimpleRight", "mouthStretchLeft", "mouthStretchRight"})


def _columns(*names: str) -> NDArray[np.intp]:
    return np.array([CONTROL_INDEX[name] for name in names], np.intp)


SMILES, FROWNS = _columns("mouthSmileLeft", "mouthSmileRight"), _columns("mouthFrownLeft", "mouthFrownRight")
PRESSES = _columns("mouthPressLeft", "mouthPressRight")
BLINKS = _columns("eyeBlinkLeft", "eyeBlinkRight")
WIDES, SQUINTS = _columns(*OPEN_LIDS), _columns("eyeSquintLeft", "eyeSquintRight")
NARROWING = tuple((_columns(f"{name}Left", f"{name}Right"), share) for name, share in NARROWS.items())
ROUNDED = _columns("mouthPucker", "mouthFunnel")
AT_CORNERS = _columns(*(name for name in CONTROLS if name in CORNERS | CORNERS_WEAK))
JAW, CLOSE = CONTROL_INDEX["jawOpen"], CONTROL_INDEX["mouthClose"]
FIRST, SECOND = _columns(*(a for a, _ in OPPOSITES)), _columns(*(b for _, b in OPPOSITES))
SUMS = tuple((_columns(*names), ceiling) for names, ceiling in SAFE_SUMS)


def kept_by_emotion() -> Float:
    """(C,) what stays of the expression layer while speech owns the mouth."""
    kept = np.ones(len(CONTROLS), np.float32)
    for index, name in enumerate(CONTROLS):
        if name in CORNERS:
            kept[index] = CORNER_SHARE if "Smile" in name else FROWN_SHARE
        elif name in CORNERS_WEAK:
            kept[index] = 0.25
        elif name.startswith(("mouth", "jaw", "tongue", "cheekPuff")):
            kept[index] = 0.0
    return kept


class FaceMix:
    """layers -> `controls`, within the rig's gains and limits."""

    name = "face_mix"
    phase = Phase.COMPOSE
    reads = ("layer.mouth", "layer.expression", "layer.blink", "layer.gaze", "mouth_owner")
    writes = ("controls",)

    def __init__(self) -> None:
        self._taken = 1.0 - kept_by_emotion()

    def run(self, world: World) -> None:
        """One tick of all faces."""
        batch = world.batch
        if not batch.count:
            return
        controls = batch["controls"]
        np.multiply(batch["layer.expression"], 1.0 - batch["mouth_owner"] * self._taken, out=controls)
        rounded = np.minimum(batch["layer.mouth"][:, ROUNDED].sum(axis=1, keepdims=True), 1.0)
        controls[:, AT_CORNERS] *= 1.0 - ROUND_TAKES * batch["mouth_owner"] * rounded
        controls += batch["layer.mouth"]
        # multiply: a sad mouth says "ee" without smiling, and "m" without the lips pressed up at their corners
        serious = np.clip(SERIOUS * batch["layer.expression"][:, FROWNS], 0.0, 1.0)
        for pleased in (SMILES, PRESSES):
            controls[:, pleased] -= batch["layer.mouth"][:, pleased] * serious
        controls += batch["layer.gaze"]
        mix_lids(controls, batch["layer.blink"])
        bound(controls)
        for rig, rows in rig_groups(batch["rig"], world.resource(Rigs)):
            controls[rows] = calibrated(controls[rows], rig)


def mix_lids(controls: Float, blink: Float) -> None:
    """A blink clears what holds the lids open and closes only what is still open; in place."""
    shut = blink[:, BLINKS]
    held = np.clip(controls[:, BLINKS], 0.0, 1.0)
    lids = held + (1.0 - held) * shut
    controls[:, WIDES] *= 1.0 - lids
    controls[:, SQUINTS] *= 1.0 - 0.6 * lids
    narrowed = sum(share * np.clip(controls[:, columns], 0.0, 1.0) for columns, share in NARROWING)
    controls[:, BLINKS] = lids * (1.0 - narrowed)


def bound(controls: Float) -> None:
    """Cancel opposites, keep safe sums, keep the lips from crossing, clamp; in place."""
    np.clip(controls, 0.0, 1.0, out=controls)
    cancel(controls, FIRST, SECOND)
    for columns, ceiling in SUMS:
        limit_sum(controls, columns, ceiling)
    # mouthClose is made to undo jawOpen; with more of it the lips pass through each other
    np.minimum(controls[:, CLOSE], controls[:, JAW], out=controls[:, CLOSE])


def cancel(controls: Float, first: NDArray[np.intp], second: NDArray[np.intp]) -> None:
    """Leave only the difference of opposites; in place."""
    shared = np.minimum(controls[:, first], controls[:, second])
    controls[:, first] -= shared
    controls[:, second] -= shared


def limit_sum(controls: Float, columns: NDArray[np.intp], ceiling: float) -> None:
    """Scale these columns down together so that their sum stays within the ceiling; in place."""
    part = controls[:, columns]
    total = part.sum(axis=1)
    if (total > ceiling).any():
        controls[:, columns] = part * np.minimum(1.0, ceiling / np.maximum(total, 1e-6))[:, None]


def calibrated(controls: Float, rig: Rig) -> Float:
    """One rig's gains, offsets and limits."""
    out = np.clip(controls * rig.control_gain + rig.control_offset, 0.0, 1.0)
    cancel(out, SMILES, FROWNS)  # a face that smiles at rest does not do so when it is sad
    for limit in rig.limits:
        limit_sum(out, np.array(limit.controls, np.intp), limit.ceiling)
    return np.asarray(out, np.float32)
