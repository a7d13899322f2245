"""A tick's sound leaves before its pictures, and is the same sound."""

from __future__ import annotations

import time
from concurrent.futures import Future

import numpy as np
import pytest

from avatar_engine.engine.messages import AudioChunk, FramePacket
from avatar_engine.engine.render.base import nobody_waits
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime

pytestmark = pytest.mark.unit
DRAWING_S = 0.03


class SlowRenderer(NullRenderer):
    """Needs as long for a picture as a busy machine."""

    def draw(self, snapshots, taken=nobody_waits):
        time.sleep(DRAWING_S)
        return super().draw(snapshots, taken)


def test_early_packets_are_the_later_ones_without_pictures() -> None:
    runtime = make_runtime(RuntimeOptions(hz=60), NullRenderer)
    session = runtime.open_session(SessionOptions(width=64, height=64))
    runtime.push_audio(session, AudioChunk(np.linspace(-1, 1, 24_000).astype(np.float32), 24_000, 3, True))
    early: list[list[FramePacket]] = []
    for tick in range(40):
        late = runtime.step(early=early.append)
        assert len(early) == tick + 1
        for first, second in zip(early[-1], late, strict=True):
            assert np.array_equal(first.samples, second.samples)
            assert (first.tick, first.spans, first.speaking) == (second.tick, second.spans, second.speaking)
            assert [f.index for f in first.frames] == [f.index for f in second.frames]
            assert all(frame.image is None for frame in first.frames)
    assert runtime.step()[0].tick == 40
    assert len(early) == 40  # only where asked for
    runtime.close()


def test_the_live_driver_does_not_let_sound_wait_for_drawing() -> None:
    driver = LiveDriver(lambda: make_runtime(RuntimeOptions(hz=30), SlowRenderer), hz=30)
    driver.start().result(60)
    arrived: list[tuple[Delivery, float]] = []
    opened: Future[str] = driver.open_session(
        SessionOptions(width=64, height=64),
        lambda delivery: arrived.append((delivery, time.monotonic())),
        lambda error: None,
        lambda notice: None,
    )
    opened.result(60)
    time.sleep(1.0)
    driver.stop(10)
    sound = {delivery.packet.tick: at_s for delivery, at_s in arrived if not delivery.drawn}
    drawn = {
        delivery.packet.tick: at_s
        for delivery, at_s in arrived
        if delivery.drawn and any(frame.image is not None for frame in delivery.packet.frames)
    }
    assert len(drawn) >= 5
    assert all(drawn[tick] - sound[tick] > 0.9 * DRAWING_S for tick in drawn)
