"""What holds still is not drawn again, and nobody sees it: against a buffer that another view keeps taking over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.engine.messages import AudioChunk
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime

pytestmark = pytest.mark.unit

TICKS = 60
SESSION = SessionOptions(avatar="ada", scene="studio", width=320, height=180, quality="medium", seed=8)


def pictures(sessions: int) -> np.ndarray:
    """(frames, height, width, 3) of the first session; views of one size share a buffer and draw over each other."""
    runtime = make_runtime(RuntimeOptions(viseme_model="spectral"))
    noise = np.random.default_rng(2).normal(0.0, 0.1, 48000 * 2).astype(np.float32)
    try:
        names = [runtime.open_session(replace(SESSION, seed=8 + number)) for number in range(sessions)]
        runtime.push_audio(names[0], AudioChunk(noise, 48000, 0, True))
        found = []
        for _ in range(TICKS):
            for frame in runtime.step()[0].frames:
                if frame.image is not None:
                    found.append(frame.image.pixels[..., :3].copy())
        return np.array(found)
    finally:
        runtime.close()


def test_rows_that_hold_still_look_as_if_drawn_again() -> None:
    alone, beside = pictures(1), pictures(2)
    assert alone.shape == beside.shape
    apart = np.abs(alone.astype(np.int16) - beside)
    face, below = apart[:, :100], apart[:, 100:]
    assert face.max() <= 2, "the head is always drawn"
    assert (below > 0).any(axis=(1, 2, 3)).mean() > 0.2, "nothing was left out: the test shows nothing"
    assert below.mean(axis=(1, 2, 3)).max() < 0.6
    # What is left out does not pile up: the last pictures are as close as the first ones.
    assert below[-20:].mean() < 0.3
