"""Broken, lying and hostile files: one clear `AssetError`, quickly, without eating memory."""

from __future__ import annotations

import json
import random
import re
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf.reader import load_model
from tests.gltf import fuzz, generate
from tests.gltf.generate import Builder, basis

pytestmark = pytest.mark.unit

Json = dict[str, Any]


def broken(change: Callable[[Json], None], make: Callable[[], bytes] = generate.plain) -> bytes:
    """The reference file with its JSON changed."""
    data = make()
    length = struct.unpack_from("<I", data, 12)[0]
    root = json.loads(data[20 : 20 + length])
    change(root)
    text = json.dumps(root).encode()
    text += b" " * (-len(text) % 4)
    rest = data[20 + length :]
    head = struct.pack("<III", 0x46546C67, 2, 20 + len(text) + len(rest))
    return head + struct.pack("<II", len(text), 0x4E4F534A) + text + rest


def put(*path: str | int, value: object) -> Callable[[Json], None]:
    def change(root: Json) -> None:
        at: Any = root
        for step in path[:-1]:
            at = at[step]
        at[path[-1]] = value

    return change


def poisoned(value: float) -> bytes:
    build, shape = Builder(), generate.ball()
    shape.positions[5, 1] = value
    generate._scene(build, [generate._primitive(build, shape)])
    return build.glb()


def indices_past_the_end() -> bytes:
    build, shape = Builder(), generate.ball()
    shape.triangles[3, 1] = 60000
    generate._scene(build, [generate._primitive(build, shape)])
    return build.glb()


def bomb() -> bytes:
    """A PNG that says 60000 x 60000 pixels."""
    build = Builder()
    primitive = generate._primitive(build, generate.ball())
    primitive["material"] = 0
    header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 60000, 60000, 8, 6, 0, 0, 0)
    import zlib

    header += struct.pack(">I", zlib.crc32(header[12:29]))
    body = zlib.compress(b"\0" * 1000)
    header += struct.pack(">I4s", len(body), b"IDAT") + body + struct.pack(">I", zlib.crc32(b"IDAT" + body))
    build.add("images", {"bufferView": build.view(header), "mimeType": "image/png"})
    build.add("textures", {"source": 0})
    build.add("materials", {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}})
    generate._scene(build, [primitive])
    return build.glb()


def ktx2(words: dict[int, int] | None = None, *, noise: bool = False) -> bytes:
    """A Zstandard-packed UASTC picture with 32-bit words of its header changed, or with noise for pixels."""
    data = bytearray((generate.PICTURES / "uastc_zstd.ktx2").read_bytes())
    for at, value in (words or {}).items():
        struct.pack_into("<I", data, at, value)
    if noise:
        start, length = struct.unpack_from("<QQ", data, 80)
        data[start : start + length] = random.Random(5).randbytes(length)
    return bytes(data)


def deep() -> bytes:
    """A chain of 50,000 nested JSON lists."""
    text = b'{"asset":{"version":"2.0"},"extras":' + b"[" * 50_000 + b"]" * 50_000 + b"}"
    text += b" " * (-len(text) % 4)
    return struct.pack("<IIIII", 0x46546C67, 2, 20 + len(text), len(text), 0x4E4F534A) + text


def cycle(root: Json) -> None:
    root["nodes"] = [{"mesh": 0, "children": [1]}, {"children": [0]}]
    del root["scenes"], root["scene"]


def loop_inside(root: Json) -> None:
    root["nodes"] = [{"mesh": 0, "children": [1]}, {"children": [2]}, {"children": [1]}]


def ladder(root: Json) -> None:
    root["nodes"] = [{"children": [i + 1]} for i in range(20_000)] + [{"mesh": 0}]


FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "too short"),
    "not a glTF": (lambda: b"hello, this is no avatar", "neither"),
    "truncated": (lambda: generate.plain()[:-400], "truncated"),
    "truncated in the header": (lambda: generate.plain()[:16], "truncated"),
    "GLB version 1": (lambda: generate.plain()[:4] + b"\1\0\0\0" + generate.plain()[8:], "version 1"),
    "chunk longer than the file": (
        lambda: generate.plain()[:12] + struct.pack("<I", 2**31) + generate.plain()[16:],
        "past the end",
    ),
    "no JSON chunk": (lambda: generate.plain()[:16] + b"ABCD" + generate.plain()[20:], "JSON chunk"),
    "broken JSON": (lambda: generate.plain()[:20] + b"}" + generate.plain()[21:], "cannot be parsed"),
    "JSON nested 50,000 deep": (deep, "nested too deeply"),
    "JSON is a list": (lambda: b"[" + b" " * 20 + b"]", "neither"),
    "NaN in JSON": (
        lambda: broken(put("nodes", 0, "translation", value=[float("nan"), 0, 0])),
        "not a number",
    ),
    "glTF 1": (lambda: broken(put("asset", value={"version": "1.0"})), "only glTF 2"),
    "no positions": (lambda: broken(put("meshes", 0, "primitives", 0, "attributes", value={})), "no POSITION"),
    "nodes in a circle": (lambda: broken(cycle), "cycle"),
    "nodes 20,000 deep": (lambda: broken(ladder), "levels deep"),
    "circle below a root": (lambda: broken(loop_inside), "cycle"),
    "node that is not there": (lambda: broken(put("scenes", 0, "nodes", value=[7])), "names node 7"),
    "accessor of a billion": (lambda: broken(put("accessors", 0, "count", value=10**9)), "count"),
    "accessor longer than its view": (lambda: broken(put("accessors", 0, "count", value=3_000_000)), "bytes of a view"),
    "negative count": (lambda: broken(put("accessors", 0, "count", value=-5)), "count"),
    "huge zero accessor without data": (
        lambda: broken(put("accessors", 0, value={"componentType": 5126, "count": 10**9, "type": "VEC3"})),
        "count",
    ),
    "view past the buffer": (lambda: broken(put("bufferViews", 0, "byteLength", value=10**8)), "outside"),
    "view at a negative place": (lambda: broken(put("bufferViews", 0, "byteOffset", value=-64)), "outside"),
    "stride smaller than an element": (lambda: broken(put("bufferViews", 0, "byteStride", value=2)), "byteStride"),
    "buffer longer than the file": (lambda: broken(put("buffers", 0, "byteLength", value=10**8)), "are there"),
    "unknown component type": (lambda: broken(put("accessors", 0, "componentType", value=5199)), "unknown"),
    "positions that are not finite": (lambda: poisoned(float("nan")), "not finite"),
    "positions at infinity": (lambda: poisoned(float("inf")), "not finite"),
    "positions light years away": (lambda: poisoned(1e30), "far outside"),
    "indices past the end": (indices_past_the_end, "name vertex"),
    "target of another length": (
        lambda: broken(put("meshes", 0, "primitives", 0, "targets", 0, "POSITION", value=3)),
        "components|entries",
    ),
    "material that is not there": (
        lambda: broken(put("meshes", 0, "primitives", 0, "material", value=4)),
        "material",
    ),
    "rotation of length 0": (lambda: broken(put("nodes", 0, "rotation", value=[0, 0, 0, 0])), "length 0"),
    "scale as text": (lambda: broken(put("nodes", 0, "scale", value="big")), "not 3 numbers"),
    "picture that says 60000 x 60000": (bomb, "at most|exceeds limit"),
    "buffer on the network": (
        lambda: broken(put("buffers", 0, "uri", value="https://example.com/a.bin")),
        "network",
    ),
    "buffer outside the folder": (lambda: broken(put("buffers", 0, "uri", value="../../etc/passwd")), "leaves"),
    "no triangles": (lambda: broken(put("nodes", value=[{}])), "no triangles"),
    "Draco": (
        lambda: broken(
            put(
                "meshes",
                0,
                "primitives",
                0,
                "extensions",
                value={"KHR_draco_mesh_compression": {"bufferView": 0, "attributes": {"POSITION": 0}}},
            )
        ),
        "KHR_draco_mesh_compression.*Draco",
    ),
    "meshopt": (
        lambda: broken(put("bufferViews", 0, "extensions", value={"EXT_meshopt_compression": {}})),
        "EXT_meshopt_compression",
    ),
    "KTX2 cut short": (lambda: basis(ktx2()[:-300]), "past its end"),
    "KTX2 without pixels": (lambda: basis(ktx2()[:40]), "truncated"),
    "KTX2 that says 60000 x 60000": (lambda: basis(ktx2({20: 60000, 24: 60000})), "at most 8192"),
    "KTX2 of another format": (lambda: basis(ktx2({12: 37})), "not Basis Universal"),
    "KTX2 of six faces": (lambda: basis(ktx2({36: 6})), "not one flat picture"),
    "KTX2 of 4 billion levels": (lambda: basis(ktx2({40: 2**32 - 1})), "not one flat picture"),
    "KTX2 that unpacks to gigabytes": (lambda: basis(ktx2({96: 2**31})), "unpacks to"),
    "KTX2 level at an impossible place": (lambda: basis(ktx2({84: 2**31})), "past its end"),
    "KTX2 of noise": (lambda: basis(ktx2(noise=True)), "cannot be decoded"),
    "names that are not text": (lambda: broken(put("extensionsRequired", value=[{}])), "not a name"),
    "unheard-of extension": (lambda: broken(put("extensionsRequired", value=["ACME_magic"])), "ACME_magic"),
}


@pytest.mark.parametrize("name", sorted(FILES))
def test_refused_with_a_reason(tmp_path: Path, name: str) -> None:
    make, reason = FILES[name]
    path = tmp_path / "avatar.glb"
    path.write_bytes(make())
    tracemalloc.start()
    start = time.process_time()
    try:
        with pytest.raises(AssetError, match=f"(?is){reason}") as caught:
            load_model(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 100 * 2**20, "refusing must not eat memory"
    assert time.process_time() - start < 60.0, "hangs"
    assert "avatar.glb" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"nothing\.glb"):
        load_model(tmp_path / "nothing.glb")
    with pytest.raises(AssetError, match="folder"):
        load_model(tmp_path)


def test_mutated_files_never_crash(tmp_path: Path) -> None:
    """The beginning of what `python -m tests.gltf.fuzz` does for as long as it is told."""
    files = fuzz.seeds(bundled=False)
    outcomes = [fuzz.examine(20, number, files, tmp_path) for number in range(500)]
    assert [outcome for outcome in outcomes if outcome.verdict == "FAULT"] == []
    assert sum(outcome.verdict == "loaded" for outcome in outcomes) > 40
    assert len({outcome.text for outcome in outcomes}) > 100, "the reasons should differ"


def test_the_fuzz_command_tells_and_would_tell_of_a_crash(tmp_path: Path) -> None:
    told: list[str] = []
    minutes = 0.1
    while fuzz.run(minutes, 20, tmp_path, told.append) == 0 and "seed 20: 0 files" in told[0] and minutes < 2.0:
        minutes *= 2.0  # a busy machine took longer to start than there was time
        told.clear()
    assert re.match(r"seed 20: [1-9]\d* files, .* 0 faults", told[0])
    killed = [sys.executable, "-c", "import os; os.abort()"]
    told.clear()
    assert fuzz.run(0.01, 20, tmp_path, told.append, lambda seed, number: killed) > 0
    assert "the process ended with -6" in told[0]
    assert any(tmp_path.iterdir())
