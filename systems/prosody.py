"""Listens to the speech that is about to be heard: loudness, pitch, stressed syllables, phrase ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.mind import EAR
from avatar_engine.components.session import Speech
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World

Float = NDArray[np.float32]
RATE = 16_000
AHEAD_S = 0.1  # a head beat leads its stressed syllable by 0-200 ms, so it must be heard before it is played
AHEAD_SAMPLES = int(AHEAD_S * RATE)
LEVEL_SPAN_DB = 40.0  # from the loudest of the last seconds down to what nobody hears as speech
QUIETEST_DB, LOUDEST_DB, FORGET_DB_S = -34.0, -16.0, 0.7  # where a voice's loudest syllables may lie; where they start
VOICE_LEVEL = 0.25
SLOW_S = 1.2
DIP = 0.035  # a nucleus rises and falls by at least this (1.4 dB)
REFRACTORY_S = 0.14  # syllables come at most 5-6 times a second
PHRASE_MIN_S, PHRASE_GAP_S = 0.6, 0.16  # intonation phrases last 0.6 s and longer; stops pause for 100 ms at most
FIRST_LAG, LAST_LAG, STEP = 8, 53, 4  # 500-75 Hz at 4 kHz
PITCH_TICKS = 2
(LEVEL, SLOW, LOW, PEAK, RISING, SEMITONES, WAIT, PHRASE, QUIET, USUAL, SPREAD, AHEAD, LOUDEST, PITCH_WAIT) = range(
    len(EAR)
)


class Prosody:
    """Fills the column `prosody`. A session without speech costs nothing but its share of the array."""

    name = "prosody"
    phase = Phase.ANALYZE
    reads = ("samples", "speaking")
    writes = ("prosody",)

    def run(self, world: World) -> None:
        """Hear one tick further, AHEAD_S before it is played."""
        batch = world.batch
        tail, ear, past, out = batch["ear.tail"], batch["ear"], batch["ear.past"], batch["prosody"]
        # whole steps, so that the 4 kHz signal needs no filter state
        stop = first_sample(world.tick + 1, RATE // STEP, world.hz)
        width = tail.shape[1]
        start = max(first_sample(world.tick, RATE // STEP, world.hz), stop - width)
        count = stop - start
        rows, aheads, parts = [], [], []
        for _, (row, speech) in world.each2(Row, Speech):
            timeline = speech.timeline
            if timeline.runs:
                ahead = min(AHEAD_SAMPLES, timeline.lookahead * RATE // timeline.rate)
                rows.append(row.index)
                aheads.append(ahead)
                parts.append(timeline.heard(start * STEP + ahead, stop * STEP + ahead))
        live = ear[:, LEVEL] > 0.0
        out[:, 3:6] = 0.0
        if rows:
            sound = np.concatenate(parts).reshape(len(parts), -1)
            ear[rows, AHEAD] = np.minimum(np.round(np.array(aheads) * (world.hz / RATE)), past.shape[1] - 1)
            live[rows] = True
            out[rows, 4] = np.einsum("ij,ij->i", sound, sound) / (count * STEP)
        out[~live, 1:3] = 0.0
        if live.any():
            tail[:, : width - count] = tail[:, count:]
            tail[:, width - count :] = 0.0
            if rows:
                tail[rows, width - count :] = sum(sound[:, k::STEP] for k in range(STEP)) / STEP
            # pitch moves slowly: each voice is measured every PITCH_TICKS ticks of its own
            wait = ear[:, PITCH_WAIT]
            turn = np.flatnonzero(live & (wait <= 0.0))
            wait[live] -= 1.0
            wait[turn] = PITCH_TICKS - 1
            if len(turn):
                out[turn, 1], out[turn, 2] = pitch_of(tail[turn])
        self._follow(ear, out, world.dt_s)
        past[:, :-1] = past[:, 1:]
        past[:, -1] = ear[:, LEVEL]
        out[:, 0] = past[np.arange(len(past)), past.shape[1] - 1 - ear[:, AHEAD].astype(np.intp)]

    def _follow(self, ear: Float, out: Float, dt_s: float) -> None:
        level = level_of(out[:, 4], ear[:, LOUDEST], dt_s)
        ear[:, LEVEL] = level
        voice = level > VOICE_LEVEL
        out[:, 3] = self._onsets(ear, out, voice, dt_s)
        # a phrase ends when it was long enough and the voice has paused
        ear[:, QUIET] = np.where(voice, 0.0, ear[:, QUIET] + dt_s)
        ear[:, PHRASE] += np.where(voice, dt_s, 0.0)
        paused = ear[:, QUIET] >= PHRASE_GAP_S
        out[:, 5] = paused & (ear[:, PHRASE] >= PHRASE_MIN_S)
        ear[paused, PHRASE] = 0.0
        out[:, 6] = ear[:, QUIET]

    def _onsets(self, ear: Float, out: Float, voice: NDArray[np.bool_], dt_s: float) -> Float:
        """Strength 0..1 where a syllable's loudness has just passed its peak; 0.4 is a usual one of this voice."""
        pitch, level = out[:, 1], ear[:, LEVEL]
        tone = np.where(pitch > 0.0, 12.0 * np.log2(np.maximum(pitch, 1.0)), ear[:, SEMITONES])
        known = ear[:, SEMITONES] > 0.0
        lift = np.where(known & (pitch > 0.0), tone - ear[:, SEMITONES], 0.0)
        learn = np.where(pitch > 0.0, np.where(known, np.float32(1.0 - np.exp(-dt_s / 1.5)), 1.0), 0.0)
        ear[:, SEMITONES] += (tone - ear[:, SEMITONES]) * learn
        ear[:, SLOW] += (level - ear[:, SLOW]) * np.where(voice, np.float32(1.0 - np.exp(-dt_s / SLOW_S)), 0.0)
        ear[:, WAIT] -= dt_s
        rising = ear[:, RISING] > 0.0
        ear[:, LOW] = np.where(rising, ear[:, LOW], np.minimum(ear[:, LOW], level))
        ear[:, PEAK] = np.where(rising, np.maximum(ear[:, PEAK], level), level)
        fell = rising & (level < ear[:, PEAK] - DIP)
        passed = fell & (ear[:, PEAK] > VOICE_LEVEL) & (ear[:, WAIT] <= 0.0)
        strength = ear[:, PEAK] - ear[:, SLOW] + 0.4 * (ear[:, PEAK] - ear[:, LOW]) + np.clip(lift, -3.0, 8.0) / 24.0
        # stress is relative: what stands out from this voice's own syllables
        away = strength - ear[:, USUAL]
        stands_out = 0.4 + 0.35 * away / np.maximum(ear[:, SPREAD], 0.06)
        ear[:, USUAL] += np.where(passed, 0.2 * away, 0.0)
        ear[:, SPREAD] += np.where(passed, 0.15 * (np.abs(away) - ear[:, SPREAD]), 0.0)
        ear[passed, WAIT] = REFRACTORY_S
        starts = ~rising & (level > ear[:, LOW] + DIP) & voice
        ear[:, RISING] = (rising & ~fell) | starts
        ear[:, LOW] = np.where(fell, level, ear[:, LOW])
        return np.where(passed, np.clip(stands_out, 0.02, 1.0), 0.0).astype(np.float32)


