"""Only where this machine's avatars are found."""

from __future__ import annotations

from pathlib import Path

from avatar_engine.engine.assets import asset_path
from avatar_engine.scenes.library import AvatarLibrary


def bundled_folders(extra: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """Where avatars are looked for: what the caller names, the user's own folder, the bundled ones."""
    own = Path.home() / ".local" / "share" / "avatar-engine" / "avatars"
    return (*extra, own, asset_path("avatars"))


def open_library(extra: tuple[Path, ...] = ()) -> AvatarLibrary:
    """The avatars of this installation and user."""
    from avatar_engine.engine.gltf.reader import load_model

    return AvatarLibrary(bundled_folders(extra), load_model)
