"""Feeds planned speech to the viseme model and reads the viseme frame of this tick's middle.

A call of the model costs more than the hops in it, so a stream is fed when this tick would have no frame without it, and
then with everything that is planned: a few ticks' worth when the voice is ahead of playback, every tick when it is not.
Frames do not depend on how hops are cut into calls. Where so much is planned that this tick has its frame even so, a
model that can looks further ahead.

Words of the speech whose pronunciation is known are told to a model that can use them, each before the hop that lies
`TOLD_EARLY_S` before its beginning.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.session import Inbox, Speech, VisemeTimeline
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.messages import SetLanguage
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.viseme_model import (
    HOP,
    RATE,
    AheadModel,
    GuidedModel,
    LanguageModel,
    VisemeFrames,
    VisemeModel,
    look_ahead_s,
)

Float = NDArray[np.float32]

RING = 128  # frames kept: 1.28 s
MOST_AHEAD_S = 1.2  # of analysed speech before the tick that is played: the ring holds no more
SILENT_FRAME = np.zeros(20, np.float32)
SILENT_FRAME[0] = 1.0
TAIL_S = 0.5  # analysed after speech has ended, then the model sleeps
PUSH_HOPS = 40  # at most this much per call, so that memory stays bounded after a burst
TOLD_EARLY_S = 0.5  # a word is told to the model this long before it begins: times given by a voice drift
TOO_LATE_S = 0.25  # a word of which more than this was decided before its pronunciation came is left out
# Of speech that has just begun only what this tick needs is decided: words often come a tick or two after their sound.
CAREFUL_HOPS = 10


def planned_ahead_s(model: VisemeModel, least_s: float | None, spare_s: float) -> tuple[float, float]:
    """Seconds of speech that are planned before they are heard: at least (None: what the model needs) and rather, with
    `spare_s` more once speech flows. Raises InputError for more than is analysed ahead."""
    needed_s, rather_s = look_ahead_s(model)
    least_s = needed_s if least_s is None else least_s
    most_s = MOST_AHEAD_S - spare_s
    if least_s > most_s + 1e-9:
        raise InputError(
            "look_ahead_s and spare_s",
            f"are {least_s + spare_s:g} s together",
            f"at most {MOST_AHEAD_S:g} s of speech are analysed ahead",
        )
    return least_s, max(least_s, min(rather_s, most_s))


_Call = tuple[int, int, bool]  # new hops, how far the stream is behind them, whether it looks ahead


class VisemeEngine:
    """The one viseme model of a runtime, as a resource, and the newest frames of all its streams.

    frames: (slots, RING, 20), 15 visemes and 5 cues; every stream's ring is addressed by hop index modulo RING.
    """

    def __init__(self, model: VisemeModel) -> None:
        self.model = model
        self.guided = model if isinstance(model, GuidedModel) else None
        self.looks_ahead = model if isinstance(model, AheadModel) else None
        self.frames = np.zeros((4, RING, 20), np.float32)

    def speaks(self, slot: int, language: str) -> None:
        """What the stream says from now on is in this language; not every model cares."""
        if isinstance(self.model, LanguageModel):
            self.model.speaks(slot, language)

    def keep(self, slots: NDArray[np.int64], first: NDArray[np.int64], seen: VisemeFrames) -> None:
        """Frames of the streams `slots` (n,), of which each one's oldest is that of its hop `first` (n,)."""
        if slots.max() >= len(self.frames):
            more = np.zeros((int(slots.max()) + 1, RING, 20), np.float32)
            self.frames = np.concatenate([self.frames, more])
        values = np.empty((*seen.openness.shape, 20), np.float32)
        values[..., :15] = seen.weights
        cues = (seen.openness, seen.closure, seen.labiodental, seen.rounding, seen.speech)
        for column, cue in enumerate(cues, 15):
            values[..., column] = cue
        hops = first[:, None] + np.arange(values.shape[1])
        self.frames[slots[:, None], hops % RING] = values

    def at(self, slots: NDArray[np.int64], newest: NDArray[np.int64], middle: float) -> Float:
        """Frames (n, 20) of the streams `slots` between two hops; none is newer than its stream's `newest` (n,)."""
        low = int(np.floor(middle))
        share = np.float32(middle - low)
        before = self.frames[slots, np.minimum(low, newest) % RING]
        after = self.frames[slots, np.minimum(low + 1, newest) % RING]
        before *= np.float32(1.0) - share
        after *= share
        before += after
        return before


