"""Only speech that lies in memory already, with the manners of a `SpeechReader`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]

_BLOCK = 4096


@dataclass(frozen=True, slots=True)
class Recording:
    """samples: (n,) mono in [-1, 1] at `rate` Hz. path: what errors call it; no file needs to be there."""

    path: Path
    samples: Samples
    rate: int

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.rate

    def blocks(self) -> Iterator[Samples]:
        """The recording from the start to the end, in blocks of a few hundredths of a second."""
        for start in range(0, len(self.samples), _BLOCK):
            yield self.samples[start : start + _BLOCK]
