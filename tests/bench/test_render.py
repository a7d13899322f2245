"""`make bench`: the cost of drawing."""

from __future__ import annotations

import pytest

from tests.bench import bench_render

pytestmark = pytest.mark.bench


def test_cost_of_drawing(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        bench_render.main([])
