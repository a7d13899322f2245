"""`make bench` runs this: the sections of bench_pipeline.py, printed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench


@pytest.mark.parametrize("section", ["speed", "simulation", "memory", "lips"])
def test_pipeline(section: str) -> None:
    script = Path(__file__).with_name("bench_pipeline.py")
    done = subprocess.run([sys.executable, str(script), section], text=True, stdout=subprocess.PIPE, check=True)
    print(f"\n{done.stdout}")
