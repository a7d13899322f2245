"""What is believed of a line, under made-up targets."""

from __future__ import annotations

import pytest

from avatar_engine.plugin.adaptation import START_S
from avatar_engine.plugin.line import BRAKE_S, GROWTH, Brake, Caution, Flow

pytestmark = pytest.mark.unit


def test_a_target_is_believed_until_the_line_was_narrow_once() -> None:
    caution = Caution(680_000)
    assert [caution.follow(bps, 0.0, at_s) for at_s, bps in ((0.0, 300_000), (0.5, 60_000), (1.0, 680_000))] == [
        300_000,
        60_000,
        680_000,
    ]
    assert caution.follow(680_000, 0.0, 60.0) == 680_000
    assert caution.follow(100_000, 600_000, 61.0) == 100_000


def test_a_line_that_took_its_time_to_open_is_believed() -> None:
    caution = Caution(3_000_000)
    for step in range(20):
        assert caution.follow(300_000 * 1.1**step, 200_000, step) == 300_000 * 1.1**step


def test_a_line_that_was_narrow_is_believed_wide_as_far_as_it_was_tried() -> None:
    caution = Caution(680_000)
    caution.follow(680_000, 0, 0.0)
    caution.follow(100_000, 600_000, START_S + 1)
    quiet = [caution.follow(680_000, 50_000, START_S + 1 + step / 30) for step in range(300)]
    assert set(quiet) == {100_000}  # nothing was tried
    busy = [100_000.0]
    for step in range(300):
        busy.append(caution.follow(680_000, 0.9 * busy[-1], START_S + 11 + step / 30))
    a_second_later = [later / earlier for earlier, later in zip(busy, busy[30:])]
    assert max(a_second_later) == pytest.approx(GROWTH, rel=0.02)
    assert busy[-1] == 680_000


def test_what_was_sent_is_counted_by_bits_and_by_pictures() -> None:
    flow = Flow()
    for step in range(300):
        flow.sent(500 if step < 240 else 1000, step / 30)
    assert flow.fps(10.0) == pytest.approx(30, abs=0.5)
    assert flow.bps(1.0, 10.0) == pytest.approx(240_000, rel=0.05)
    assert flow.fps(12.0) == pytest.approx(10, abs=0.5)
    assert flow.bps(1.0, 12.0) == 0


def drive(brake: Brake, bps: float, target_bps: float, from_s: float, seconds: float) -> list[bool]:
    held = []
    for step in range(int(seconds * 30)):
        now_s = from_s + step / 30
        held.append(brake.follow(target_bps, bps, now_s))
    return held


def test_pictures_stop_while_the_queue_of_a_line_that_narrowed_runs_empty() -> None:
    brake = Brake()
    assert not any(drive(brake, 400_000, 400_000, 0.0, 2.0))
    held = drive(brake, 400_000, 120_000, 2.0, 2.0)
    assert sum(held) == pytest.approx(30 * BRAKE_S, abs=1)
    assert all(held[: sum(held)])


def test_a_lower_target_for_a_picture_that_was_still_anyway_stops_nothing() -> None:
    brake = Brake()
    drive(brake, 50_000, 400_000, 0.0, 2.0)
    assert not any(drive(brake, 50_000, 120_000, 2.0, 1.0))


def test_careful_steps_of_the_estimate_stop_nothing() -> None:
    brake = Brake()
    targets = [400_000 * 0.9**step for step in range(6)]
    assert not any(held for step, bps in enumerate(targets) for held in drive(brake, 400_000, bps, step, 1.0))
