"""Only memory handed back: what the C allocator keeps for later although nobody uses it."""

from __future__ import annotations

import ctypes
import sys

# glibc's mallopt(3). Left alone, it raises the size from which blocks are returned to the system at once to 32 MB
# after the first large picture: from then on pictures of every avatar leave holes in the heap.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
APART_BYTES = 12 << 20  # a 2048 x 2048 picture has 16 MB, a frame of 1080p 8 MB: frames are reused from the heap
SPARE_BYTES = 24 << 20  # at the heap's end, for the next tick


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
