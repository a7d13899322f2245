"""What every test run needs: the repository's own tools importable, and one clear line on what GL draws."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import pytest

ROOT = str(Path(__file__).parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)

# Started in the background, a shell hands down "ignore Ctrl-C", and every child would inherit that.
if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that measure a real network on a shared machine may be tried once more; everything else may not."""
    for item in items:
        if item.get_closest_marker("livekit") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=1))
