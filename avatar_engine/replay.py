"""`avatar-engine replay`: run a journal again and name the first tick and component that differ."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

from avatar_engine.engine.errors import InputError
from avatar_engine.engine.journal import digests_of, read_header, read_ticks
from avatar_engine.options import JOURNALLED, RuntimeOptions


@dataclass(frozen=True, slots=True)
class Divergence:
    """The first difference: the tick, the columns that differ and how many ticks agreed."""

    tick: int
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReplayResult:
    """ticks: how many were compared. divergence: None when every weight was bit-identical."""

    ticks: int
    divergence: Divergence | None


def replay(path: Path) -> ReplayResult:
    """Simulate the journal without drawing and compare every column of every tick."""
    from avatar_engine.runtime import make_runtime

    header = read_header(path)
    options = RuntimeOptions(**{name: header[name] for name in JOURNALLED if name in header}, draw=False)
    runtime = make_runtime(options)
    ticks = 0
    try:
        for record in read_ticks(path):
            for event in record.events:
                runtime.replay_event(event)
            runtime.step()
            found = digests_of(runtime.world.batch)
            names = [*record.digests, *(name for name in found if name not in record.digests)]
            differing = tuple(name for name in names if found.get(name) != record.digests.get(name))
            if differing:
                return ReplayResult(ticks, Divergence(record.tick, differing))
            ticks += 1
    finally:
        runtime.close()
    if ticks == 0:
        raise InputError(str(path), "holds no complete tick", "record it again with --journal")
    return ReplayResult(ticks, None)


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `replay`."""
    parser = commands.add_parser("replay", help="run a journal again and compare every tick, bit for bit")
    parser.add_argument("journal", type=Path)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the verdict; exit code 1 on a divergence."""
    result = replay(options.journal)
    if result.divergence is None:
        print(f"{options.journal}: {result.ticks} ticks, identical bit for bit")
        return 0
    first = result.divergence
    print(f"{options.journal}: tick {first.tick} differs first in {first.columns[0]}")
    print(f"  {result.ticks} ticks before it agree; in that tick these differ: {', '.join(first.columns)}")
    return 1
