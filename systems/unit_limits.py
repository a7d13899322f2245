"""What bounds a unit: how fast it may move, and what it keeps of the mouth while speech owns that."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import ActionUnit, Catalogue

Float = NDArray[np.float32]
CORNER_SHARE = 0.5  # what emotion keeps of the lip corners while speech owns the mouth
# Full scale per second. Lids close in 70 ms; lips and jaw move full scale in about 90 ms; brows and cheeks are slower.
SPEED = {
    "brow": 9.0, "lid": 16.0, "eye": 20.0, "nose": 8.0, "cheek": 7.0, "corner": 8.0, "lip": 11.0, "jaw": 10.0,
    "tongue": 12.0, "neck": 6.0, "head": 8.0, "shoulder": 5.0, "chest": 4.0, "skin": 1.0, "face": 16.0,
}  # fmt: skip
MOUTH_REGIONS = frozenset({"lip", "jaw", "tongue"})
MOUTH_UNITS = frozenset({"AU35L", "AU35R", "AU33L", "AU33R", "AU34L", "AU34R", "AU36L", "AU36R"})


def speed_limits(book: Catalogue) -> Float:
    """(157,) full scale per second."""
    return np.array([SPEED[unit.region] for unit in book.units], np.float32)


def mouth_units(book: Catalogue) -> Float:
    """(157,) 1 where the unit shapes the mouth itself, which speech takes over."""
    return np.array([_shapes_mouth(unit) for unit in book.units], np.float32)


def corner_units(book: Catalogue) -> Float:
    """(157,) 1 where the unit pulls the lip corners, of which emotion keeps a share."""
    return np.array([unit.region == "corner" for unit in book.units], np.float32)


def _shapes_mouth(unit: ActionUnit) -> bool:
    return unit.region in MOUTH_REGIONS or unit.id in MOUTH_UNITS
