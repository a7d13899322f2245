"""Only the way from a path to a `Model`: primitives, morph targets, skins and levels put together and set upright."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf.accessors import floats, indices
from avatar_engine.engine.gltf.arms import relaxed
from avatar_engine.engine.gltf.document import Document, open_document
from avatar_engine.engine.gltf.draco import unpack_draco
from avatar_engine.engine.gltf.materials import read_material, uv_transform
from avatar_engine.engine.gltf.nodes import Graph, read_graph
from avatar_engine.engine.gltf.skin import Skeleton, influences, read_skeleton, vertex_matrices
from avatar_engine.engine.gltf.upright import upright
from avatar_engine.engine.gltf.vrm import expressed, read_vrm
from avatar_engine.engine.memory import give_back
from avatar_engine.engine.model import Joint, Mesh, Model, MorphTarget
from avatar_engine.engine.surface import smooth_normals

MAX_VERTICES = 3_000_000
MAX_TARGETS = 1024
STILL_M = 1e-6  # displacements below a micrometre (after scaling) are not stored

Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Part:
    """One primitive in file axes; targets hold (name, index, delta, normal delta or None)."""

    name: str
    level: int
    positions: Floats
    normals: Floats
    uvs: NDArray[np.float32]
    triangles: NDArray[np.uint32]
    material: int | None
    tangents: Floats | None
    colours: NDArray[np.float32] | None
    joints: NDArray[np.uint16] | None
    weights: NDArray[np.float32] | None
    attached: int
    targets: list[tuple[str, NDArray[np.int32], Floats, Floats | None]] = field(default_factory=list)
    mesh: int = -1
    target_names: list[str] = field(default_factory=list)


def load_model(path: str | Path) -> Model:
    """Read a .glb or .gltf into a `Model` in metres, y up, facing +z. Raises `AssetError` for anything unreadable."""
    path = Path(path)
    document = open_document(path)
    try:
        model = _build(document, path)
    except AssetError:
        raise
    except (MemoryError, ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        # Checked reads should have named the fault already; whatever slips through is still the file's fault.
        raise AssetError(document.where, f"cannot be read ({type(error).__name__}: {error})", "re-export it") from error
    del document
    give_back()
    return model


def _build(document: Document, path: Path) -> Model:
    graph = read_graph(document)
    skeleton = read_skeleton(document, graph)
    parts = _parts(document, graph, skeleton)
    if not parts:
        raise AssetError(document.where, "contains no triangles to draw", "export the mesh together with the scene")
    places = np.array([graph.world[node][:3, 3] for node in skeleton.nodes]).reshape(-1, 3)
    nodes = document.items("nodes")
    vrm = read_vrm(document)
    known = {} if vrm is None else vrm.joints
    names = _unique(
        [known.get(node) or document.text(nodes[node], "name", f"joint{i}") for i, node in enumerate(skeleton.nodes)]
    )
    if vrm is not None:
        for part in parts:
            part.targets += expressed(document, vrm, part.mesh, part.target_names, part.targets, len(part.positions))
    fine = min((part.level for part in parts), default=0)
    cloud = np.vstack([part.positions for part in parts if part.level == fine])
    moving = [part.positions[index] for part in parts if part.level == fine for _, index, _, _ in part.targets]
    matrix = upright(cloud, np.vstack(moving) if moving else None, names, places) if vrm is None else vrm.matrix
    joints = tuple(
        Joint(name, skeleton.parent[i], _rest(matrix, graph.world[node]))
        for i, (name, node) in enumerate(zip(names, skeleton.nodes))
    )
    meshes = tuple(_mesh(document, part, matrix, path.parent) for part in parts)
    morphs = tuple(dict.fromkeys(target.name for mesh in meshes for target in mesh.targets))
    if len(morphs) > MAX_TARGETS:
        raise AssetError(document.where, f"has {len(morphs)} morph targets, at most {MAX_TARGETS} are read")
    asset = document.mapping(document.root, "asset")
    facts: dict[str, object] = {
        "generator": document.text(asset, "generator", ""),
        "copyright": document.text(asset, "copyright", ""),
        "scale": float(np.linalg.norm(matrix[0, :3])),
        "turned": not np.allclose(matrix[:3, :3] / np.linalg.norm(matrix[0, :3]), np.eye(3)),
        "asset_extras": document.mapping(asset, "extras"),
    }
    if vrm is not None:
        facts["vrm"] = {"version": vrm.version, "licence": vrm.licence, "expressions": tuple(vrm.expressions)}
    levels = max(mesh.level for mesh in meshes) + 1
    return relaxed(Model(path.stem, meshes, joints, morphs, levels, str(path), facts))


def _rest(matrix: Floats, world: Floats) -> NDArray[np.float32]:
    """Rest transform in avatar axes; the scale of the file is taken out of the rotation part."""
    rest = matrix @ world
    length = np.linalg.norm(rest[:3, :3], axis=0)
    rest[:3, :3] /= np.where(length > 1e-12, length, 1.0)
    return rest.astype(np.float32)


def _unique(names: list[str]) -> list[str]:
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name}.{seen[name]}")
    return result


def _parts(document: Document, graph: Graph, skeleton: Skeleton) -> list[_Part]:
    nodes, meshes = document.items("nodes"), document.items("meshes")
    parts: list[_Part] = []
    total = 0
    for number in graph.order:
        if nodes[number].get("mesh") is None:
            continue
        at = f"nodes[{number}]"
        which = document.integer(nodes[number], "mesh", at, high=len(meshes))
        skin = None
        if nodes[number].get("skin") is not None:
            skin = document.integer(nodes[number], "skin", at, high=len(skeleton.skins))
        attached, up = -1, number
        while up != -1 and attached < 0:
            attached = skeleton.index.get(up, -1)
            up = graph.parent[up]
        mesh, path = meshes[which], f"meshes[{which}]"
        primitives = document.objects(mesh, "primitives", path)
        for k, primitive in enumerate(primitives):
            part = _primitive(
                document,
                mesh,
                primitive,
                f"{path}.primitives[{k}]",
                graph.world[number],
                skin,
                skeleton,
                attached,
            )
            if part is None:
                continue
            part.name = document.text(nodes[number], "name", document.text(mesh, "name", f"mesh{which}"))
            part.name += f".{k}" if len(primitives) > 1 else ""
            part.level = max(graph.level[number], 0)
            part.mesh = which
            total += len(part.positions)
            if total > MAX_VERTICES:
                document.fail(path, f"brings the scene over {MAX_VERTICES} vertices")
            parts.append(part)
    return parts


def _attributes(document: Document, holder: object, at: str) -> dict[str, int]:
    if not isinstance(holder, dict):
        document.fail(at, "is not an object")
    count = len(document.items("accessors"))
    return {str(name): document.integer(holder, name, at, high=count) for name in holder}


def _primitive(
    document: Document,
    mesh: dict[str, Any],
    primitive: dict[str, Any],
    at: str,
    world: Floats,
    skin: int | None,
    skeleton: Skeleton,
    attached: int,
) -> _Part | None:
    unpack_draco(document, primitive, at)
    mode = document.integer(primitive, "mode", at, high=7, default=4)
    if mode < 4:
        return None  # points and lines
    attributes = _attributes(document, primitive.get("attributes"), f"{at}.attributes")
    if "POSITION" not in attributes:
        document.fail(f"{at}.attributes", "have no POSITION")
    positions = floats(document, attributes["POSITION"], f"{at}.POSITION", 3).astype(np.float64)
    count = len(positions)
    if primitive.get("indices") is not None:
        number = document.integer(primitive, "indices", at, high=2**31)
        flat = indices(document, number, f"{at}.indices", count)
    else:
        flat = np.arange(count, dtype=np.uint32)
    triangles = _triangles(flat, mode)
    if not len(triangles):
        return None
    optional: dict[str, Floats] = {}
    for name, widths in (("NORMAL", (3,)), ("TANGENT", (4,)), ("COLOR_0", (3, 4))):
        if name in attributes:
            optional[name] = floats(document, attributes[name], f"{at}.{name}", widths).astype(np.float64)
            if len(optional[name]) != count:
                document.fail(f"{at}.{name}", f"has {len(optional[name])} entries for {count} vertices")
    material = None
    if primitive.get("material") is not None:
        material = document.integer(primitive, "material", at, high=len(document.items("materials")))
    uvs = _uvs(document, attributes, material, count, at)
    colours = optional.get("COLOR_0")
    if colours is not None and colours.shape[1] == 3:
        colours = np.hstack([colours, np.ones((count, 1))])
    matrix, slot, weight = world, None, None
    if skin is not None and "JOINTS_0" in attributes and "WEIGHTS_0" in attributes:
        numbers, rest = skeleton.skins[skin]
        local, weight = influences(document, attributes, count, len(numbers), at)
        matrix = vertex_matrices(local, weight, rest)
        slot = numbers[local].astype(np.uint16)
    normals = optional.get("NORMAL")
    if normals is None:
        normals = smooth_normals(positions, triangles)
    turn = matrix[..., :3, :3]
    if np.linalg.det(turn.reshape(-1, 3, 3)[0]) < 0.0:
        triangles = triangles[:, ::-1].copy()  # a mirroring transform turns faces inside out
    part = _Part(
        name="",
        level=0,
        positions=_apply(turn, positions) + matrix[..., :3, 3],
        normals=_normals(turn, normals),
        uvs=uvs,
        triangles=triangles,
        material=material,
        tangents=_tangents(turn, optional.get("TANGENT")),
        colours=None if colours is None else np.clip(colours, 0.0, 1.0).astype(np.float32),
        joints=slot,
        weights=weight,
        attached=attached if slot is None else -1,
    )
    part.targets = _targets(document, mesh, primitive, at, count, turn)
    listed = primitive.get("targets")
    part.target_names = _target_names(document, mesh, primitive, len(listed) if isinstance(listed, list) else 0)
    return part


def _triangles(flat: NDArray[np.uint32], mode: int) -> NDArray[np.uint32]:
    if mode == 4:
        triangles = flat[: len(flat) // 3 * 3].reshape(-1, 3)
    elif len(flat) < 3:
        triangles = np.zeros((0, 3), np.uint32)
    elif mode == 5:
        triangles = np.stack([flat[:-2], flat[1:-1], flat[2:]], 1)
        triangles[1::2] = triangles[1::2, [1, 0, 2]]
    else:
        triangles = np.stack([np.broadcast_to(flat[0], len(flat) - 2), flat[1:-1], flat[2:]], 1)
    a, b, c = triangles.T
    return np.ascontiguousarray(triangles[(a != b) & (b != c) & (a != c)])


def _uvs(
    document: Document, attributes: dict[str, int], material: int | None, count: int, at: str
) -> NDArray[np.float32]:
    channel, change = 0, None
    if material is not None:
        channel, change = uv_transform(document, document.items("materials")[material], f"materials[{material}]")
    name = f"TEXCOORD_{channel}"
    if name not in attributes:
        return np.zeros((count, 2), np.float32)
    uvs = floats(document, attributes[name], f"{at}.{name}", 2)
    if len(uvs) != count:
        document.fail(f"{at}.{name}", f"has {len(uvs)} entries for {count} vertices")
    if change is not None:
        uvs = (uvs @ change[:, :2].T + change[:, 2]).astype(np.float32)
    return uvs


def _apply(turn: Floats, vectors: Floats) -> Floats:
    return vectors @ turn.T if turn.ndim == 2 else np.einsum("nij,nj->ni", turn, vectors)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-12, vectors / np.maximum(length, 1e-12), np.array([0.0, 0.0, 1.0]))


def _normals(turn: Floats, normals: Floats) -> Floats:
    # Cofactors = inverse transpose up to scale, and they exist for flattened axes too.
    cofactor = np.stack(
        [np.cross(turn[..., 1, :], turn[..., 2, :]), np.cross(turn[..., 2, :], turn[..., 0, :]),
         np.cross(turn[..., 0, :], turn[..., 1, :])], axis=-2,
    )  # fmt: skip
    sign = np.sign(np.linalg.det(turn))
    return _unit(_apply(cofactor, normals) * (sign if np.ndim(sign) == 0 else sign[:, None]))


def _tangents(turn: Floats, tangents: Floats | None) -> Floats | None:
    if tangents is None:
        return None
    return np.hstack([_unit(_apply(turn, tangents[:, :3])), tangents[:, 3:]])


def _targets(
    document: Document, mesh: dict[str, Any], primitive: dict[str, Any], at: str, count: int, turn: Floats
) -> list[tuple[str, NDArray[np.int32], Floats, Floats | None]]:
    holders = primitive.get("targets", [])
    if not isinstance(holders, list):
        document.fail(f"{at}.targets", "is not a list")
    if len(holders) > MAX_TARGETS:
        document.fail(f"{at}.targets", f"has {len(holders)} entries, at most {MAX_TARGETS} are read")
    names = _target_names(document, mesh, primitive, len(holders))
    result = []
    for name, (k, holder) in zip(names, enumerate(holders)):
        path = f"{at}.targets[{k}]"
        attributes = _attributes(document, holder, path)
        if "POSITION" not in attributes:
            continue
        delta = floats(document, attributes["POSITION"], f"{path}.POSITION", 3).astype(np.float64)
        if len(delta) != count:
            document.fail(f"{path}.POSITION", f"has {len(delta)} entries for {count} vertices")
        bend = None
        if "NORMAL" in attributes:
            bend = floats(document, attributes["NORMAL"], f"{path}.NORMAL", 3).astype(np.float64)
            if len(bend) != count:
                document.fail(f"{path}.NORMAL", f"has {len(bend)} entries for {count} vertices")
            if not bend.any():
                bend = None
        index = np.flatnonzero(delta.any(axis=1) if bend is None else (delta.any(axis=1) | bend.any(axis=1)))
        chosen = turn if turn.ndim == 2 else turn[index]
        moved = _apply(chosen, delta[index])
        if bend is not None:
            scale = np.cbrt(np.abs(np.linalg.det(chosen)))
            bend = _apply(chosen, bend[index]) / np.maximum(scale if np.ndim(scale) == 0 else scale[:, None], 1e-12)
        result.append((name, index.astype(np.int32), moved, bend))
    return result


def _target_names(document: Document, mesh: dict[str, Any], primitive: dict[str, Any], count: int) -> list[str]:
    """From mesh.extras, primitive.extras or the primitive itself; positions name what is left."""
    for holder in (document.mapping(mesh, "extras"), document.mapping(primitive, "extras"), mesh, primitive):
        names = holder.get("targetNames") or holder.get("target_names")
        if isinstance(names, list) and names:
            known = [str(name)[:120] if isinstance(name, (str, int)) else "" for name in names[:count]]
            known += [""] * (count - len(known))
            return _unique([name or f"target_{i}" for i, name in enumerate(known)])
    accessors = document.items("accessors")
    names = []
    targets = primitive.get("targets", [])
    for i in range(count):
        number = targets[i].get("POSITION") if isinstance(targets[i], dict) else None
        named = ""
        if isinstance(number, int) and 0 <= number < len(accessors):
            named = document.text(accessors[number], "name", "")
        names.append(named or f"target_{i}")
    return _unique(names)


def _mesh(document: Document, part: _Part, matrix: Floats, folder: Path) -> Mesh:
    turn = matrix[:3, :3]
    rotate = turn / np.linalg.norm(turn[0])
    targets = []
    for name, index, delta, bend in part.targets:
        moved = delta @ turn.T
        keep = np.abs(moved).max(axis=1, initial=0.0) > STILL_M
        if bend is not None:
            keep |= np.abs(bend).max(axis=1, initial=0.0) > 1e-4
        targets.append(
            MorphTarget(
                name,
                index[keep],
                np.ascontiguousarray(moved[keep], np.float32),
                None if bend is None else np.ascontiguousarray(bend[keep] @ rotate.T, np.float32),
            )
        )
    tangents = part.tangents
    if tangents is not None:
        tangents = np.hstack([tangents[:, :3] @ rotate.T, tangents[:, 3:]])
    return Mesh(
        name=part.name,
        level=part.level,
        positions=np.ascontiguousarray(part.positions @ turn.T + matrix[:3, 3], np.float32),
        normals=np.ascontiguousarray(part.normals @ rotate.T, np.float32),
        uvs=np.ascontiguousarray(part.uvs, np.float32),
        triangles=part.triangles,
        material=read_material(document, part.material, part.name, folder),
        tangents=None if tangents is None else np.ascontiguousarray(tangents, np.float32),
        colours=part.colours,
        joints=part.joints,
        weights=part.weights,
        attached_joint=part.attached,
        targets=tuple(targets),
    )
