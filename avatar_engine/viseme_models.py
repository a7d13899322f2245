"""Finds viseme models by name through the entry-point group `avatar_engine.visemes`."""

from __future__ import annotations

from importlib import metadata

from avatar_engine.engine.errors import InputError, suggest
from avatar_engine.systems.viseme_model import VisemeModel

GROUP = "avatar_engine.visemes"


def viseme_model_names() -> list[str]:
    """All installed models."""
    return sorted({point.name for point in metadata.entry_points(group=GROUP)})


def make_viseme_model(name: str) -> VisemeModel:
    """A fresh model. Raises InputError with a suggestion when there is none of that name."""
    for point in metadata.entry_points(group=GROUP, name=name):
        model: VisemeModel = point.load()()
        return model
    raise InputError(f"viseme model {name}", "is not installed", suggest(name, viseme_model_names()))


def default_viseme_model() -> str:
    """The best one that is installed."""
    names = viseme_model_names()
    return next((name for name in ("neural", "spectral") if name in names), names[0] if names else "spectral")
