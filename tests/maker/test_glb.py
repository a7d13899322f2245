"""The committed GLBs: structure, budgets, manifest, profile; and that a rebuild gives the same bytes anywhere."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avatar_engine.components.controls import ARKIT
from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.maker.build import make_person
from avatar_engine.maker.parts import JOINTS, LODS, TRIANGLES
from avatar_engine.maker.spec import PersonSpec, load_person
from avatar_engine.scenes.profile import load_profile

pytestmark = pytest.mark.unit

PEOPLE = ("ada", "ben", "doctor_avatar_1", "kenji")
SIZES = {5120: 1, 5121: 1, 5122: 2, 5123: 2, 5125: 4, 5126: 4}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
LARGEST = 12_000_000


def folder(name: str) -> Path:
    return Path(asset_path("avatars", name))


def opened(path: Path) -> tuple[dict[str, Any], bytes]:
    raw = path.read_bytes()
    magic, version, length = struct.unpack_from("<III", raw)
    assert (magic, version, length) == (0x46546C67, 2, len(raw))
    size, kind = struct.unpack_from("<II", raw, 12)
    assert kind == 0x4E4F534A
    assert size % 4 == 0
    binary, kind = struct.unpack_from("<II", raw, 20 + size)
    assert kind == 0x004E4942
    assert 28 + size + binary == len(raw)
    return json.loads(raw[20 : 20 + size]), raw[28 + size :]


@pytest.mark.parametrize("name", PEOPLE)
def test_file_is_sound(name: str) -> None:
    document, blob = opened(folder(name) / f"{name}.glb")
    views, accessors = document["bufferViews"], document["accessors"]
    assert document["buffers"] == [{"byteLength": len(blob)}]
    assert all(view["byteOffset"] + view["byteLength"] <= len(blob) for view in views)
    assert all(view["byteOffset"] % 4 == 0 for view in views)
    for accessor in accessors:
        width = WIDTHS[accessor["type"]] * SIZES[accessor["componentType"]]
        if "bufferView" in accessor:
            assert accessor["count"] * width <= views[accessor["bufferView"]]["byteLength"]
        if "sparse" in accessor:
            sparse = accessor["sparse"]
            view = views[sparse["indices"]["bufferView"]]
            kind = {5123: np.uint16, 5125: np.uint32}[sparse["indices"]["componentType"]]
            index = np.frombuffer(blob, kind, sparse["count"], view["byteOffset"]).astype(np.int64)
            assert (np.diff(index) > 0).all()
            assert index[-1] < accessor["count"]
            assert sparse["count"] * width <= views[sparse["values"]["bufferView"]]["byteLength"]
    for mesh in document["meshes"]:
        for primitive in mesh["primitives"]:
            count = accessors[primitive["attributes"]["POSITION"]]["count"]
            assert {accessors[number]["count"] for number in primitive["attributes"].values()} == {count}
            targets = primitive.get("targets", [])
            names = mesh.get("extras", {}).get("targetNames", [])
            assert len(targets) == len(names) == len(mesh.get("weights", []))
            assert all(accessors[target["POSITION"]]["count"] == count for target in targets)
    assert {material["extras"]["kind"] for material in document["materials"]} >= {"skin", "eye", "teeth", "hair"}


@pytest.mark.parametrize("name", PEOPLE)
def test_levels_joints_and_shapes(name: str) -> None:
    model = load_model(folder(name) / f"{name}.glb")
    assert model.levels == len(LODS)
    assert set(model.joint_names) == {joint for joint, _ in JOINTS}
    wanted = set(ARKIT) | {f"viseme_{viseme}" for viseme in VISEMES if viseme != "sil"}
    # The eyes look by their joints; what the lids do is in the shapes.
    assert wanted <= set(model.morph_names)
    for level in LODS:
        meshes = [mesh for mesh in model.meshes if mesh.level == level]
        assert sum(len(mesh.triangles) for mesh in meshes) <= TRIANGLES[level]
        for mesh in meshes:
            assert np.isfinite(mesh.positions).all()
            assert mesh.triangles.max() < len(mesh.positions)
            assert np.abs(np.linalg.norm(mesh.normals, axis=1) - 1).max() < 1e-3
            assert mesh.weights is not None
            np.testing.assert_allclose(mesh.weights.sum(1), 1.0, atol=1e-4)


@pytest.mark.parametrize("name", PEOPLE)
def test_manifest_and_profile(name: str) -> None:
    model = folder(name) / f"{name}.glb"
    entry = json.loads((folder(name) / "manifest.json").read_text(encoding="utf-8"))
    assert entry["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert entry["bytes"] == model.stat().st_size <= LARGEST
    assert entry["licence"] == "CC0-1.0"
    loaded = load_model(model)
    for level in LODS:
        found = sum(len(mesh.triangles) for mesh in loaded.meshes if mesh.level == level)
        stated = entry["levels"][f"lod{level}"]
        assert found == stated["triangles"] <= stated["triangles_at_most"] == TRIANGLES[level]
        assert stated["vertices"] == sum(len(mesh.positions) for mesh in loaded.meshes if mesh.level == level)
    assert entry["textures"]["Skin"] == "2048x2048"
    profile = load_profile(folder(name) / "avatar.yaml")
    assert profile.model == model.name
    assert profile.licence == "CC0-1.0"
    assert profile.measures.eye_height_m is not None
    assert 1.2 < profile.measures.eye_height_m < 1.9
    assert set(profile.visemes) == set(VISEMES)


def test_descriptions_refuse_unknown_words() -> None:
    with pytest.raises(ValueError, match="extra"):
        PersonSpec.model_validate({"id": "x", "name": "X", "description": "", "sex": 0, "colour": 1})


_PRINT_HASH = """
import sys
from pathlib import Path
from avatar_engine.maker.build import build
from avatar_engine.maker.spec import load_person
print(build(load_person(Path(sys.argv[1])), 64).sha256)
"""


def test_rebuild_is_the_same_in_another_process() -> None:
    """Two processes with different hash seeds and threads give the same bytes (small texture, about 40 s)."""
    person = folder("kenji") / "person.yaml"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _PRINT_HASH, str(person)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": seed},
        )
        for seed in ("1", "2")
    ]
    hashes = [process.communicate()[0].strip() for process in running]
    assert all(len(found) == 64 for found in hashes)
    assert hashes[0] == hashes[1]


def test_measures_match_the_file() -> None:
    """Numbers in avatar.yaml are those of the person that the description makes."""
    spec = load_person(folder("ada") / "person.yaml")
    who = make_person(spec)
    eye = load_profile(folder("ada") / "avatar.yaml").measures.eye_height_m
    assert eye is not None
    assert abs(who.eye_centre[1] * 0.1 - eye) < 2e-4
