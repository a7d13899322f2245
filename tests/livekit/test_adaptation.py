"""The ladder under made-up bitrates, and the smaller pictures."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from avatar_engine.engine.image import Image
from avatar_engine.engine.media.h264 import FINEST_QUANTIZER
from avatar_engine.plugin.adaptation import (
    RUNGS,
    START_S,
    Ladder,
    Rung,
    enough_quantizer,
    least_bps,
    plenty_bps,
    reached_bps,
    shrunk,
)
from avatar_engine.plugin.metrics import SessionFigures, prometheus_text, register, unregister

pytestmark = pytest.mark.unit


def climb(ladder: Ladder, bps: float, from_s: float, seconds: float) -> list[Rung]:
    return [ladder.follow(bps, from_s + step / 30) for step in range(int(seconds * 30))]


def test_no_verdict_while_the_estimate_finds_its_way() -> None:
    assert set(climb(Ladder(1280, 720, 30, 0.0), 50_000, 0.0, START_S - 0.1)) == {Rung(1, 1)}


def test_a_narrow_line_costs_frames_then_size_and_a_wide_one_gives_them_back_step_by_step() -> None:
    ladder = Ladder(1280, 720, 30, -START_S)
    assert climb(ladder, 3e6, 0, 2)[-1] == Rung(1, 1)
    assert climb(ladder, 130_000, 2, 0.9)[-1] == Rung(1, 1)  # a dip is no reason
    assert climb(ladder, 130_000, 2.9, 1)[-1] == Rung(2, 1)
    assert climb(ladder, 90_000, 4, 2)[-1] == Rung(1, 2)
    assert climb(ladder, 20_000, 6, 2)[-1] == RUNGS[-1]
    back = climb(ladder, 3e6, 10, 40)
    assert back[-1] == Rung(1, 1)
    seen = list(dict.fromkeys(back))
    assert seen == list(reversed(RUNGS))


def test_every_step_down_the_ladder_needs_less() -> None:
    for width, height, fps in ((256, 144, 30), (640, 360, 30), (1280, 720, 30), (1920, 1080, 60)):
        needs = [least_bps(width / rung.shrink, height / rung.shrink, fps / rung.divisor) for rung in RUNGS]
        assert needs == sorted(needs, reverse=True)
        assert needs[0] < 0.5 * plenty_bps(width, height, fps)
        assert len(set(needs)) == len(RUNGS)


def test_a_target_at_the_edge_does_not_swing() -> None:
    ladder = Ladder(640, 360, 30, -START_S)
    need = least_bps(640, 360, 30)
    rungs = [ladder.follow(need * (0.97 if second % 2 else 1.1), float(second)) for second in range(120)]
    assert sum(earlier != later for earlier, later in itertools.pairwise(rungs)) <= 1


@pytest.mark.parametrize("arrives", [0.8, 0.95])
def test_an_estimate_that_was_low_once_grows_again(arrives: float) -> None:
    """Its rule: at most 1.5 times what arrives of the pictures and 10 kbit/s, less the 32 kbit/s of the sound."""
    target = 30_000.0
    for _ in range(60):
        target = min(680_000.0, 1.5 * arrives * reached_bps(target) + 10_000 - 32_000)
    assert target == 680_000.0


def test_pictures_are_as_fine_as_anybody_sees_or_as_was_paid_for() -> None:
    sizes = ((320, 180), (640, 360), (1280, 720), (1920, 1080))
    plain = [enough_quantizer(*size, 30, plenty_bps(*size, 30)) for size in sizes]
    assert plain == [20, 24, 28, 30]
    assert enough_quantizer(1280, 720, 30, 100_000) == 28
    assert enough_quantizer(1280, 720, 30, 2 * plenty_bps(1280, 720, 30)) == 22
    assert enough_quantizer(1280, 720, 30, 50_000_000) == FINEST_QUANTIZER


@pytest.mark.parametrize("kind", ["bgra", "i420"])
@pytest.mark.parametrize("size", [(640, 360), (854, 480), (322, 182)])
def test_smaller_pictures_keep_their_colours(kind, size) -> None:
    width, height = size
    if kind == "bgra":
        pixels = np.tile(np.array([10, 60, 200, 255], np.uint8), (height, width, 1))
    else:
        pixels = np.full((height * 3 // 2, width), 90, np.uint8)
        pixels[:height] = 180
    small = shrunk(Image(width, height, kind, pixels), 2)
    assert small.width % 2 == small.height % 2 == 0
    assert abs(small.width - width / 2) <= 2
    if kind == "bgra":
        assert small.pixels.shape == (small.height, small.width, 4)
        assert (small.pixels == [10, 60, 200, 255]).all()
    else:
        assert (small.pixels[: small.height] == 180).all()
        assert (small.pixels[small.height :] == 90).all()


def test_figures_are_exported_for_prometheus() -> None:
    figures = SessionFigures()
    figures.encode_s.add(0.004)
    figures.frames_sent = 7
    other = SessionFigures()
    register(figures)
    register(other)
    try:
        text = prometheus_text()
    finally:
        unregister(figures)
    sent = re.findall(r'avatar_frames_sent\{session="(session-\d+)"\} ([\d.]+)', text)
    assert [count for _, count in sent] == ["7.0", "0.0"]
    assert len({name for name, _ in sent}) == 2  # sessions of two engines too
    assert f'avatar_encode_s_p95{{session="{sent[0][0]}"}} 0.004' in text
    left = prometheus_text()
    assert sent[0][0] not in left
    assert sent[1][0] in left
    unregister(other)
