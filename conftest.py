"""What every test run needs: the repository's own tools importable, and one clear line on what GL draws."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that measure a real network on a shared machine may be tried again; everything else may not."""
    for item in items:
        if item.get_closest_marker("livekit") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=2, reruns_delay=2))
