"""Only memory handed back: what the C allocator keeps for later although nobody uses it, and code that has run."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

# glibc's mallopt(3). Left alone, it raises the size from which blocks are returned to the system at once to 32 MB
# after the first large picture: from then on pictures of every avatar leave holes in the heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
APART_BYTES = 12 << 20  # a 2048 x 2048 picture has 16 MB, a frame of 1080p 8 MB: frames are reused from the heap
SPARE_BYTES = 24 << 20  # at the heap's end, for the next tick; with 4 MB, glibc 2.36 came to refuse 9 MB out of 20 GB

MADV_DONTNEED = 4
LARGE_KB = 8 << 10
"""Libraries with more code than this in memory ran most of it once: a shader compiler, set-up of an inference engine."""

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ \d+ +/")
_AMOUNT = re.compile(r"(Rss|Private_Dirty): +(\d+) kB")


def give_back() -> None:
    """After something large was loaded or built: glibc returns free pages to the system. Elsewhere nothing happens."""
    if not sys.platform.startswith("linux"):
        return
    library = ctypes.CDLL(None)
    settings, trim = getattr(library, "mallopt", None), getattr(library, "malloc_trim", None)  # musl has neither
    if settings is not None and trim is not None:
        settings(M_MMAP_THRESHOLD, APART_BYTES)
        settings(M_TRIM_THRESHOLD, SPARE_BYTES)
        trim(0)


def give_back_code() -> float:
    """After shaders were compiled: large libraries leave this process' memory, megabytes; what still runs comes back
    page by page from the system's file cache. Only on Linux, and only pages that are as in the file."""
    if not sys.platform.startswith("linux"):
        return 0.0
    advise = getattr(ctypes.CDLL(None), "madvise", None)
    if advise is None:
        return 0.0
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    given_kb = 0
    for start, stop, amounts in _code():
        if (
            amounts["Rss"] > LARGE_KB
            and not amounts["Private_Dirty"]
            and not advise(start, stop - start, MADV_DONTNEED)
        ):
            given_kb += amounts["Rss"]
    return given_kb / 1024.0


def _code() -> list[tuple[int, int, dict[str, int]]]:
    """Address range and amounts in kB of all code that comes from files."""
    found: list[tuple[int, int, dict[str, int]]] = []
    inside = False
    for line in Path("/proc/self/smaps").read_text(errors="replace").splitlines():
        if line[0].isupper():
            amount = _AMOUNT.match(line) if inside else None
            if amount is not None:
                found[-1][2][amount[1]] = int(amount[2])
            continue
        mapping = _MAPPING.match(line)
        inside = mapping is not None
        if mapping is not None:
            found.append((int(mapping[1], 16), int(mapping[2], 16), {"Rss": 0, "Private_Dirty": 1}))
    return found
