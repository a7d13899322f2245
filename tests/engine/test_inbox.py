"""What is sent within one tick happens in the order it was sent; options that cannot work are refused at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from avatar_engine.engine.errors import InputError
from avatar_engine.engine.image import Image
from avatar_engine.engine.messages import AudioChunk, ClearSpeech, SegmentSpan
from avatar_engine.engine.render.base import RenderSnapshot, nobody_waits
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime

pytestmark = pytest.mark.unit
RATE = 48_000


def runtime_of(**options: float) -> Runtime:
    return make_runtime(RuntimeOptions(draw=False, viseme_model="spectral", **options))  # type: ignore[arg-type]


def played(runtime: Runtime, ticks: int) -> tuple[np.ndarray, list[SegmentSpan]]:
    samples, spans = [], []
    for _ in range(ticks):
        (packet,) = runtime.step()
        samples.append(packet.samples)
        spans += packet.spans
    return np.concatenate(samples), spans


@pytest.mark.parametrize("count", [200, RATE // 2])
def test_speech_sent_after_a_clear_in_the_same_tick_is_played_whole(count: int) -> None:
    runtime = runtime_of()
    name = runtime.open_session(SessionOptions())
    runtime.push_audio(name, AudioChunk(np.full(RATE, 0.1, np.float32), RATE, 0))
    played(runtime, 10)
    runtime.push_audio(name, AudioChunk(np.full(RATE, 0.1, np.float32), RATE, 0))
    runtime.send(name, ClearSpeech())
    runtime.push_audio(name, AudioChunk(np.full(count, 0.3, np.float32), RATE, 1, last=True))
    samples, spans = played(runtime, 40)
    assert not (np.abs(samples - 0.1) < 0.05).any()
    assert int((samples > 0.25).sum()) == count
    assert [span.segment for span in spans if span.final] == [1]
    runtime.close()


class Watching(NullRenderer):
    """Keeps how far from rest every picture's joints are."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        self.seen += [float(np.abs(snapshot.joints).sum()) for snapshot in snapshots]
        return super().draw(snapshots, taken)


@pytest.mark.parametrize("later", [0, 10])
def test_the_first_picture_is_not_mixed_with_nothing(later: int) -> None:
    renderer = Watching()
    runtime = make_runtime(RuntimeOptions(viseme_model="spectral"), lambda: renderer)
    for _ in range(later):
        runtime.step()
    runtime.open_session(SessionOptions(width=64, height=64, fps=60))
    runtime.step()
    moved = float(np.abs(runtime.world.batch["joints"][0]).sum())
    assert moved > 0.01
    assert renderer.seen[0] == pytest.approx(moved, rel=1e-4)
    runtime.close()


def test_an_unknown_style_is_refused_before_anything_is_opened() -> None:
    runtime = runtime_of()
    with pytest.raises(InputError, match="unknown style 'clinicl'"):
        runtime.open_session(SessionOptions(style="clinicl"))
    assert runtime.sessions() == ()
    runtime.close()


def test_more_speech_ahead_than_the_analysers_keep_is_refused() -> None:
    runtime_of(spare_s=1.0).close()
    with pytest.raises(InputError, match=r"2\.1 s together"):
        runtime_of(spare_s=2.0, look_ahead_s=0.1)
