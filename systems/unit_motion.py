"""Pure maths of the units that are movements: how strong each is, and how far it swings, at its age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import Catalogue, Motion
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS
from avatar_engine.systems.springs import smooth

Float = NDArray[np.float32]
MOVING_KINDS = ("pulse", "osc", "envelope", "noise", "roll", "sweep")
LONG_S = 1e6


@dataclass(frozen=True, slots=True)
class MovingUnits:
    """The moving units as arrays of length k. Times in seconds.

    index: into the 157. rise, hold, fall: of the envelope. hz, length: of the swing. swings, noisy: kinds of
    motion. chews: the control itself oscillates.
    left, right: (k, C) controls that a positive and a negative swing move aside.
    """

    index: NDArray[np.intp]
    rise: Float
    hold: Float
    fall: Float
    hz: Float
    length: Float
    swings: NDArray[np.bool_]
    noisy: NDArray[np.bool_]
    chews: NDArray[np.bool_]
    left: Float
    right: Float


def moving_units(book: Catalogue) -> MovingUnits:
    """Compile the catalogue's motions."""
    found = [(unit.index, unit.motion) for unit in book.units if unit.motion and unit.motion.kind in MOVING_KINDS]
    shapes = [_envelope(motion) for _, motion in found]
    hz = [motion.hz if motion.hz else (1000.0 / motion.period_ms if motion.period_ms else 0.0) for _, motion in found]
    turns = [bool(book.units[index].pose) for index, _ in found]
    oscillating = [motion.kind == "osc" for _, motion in found]
    swinging = [motion.kind in ("osc", "noise", "sweep") for _, motion in found]
    aside = np.zeros((2, len(found), len(CONTROLS)), np.float32)
    for row, (_, motion) in enumerate(found):
        for way, (control, weight) in enumerate(motion.lateral.items()):
            aside[way, row, CONTROL_INDEX[control]] = weight
    return MovingUnits(
        index=np.array([index for index, _ in found], np.intp),
        rise=np.array([shape[0] for shape in shapes], np.float32),
        hold=np.array([shape[1] for shape in shapes], np.float32),
        fall=np.array([shape[2] for shape in shapes], np.float32),
        hz=np.array(hz, np.float32),
        length=np.array([m.cycles / m.hz if m.cycles else LONG_S for _, m in found], np.float32),
        swings=np.array(swinging),
        noisy=np.array([motion.kind == "noise" for _, motion in found]),
        left=aside[0],
        right=aside[1],
        chews=np.array([s and not t for s, t in zip(oscillating, turns)]),
    )


def motion_at(units: MovingUnits, age_s: Float) -> tuple[Float, Float]:
    """Gain 0..1 on controls and swing -1..1 on the pose at (n, k) ages; both 0 once a movement is over."""
    into = smooth(age_s / units.rise)
    out = 1.0 - smooth((age_s - units.rise - units.hold) / units.fall)
    gain = into * out
    angle = 2.0 * np.pi * units.hz * age_s
    wave = np.sin(angle)
    shake = 0.5 * np.sin(1.13 * angle + 1.0) + 0.3 * np.sin(0.71 * angle) + 0.2 * np.sin(1.61 * angle + 2.0)
    swing = np.where(units.swings, np.where(units.noisy, shake, wave), 1.0) * gain
    gain = np.where(units.chews, gain * 0.5 * (1.0 - np.cos(angle)), gain)
    return gain.astype(np.float32), swing.astype(np.float32)


def _envelope(motion: Motion) -> tuple[float, float, float]:
    """Rise, hold and fall in seconds."""
    match motion.kind:
        case "pulse":
            return motion.attack_ms / 1e3, motion.hold_ms / 1e3, motion.release_ms / 1e3
        case "envelope":
            return motion.apex_ms / 1e3, 0.05, (motion.total_ms - motion.apex_ms) / 1e3 - 0.05
        case "roll":
            return motion.total_ms / 2e3, 0.0, motion.total_ms / 2e3
        case "osc" if motion.cycles:
            length = motion.cycles / motion.hz
            return 0.12, max(length - 0.3, 0.0), 0.18
        case _:
            return 0.15, LONG_S, 0.15
