"""What sinks that write files share: encoding in the background, under a temporary name until all is written."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.image import Image
from avatar_engine.engine.media.background import Background
from avatar_engine.engine.media.output import write_error

Samples = NDArray[np.float32]


class PartSink(ABC):
    """`open` of a subclass sets `_part`, the temporary name, and `_background`; see sinks.VideoSink for the manners."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._part: Path | None = None
        self._background: Background | None = None

    @property
    def path(self) -> Path:
        return self._path

    @property
    def encode_ms(self) -> NDArray[np.float32]:
        return self._background.encode_ms if self._background else np.zeros(0, np.float32)

    def write_video(self, image: Image | None) -> None:
        self._opened.picture(image)

    def write_audio(self, samples: Samples) -> None:
        self._opened.sound(samples)

    def close(self) -> None:
        assert self._part is not None, "closed already, or never opened"
        self._opened.finish()
        try:
            self._keep(self._part)
        except OSError as error:
            raise write_error(self._path, error) from error
        self._part = None

    def abort(self) -> None:
        if self._part is None:
            return
        self._remove(self._part)  # first the name, so that nothing remains even if stopping is cut short
        if self._background is not None:
            self._background.stop()
        self._remove(self._part)
        self._part = None

    @property
    def _opened(self) -> Background:
        assert self._background is not None, "open the sink first"
        return self._background

    @abstractmethod
    def _keep(self, part: Path) -> None:
        """Give what is complete its real name."""

    @abstractmethod
    def _remove(self, part: Path) -> None:
        """Delete what was written so far, if there is anything; raises nothing."""
