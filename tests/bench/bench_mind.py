"""What the minds cost: `python -m tests.bench.bench_mind`. Prints figures, asserts nothing."""

from __future__ import annotations

import time

import numpy as np
from threadpoolctl import threadpool_limits

from avatar_engine.scenes.behaviour_compile import load_persona
from tests.mind.rig import Minds, babble

TICKS = 300
COUNTS = (1, 25, 50, 100)
OUTSIDE = ("commands", "audio_ingest")  # run by the harness, not part of the mind


def measure(avatars: int, speaking: bool) -> tuple[float, dict[str, float]]:
    """Median CPU milliseconds of a tick, and of each system."""
    minds = Minds(avatars, persona=load_persona("default"))
    if speaking:
        speech = babble(TICKS / 30.0 + 3.0)
        for avatar in range(avatars):
            minds.say(speech, avatar=avatar)
    spent: dict[str, list[float]] = {system.name: [] for system in minds.systems}
    for _ in range(TICKS):
        for system in minds.systems:
            start = time.thread_time()
            system.run(minds.world)
            spent[system.name].append(1e3 * (time.thread_time() - start))
        minds.world.tick += 1
    own = {name: values[30:] for name, values in spent.items() if name not in OUTSIDE}
    total = float(np.median(np.sum(list(own.values()), axis=0)))
    return total, {name: float(np.median(values)) for name, values in own.items()}


def main() -> None:
    """The table."""
    with threadpool_limits(1):
        for speaking in (False, True):
            print("speaking" if speaking else "idle")
            totals = {}
            for count in COUNTS:
                totals[count], parts = measure(count, speaking)
                print(f"  {count:4} avatars  {totals[count]:6.2f} ms a tick")
            each = (totals[100] - totals[50]) / 50.0 * 1e3
            print(f"  one more avatar costs {each:.1f} us; of 100 avatars' tick:")
            for name, value in sorted(parts.items(), key=lambda item: -item[1]):
                print(f"    {name:14} {value:6.3f} ms")


if __name__ == "__main__":
    main()
