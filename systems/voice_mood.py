"""Reads a trace of emotion from the own voice, where a persona asks for it and nobody has set one."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import EAR, TURN, TurnState
from avatar_engine.engine.world import World
from avatar_engine.systems import wishes

LOUDEST, SEMITONES = EAR.index("loudest_db"), EAR.index("pitch_semitones")
STATE = TURN.index("state")
BLEND_S = 1.2  # a voice colours the face slowly
LIVELY_DB, LIVELY_SPAN_DB = -16.0, 12.0  # a voice whose syllables peak louder sounds excited
LIFT_SEMITONES = 6.0


def colour_by_voice(world: World) -> None:
    """Louder and higher than this voice's usual -> interested and excited; softer and lower -> concerned, calm.

    When the voice is silent the face goes back to rest; what a behaviour feels is left alone while it lasts.
    """
    batch = world.batch
    share, inner = batch["mood"][:, wishes.VOICE], batch["emotion.inner"]
    free = (share > 0.0) & (batch["mood"][:, wishes.INNER_HOLD] == 0.0)
    if not free.any():
        return
    speaks = batch["turn"][:, STATE] == TurnState.SPEAKING
    blend = np.float32(1.0 - np.exp(-world.dt_s / BLEND_S))
    rest = free & ~speaks
    inner[rest] += (batch["emotion.base"][rest] - inner[rest]) * blend
    rows = np.flatnonzero(free & speaks)
    if len(rows) == 0:
        return
    index = emotion_book().index
    ear, prosody = batch["ear"][rows], batch["prosody"][rows]
    pitch = prosody[:, 1]
    lift = np.where(pitch > 0.0, 12.0 * np.log2(np.maximum(pitch, 1.0)) - ear[:, SEMITONES], 0.0)
    arousal = np.clip((ear[:, LOUDEST] - LIVELY_DB) / LIVELY_SPAN_DB + lift / LIFT_SEMITONES, -1.0, 1.0)
    goal = batch["emotion.base"][rows].copy()
    goal[:, index["interested"]] = 0.6 * np.maximum(arousal, 0.0) * share[rows]
    goal[:, index["happy"]] = 0.3 * np.maximum(arousal, 0.0) * share[rows]
    goal[:, index["concerned"]] = 0.35 * np.maximum(-arousal, 0.0) * share[rows]
    inner[rows] += (goal - inner[rows]) * blend
