"""Code that ran once leaves memory, and still runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = [pytest.mark.unit, pytest.mark.skipif(sys.platform != "linux", reason="Linux's madvise")]

PROGRAM = """
import re
from avatar_engine.engine.memory import give_back_code
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime

def in_files_mb():
    return int(re.search(r"RssFile:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

def picture(quality):
    session = runtime.open_session(SessionOptions(scene="plain", width=160, height=90, quality=quality))
    pixels = runtime.step()[0].frames[0].image.pixels.copy()
    runtime.close_session(session)
    return pixels

runtime = make_runtime(RuntimeOptions(viseme_model="spectral"))
first, before = picture("low"), in_files_mb()
given = give_back_code()
after = in_files_mb()
shaded = picture("high")  # other shaders: the compiler runs again
print(given, before - after, first.std(), shaded.std(), abs(first[..., :3].mean() - shaded[..., :3].mean()))
"""


def test_large_libraries_leave_memory_and_run_on() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    given, less, first, shaded, apart = (float(word) for word in run.stdout.split())
    assert given > 8.0  # megabytes: libraries with less code are left alone
    assert less > 0.8 * given
    assert min(first, shaded) > 20.0  # a person before a background
    assert apart < 10.0
