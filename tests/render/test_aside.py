"""Drawing beside the simulation: the same pictures, a tick later; errors arrive; the thread ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.image import Image
from avatar_engine.engine.render.aside import RendererAside
from avatar_engine.engine.render.base import Quality, RenderSnapshot, nobody_waits
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime

pytestmark = pytest.mark.unit

TICKS = 5
SESSION = SessionOptions(avatar="ada", scene="plain", width=160, height=90, fps=60, quality="low", seed=4)


class Failing(NullRenderer):
    """A driver that is lost at its second picture."""

    drawn = 0

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        self.drawn += 1
        if self.drawn == 2:
            raise DeviceError("driver", "lost", "start again")
        return super().draw(snapshots, taken)


def frames_of(runtime: Runtime, ticks: int) -> Iterator[list[tuple[int, bytes | None]]]:
    """Number and pixels of every frame, by tick."""
    for _ in range(ticks):
        (packet,) = runtime.step()
        yield [
            (frame.index, None if frame.image is None else np.asarray(frame.image.pixels).tobytes())
            for frame in packet.frames
        ]


@pytest.mark.parametrize("quality", ["low", "medium"])
def test_the_same_pictures_a_tick_later(quality: Quality) -> None:
    """Two at a time, and posed by the thread that simulates while the ones before are drawn."""
    options = RuntimeOptions(viseme_model="spectral")
    at_once, aside = make_runtime(options), make_runtime(options, aside=True)
    try:
        at_once.open_session(replace(SESSION, quality=quality))
        aside.open_session(replace(SESSION, quality=quality), ready=True)
        expected, late = list(frames_of(at_once, TICKS)), list(frames_of(aside, TICKS + 1))
    finally:
        at_once.close()
        aside.close()
    assert late == [[], *expected]
    numbers = [number for frames in expected for number, _ in frames]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > TICKS  # two a tick


def test_an_error_of_the_driver_arrives_and_everything_closes() -> None:
    runtime = make_runtime(RuntimeOptions(viseme_model="spectral"), renderer=Failing, aside=True)
    runtime.open_session(replace(SESSION, fps=30))
    runtime.step()
    runtime.step()  # asks for the picture that fails; told when it is due
    with pytest.raises(DeviceError, match="lost"):
        runtime.step()
    runtime.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("renderer")]


def test_a_driver_that_cannot_start_leaves_no_thread() -> None:
    def missing() -> NullRenderer:
        raise DeviceError("driver", "none", "install one")

    with pytest.raises(DeviceError, match="none"):
        RendererAside(missing)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("renderer")]
