"""Only here is said what a sink is: the place where finished pictures and samples of one recording go."""

from __future__ import annotations

import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.image import Image
from avatar_engine.engine.messages import Notice

Samples = NDArray[np.float32]
OnNotice = Callable[[Notice], None]

MOVIE_SUFFIXES = (".mp4", ".m4v", ".mov")


class VideoSink(Protocol):
    """Opened once, written to from one thread, then either closed (the result appears) or aborted (nothing
    is left). Every method may raise OutputError; after one, call abort."""

    @property
    def path(self) -> Path | None:
        """Where the result will be, None when there is none."""

    @property
    def encode_ms(self) -> NDArray[np.float32]:
        """(pictures,) how long each picture took to encode so far."""

    def open(self, width: int, height: int, fps: Fraction | int, audio_rate: int) -> None:
        """Pictures per second are constant; samples are mono float32 at `audio_rate`."""

    def write_video(self, image: Image | None) -> None:
        """The next picture; None shows the previous one again. Waits when the encoder is behind."""

    def write_audio(self, samples: Samples) -> None:
        """The next samples; the first belongs to the instant at which the first picture appears."""

    def close(self) -> None:
        """Finish and put the result in its place."""

    def abort(self) -> None:
        """Stop and remove what was written. Harmless at any time, also twice."""


class NullSink:
    """Counts and throws away: for benchmarks and dry runs."""

    def __init__(self) -> None:
        self.pictures = 0
        self.samples = 0

    @property
    def path(self) -> Path | None:
        return None

    @property
    def encode_ms(self) -> NDArray[np.float32]:
        return np.zeros(0, np.float32)

    def open(self, width: int, height: int, fps: Fraction | int, audio_rate: int) -> None:
        self.pictures = self.samples = 0

    def write_video(self, image: Image | None) -> None:
        self.pictures += 1

    def write_audio(self, samples: Samples) -> None:
        self.samples += len(samples)

    def close(self) -> None:
        return

    def abort(self) -> None:
        return


def sink_for(output: str, quality: str = "medium", on_notice: OnNotice | None = None) -> VideoSink:
    """The sink a name asks for: `x.mp4` a movie, `frames/` a folder of PNGs, `null:` nothing at all."""
    from avatar_engine.engine.media.mp4 import Mp4Sink
    from avatar_engine.engine.media.png import PngSink

    if output == "null:":
        return NullSink()
    if output.endswith(("/", os.sep)):
        return PngSink(output)
    if Path(output).suffix.lower() in MOVIE_SUFFIXES or Path(output).is_dir():
        return Mp4Sink(output, quality=quality, on_notice=on_notice)
    raise OutputError(
        output, "its name does not say what to make", "end it in .mp4, or in / for a folder of PNG pictures"
    )
