"""Feeds planned speech to the viseme model and reads the viseme frame of this tick's middle.

A call of the model costs more than the hops in it, so a stream is fed when this tick would have no frame without it, and
then with everything that is planned: a few ticks' worth when the voice is ahead of playback, every tick when it is not.
Frames do not depend on how hops are cut into calls.

Words of the speech whose pronunciation is known are told to a model that can use them, each before the hop that lies
`TOLD_EARLY_S` before its beginning.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from avatar_engine.components.session import Speech, VisemeTimeline
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.viseme_model import HOP, RATE, GuidedModel, VisemeFrames, VisemeModel

RING = 128  # frames kept: 1.28 s
SILENT_FRAME = np.zeros(20, np.float32)
SILENT_FRAME[0] = 1.0
TAIL_S = 0.5  # analysed after speech has ended, then the model sleeps
PUSH_HOPS = 32  # at most this much per call, so that memory stays bounded after a burst
TOLD_EARLY_S = 0.5  # a word is told to the model this long before it begins: times given by a voice drift
TOO_LATE_S = 0.25  # a word whose pronunciation came later than this after its beginning is left out


class VisemeEngine:
    """The one viseme model of a runtime, as a resource."""

    def __init__(self, model: VisemeModel) -> None:
        self.model = model
        self.guided = model if isinstance(model, GuidedModel) else None


class VisemeAnalysis:
    """One call of the model for all avatars that have the same number of new hops."""

    name = "visemes"
    phase = Phase.ANALYZE
    reads = ("samples", "interrupts", "speaking")
    writes = ("visemes", "cues")

    def run(self, world: World) -> None:
        """Write the columns `visemes` and `cues` for the middle of this tick."""
        engine = world.resource(VisemeEngine)
        model = engine.model
        sessions = world.each3(Row, Speech, VisemeTimeline)
        work: dict[int, list[tuple[Speech, VisemeTimeline]]] = defaultdict(list)
        tick_hop = first_sample(world.tick, RATE, world.hz) // HOP
        middle = world.time_s * RATE / HOP - 0.5
        needed = int(np.floor(middle)) + 2 + model.delay_frames
        for _, (_row, speech, track) in sessions:
            if speech.cleared or speech.held:
                self._restart(model, track, tick_hop)
            hops = self._new_hops(model, speech, track, tick_hop, needed, world)
            if hops > 0 and speech.timeline.worded and engine.guided is not None:
                self._feed_worded(engine.guided, speech, track, hops)
            elif hops > 0:
                work[hops].append((speech, track))
        for hops, group in work.items():
            self._feed(model, group, hops)
        visemes, cues = world.batch["visemes"], world.batch["cues"]
        visemes[:], cues[:] = SILENT_FRAME[:15], SILENT_FRAME[15:]
        for _, (row, _speech, track) in sessions:
            if not track.asleep and track.newest >= 0:
                frame = self._at(track, middle)
                visemes[row.index] = frame[:15]
                cues[row.index] = frame[15:]

    def _new_hops(
        self, model: VisemeModel, speech: Speech, track: VisemeTimeline, tick_hop: int, needed: int, world: World
    ) -> int:
        """Hops to feed now, so that at least `needed` are fed in all, if so many are planned."""
        timeline = speech.timeline
        start = first_sample(world.tick, timeline.rate, world.hz)
        if not timeline.busy(start, int(TAIL_S * timeline.rate)):
            track.asleep = True
            return 0
        wakes = track.asleep
        if wakes:
            self._restart(model, track, tick_hop)
            track.asleep = False
        elif track.fed >= needed:
            return 0
        planned = timeline.heard_until() // HOP
        if wakes:
            # Streams that begin in the same tick shall not all be due in the same ticks from now on.
            planned = min(planned, needed + track.slot * 5 % (timeline.spare * RATE // timeline.rate // HOP + 1))
        return planned - track.fed

    def _restart(self, model: VisemeModel, track: VisemeTimeline, hop: int) -> None:
        # Before speech lies silence, which is what a fresh stream of the model assumes.
        model.reset(track.slot)
        track.fed = hop
        track.newest = -1
        track.asleep = True
        track.segment = -1

    def _feed_worded(self, model: GuidedModel, speech: Speech, track: VisemeTimeline, hops: int) -> None:
        """As `_feed` for one stream, in pieces between which words are told."""
        end = track.fed + hops
        while track.fed < end:
            self._feed(model, [(speech, track)], self._tell(model, speech, track, end) - track.fed)

    def _tell(self, model: GuidedModel, speech: Speech, track: VisemeTimeline, end: int) -> int:
        """Tell the words that are due at the next hop; returns the hop before `end` at which to ask again, or `end`."""
        segment, position, again = speech.timeline.place(track.fed * HOP)
        if segment is None:
            return min(end, max(track.fed + 1, -(-again // HOP)))
        anew = segment.id != track.segment
        if anew:
            track.segment, track.told = segment.id, 0
        words = segment.words
        told: list[tuple[str, ...]] = []
        while track.told < len(words) and (words[track.told].start_s - TOLD_EARLY_S) * RATE <= position:
            word = words[track.told]
            track.told += 1
            if word.start_s * RATE >= position - TOO_LATE_S * RATE:
                told.append(word.phones)
        if told or anew:
            model.expect(track.slot, told, anew)
        if track.told < len(words):
            due = (words[track.told].start_s - TOLD_EARLY_S) * RATE - position
            again = min(again, track.fed * HOP + int(due))
        return min(end, max(track.fed + 1, -(-again // HOP)))

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
        low = int(np.floor(middle))
        share = np.float32(middle - low)
        a, b = min(low, track.newest), min(low + 1, track.newest)
        blended = track.frames[a % RING] * (1 - share) + track.frames[b % RING] * share
        return np.asarray(blended, np.float32)


def _stacked(frames: VisemeFrames) -> np.ndarray[tuple[int, int, int], np.dtype[np.float32]]:
    cues = (frames.openness, frames.closure, frames.labiodental, frames.rounding, frames.speech)
    return np.concatenate([frames.weights, np.stack(cues, axis=-1)], axis=-1)
