"""Bundled background pictures: what the manifest says is what lies there, small enough, and really out of focus."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import yaml
from PIL import Image

from avatar_engine.scenes.staging import BACKGROUNDS, background_ids, load_scene, scene_ids

pytestmark = pytest.mark.unit

MANIFEST = yaml.safe_load((BACKGROUNDS / "manifest.yaml").read_text())["backgrounds"]


def test_every_picture_is_in_the_manifest_and_none_besides() -> None:
    assert sorted(entry["file"] for entry in MANIFEST) == [f"{name}.jpg" for name in background_ids()]


@pytest.mark.parametrize("entry", MANIFEST, ids=[entry["file"] for entry in MANIFEST])
def test_hash_size_licence_and_origin(entry: dict[str, object]) -> None:
    data = (BACKGROUNDS / str(entry["file"])).read_bytes()
    assert hashlib.sha256(data).hexdigest() == entry["sha256"]
    assert len(data) <= 300_000
    assert entry["licence"] == "CC0-1.0"
    assert str(entry["command"]).startswith("python -m tools.backgrounds")
    with Image.open(BACKGROUNDS / str(entry["file"])) as image:
        assert image.size == (1920, 1080) == tuple(entry["size"])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", background_ids())
def test_a_picture_is_soft_and_neither_burnt_out_nor_black(name: str) -> None:
    with Image.open(BACKGROUNDS / f"{name}.jpg") as image:
        grey = np.asarray(image.convert("L"), np.float64)
    # Detail of one or two pixels is grain, not a room in focus.
    fine = np.abs(np.diff(grey, axis=1))
    assert np.percentile(fine, 99) < 12
    assert (grey > 250).mean() < 0.15
    assert grey.mean() > 15
    assert grey.std() > 12, "there is something to see"


def test_every_picture_is_used_by_a_scene() -> None:
    used = {load_scene(name).background.image for name in scene_ids()}
    assert set(background_ids()) <= used
