"""Rows of float32 for all avatars at once: one (avatars, width) array per named column."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]


class Batch:
    """A growing table. Live rows are always [0, count): removing one moves the last row into its place."""

    __slots__ = ("_capacity", "_columns", "count")

    def __init__(self, widths: Mapping[str, int], capacity: int = 4) -> None:
        self.count = 0
        self._capacity = capacity
        self._columns = {name: np.zeros((capacity, width), np.float32) for name, width in widths.items()}

    def __getitem__(self, name: str) -> Rows:
        """The live rows of a column, (count, width), writable; valid until the next add or remove."""
        return self._columns[name][: self.count]

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in the order they were declared."""
        return tuple(self._columns)

    def widen(self, name: str, width: int) -> None:
        """Make a column at least `width` wide, keeping its values."""
        old = self._columns[name]
        if width > old.shape[1]:
            new = np.zeros((self._capacity, width), np.float32)
            new[:, : old.shape[1]] = old
            self._columns[name] = new

    def add(self) -> int:
        """A new row of zeros; returns its index."""
        if self.count == self._capacity:
            self._capacity *= 2
            for name, old in self._columns.items():
                new = np.zeros((self._capacity, old.shape[1]), np.float32)
                new[: self.count] = old
                self._columns[name] = new
        for column in self._columns.values():
            column[self.count] = 0.0
        self.count += 1
        return self.count - 1

    def remove(self, row: int) -> int | None:
        """Forget a row. Returns the old index of the row that now lives at `row`, or None if none moved."""
        last = self.count - 1
        if not 0 <= row <= last:
            raise IndexError(f"row {row} of {self.count}")
        if row != last:
            for column in self._columns.values():
                column[row] = column[last]
        self.count = last
        return last if row != last else None
