"""Makes `.link/avatar_engine/`: directory links that show static tools the package as it is installed."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("engine", "components", "systems", "scenes", "assets", "editor", "plugin")


def main() -> None:
    """Build the tree afresh; untracked and safe to delete."""
    link = ROOT / ".link"
    if link.is_symlink() or link.exists():
        shutil.rmtree(link)
    package = link / "avatar_engine"
    package.mkdir(parents=True)
    for item in sorted((ROOT / "avatar_engine").iterdir()):
        if item.name != "__pycache__":
            (package / item.name).symlink_to(item)
    for folder in FOLDERS:
        (package / folder).symlink_to(ROOT / folder, target_is_directory=True)


if __name__ == "__main__":
    main()
