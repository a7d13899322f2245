"""Takes each session's samples of this tick off its speech timeline, and plans as far ahead as speech is there."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.session import Speech
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.viseme_model import RATE


class AudioIngest:
    """Fills `Speech.samples`, `Speech.heard` and `Speech.spans`, and the column `speaking`."""

    name = "audio_ingest"
    phase = Phase.INGEST
    reads = ("speech queue", "interrupts", "clock")
    writes = ("samples", "speaking")

    def run(self, world: World) -> None:
        """Samples of [tick, tick + 1), silence where nothing is planned."""
        speaking = world.batch["speaking"]
        for _, (row, speech) in world.each2(Row, Speech):
            timeline = speech.timeline
            start = first_sample(world.tick, timeline.rate, world.hz)
            end = first_sample(world.tick + 1, timeline.rate, world.hz)
            timeline.plan(start, end)
            samples = np.zeros(end - start, np.float32)
            spans = []
            if timeline.runs:
                for span, part in timeline.spans(start, end):
                    samples[span.offset : span.offset + len(part)] = part
                    spans.append(span)
                heard_from = first_sample(world.tick, RATE, world.hz)
                heard_to = first_sample(world.tick + 1, RATE, world.hz)
                speech.heard = timeline.heard(heard_from, heard_to)
            else:
                speech.heard = np.zeros(
                    first_sample(world.tick + 1, RATE, world.hz) - first_sample(world.tick, RATE, world.hz),
                    np.float32,
                )
            speech.samples = samples
            speech.spans = tuple(spans)
            speaking[row.index, 0] = float(any(span.count for span in spans))
