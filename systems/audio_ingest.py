"""Takes each session's samples of this tick off its speech timeline, and plans as far ahead as speech is there."""

from __future__ import annotations

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
            speech.samples, speech.spans = timeline.play(start, end)
            for span in speech.spans:
                if span.count:
                    speaking[row.index, 0] = 1.0
