"""Worlds are apart from each other, rows stay dense, random streams depend on seed and name alone."""

from dataclasses import dataclass

import numpy as np
import pytest

from avatar_engine.engine.batch import Batch
from avatar_engine.engine.schedule import Phase, Schedule, ScheduleError
from avatar_engine.engine.world import Row, World

pytestmark = pytest.mark.unit


@dataclass(slots=True)
class Name:
    text: str


@dataclass(slots=True)
class Age:
    years: int


def test_two_worlds_share_nothing() -> None:
    one, two = World(30, {"x": 2}), World(30, {"x": 2})
    one.spawn("a", 1, Name("a"))
    assert len(one.each(Name)) == 1
    assert two.each(Name) == []


def test_queries_come_in_the_order_of_spawning_and_see_changes() -> None:
    world = World(30, {"x": 1})
    first = world.spawn("a", 1, Name("a"), Age(3))
    second = world.spawn("b", 2, Name("b"))
    assert [name.text for _, name in world.each(Name)] == ["a", "b"]
    assert [entity for entity, _ in world.each2(Name, Age)] == [first]
    world.add(second, Age(4))
    assert [age.years for _, (_, age) in world.each2(Name, Age)] == [3, 4]
    world.despawn(first)
    assert [name.text for _, name in world.each(Name)] == ["b"]


def test_removing_a_row_keeps_the_others_values() -> None:
    world = World(30, {"x": 1})
    entities = [world.spawn(str(i), i) for i in range(9)]
    for entity, row in world.each(Row):
        world.batch["x"][row.index] = entity
    world.despawn(entities[3])
    world.despawn(entities[8])
    world.despawn(entities[0])
    assert world.batch.count == 6
    assert sorted(row.index for _, row in world.each(Row)) == list(range(6))
    for entity, row in world.each(Row):
        assert world.batch["x"][row.index, 0] == entity


def test_batch_grows_and_widens_without_losing_numbers() -> None:
    batch = Batch({"a": 2, "b": 1}, capacity=1)
    for value in range(5):
        row = batch.add()
        batch["a"][row] = value
    batch.widen("a", 7)
    assert batch["a"].shape == (5, 7)
    assert np.array_equal(batch["a"][:, 1], np.arange(5))
    with pytest.raises(IndexError, match="row 5 of 5"):
        batch.remove(5)


def test_random_streams_depend_on_seed_and_name_only() -> None:
    one, two = World(30, {"x": 1}), World(30, {"x": 1})
    two.spawn("other", 99)
    a, b = one.spawn("s", 7), two.spawn("s", 7)
    two.rng(b, "gaze").random(10)
    assert one.rng(a, "blink").random() == two.rng(b, "blink").random()
    assert one.rng(a, "blink").random() != one.rng(a, "gaze").random()


class _System:
    def __init__(self, name: str, phase: Phase, reads: tuple[str, ...], writes: tuple[str, ...]) -> None:
        self.name, self.phase, self.reads, self.writes = name, phase, reads, writes

    def run(self, world: World) -> None:
        world.tick += 100


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (("b", Phase.ANALYZE, ("nothing",), ("y",)), "reads nothing before anything wrote it"),
        (("b", Phase.INGEST, (), ("x",)), "x is written by a in INGEST already"),
        (("a", Phase.ANALYZE, (), ()), "a system of that name runs already"),
        (("b", Phase.ANALYZE, ("last:z",), ()), "reads last:z, which nothing writes"),
    ],
)
def test_schedule_refuses_what_makes_no_sense(second: tuple, message: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(ScheduleError, match=message):
        Schedule([_System("a", Phase.INGEST, (), ("x",)), _System(*second)])


def test_schedule_refuses_a_phase_going_backwards() -> None:
    with pytest.raises(ScheduleError, match="INGEST comes after ANALYZE"):
        Schedule([_System("a", Phase.ANALYZE, (), ("x",)), _System("b", Phase.INGEST, (), ())])


def test_schedule_runs_in_order_and_times_each() -> None:
    world = World(30, {"x": 1})
    schedule = Schedule(
        [_System("a", Phase.INGEST, ("clock",), ("x",)), _System("b", Phase.ANALYZE, ("x",), ())], ["clock"]
    )
    schedule.run(world)
    assert world.tick == 200
    assert set(schedule.spent_s) == {"a", "b"}
