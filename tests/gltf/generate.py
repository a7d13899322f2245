"""Only small glTF files made for tests: one bust-like ball per file in every dialect that exporters speak.

`python -m tests.gltf.generate FOLDER` writes them all, to look at or to try elsewhere.
"""

from __future__ import annotations

import base64
import io
import json
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.gltf.ball import Ball, ball

TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
CODES = {"int8": 5120, "uint8": 5121, "int16": 5122, "uint16": 5123, "uint32": 5125, "float32": 5126}


@dataclass
class Builder:
    """A glTF document under construction; every array becomes one buffer view."""

    root: dict[str, Any] = field(default_factory=lambda: {"asset": {"version": "2.0", "generator": "test"}})
    data: bytearray = field(default_factory=bytearray)
    stand_in: int = 0  # bytes of a second buffer that is not there (EXT_meshopt_compression)

    def add(self, name: str, item: dict[str, Any]) -> int:
        """Append to a top-level list; its index."""
        self.root.setdefault(name, []).append(item)
        return len(self.root[name]) - 1

    def view(self, raw: bytes, **more: Any) -> int:
        """A buffer view of these bytes."""
        self.data += b"\0" * (-len(self.data) % 4)
        at = len(self.data)
        self.data += raw
        return self.add("bufferViews", {"buffer": 0, "byteOffset": at, "byteLength": len(raw), **more})

    def array(self, values: NDArray[Any], *, normalized: bool = False, stride: int = 0) -> int:
        """An accessor of (n, k) values."""
        values = values.reshape(len(values), -1)
        width = values.shape[1]
        more: dict[str, Any] = {}
        raw = values.tobytes()
        if stride:
            padded = np.zeros((len(values), stride), np.uint8)
            padded[:, : values.itemsize * width] = np.frombuffer(raw, np.uint8).reshape(len(values), -1)
            raw, more = padded.tobytes(), {"byteStride": stride}
        accessor: dict[str, Any] = {
            "bufferView": self.view(raw, **more),
            "componentType": CODES[values.dtype.name],
            "count": len(values),
            "type": TYPES[width],
        }
        if normalized:
            accessor["normalized"] = True
        return self.add("accessors", accessor)

    def sparse(self, values: NDArray[np.float32]) -> int:
        """A sparse accessor over zeros."""
        index = np.flatnonzero(values.any(axis=1)).astype(np.uint16)
        accessor = {
            "componentType": 5126,
            "count": len(values),
            "type": "VEC3",
            "sparse": {
                "count": len(index),
                "indices": {"bufferView": self.view(index.tobytes()), "componentType": 5123},
                "values": {"bufferView": self.view(values[index].astype(np.float32).tobytes())},
            },
        }
        return self.add("accessors", accessor)

    def picture(self, form: str = "PNG") -> int:
        """An 8x8 picture, red on the left and blue on the right."""
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[:, :4, 0], pixels[:, 4:, 2] = 255, 255
        store = io.BytesIO()
        Image.fromarray(pixels).save(store, form, lossless=True) if form == "WEBP" else Image.fromarray(pixels).save(
            store, form
        )
        return self.add("images", {"bufferView": self.view(store.getvalue()), "mimeType": f"image/{form.lower()}"})

    def glb(self) -> bytes:
        """The finished file."""
        self.data += b"\0" * (-len(self.data) % 4)
        self.root["buffers"] = [{"byteLength": len(self.data)}]
        if self.stand_in:
            stand_in = {"byteLength": self.stand_in, "extensions": {"EXT_meshopt_compression": {"fallback": True}}}
            self.root["buffers"].append(stand_in)
        text = json.dumps(self.root).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(self.data)
        return (
            struct.pack("<III", 0x46546C67, 2, total)
            + struct.pack("<II", len(text), 0x4E4F534A)
            + text
            + struct.pack("<II", len(self.data), 0x004E4942)
            + bytes(self.data)
        )

    def gltf(self) -> bytes:
        """The same as JSON with an embedded buffer."""
        uri = "data:application/octet-stream;base64," + base64.b64encode(bytes(self.data)).decode()
        root = {**self.root, "buffers": [{"byteLength": len(self.data), "uri": uri}]}
        return json.dumps(root).encode()


