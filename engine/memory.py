"""Only memory handed back: what the C allocator keeps for later although nobody uses it."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """After something large was loaded or built: glibc returns free pages to the system. Elsewhere nothing happens."""
    if sys.platform.startswith("linux"):
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none
        if trim is not None:
            trim(0)
