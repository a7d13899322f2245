"""The order of systems inside a tick, and the check that this order makes sense."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Protocol

from avatar_engine.engine.world import World


class Phase(IntEnum):
    """Data flows down this list once per tick."""

    INGEST = 0
    ANALYZE = 1
    INTENT = 2
    ANIMATE = 3
    COMPOSE = 4
    PRESENT = 5
    PUBLISH = 6


class System(Protocol):
    """One step of the tick. `reads` and `writes` name rows, components or messages; `last:x` reads the
    value that x had at the end of the previous tick."""

    @property
    def name(self) -> str: ...

    @property
    def phase(self) -> Phase: ...

    @property
    def reads(self) -> tuple[str, ...]: ...

    @property
    def writes(self) -> tuple[str, ...]: ...

    def run(self, world: World) -> None:
        """Advance the world by this system's part of one tick."""
        ...


class ScheduleError(Exception):
    """The order of systems contradicts what they read and write."""


class Schedule:
    """Runs systems in the order given and knows how long each took."""

    def __init__(self, systems: Sequence[System], inputs: Sequence[str] = ()) -> None:
        self.systems = tuple(systems)
        self.inputs = tuple(inputs)
        self.spent_s = dict.fromkeys((system.name for system in systems), 0.0)
        self.check()

    def check(self) -> None:
        """Raise ScheduleError on a read before any write, two writers of one thing in a phase, a phase going
        backwards, or two systems of one name."""
        written = set(self.inputs)
        everything = written | {name for system in self.systems for name in system.writes}
        owner: dict[tuple[Phase, str], str] = {}
        names: set[str] = set()
        phase = Phase.INGEST
        for system in self.systems:
            if system.name in names:
                raise ScheduleError(f"{system.name}: a system of that name runs already")
            names.add(system.name)
            if system.phase < phase:
                raise ScheduleError(f"{system.name}: {system.phase.name} comes after {phase.name}")
            phase = system.phase
            for name in system.reads:
                if name.startswith("last:"):
                    if name[5:] not in everything:
                        raise ScheduleError(f"{system.name}: reads {name}, which nothing writes")
                elif name not in written:
                    raise ScheduleError(f"{system.name}: reads {name} before anything wrote it")
            for name in system.writes:
                other = owner.setdefault((phase, name), system.name)
                if other != system.name:
                    raise ScheduleError(f"{system.name}: {name} is written by {other} in {phase.name} already")
            written.update(system.writes)

    def run(self, world: World, contain: Callable[[Exception], bool] | None = None) -> None:
        """One tick; `World.tick` is advanced by the caller.

        contain: asked about what a system raised; True when it took the cause out of the world. The system then runs
        again for the others, and what it raises now goes out.
        """
        start = time.perf_counter()
        for system in self.systems:
            world.begin()
            try:
                system.run(world)
            except Exception as error:
                if contain is None or not contain(error):
                    raise
                world.begin()
                system.run(world)
            end = time.perf_counter()
            self.spent_s[system.name] = end - start
            start = end
