"""Entities and their components (esper's only door), the rows of all avatars, resources and seeded randomness."""

from __future__ import annotations

import importlib.util
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from avatar_engine.engine.batch import Batch

C = TypeVar("C")
C1 = TypeVar("C1")
C2 = TypeVar("C2")
C3 = TypeVar("C3")


@dataclass(slots=True)
class Row:
    """Where an avatar's numbers stand in `World.batch`."""

    index: int


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this entity is, independent of the order in which entities were made."""

    session: str
    seed: int


class _Found(list[tuple[int, C]]):
    """What a query found. The world is told of every loop through it, so that an error has an owner."""

    def __init__(self, loops: list[Iterator[Any]], pairs: list[tuple[int, C]]) -> None:
        super().__init__(pairs)
        self._loops = loops

    def __iter__(self) -> Iterator[tuple[int, C]]:
        # The list's own iterator knows where it is; noting every entity would cost more than most loops do.
        loop = super().__iter__()
        self._loops.append(loop)
        return loop


class World:
    """State of one simulation. It knows no clock but its tick counter, no thread and no event loop."""

    def __init__(self, hz: int, columns: Mapping[str, int]) -> None:
        self.hz = hz
        self.tick = 0
        self.batch = Batch(columns)
        self._ecs = _private_esper()
        self._resources: dict[type[Any], Any] = {}
        self._rngs: dict[tuple[int, str], np.random.Generator] = {}
        self._cached: dict[tuple[type[Any], ...], list[Any]] = {}
        self._loops: list[Iterator[Any]] = []  # over what queries found, since the running system began

    @property
    def dt_s(self) -> float:
        """Length of a tick in seconds."""
        return 1.0 / self.hz

    @property
    def time_s(self) -> float:
        """The middle of the current tick, which is the time its state holds for."""
        return (self.tick + 0.5) / self.hz

    @property
    def current(self) -> int | None:
        """The entity whose turn it is in the innermost loop over `each`; after an error, the one it happened to."""
        for loop in reversed(self._loops):
            # (iter, (list,), index of the next), without an index once the loop is through
            state: tuple[Any, ...] = loop.__reduce__()
            if len(state) == 3 and state[2] > 0:
                entity: int = state[1][0][state[2] - 1][0]
                return entity
        return None

    def begin(self) -> None:
        """A system starts: loops of those before are over."""
        self._loops.clear()

    def spawn(self, session: str, seed: int, *components: Any) -> int:
        """A new avatar with a row of its own."""
        entity: int = self._ecs.create_entity(Identity(session, seed), Row(self.batch.add()), *components)
        self._cached.clear()
        return entity

    def despawn(self, entity: int) -> None:
        """Forget an avatar: components, row and random streams."""
        row = self.get(entity, Row).index
        moved = self.batch.remove(row)
        if moved is not None:
            for _, other in self.each(Row):
                if other.index == moved:
                    other.index = row
        self._ecs.delete_entity(entity, immediate=True)
        for key in [key for key in self._rngs if key[0] == entity]:
            del self._rngs[key]
        self._cached.clear()

    def add(self, entity: int, component: Any) -> None:
        """Give an entity a component, replacing one of the same type."""
        self._ecs.add_component(entity, component)
        self._cached.clear()

    def get(self, entity: int, kind: type[C]) -> C:
        """An entity's component; KeyError when it has none."""
        component: C = self._ecs.component_for_entity(entity, kind)
        return component

    def each(self, kind: type[C]) -> list[tuple[int, C]]:
        """All (entity, component) of a kind, in the order the entities were made."""
        found = self._cached.get((kind,))
        if found is None:
            found = self._cached[kind,] = _Found(self._loops, sorted(self._ecs.get_component(kind), key=_entity))
        return found

    def each2(self, first: type[C1], second: type[C2]) -> list[tuple[int, tuple[C1, C2]]]:
        """All (entity, (first, second)), in the order the entities were made."""
        return self._query(first, second)

    def each3(self, first: type[C1], second: type[C2], third: type[C3]) -> list[tuple[int, tuple[C1, C2, C3]]]:
        """All (entity, (first, second, third)), in the order the entities were made."""
        return self._query(first, second, third)

    def entities_by_row(self) -> list[int]:
        """Entity of every row, in row order; to be read only."""
        found = self._cached.get(())
        if found is None:
            rows = {row.index: entity for entity, row in self._ecs.get_component(Row)}
            found = self._cached[()] = [rows[index] for index in range(self.batch.count)]
        return found

    def put(self, resource: object) -> None:
        """Keep one object per type for the systems to find."""
        self._resources[type(resource)] = resource

    def resource(self, kind: type[C]) -> C:
        """The object put under `kind`; KeyError when nobody put one."""
        found: C = self._resources[kind]
        return found

    def rng(self, entity: int, stream: str) -> np.random.Generator:
        """The entity's own random stream of that name: same seed, same numbers, whatever else happens."""
        key = (entity, stream)
        generator = self._rngs.get(key)
        if generator is None:
            seed = self.get(entity, Identity).seed
            sequence = np.random.SeedSequence([seed, zlib.crc32(stream.encode())])
            generator = self._rngs[key] = np.random.Generator(np.random.PCG64(sequence))
        return generator

    def suspects(self) -> set[int]:
        """After an error, whose it may be: the entity whose turn it was, else those with a number that is none."""
        current = self.current
        if current is not None:
            return {current}
        finite = np.all([np.isfinite(self.batch[name]).all(axis=1) for name in self.batch.names], axis=0)
        return {entity for entity, row in self.each(Row) if not finite[row.index]}

    def _query(self, *kinds: type[Any]) -> list[Any]:
        found = self._cached.get(kinds)
        if found is None:
            rows = ((entity, tuple(parts)) for entity, parts in self._ecs.get_components(*kinds))
            found = self._cached[kinds] = _Found(self._loops, sorted(rows, key=_entity))
        return found


def _entity(pair: tuple[int, Any]) -> int:
    return pair[0]


def _private_esper() -> ModuleType:
    """A fresh copy of the module, because esper keeps its world in module globals."""
    spec = importlib.util.find_spec("esper")
    if spec is None or spec.loader is None:
        raise ImportError("esper is not installed; run `pip install esper`")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
