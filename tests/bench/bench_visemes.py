"""Measures the viseme models: `python -m tests.bench.bench_visemes`. CPU seconds per second of audio, state, memory.

CPU time of this process on one thread, front end included; medians of several runs. Nothing here passes or fails.
"""

from __future__ import annotations

import resource
import statistics
import time
from dataclasses import dataclass

import numpy as np

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.systems.viseme_model import HOP, RATE, AheadModel
from avatar_engine.viseme_models import make_viseme_model, viseme_model_names

GOALS = {1: 0.006, 100: 0.003}
"""CPU seconds per second of audio and stream, for the neural model."""
CALLS = ((1, 3, False), (1, 13, True), (1, 40, True), (100, 3, False), (100, 13, True))
"""Streams, hops per call, and whether the model looks further ahead. The engine feeds 30 ms in every tick when the voice
comes in real time, 130 ms in every fourth when it is ahead of playback."""
SECONDS = 4.0
REPEATS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """cpu: seconds per second of audio and stream."""

    model: str
    streams: int
    hops_per_call: int
    ahead: bool
    cpu: float
    spread: float


def speech(streams: int) -> np.ndarray:
    """Rows of bundled speech, each from another place, (streams, k * HOP)."""
    one = read_speech(asset_path("speech", "demo_en.flac"), RATE)
    count = int(SECONDS * RATE) // HOP * HOP
    return np.stack([np.roll(one, -997 * k)[:count] for k in range(streams)])


def measure(name: str, streams: int, hops: int, ahead: bool) -> Figure:
    """Push `hops` of 10 ms per call for all streams."""
    model = make_viseme_model(name)
    extra = (ahead,) if isinstance(model, AheadModel) else ()
    slots = np.array([model.open() for _ in range(streams)])
    audio = speech(streams)
    found = []
    for _ in range(REPEATS):
        begin = time.process_time()
        for at in range(0, audio.shape[1] - hops * HOP + 1, hops * HOP):
            model.push(slots, audio[:, at : at + hops * HOP], *extra)
        found.append((time.process_time() - begin) / SECONDS / streams)
    return Figure(name, streams, hops, bool(extra) and ahead, statistics.median(found), max(found) - min(found))


def main() -> None:
    """Print the table."""
    print(f"{'model':<12}{'streams':>8}{'ms a call':>10}{'ahead':>7}{'CPU s per audio s':>19}{'spread':>9}   goal")
    for name in viseme_model_names():
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for streams, hops, ahead in CALLS:
            if streams == 100 and name == "rhubarb":
                continue
            figure = measure(name, streams, hops, ahead)
            goal = f"{GOALS[streams]:.3f}" if name == "neural" else ""
            line = f"{name:<12}{streams:>8}{hops * 10:>10}{'yes' if figure.ahead else '-':>7}"
            print(f"{line}{figure.cpu:>19.5f}{figure.spread:>9.5f}   {goal}", flush=True)
        model = make_viseme_model(name)
        state = getattr(model, "state_bytes", None)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        held = f"{state} bytes of state per stream, " if state is not None else ""
        print(f"{name}: {held}process grew by {grown / 1024:.0f} MB")


if __name__ == "__main__":
    main()
