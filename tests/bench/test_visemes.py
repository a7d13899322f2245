"""`make bench`: the cost of lips."""

from __future__ import annotations

import pytest

from tests.bench import bench_visemes

pytestmark = pytest.mark.bench


def test_cost_of_lips(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print()
        bench_visemes.main()
