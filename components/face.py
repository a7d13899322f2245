"""The columns of `World.batch`: one row of float32 per avatar, every number of a face that changes per tick."""

from __future__ import annotations

from avatar_engine.components.controls import CONTROLS, POSE
from avatar_engine.components.visemes import VISEMES

UNIT_COUNT = 157
CUES = ("openness", "closure", "labiodental", "rounding", "speech")
PROSODY = ("level", "pitch_hz", "voiced", "onset", "energy")
_C = len(CONTROLS)
_P = len(POSE)

FACE_COLUMNS: dict[str, int] = {
    # ANALYZE
    "prosody": len(PROSODY),  # level 0..1 (perceptual), pitch in Hz, voiced 0/1, onset 0..1, energy (mean square)
    "visemes": len(VISEMES),  # 0..1, sum about 1
    "cues": len(CUES),  # 0..1
    # INTENT
    "speaking": 1,  # 1 while this tick plays speech
    "mouth_owner": 1,  # 0..1: how much of the mouth speech owns (smoothed)
    # ANIMATE: each system owns its layer
    "layer.mouth": _C,
    "layer.expression": _C,
    "layer.blink": _C,
    "layer.gaze": _C,
    "units": UNIT_COUNT,  # 157 action units 0..1 as shown, after the policy
    "pose.gaze": _P,
    "pose.head": _P,
    "pose.expression": _P,
    "pose.breath": _P,
    # COMPOSE
    "controls": _C,  # canonical controls as shown
    "pose": _P,
    "rig": 1,  # index into Rigs
    "morphs": 1,  # widened to the widest rig: the rig's own targets
}
