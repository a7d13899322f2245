"""The columns of `World.batch`: one row of float32 per avatar, every number of a face that changes per tick."""

from __future__ import annotations

from avatar_engine.components.action_units import UNIT_COUNT
from avatar_engine.components.controls import CONTROLS, POSE
from avatar_engine.components.mind import MIND_COLUMNS
from avatar_engine.components.visemes import VISEMES

CUES = ("openness", "closure", "labiodental", "rounding", "speech")
PROSODY = ("level", "pitch_hz", "voiced", "onset", "energy", "phrase_end", "quiet_s")
_C = len(CONTROLS)
_P = len(POSE)

FACE_COLUMNS: dict[str, int] = {
    # ANALYZE
    # level 0..1 (perceptual) as it is played; the rest is heard up to 0.1 s ahead: pitch in Hz, voiced 0/1, onset 0..1
    # (a stressed syllable), energy (mean square), phrase_end 0/1 (in the tick it is noticed), quiet_s since the voice
    "prosody": len(PROSODY),
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
    "morphs_before": 1,  # the same one tick ago
    "joints": 6,  # widened likewise: (J, 6) flattened
    "joints_before": 6,
    **MIND_COLUMNS,
}
