"""Only the fine relief of skin, too small for triangles, and how it shines: pores, lines of age, lips."""

from __future__ import annotations

import numpy as np

from avatar_engine.maker.bake import noise
from avatar_engine.maker.body import HEAD, Person
from avatar_engine.maker.face_field import Field
from avatar_engine.maker.geometry import smooth_step
from avatar_engine.maker.parts import Floats

PORE_DM, MOTTLE_DM, LIP_DM, LINE_DM = 0.0005, 0.0005, 0.0007, 0.0020
"""Depths of pores, of the unevenness between them, of the furrows of lips and of the deepest lines of age."""

ROUGH, ROUGH_LIPS, ROUGH_OILY = 0.56, 0.42, 0.48
"""Of skin in general, of lips, and of forehead and nose."""


def line_depth(field: Field) -> Floats:
    """(k,) 0..1, how deep texels lie in the fine lines of age: forehead, crow's feet, beside the mouth."""
    q, mouth, nose = field.q, field.mouth, field.nose
    x = np.abs(q[:, 0])
    wave = 0.02 * noise(field.p, 2.5, 41, 2)
    depth = np.zeros(len(q))
    for height in (0.62, 0.80, 0.98):
        at = height + 0.05 * np.cos(q[:, 0] * 2.2) + wave
        depth += 0.55 * np.exp(-(((q[:, 1] - at) / 0.016) ** 2)) * smooth_step(0.75, 0.35, x)
    for slope in (-0.35, 0.0, 0.35):
        along = x - 0.84
        at = -0.02 + slope * along + wave
        depth += (
            0.8 * np.exp(-(((q[:, 1] - at) / 0.011) ** 2)) * smooth_step(0.84, 0.90, x) * smooth_step(1.08, 0.97, x)
        )
    at = np.interp(q[:, 1], [mouth[1] - 0.12, mouth[1] + 0.05, nose[1] + 0.02], [0.50, 0.46, 0.30])
    fold = np.exp(-(((x - at) / 0.022) ** 2)) * smooth_step(mouth[1] - 0.10, mouth[1] + 0.08, q[:, 1])
    depth += 0.7 * fold * smooth_step(nose[1] + 0.05, nose[1] - 0.05, q[:, 1])
    depth *= (field.normal[:, 2] > 0.0) * (field.island == HEAD) * (1 - field.lips)
    return np.clip(depth, 0, 1)


def skin_height(person: Person, field: Field) -> Floats:
    """(k,) dm over the modelled surface."""
    lips = np.clip(field.lips, 0, 1)
    pores = PORE_DM * noise(field.p, 60.0, 51, 2, 0.8) + MOTTLE_DM * noise(field.p, 22.0, 52, 2)
    furrows = LIP_DM * noise(field.p * [6.0, 0.6, 1.0], 10.0, 21, 2)
    return pores * (1 - lips) + furrows * lips - LINE_DM * person.spec.skin.lines * line_depth(field)


def skin_roughness(field: Field) -> Floats:
    """(k,) 0..1."""
    nose = field.nose
    oily = field.spot((0.0, 0.75, nose[2] - 0.35), (0.6, 0.35, 0.6)) + field.spot(tuple(nose), (0.25, 0.35, 0.4))
    rough = ROUGH + (ROUGH_OILY - ROUGH) * np.clip(oily, 0, 1) + 0.03 * noise(field.p, 9.0, 53, 2)
    lips = np.clip(field.lips, 0, 1)
    return np.asarray(rough * (1 - lips) + ROUGH_LIPS * lips)