class VisemeAnalysis:
    """One call of the model for all avatars that have as many new hops and are as far behind them."""

    name = "visemes"
    phase = Phase.ANALYZE
    reads = ("samples", "interrupts", "speaking", "commands")
    writes = ("visemes", "cues")

    def run(self, world: World) -> None:
        """Write the columns `visemes` and `cues` for the middle of this tick."""
        engine = world.resource(VisemeEngine)
        model = engine.model
        sessions = world.each3(Row, Speech, VisemeTimeline)
        work: dict[_Call, list[tuple[Speech, VisemeTimeline]]] = defaultdict(list)
        tick_hop = first_sample(world.tick, RATE, world.hz) // HOP
        middle = world.time_s * RATE / HOP - 0.5
        needed = int(np.floor(middle)) + 1
        for entity, (_row, speech, track) in sessions:
            for command in world.get(entity, Inbox).now:
                if isinstance(command, SetLanguage):
                    engine.speaks(track.slot, command.language)
            if speech.cleared or speech.held:
                self._restart(model, track, tick_hop)
            if track.fed - 1 - track.behind >= needed and not track.asleep:
                continue
            hops = self._new_hops(model, speech, track, tick_hop, world)
            most = engine.looks_ahead.ahead_frames if engine.looks_ahead is not None else 0
            ahead = most > 0 and track.fed + hops - 1 - most >= needed
            if track.fed - track.behind < track.woken + CAREFUL_HOPS:
                behind = most if ahead else model.delay_frames
                hops = min(hops, max(0, needed + 1 + behind - track.fed))
            if hops > 0 and speech.timeline.worded and engine.guided is not None:
                self._feed_worded(engine, engine.guided, speech, track, hops, ahead)
            elif hops > 0 or (track.behind > model.delay_frames and not track.asleep):
                work[hops, track.behind, ahead].append((speech, track))
        for (hops, _behind, ahead), group in work.items():
            self._feed(engine, group, hops, ahead)
        visemes, cues = world.batch["visemes"], world.batch["cues"]
        visemes[:], cues[:] = SILENT_FRAME[:15], SILENT_FRAME[15:]
        awake = [(row.index, t.slot, t.newest) for _, (row, _, t) in sessions if not t.asleep and t.newest >= 0]
        if awake:
            rows, slots, newest = np.array(awake, np.int64).T
            frames = engine.at(slots, newest, middle)
            visemes[rows], cues[rows] = frames[:, :15], frames[:, 15:]

    def _new_hops(self, model: VisemeModel, speech: Speech, track: VisemeTimeline, tick_hop: int, world: World) -> int:
        """Hops to feed now: all that are planned and not fed yet."""
        timeline = speech.timeline
        start = first_sample(world.tick, timeline.rate, world.hz)
        if not timeline.busy(start, int(TAIL_S * timeline.rate)):
            track.asleep = True
            return 0
        if track.asleep:
            self._restart(model, track, tick_hop)
            track.asleep = False
        return max(0, timeline.heard_until() // HOP - track.fed)

    def _restart(self, model: VisemeModel, track: VisemeTimeline, hop: int) -> None:
        # Before speech lies silence, which is what a fresh stream of the model assumes.
        model.reset(track.slot)
        track.fed = track.woken = hop
        track.newest = -1
        track.behind = model.delay_frames
        track.asleep = True
        track.segment = -1

    def _feed_worded(
        self, engine: VisemeEngine, model: GuidedModel, speech: Speech, track: VisemeTimeline, hops: int, ahead: bool
    ) -> None:
        """As `_feed` for one stream, in pieces between which words are told."""
        end = track.fed + hops
        while track.fed < end:
            self._feed(engine, [(speech, track)], self._tell(model, speech, track, end) - track.fed, ahead)

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
            if word.start_s * RATE >= position - track.behind * HOP - TOO_LATE_S * RATE:
                told.append(word.phones)
        if told or anew:
            model.expect(track.slot, told, anew)
        if track.told < len(words):
            due = (words[track.told].start_s - TOLD_EARLY_S) * RATE - position
            again = min(again, track.fed * HOP + int(due))
        return min(end, max(track.fed + 1, -(-again // HOP)))

    def _feed(self, engine: VisemeEngine, group: list[tuple[Speech, VisemeTimeline]], hops: int, ahead: bool) -> None:
        """Streams that are as far behind; without new hops they catch up."""
        late = engine.looks_ahead
        if late is not None and hops and not ahead and group[0][1].behind == late.ahead_frames:
            # What may still be decided late is, then the rest.
            self._feed(engine, group, hops, True)
            hops = 0
        slots = np.array([track.slot for _, track in group], np.int64)
        for done in range(0, max(1, hops), PUSH_HOPS):
            count = min(PUSH_HOPS, hops - done)
            audio = np.empty((len(group), count * HOP), np.float32)
            for samples, (speech, track) in zip(audio, group):
                first = track.fed * HOP
                samples[:] = speech.timeline.heard(first, first + count * HOP)
            seen = engine.model.push(slots, audio) if late is None else late.push(slots, audio, ahead)
            frames = seen.openness.shape[1]
            if frames:
                engine.keep(slots, np.array([track.fed - track.behind for _, track in group], np.int64), seen)
            for _speech, track in group:
                track.fed += count
                track.behind += count - frames
                track.newest = track.fed - 1 - track.behind
