"""Feeds planned speech to the viseme model and reads the viseme frame of this tick's middle."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from avatar_engine.components.session import Speech, VisemeTimeline
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.viseme_model import HOP, RATE, VisemeFrames, VisemeModel

RING = 128  # frames kept: 1.28 s
SILENT_FRAME = np.zeros(20, np.float32)
SILENT_FRAME[0] = 1.0
PUSH_HOPS = 32  # at most this much per call, so that memory stays bounded after a burst


class VisemeEngine:
    """The one viseme model of a runtime, as a resource."""

    def __init__(self, model: VisemeModel) -> None:
        self.model = model


class VisemeAnalysis:
    """One call of the model for all avatars that have the same number of new hops."""

    name = "visemes"
    phase = Phase.ANALYZE
    reads = ("samples", "interrupts", "speaking")
    writes = ("visemes", "cues")

    def run(self, world: World) -> None:
        """Write the columns `visemes` and `cues` for the middle of this tick."""
        model = world.resource(VisemeEngine).model
        sessions = world.each3(Row, Speech, VisemeTimeline)
        work: dict[int, list[tuple[Speech, VisemeTimeline]]] = defaultdict(list)
        tick_start = first_sample(world.tick, RATE, world.hz) // HOP
        for _, (_row, speech, track) in sessions:
            if speech.cleared or speech.held:
                self._restart(model, track, tick_start)
            hops = self._new_hops(speech, track, tick_start, model)
            if hops > 0:
                work[hops].append((speech, track))
        for hops, group in work.items():
            self._feed(model, group, hops)
        visemes, cues = world.batch["visemes"], world.batch["cues"]
        middle = world.time_s * RATE / HOP - 0.5
        for _, (row, _speech, track) in sessions:
            frame = self._at(track, middle)
            visemes[row.index] = frame[:15]
            cues[row.index] = frame[15:]

    def _new_hops(self, speech: Speech, track: VisemeTimeline, tick_start: int, model: VisemeModel) -> int:
        known = speech.timeline.planned_until * RATE // speech.timeline.rate // HOP
        if track.asleep:
            if speech.timeline.idle:
                return 0
            # Wake where the tick starts; the model sees the silence before speech as its initial state.
            self._restart(model, track, tick_start)
            track.asleep = False
        elif speech.timeline.idle and track.newest > tick_start + RING:
            track.asleep = True
        if speech.timeline.idle:
            known = max(known, tick_start + 8 + model.delay_frames)  # let the last sounds out: silence follows
            if track.fed > tick_start + 200:
                track.asleep = True
        return known - track.fed

    def _restart(self, model: VisemeModel, track: VisemeTimeline, hop: int) -> None:
        model.reset(track.slot)
        track.fed = hop
        track.newest = -1
        track.asleep = True

    def _feed(self, model: VisemeModel, group: list[tuple[Speech, VisemeTimeline]], hops: int) -> None:
        slots = np.array([track.slot for _, track in group], np.int64)
        for done in range(0, hops, PUSH_HOPS):
            count = min(PUSH_HOPS, hops - done)
            audio = np.stack(
                [
                    speech.timeline.heard((track.fed + done) * HOP, (track.fed + done + count) * HOP)
                    for speech, track in group
                ]
            )
            frames = model.push(slots, audio)
            values = _stacked(frames)
            for index, (_speech, track) in enumerate(group):
                first = track.fed + done - model.delay_frames
                positions = np.arange(first, first + count)
                track.frames[positions % RING] = values[index]
                track.newest = first + count - 1
        for _speech, track in group:
            track.fed += hops

    def _at(self, track: VisemeTimeline, middle: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        if track.asleep or track.newest < 0:
            return SILENT_FRAME
        low = int(np.floor(middle))
        share = np.float32(middle - low)
        a, b = min(low, track.newest), min(low + 1, track.newest)
        blended = track.frames[a % RING] * (1 - share) + track.frames[b % RING] * share
        return np.asarray(blended, np.float32)


def _stacked(frames: VisemeFrames) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    cues = (frames.openness, frames.closure, frames.labiodental, frames.rounding, frames.speech)
    return np.concatenate([frames.weights, np.stack(cues, axis=-1)], axis=-1)
