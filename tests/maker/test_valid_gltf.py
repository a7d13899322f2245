"""The bundled people in Khronos' validator."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from avatar_engine.engine.assets import asset_path
from tools.gltf_validator import validate

pytestmark = pytest.mark.packaging


def test_the_bundled_people_have_no_error() -> None:
    files = sorted(asset_path("avatars").glob("*/*.glb"))
    assert len(files) >= 4
    for file, verdict in zip(files, validate(files), strict=True):
        assert verdict.errors == 0, (file.name, verdict.messages)


def test_a_wrong_index_is_an_error(tmp_path: Path) -> None:
    text = json.dumps({"asset": {"version": "2.0"}, "scene": 3, "scenes": [{}]}).encode()
    text += b" " * (-len(text) % 4)
    wrong = tmp_path / "wrong.glb"
    wrong.write_bytes(struct.pack("<4sIIII", b"glTF", 2, 20 + len(text), len(text), 0x4E4F534A) + text)
    (verdict,) = validate([wrong])
    assert verdict.errors == 1
    assert "UNRESOLVED_REFERENCE" in verdict.messages[0]
