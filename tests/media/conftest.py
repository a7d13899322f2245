"""Sounds and pictures made on the spot, by PyAV and numpy."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_engine.engine.image import Image

MakeSound = Callable[..., Path]


def write_sound(
    path: Path,
    samples: NDArray[np.float32],
    rate: int,
    codec: str,
    layout: str = "mono",
    fmt: str | None = None,
    container: str | None = None,
) -> Path:
    """Encode (channels, n) float32 as whatever `path`'s suffix says."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        if fmt is not None:
            stream.codec_context.format = fmt
        out.start_encoding()
        for start in range(0, samples.shape[1], 4096):
            block = np.ascontiguousarray(samples[:, start : start + 4096], np.float32)
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def chirp(seconds: float, rate: int) -> NDArray[np.float32]:
    """(n,) a tone that rises from 200 to 3000 Hz: every instant sounds different."""
    t = np.arange(round(seconds * rate)) / rate
    phase = 2 * np.pi * (200 * t + (3000 - 200) / (2 * seconds) * t**2)
    return (0.4 * np.sin(phase)).astype(np.float32)


def picture(width: int, height: int, index: int) -> Image:
    """A gradient with a bar that moves with `index`."""
    pixels = np.zeros((height, width, 4), np.uint8)
    pixels[..., 0] = np.linspace(30, 200, width, dtype=np.uint8)
    pixels[..., 1] = np.linspace(60, 160, height, dtype=np.uint8)[:, None]
    left = (index * 7) % (width - 8)
    pixels[:, left : left + 8, 2] = 255
    pixels[..., 3] = 255
    return Image(width, height, "bgra", pixels)


@pytest.fixture
def leftovers(tmp_path: Path) -> Callable[[], list[str]]:
    """Names in the temporary folder that a failed or stopped recording must not leave."""
    return lambda: sorted(path.name for path in tmp_path.rglob("*"))
