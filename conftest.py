"""What every test run needs: the repository's own tools importable, and one clear line on what GL draws."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).parent)
if ROOT not in sys.path:
    sys.path.append(ROOT)
