"""Only writes mesh parts as binary glTF 2.0: one skin, sparse shapes, levels by MSFT_lod, kinds in extras.

What a reader finds: scene -> node <id>_lod0 (extension MSFT_lod names the nodes of the coarser levels) -> one skinned
mesh node per part; joints under node `root`. Metres, y up, facing +z. Shapes have positions only (normals follow from
the surface) and are named in `mesh.extras.targetNames`; `material.extras.kind` says how to shade; a part that occurs
at a level keeps its name at all levels.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_engine.maker.draw_order import draw_order
from avatar_engine.maker.parts import JOINTS, LODS, Floats, Material, MeshPart
from avatar_engine.maker.skeleton import rigid_to

FLOAT, USHORT, UINT, UBYTE, SHORT = 5126, 5123, 5125, 5121, 5122
STEPS_PER_M = 32767
"""Shapes are stored as normalised 16-bit integers (KHR_mesh_quantization): steps of 0.03 mm."""

ARRAY, ELEMENT = 34962, 34963
SMALLEST_DELTA_M = {0: 2.5e-5, 1: 2.5e-5, 2: 1e-4}
"""Deltas below this are not stored, per level: an eighth of a pixel at 1080p, a quarter of one in a thumbnail."""

METRES = 0.1
"""Metres per decimetre."""

TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
COMPONENT = {"float32": FLOAT, "uint16": USHORT, "uint32": UINT, "uint8": UBYTE}

Json = dict[str, Any]


class GlbWriter:
    """Collects parts and joints into one binary file."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.blob = bytearray()
        self.views: list[Json] = []
        self.accessors: list[Json] = []
        self.materials: list[Json] = []
        self.material_of: dict[str, int] = {}
        self.images: list[Json] = []
        self.meshes: list[Json] = []
        self.nodes: list[Json] = []

    def write(self, parts: Sequence[MeshPart], centres: dict[str, Floats], extras: Json) -> bytes:
        """The whole file. centres: joint name -> (3,) dm."""
        joint_nodes = self._add_joints(centres)
        skin = self._add_skin(joint_nodes, centres)
        groups = []
        for lod in LODS:
            children = [self._add_part(part) for part in parts if part.lod == lod]
            self.nodes.append({"name": f"{self.name}_lod{lod}", "children": children})
            groups.append(len(self.nodes) - 1)
        self.nodes[groups[0]]["extensions"] = {"MSFT_lod": {"ids": groups[1:]}}
        self.nodes[groups[0]]["extras"] = {"MSFT_screencoverage": [0.5, 0.2, 0.0]}
        document: Json = {
            "asset": {"version": "2.0", "generator": "avatar-engine maker", "copyright": "CC0-1.0", "extras": extras},
            "extensionsUsed": ["MSFT_lod", "KHR_mesh_quantization"],
            "extensionsRequired": ["KHR_mesh_quantization"],
            "scene": 0,
            "scenes": [{"name": self.name, "nodes": [joint_nodes[0], groups[0]]}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "skins": [skin],
            "materials": self.materials,
            "accessors": self.accessors,
            "bufferViews": self.views,
            "buffers": [{"byteLength": 0}],
        }
        if self.images:
            document["images"] = self.images
            document["textures"] = [{"source": number, "sampler": 0} for number in range(len(self.images))]
            document["samplers"] = [{"magFilter": 9729, "minFilter": 9987, "wrapS": 10497, "wrapT": 10497}]
        self._pad()
        document["buffers"] = [{"byteLength": len(self.blob)}]
        text = json.dumps(document, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 4)
        total = 12 + 8 + len(text) + 8 + len(self.blob)
        return b"".join(
            [
                struct.pack("<III", 0x46546C67, 2, total),
                struct.pack("<II", len(text), 0x4E4F534A),
                text,
                struct.pack("<II", len(self.blob), 0x004E4942),
                bytes(self.blob),
            ]
        )

    def _pad(self) -> None:
        self.blob += b"\0" * (-len(self.blob) % 4)

    def _view(self, data: bytes, target: int | None = None) -> int:
        self._pad()
        view: Json = {"buffer": 0, "byteOffset": len(self.blob), "byteLength": len(data)}
        if target is not None:
            view["target"] = target
        self.blob += data
        self.views.append(view)
        return len(self.views) - 1

    def _accessor(
        self, table: NDArray[np.generic], target: int | None = None, bounds: bool = False, normalized: bool = False
    ) -> int:
        table = np.ascontiguousarray(table)
        width = 1 if table.ndim == 1 else int(np.prod(table.shape[1:]))
        accessor: Json = {
            "bufferView": self._view(table.tobytes(), target),
            "componentType": COMPONENT[table.dtype.name],
            "count": len(table),
            "type": TYPES[width],
        }
        if bounds:
            accessor["min"], accessor["max"] = table.min(0).tolist(), table.max(0).tolist()
        if normalized:
            accessor["normalized"] = True
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def _sparse(self, delta_m: NDArray[np.float32], smallest_m: float) -> int:
        """A shape: zeros but for the listed vertices (glTF 2.0 core)."""
        moved = np.nonzero(np.abs(delta_m).max(1) > smallest_m)[0]
        steps = np.round(np.clip(delta_m, -1, 1) * STEPS_PER_M).astype(np.int16)
        accessor: Json = {"componentType": SHORT, "normalized": True, "count": len(delta_m), "type": "VEC3"}
        if len(moved):
            small = len(delta_m) <= 65535
            index = moved.astype(np.uint16 if small else np.uint32)
            values = np.ascontiguousarray(steps[moved])
            accessor["sparse"] = {
                "count": len(moved),
                "indices": {"bufferView": self._view(index.tobytes()), "componentType": USHORT if small else UINT},
                "values": {"bufferView": self._view(values.tobytes())},
            }
            low, high = values.min(0), values.max(0)
            if len(moved) < len(delta_m):
                low, high = np.minimum(low, 0), np.maximum(high, 0)
        else:
            low = high = np.zeros(3, dtype=np.int16)
        accessor["min"], accessor["max"] = low.tolist(), high.tolist()
        self.accessors.append(accessor)
        return len(self.accessors) - 1

    def _add_joints(self, centres: dict[str, Floats]) -> list[int]:
        first = len(self.nodes)
        number = {name: first + k for k, (name, _) in enumerate(JOINTS)}
        for name, parent in JOINTS:
            shift = (centres[name] - (centres[parent] if parent else 0.0)) * METRES
            node: Json = {"name": name, "translation": [float(value) for value in shift.astype(np.float32)]}
            children = [number[child] for child, owner in JOINTS if owner == name]
            if children:
                node["children"] = children
            self.nodes.append(node)
        return [number[name] for name, _ in JOINTS]

    def _add_skin(self, joint_nodes: list[int], centres: dict[str, Floats]) -> Json:
        inverse = np.tile(np.eye(4, dtype=np.float32), (len(JOINTS), 1, 1))
        for k, (name, _) in enumerate(JOINTS):
            inverse[k, 3, :3] = (-centres[name] * METRES).astype(np.float32)
        matrices = self._accessor(inverse.reshape(-1, 16))
        return {"name": "bust", "joints": joint_nodes, "skeleton": joint_nodes[0], "inverseBindMatrices": matrices}

    def _material(self, material: Material) -> int:
        if material.name in self.material_of:
            return self.material_of[material.name]
        pbr: Json = {
            "baseColorFactor": [float(value) for value in material.base_color],
            "metallicFactor": 0.0,
            "roughnessFactor": material.roughness,
        }
        if material.texture is not None:
            pbr["baseColorTexture"] = self._image(material.name, material.texture, material.texture_format)
        if material.surface is not None:
            pbr["metallicRoughnessTexture"] = self._image(f"{material.name}Surface", material.surface)
        entry: Json = {"name": material.name, "pbrMetallicRoughness": pbr, "extras": {"kind": material.kind}}
        if material.relief is not None:
            entry["normalTexture"] = self._image(f"{material.name}Relief", material.relief)
        if material.double_sided:
            entry["doubleSided"] = True
        if material.alpha_mode != "OPAQUE":
            entry["alphaMode"] = material.alpha_mode
        if material.alpha_mode == "MASK":
            entry["alphaCutoff"] = material.alpha_cutoff
        self.materials.append(entry)
        self.material_of[material.name] = len(self.materials) - 1
        return len(self.materials) - 1

    def _image(self, name: str, picture: Image.Image, packing: str = "JPEG") -> Json:
        packed = io.BytesIO()
        if packing == "JPEG":
            picture.convert("RGB").save(packed, "JPEG", quality=91, subsampling=0)
        else:
            picture.save(packed, "PNG", optimize=True)
        view = self._view(packed.getvalue())
        self.images.append({"name": name, "bufferView": view, "mimeType": f"image/{packing.lower()}"})
        return {"index": len(self.images) - 1}

    def _add_part(self, part: MeshPart) -> int:
        part = _in_draw_order(part)
        count = len(part.positions)
        normals = part.normals / np.maximum(np.linalg.norm(part.normals, axis=1, keepdims=True), 1e-9)
        normals = np.where(np.linalg.norm(part.normals, axis=1, keepdims=True) < 1e-6, [0.0, 0.0, 1.0], normals)
        joints, weights = part.joints, part.weights
        if joints is None or weights is None:
            joints, weights = rigid_to("head", count)
        attributes: Json = {
            "POSITION": self._accessor((part.positions * METRES).astype(np.float32), ARRAY, bounds=True),
            "NORMAL": self._accessor(normals.astype(np.float32), ARRAY),
            "TEXCOORD_0": self._accessor((part.uvs * [1, -1] + [0, 1]).astype(np.float32), ARRAY),
            "JOINTS_0": self._accessor(joints.astype(np.uint8), ARRAY),
            "WEIGHTS_0": self._accessor(_fraction_weights(weights), ARRAY, normalized=True),
        }
        if part.tangents is not None:
            attributes["TANGENT"] = self._accessor(part.tangents.astype(np.float32), ARRAY)
        if part.colors is not None:
            attributes["COLOR_0"] = self._accessor(
                (np.clip(part.colors, 0, 1) * 65535 + 0.5).astype(np.uint16), ARRAY, normalized=True
            )
        small = count <= 65535
        index = part.triangles.reshape(-1).astype(np.uint16 if small else np.uint32)
        primitive: Json = {
            "attributes": attributes,
            "indices": self._accessor(index, ELEMENT),
            "material": self._material(part.material),
        }
        mesh: Json = {"name": part.name, "primitives": [primitive]}
        smallest = SMALLEST_DELTA_M[part.lod]
        deltas = {name: (delta * METRES).astype(np.float32) for name, delta in part.morphs.items()}
        deltas = {name: delta for name, delta in deltas.items() if np.abs(delta).max() > smallest}
        if deltas:
            primitive["targets"] = [{"POSITION": self._sparse(delta, smallest)} for delta in deltas.values()]
            mesh["extras"] = {"targetNames": list(deltas)}
            mesh["weights"] = [0.0] * len(deltas)
        self.meshes.append(mesh)
        self.nodes.append({"name": f"{part.name}_lod{part.lod}", "mesh": len(self.meshes) - 1, "skin": 0})
        return len(self.nodes) - 1


def _in_draw_order(part: MeshPart) -> MeshPart:
    """The same part, its triangles and vertices in the order in which they are drawn fastest."""
    triangles, old = draw_order(part.triangles, len(part.positions))

    def of(rows: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if rows is None else rows[old]

    return replace(
        part, positions=part.positions[old], normals=part.normals[old], uvs=part.uvs[old], triangles=triangles,
        tangents=of(part.tangents), colors=of(part.colors), joints=of(part.joints), weights=of(part.weights),
        morphs={name: delta[old] for name, delta in part.morphs.items()},
    )  # fmt: skip


def _fraction_weights(weights: Floats) -> NDArray[np.uint16]:
    """Weights as 16-bit fractions that sum to exactly one."""
    whole = np.floor(weights * 65535 + 0.5).astype(np.int64)
    whole[:, 0] += 65535 - whole.sum(1)
    return whole.astype(np.uint16)
