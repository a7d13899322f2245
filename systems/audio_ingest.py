"""Takes each session's samples of this tick off its speech timeline, and plans as far ahead as speech is there."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.session import Speech
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World


class AudioIngest:
    """Fills `Speech.samples` and `Speech.spans`, and the column `speaking`."""

    name = "audio_ingest"
    phase = Phase.INGEST
    reads = ("speech queue", "interrupts", "clock")
    writes = ("samples", "speaking")

    def run(self, world: World) -> None:
        """Samples of [tick, tick + 1), silence where nothing is planned."""
        speaking = world.batch["speaking"]
        speaking[:] = 0.0
        rate = start = end = 0
        for _, (row, speech) in world.each2(Row, Speech):
            timeline = speech.timeline
            if timeline.rate != rate:
                rate = timeline.rate
                start, end = first_sample(world.tick, rate, world.hz), first_sample(world.tick + 1, rate, world.hz)
            timeline.plan(start, end)
            found = tuple(timeline.spans(start, end)) if timeline.runs else ()
            if len(found) == 1 and len(found[0][1]) == end - start:
                speech.samples = found[0][1].copy()
            else:
                speech.samples = np.zeros(end - start, np.float32)
                for span, part in found:
                    speech.samples[span.offset : span.offset + len(part)] = part
            speech.spans = tuple(span for span, _ in found)
            speaking[row.index, 0] = float(any(span.count for span in speech.spans))