def _primitive(build: Builder, shape: Ball, *, targets: bool = True, sparse: bool = False) -> dict[str, Any]:
    put = build.sparse if sparse else build.array
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": build.array(shape.positions),
            "NORMAL": build.array(shape.normals),
            "TEXCOORD_0": build.array(shape.uvs),
        },
        "indices": build.array(shape.triangles.reshape(-1, 1)),
    }
    if targets:
        primitive["targets"] = [{"POSITION": put(shape.jaw)}, {"POSITION": put(shape.blink)}]
    return primitive


NAMES = ["jawOpen", "eyeBlinkLeft"]


def _scene(build: Builder, primitives: list[dict[str, Any]], node: dict[str, Any] | None = None, **mesh: Any) -> None:
    build.add("meshes", {"name": "Head", "primitives": primitives, **mesh})
    build.add("nodes", {"name": "Head", "mesh": 0, **(node or {})})
    build.root.update(scene=0, scenes=[{"nodes": [0]}])


def plain() -> bytes:
    """The reference: metres, y up, dense targets named on the mesh."""
    build = Builder()
    _scene(build, [_primitive(build, ball())], extras={"targetNames": NAMES})
    return build.glb()


def text_file() -> bytes:
    """.gltf with an embedded buffer."""
    build = Builder()
    _scene(build, [_primitive(build, ball())], extras={"targetNames": NAMES})
    return build.gltf()


def sparse() -> bytes:
    """Sparse morph targets without a base buffer view."""
    build = Builder()
    _scene(build, [_primitive(build, ball(), sparse=True)], extras={"targetNames": NAMES})
    return build.glb()


def several_primitives() -> bytes:
    """Two primitives with names on the primitive."""
    build = Builder()
    upper, lower = _primitive(build, ball()), _primitive(build, ball())
    for primitive in (upper, lower):
        primitive["extras"] = {"targetNames": NAMES}
    _scene(build, [upper, lower])
    return build.glb()


def centimetres() -> bytes:
    """Everything a hundred times too large."""
    build, shape = Builder(), ball()
    big = Ball(shape.positions * 100, shape.normals, shape.uvs, shape.triangles, shape.jaw * 100, shape.blink * 100)
    _scene(build, [_primitive(build, big)], extras={"targetNames": NAMES})
    return build.glb()


