"""A renderer and a head for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.panda.renderer import PandaRenderer
from tests.gltf import generate


@pytest.fixture(scope="module")
def renderer() -> Iterator[PandaRenderer]:
    ready = PandaRenderer()
    yield ready
    ready.close()


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A skinned head."""
    path = tmp_path_factory.mktemp("avatar") / "head.glb"
    path.write_bytes(generate.skinned())
    return load_model(path)