def level_of(energy: Float, loudest_db: Float, dt_s: float) -> Float:
    """Loudness 0..1 of a mean square, relative to the voice's own loudest syllables, which are followed in place (0:
    nothing heard yet)."""
    db = 10.0 * np.log10(energy + 1e-10)
    start = np.where(loudest_db == 0.0, LOUDEST_DB, loudest_db - FORGET_DB_S * dt_s)
    loudest_db[...] = np.maximum(np.maximum(db, start), QUIETEST_DB)
    return np.clip(1.0 + (db - loudest_db) / LEVEL_SPAN_DB, 0.0, 1.0).astype(np.float32)


def pitch_of(window: Float) -> tuple[Float, Float]:
    """Pitch in Hz (0 where unvoiced) and voiced 0/1 of (n, w) samples at 4 kHz, by normalised autocorrelation
    with parabolic refinement."""
    size = window.shape[1]
    # What wraps around lies beyond the lags that are looked at; lengths of 64 times a small number are fast.
    length = -(-(size + LAST_LAG + 2) // 64) * 64
    slow = np.zeros((len(window), length), np.float32)
    np.subtract(window, window.mean(axis=1, keepdims=True), out=slow[:, :size])
    spectrum = np.fft.rfft(slow)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    echo = np.fft.irfft(power)[:, : LAST_LAG + 2]
    loud = echo[:, 0] > 5e-6 * size
    lags = np.arange(LAST_LAG + 2)
    echo = echo * (size / (size - lags)).astype(np.float32) / np.maximum(echo[:, :1], np.float32(1e-9))
    middle = echo[:, FIRST_LAG : LAST_LAG + 1]
    peaks = (middle > echo[:, FIRST_LAG - 1 : LAST_LAG]) & (middle >= echo[:, FIRST_LAG + 1 : LAST_LAG + 2])
    score = np.where(peaks, middle - 0.002 * lags[FIRST_LAG : LAST_LAG + 1], -1.0)
    best = score.argmax(axis=1)
    each = np.arange(len(window))
    clear = score[each, best]
    lag = best + FIRST_LAG
    left, top, right = echo[each, lag - 1], echo[each, lag], echo[each, lag + 1]
    bend = left - 2.0 * top + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    voiced = (clear > 0.45) & loud
    pitch = np.where(voiced, RATE / STEP / (lag + shift), 0.0)
    return pitch.astype(np.float32), voiced.astype(np.float32)
