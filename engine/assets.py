"""Where the bundled files lie, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def asset_path(*parts: str) -> Path:
    """Path of a bundled asset, whether or not it exists: `asset_path("speech", "demo_en.flac")`."""
    spec = find_spec("avatar_engine.assets")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("avatar_engine.assets is not installed; install avatar-engine again")
    return Path(spec.origin).parent.joinpath(*parts)
