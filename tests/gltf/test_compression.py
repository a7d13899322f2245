"""Packed files unpack to the same head; what cannot be unpacked is refused with a reason."""

from __future__ import annotations

import base64
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf.meshopt import unpacked
from avatar_engine.engine.gltf.reader import load_model
from tests.gltf import generate
from tests.gltf.foreign import draco, meshopt

pytestmark = pytest.mark.unit

# Made with the format's reference encoder (meshoptimizer 0.2.30, vertex version 0, index version 1).
VERTICES = base64.b85decode(
    "pcN{rs;a80s;a800015UBu0p=&j0@q5E2v=78n>B92_1XAR;6rCMYQX{{R3gEG#ZCFfue1Fay93a&dBTasWI4@Nsf+as$8s0C92v"
    "9{@^9N=iyfN=iyfN=iyfN=iyfN=iyfN=iyfN=iyfO8@@=07^<qN=iyfN)-Sg2m%0rAP52g000#gRaI40RaI40RR91Q0wW?aBO)>*"
    "A~GW)G9w}~y6XS{0|Ns90000000000000000000000000000000LTCU0RI3"
)
STRIPS = base64.b85decode(
    ";r<=~9snKy9snK-8vY&$9ta)>9tIu;75^Rv9tIu;9tIu;75^Rv9tIu;9tIu;74QuC0`&<D^$83Bc86AHc&UbEiD;MsX#fB"
)
SCATTERED = base64.b85decode(";s5{tPyhe_|NsC01_}cI4+;YR5DW<i{|puhj4S#Q4F4Gn3H%-m{~-zj0CtB~XLzZGWr=8*0cijL")
PICKED = [5, 1, 30, 12, 47, 3, 22, 8, 40, 17]


def turned(triangles: np.ndarray) -> np.ndarray:
    """Each triangle from its smallest corner on: packing may turn them."""
    return np.array([np.roll(triangle, -int(np.argmin(triangle))) for triangle in triangles])


def test_vertices_of_the_reference_encoder() -> None:
    k = np.arange(40)
    columns = (k, k * k // 3, np.where(k % 7 == 0, 200, 1), 0 * k, k * 37, k // 5, 255 - k, k % 3)
    wanted = np.stack(columns, 1).astype(np.uint8)
    assert unpacked(VERTICES, 40, 8, "ATTRIBUTES") == wanted.tobytes()


def test_triangles_of_the_reference_encoder() -> None:
    triangles = generate.ball(5, 6).triangles
    for data, wanted in ((STRIPS, triangles), (SCATTERED, triangles[PICKED])):
        got = np.frombuffer(unpacked(data, wanted.size, 2, "TRIANGLES"), "<u2").reshape(-1, 3)
        assert (turned(got) == turned(wanted)).all()


@pytest.mark.parametrize("kind", ["int8", "int16"])
def test_octahedral_normals_have_length_one(kind: str) -> None:
    draw = np.random.default_rng(3)
    normals = draw.normal(size=(200, 3))
    normals /= np.abs(normals).sum(1, keepdims=True)
    top = np.iinfo(kind).max
    x, y, z = normals.T
    fold = z < 0
    u = np.where(fold, (1 - np.abs(y)) * np.where(x >= 0, 1, -1), x)
    v = np.where(fold, (1 - np.abs(x)) * np.where(y >= 0, 1, -1), y)
    packed = np.round(np.stack([u, v, 0 * u + 1, 0 * u], 1) * top).astype(kind)
    data = meshopt.pack_vertices(packed.view(np.uint8).reshape(200, -1))
    got = np.frombuffer(unpacked(data, 200, 4 * packed.itemsize, "ATTRIBUTES", "OCTAHEDRAL"), kind).reshape(-1, 4)
    wanted = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    assert np.abs(got[:, :3] / top - wanted).max() < (0.03 if kind == "int8" else 0.001)


def test_a_whole_file_packed_with_meshopt(tmp_path: Path) -> None:
    same(tmp_path, meshopt.packed_head())


def test_a_whole_file_packed_with_draco(tmp_path: Path) -> None:
    pytest.importorskip("DracoPy")
    same(tmp_path, draco())


def same(folder: Path, data: bytes) -> None:
    path = folder / "packed.glb"
    path.write_bytes(data)
    mesh, shape = load_model(path).meshes[0], generate.ball()
    assert np.allclose(mesh.positions, shape.positions, atol=2e-4)
    assert (turned(mesh.triangles) == turned(shape.triangles)).all()
    assert np.allclose(mesh.targets[0].delta, [0.0, -0.02, 0.0], atol=1e-4)


def test_lying_streams_are_refused(tmp_path: Path) -> None:
    """Every byte cut or changed: a reason, or numbers; never anything else."""
    draw = np.random.default_rng(7)
    for data, count, stride, mode in ((VERTICES, 40, 8, "ATTRIBUTES"), (STRIPS, 144, 2, "TRIANGLES")):
        refused = 0
        for _ in range(300):
            broken = bytearray(data[: draw.integers(0, len(data) + 1)] if draw.random() < 0.3 else data)
            if broken:
                broken[draw.integers(0, len(broken))] = draw.integers(0, 256)
            try:
                assert len(unpacked(bytes(broken), count, stride, mode)) == count * stride
            except (ValueError, IndexError):
                refused += 1
        assert refused > 50
    path = tmp_path / "packed.glb"
    path.write_bytes(meshopt.packed_head(lie=True))
    with pytest.raises(AssetError, match="EXT_meshopt_compression: cannot be unpacked"):
        load_model(path)


def test_a_small_stream_cannot_claim_a_large_result() -> None:
    with pytest.raises(ValueError, match="unpacks to"):
        unpacked(VERTICES, 4_000_000, 256, "ATTRIBUTES")