def z_up() -> bytes:
    """z up, facing -y, as exported without conversion; a neck and head joint say so."""
    build, shape = Builder(), ball()

    def turn(v: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.ascontiguousarray(np.stack([v[:, 0], -v[:, 2], v[:, 1]], 1))

    turned = Ball(*(turn(x) for x in (shape.positions, shape.normals)), shape.uvs, shape.triangles, *(
        turn(x) for x in (shape.jaw, shape.blink)
    ))  # fmt: skip
    primitive = _primitive(build, turned)
    count = len(shape.positions)
    primitive["attributes"]["JOINTS_0"] = build.array(np.tile(np.array([[1, 0, 0, 0]], np.uint8), (count, 1)))
    primitive["attributes"]["WEIGHTS_0"] = build.array(np.tile(np.array([[1, 0, 0, 0]], np.float32), (count, 1)))
    _scene(build, [primitive], {"skin": 0}, extras={"targetNames": NAMES})
    neck = build.add("nodes", {"name": "Neck", "translation": [0, 0, 1.35], "children": [2]})
    build.add("nodes", {"name": "Head_bone", "translation": [0, 0, 0.1]})
    inverse = np.stack([np.eye(4), np.eye(4)])
    inverse[0, 2, 3], inverse[1, 2, 3] = -1.35, -1.45
    flat = np.ascontiguousarray(inverse.transpose(0, 2, 1)).reshape(2, 16).astype(np.float32)
    build.add("skins", {"joints": [1, 2], "inverseBindMatrices": build.array(flat)})
    build.root["scenes"][0]["nodes"] = [0, neck]
    return build.glb()


def quantised() -> bytes:
    """KHR_mesh_quantization: int16 positions scaled by the node, int8 normals, int16 targets, padded strides."""
    build, shape = Builder(), ball()
    scale = 0.25 / 32767
    middle = np.array([0.0, 1.5, 0.0], np.float32)

    def short(v: NDArray[np.float32]) -> NDArray[np.int16]:
        return np.round(v / scale).astype(np.int16)

    primitive = {
        "attributes": {
            "POSITION": build.array(short(shape.positions - middle), stride=8),
            "NORMAL": build.array(np.round(shape.normals * 127).astype(np.int8), normalized=True, stride=4),
            "TEXCOORD_0": build.array(np.round(shape.uvs * 65535).astype(np.uint16), normalized=True),
        },
        "indices": build.array(shape.triangles.reshape(-1, 1)),
        "targets": [{"POSITION": build.array(short(x), stride=8)} for x in (shape.jaw, shape.blink)],
    }
    build.root["extensionsUsed"] = build.root["extensionsRequired"] = ["KHR_mesh_quantization"]
    _scene(build, [primitive], {"scale": [scale] * 3, "translation": [0, 1.5, 0]}, extras={"targetNames": NAMES})
    return build.glb()


def unnamed_targets() -> bytes:
    """Targets without any name."""
    build = Builder()
    _scene(build, [_primitive(build, ball())])
    return build.glb()


def skinned() -> bytes:
    """Two joints, the upper half following the head; cm in the skeleton, undone by the root node."""
    build, shape = Builder(), ball()
    scaled = Ball(shape.positions * 100, shape.normals, shape.uvs, shape.triangles, shape.jaw * 100, shape.blink * 100)
    primitive = _primitive(build, scaled)
    joints = np.tile(np.array([[0, 1, 0, 0]], np.uint8), (len(shape.positions), 1))
    up = np.clip((shape.positions[:, 1] - 1.4) / 0.1, 0, 1)
    weights = np.stack([1 - up, up, 0 * up, 0 * up], 1).astype(np.float32)
    primitive["attributes"]["JOINTS_0"] = build.array(joints)
    primitive["attributes"]["WEIGHTS_0"] = build.array(weights)
    _scene(build, [primitive], {"skin": 0}, extras={"targetNames": NAMES})
    root = build.add("nodes", {"name": "Armature", "scale": [0.01] * 3, "children": [2]})
    build.add("nodes", {"name": "Neck", "translation": [0, 138, 0], "children": [3]})
    build.add("nodes", {"name": "Head_bone", "translation": [0, 10, 0]})
    inverse = np.stack([np.eye(4), np.eye(4)])
    inverse[0, 1, 3], inverse[1, 1, 3] = -138, -148
    flat = np.ascontiguousarray(inverse.transpose(0, 2, 1)).reshape(2, 16).astype(np.float32)
    build.add("skins", {"joints": [2, 3], "inverseBindMatrices": build.array(flat)})
    build.root["scenes"][0]["nodes"] = [root, 0]
    return build.glb()


def levels_of_detail() -> bytes:
    """MSFT_lod: a fine and a coarse mesh, the coarse node outside the scene."""
    build = Builder()
    build.add("meshes", {"name": "Fine", "primitives": [_primitive(build, ball())], "extras": {"targetNames": NAMES}})
    build.add(
        "meshes", {"name": "Coarse", "primitives": [_primitive(build, ball(6, 8))], "extras": {"targetNames": NAMES}}
    )
    build.add("nodes", {"name": "Head", "mesh": 0, "extensions": {"MSFT_lod": {"ids": [1]}}})
    build.add("nodes", {"name": "HeadCoarse", "mesh": 1})
    build.root.update(scene=0, scenes=[{"nodes": [0]}], extensionsUsed=["MSFT_lod"])
    return build.glb()


def textured(form: str = "PNG", *, transform: bool = False) -> bytes:
    """A picture as base colour; WebP through EXT_texture_webp; optionally shifted by KHR_texture_transform."""
    build = Builder()
    primitive = _primitive(build, ball())
    primitive["material"] = 0
    source = build.picture(form)
    texture = {"extensions": {"EXT_texture_webp": {"source": source}}} if form == "WEBP" else {"source": source}
    build.add("textures", texture)
    info: dict[str, Any] = {"index": 0}
    if transform:
        info["extensions"] = {"KHR_texture_transform": {"offset": [0.5, 0.25], "scale": [2.0, 0.5]}}
    material = {
        "name": "Wolf3D_Skin",
        "pbrMetallicRoughness": {"baseColorTexture": info, "roughnessFactor": 0.4},
        "emissiveFactor": [0.1, 0.0, 0.0],
        "extensions": {"KHR_materials_unlit": {}, "KHR_materials_emissive_strength": {"emissiveStrength": 3.0}},
    }
    build.add("materials", material)
    _scene(build, [primitive], extras={"targetNames": NAMES})
    return build.glb()


PICTURES = Path(__file__).with_name("pictures")


def soft_picture(width: int, height: int, *, alpha: bool) -> NDArray[np.uint8]:
    """(height, width, 4) what the files in `pictures` show: soft colours, a brighter disc, alpha falling off.

    They were written by basis_universal's own encoder (npm ktx2-encoder 0.6.0) from the bytes of this array.
    """
    y, x = np.mgrid[0:height, 0:width]
    u, v = (x + 0.5) / width, (y + 0.5) / height
    disc = np.hypot(u - 0.4, v - 0.6) < 0.25
    fall = 1.0 - 0.7 * u if alpha else np.ones_like(u)
    colours = [0.2 + 0.6 * u, 0.3 + 0.4 * v + 0.1 * disc, 0.5 + 0.4 * np.sin(6.0 * u) * np.cos(4.0 * v), fall]
    return np.rint(np.clip(np.stack(colours, -1), 0, 1) * 255).astype(np.uint8)


def basis(data: bytes, *, fallback: bool = False) -> bytes:
    """A KTX2 picture through KHR_texture_basisu, required unless there is a PNG besides."""
    build = Builder()
    primitive = _primitive(build, ball())
    primitive["material"] = 0
    source = build.add("images", {"bufferView": build.view(data), "mimeType": "image/ktx2"})
    texture: dict[str, Any] = {"extensions": {"KHR_texture_basisu": {"source": source}}}
    build.root["extensionsUsed"] = ["KHR_texture_basisu"]
    if fallback:
        texture["source"] = build.picture()
    else:
        build.root["extensionsRequired"] = ["KHR_texture_basisu"]
    build.add("textures", texture)
    build.add("materials", {"name": "Skin", "pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}})
    _scene(build, [primitive], extras={"targetNames": NAMES})
    return build.glb()


def bumpy(*, apart: bool = False) -> bytes:
    """A normal map and a metallic-roughness picture; `apart`: the latter lies on other coordinates."""
    build = Builder()
    primitive = _primitive(build, ball())
    primitive["material"] = 0
    primitive["attributes"]["TEXCOORD_1"] = primitive["attributes"]["TEXCOORD_0"]
    build.add("textures", {"source": build.picture()})
    info = {"index": 0, "texCoord": 1 if apart else 0}
    look = {"baseColorTexture": {"index": 0}, "metallicRoughnessTexture": info, "roughnessFactor": 0.8}
    material = {"name": "Coat", "pbrMetallicRoughness": look, "normalTexture": {"index": 0, "scale": 0.5}}
    build.add("materials", material)
    _scene(build, [primitive], extras={"targetNames": NAMES})
    return build.glb()


DIALECTS: dict[str, Callable[[], bytes]] = {
    "plain.glb": plain,
    "text.gltf": text_file,
    "sparse.glb": sparse,
    "several_primitives.glb": several_primitives,
    "centimetres.glb": centimetres,
    "z_up.glb": z_up,
    "quantised.glb": quantised,
    "unnamed_targets.glb": unnamed_targets,
    "skinned.glb": skinned,
    "levels_of_detail.glb": levels_of_detail,
    "textured.glb": textured,
    "webp.glb": lambda: textured("WEBP"),
    "bumpy.glb": bumpy,
    **{
        path.name.replace(".ktx2", ".glb"): partial(basis, path.read_bytes())
        for path in sorted(PICTURES.glob("*.ktx2"))
    },
    "texture_transform.glb": lambda: textured(transform=True),
}


def main(folder: str) -> None:
    """Write every dialect."""
    base = Path(folder)
    base.mkdir(parents=True, exist_ok=True)
    for name, make in DIALECTS.items():
        (base / name).write_bytes(make())


if __name__ == "__main__":
    main(sys.argv[1])
