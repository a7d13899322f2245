"""Integer time never drifts, and frames fall where their middle lies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from avatar_engine.engine.clock import first_sample, frame_blend, frames_in_tick

pytestmark = [pytest.mark.unit, pytest.mark.property]


@given(st.integers(0, 10**7), st.sampled_from([8000, 16000, 22050, 24000, 44100, 48000]), st.sampled_from([30, 60]))
def test_ticks_tile_the_samples(tick: int, rate: int, hz: int) -> None:
    length = first_sample(tick + 1, rate, hz) - first_sample(tick, rate, hz)
    assert rate // hz <= length <= rate // hz + 1
    assert first_sample(tick * hz, rate, hz) == tick * rate


@pytest.mark.parametrize("fps", [24, 25, 30, 60])
@pytest.mark.parametrize("hz", [30, 60])
def test_every_frame_is_drawn_once_and_between_two_states(fps: int, hz: int) -> None:
    seen = []
    for tick in range(hz * 10):
        for frame in frames_in_tick(tick, fps, hz):
            seen.append(frame)
            blend = frame_blend(frame, tick, fps, hz)
            assert 0 < blend <= 1
            middle = ((tick - 1 + blend) + 0.5) / hz
            assert middle == pytest.approx((frame + 0.5) / fps, abs=1e-9)
    assert seen == list(range(len(seen)))
    assert abs(len(seen) - fps * 10) <= 1 + fps // hz


def test_equal_rates_draw_the_state_itself() -> None:
    assert [list(frames_in_tick(tick, 30, 30)) for tick in range(3)] == [[0], [1], [2]]
    assert frame_blend(7, 7, 30, 30) == 1.0
