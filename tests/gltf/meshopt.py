"""Only a packer for EXT_meshopt_compression as plain as the format allows, so that tests need no encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.gltf.generate import Builder, ball


def pack_vertices(values: NDArray[np.uint8]) -> bytes:
    """Every group literal; the last element of a block is where the next one starts."""
    count, stride = values.shape
    block = min(8192 // stride & ~15, 256)
    out = bytearray([0xA0])
    before = np.zeros(stride, np.int64)
    for start in range(0, count, block):
        part = values[start : start + block].astype(np.int64)
        step = np.diff(np.vstack([before, part]), axis=0).astype(np.uint8).astype(np.int8).astype(np.int64)
        before = part[-1]
        coded = ((step << 1) ^ (step >> 7)).astype(np.uint8)
        groups = -(-len(part) // 16)
        for column in range(stride):
            out += b"\xff" * ((groups + 3) // 4)
            out += coded[:, column].tobytes().ljust(groups * 16, b"\0")
    return bytes(out + b"\0" * max(32, stride))


def pack_indices(values: NDArray[Any]) -> bytes:
    """An index sequence against one baseline."""
    out = bytearray([0xD1])
    for step in np.diff(np.concatenate([[0], values.astype(np.int64)])).tolist():
        number = ((step << 1) ^ (step >> 63)) << 1
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out + b"\0" * 4)


def packed_head(*, lie: bool = False) -> bytes:
    """The ball with every buffer view packed and a stand-in buffer, the way gltfpack writes it."""
    build, shape = Builder(), ball()
    build.root["extensionsUsed"] = build.root["extensionsRequired"] = ["EXT_meshopt_compression"]
    claimed = 0

    def view(data: bytes, count: int, stride: int, mode: str) -> int:
        nonlocal claimed
        number = build.view(data)
        inner = build.root["bufferViews"][number]
        extension = {**inner, "count": count + lie, "byteStride": stride, "mode": mode}
        build.root["bufferViews"][number] = {
            "buffer": 1, "byteOffset": claimed, "byteLength": count * stride,
            **({"byteStride": stride} if mode == "ATTRIBUTES" else {}),
            "extensions": {"EXT_meshopt_compression": extension},
        }  # fmt: skip
        claimed += count * stride
        return number

    def array(values: NDArray[np.float32]) -> int:
        packed = pack_vertices(np.ascontiguousarray(values).view(np.uint8).reshape(len(values), -1))
        width = values.shape[1]
        number = view(packed, len(values), 4 * width, "ATTRIBUTES")
        kind = {2: "VEC2", 3: "VEC3"}[width]
        return build.add("accessors", {"bufferView": number, "componentType": 5126, "count": len(values), "type": kind})

    flat = shape.triangles.reshape(-1)
    number = view(pack_indices(flat), len(flat), 2, "INDICES")
    indices = {"bufferView": number, "componentType": 5123, "count": len(flat), "type": "SCALAR"}
    primitive = {
        "attributes": {"POSITION": array(shape.positions), "NORMAL": array(shape.normals)},
        "indices": build.add("accessors", indices),
        "targets": [{"POSITION": array(shape.jaw)}, {"POSITION": array(shape.blink)}],
    }
    build.add("meshes", {"primitives": [primitive], "extras": {"targetNames": ["jawOpen", "eyeBlinkLeft"]}})
    build.add("nodes", {"mesh": 0})
    build.root.update(scene=0, scenes=[{"nodes": [0]}])
    build.stand_in = claimed
    return build.glb()
