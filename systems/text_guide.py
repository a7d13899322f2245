"""Only keeps the texts of many streams: which one holds now, and which will from some hop on.

The beliefs of a stream pass along its text (`text_path`). Where the stream looks ahead, what is believed of the next hops
already says which of the places that the text thinks possible lead on (fixed-lag smoothing). Where sound and text agree
on the place, the text decides which lips close; where they do not, the sound keeps the word. No text, no change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.systems.text_path import Guidance, TextPath, Word, states_of
from avatar_engine.systems.viseme_posteriors import Posteriors

Float = NDArray[np.float32]


@dataclass(slots=True)
class _Change:
    """Another text, or none, holds from the hop that is decided after `hops` more."""

    hops: int
    path: TextPath | None = None


class TextGuide:
    """Alignments of the streams that have a text; slots are those of the posterior streams."""

    def __init__(self, guidance: Guidance | None = None) -> None:
        self.guidance = guidance or Guidance()
        self._paths: dict[int, TextPath] = {}
        self._changes: dict[int, list[_Change]] = {}

    def reset(self, slot: int) -> None:
        """Forget the text of a stream."""
        self._paths.pop(slot, None)
        self._changes.pop(slot, None)

    def expect(self, slot: int, words: Iterable[Word], anew: bool = False, after: int = 0) -> None:
        """These words are said next, after those expected before, or (`anew`) instead of them, beginning `after` hops
        from the next that is decided."""
        if anew and after:
            self._changes.setdefault(slot, []).append(_Change(after))
        elif anew:
            self.reset(slot)
        states = states_of(words)
        if states is None:
            return
        changes = self._changes.get(slot)
        path = changes[-1].path if changes else self._paths.get(slot)
        if path is None:
            path = TextPath(self.guidance)
            if changes:
                changes[-1].path = path
            else:
                self._paths[slot] = path
        path.append(states)

    def guided(self, slots: NDArray[np.int64], seen: Posteriors) -> Posteriors:
        """Beliefs with the texts taken into account; streams without a text pass unchanged."""
        texts = self._paths.keys() | self._changes.keys()
        rows = [(row, slot) for row, slot in enumerate(slots.tolist()) if slot in texts]
        if not rows:
            return seen
        told = Posteriors(seen.every.copy())
        early = seen.early_phone
        for row, slot in rows:
            self._guide(told, row, slot, None if early is None else early[row])
        return told

    def _guide(self, told: Posteriors, row: int, slot: int, early: Float | None) -> None:
        count = told.every.shape[1]
        changes = self._changes.get(slot, [])
        at = 0
        while at < count:
            until = min(count, at + changes[0].hops) if changes else count
            path = self._paths.get(slot)
            if path is not None:
                heard = None if early is None else early[at : until + len(early) - count]
                if heard is not None and changes and changes[0].hops < len(heard):
                    # What comes after the change says nothing about this text.
                    heard = heard.copy()
                    heard[changes[0].hops :] = 0.0
                path.follow(told, row, slice(at, until), heard)
            for change in changes:
                change.hops -= until - at
            at = until
            while changes and changes[0].hops <= 0:
                self._now(slot, changes.pop(0).path)
        if not changes:
            self._changes.pop(slot, None)

    def _now(self, slot: int, path: TextPath | None) -> None:
        if path is None:
            self._paths.pop(slot, None)
        else:
            self._paths[slot] = path


__all__ = ["Guidance", "TextGuide", "Word"]
