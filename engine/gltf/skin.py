"""Only bones: the joints of a file as one list, and skinned vertices brought to the rest pose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.gltf.accessors import floats, read
from avatar_engine.engine.gltf.document import Document
from avatar_engine.engine.gltf.nodes import Graph, Matrix

MAX_JOINTS = 1024
MAX_INFLUENCES = 4


@dataclass(slots=True)
class Skeleton:
    """nodes: glTF node of each joint, parents first; index: node -> joint; skins: per glTF skin its (joint numbers,
    rest matrices (k, 4, 4) = world * inverse bind)."""

    nodes: list[int]
    index: dict[int, int]
    parent: list[int]
    skins: list[tuple[NDArray[np.int64], NDArray[np.float64]]]


def read_skeleton(document: Document, graph: Graph) -> Skeleton:
    """All joints of all skins that the scene reaches, with the nodes between them."""
    skins = document.items("skins")
    nodes = document.items("nodes")
    listed: list[list[int]] = []
    wanted: set[int] = set()
    for number, skin in enumerate(skins):
        path = f"skins[{number}]"
        joints = skin.get("joints")
        if not isinstance(joints, list) or not joints:
            document.fail(f"{path}.joints", "is empty or missing")
        if len(joints) > MAX_JOINTS:
            document.fail(f"{path}.joints", f"has {len(joints)} joints, at most {MAX_JOINTS} are read")
        for joint in joints:
            if not isinstance(joint, int) or isinstance(joint, bool) or not 0 <= joint < len(nodes):
                document.fail(f"{path}.joints", f"names node {str(joint)[:20]} of {len(nodes)}")
            if joint not in graph.world:
                document.fail(f"{path}.joints", f"names node {joint}, which the scene does not contain")
        listed.append(joints)
        wanted.update(joints)
    # Nodes between two joints move with them: they count as joints too.
    for joint in tuple(wanted):
        chain, at = [], graph.parent[joint]
        while at != -1 and at not in wanted:
            chain.append(at)
            at = graph.parent[at]
        if at != -1:
            wanted.update(chain)
    order = [node for node in graph.order if node in wanted]
    if len(order) > MAX_JOINTS:
        document.fail("skins", f"have {len(order)} joints, at most {MAX_JOINTS} are read")
    index = {node: i for i, node in enumerate(order)}
    parent = [index.get(graph.parent[node], -1) for node in order]
    result = Skeleton(order, index, parent, [])
    for number, joints in enumerate(listed):
        path = f"skins[{number}]"
        inverse = np.tile(np.eye(4), (len(joints), 1, 1))
        if skins[number].get("inverseBindMatrices") is not None:
            accessor = document.integer(skins[number], "inverseBindMatrices", path, high=2**31)
            flat = floats(document, accessor, f"{path}.inverseBindMatrices", 16)
            if len(flat) < len(joints):
                document.fail(f"{path}.inverseBindMatrices", f"has {len(flat)} matrices for {len(joints)} joints")
            inverse = flat[: len(joints)].reshape(-1, 4, 4).transpose(0, 2, 1).astype(np.float64)
        world = np.stack([graph.world[joint] for joint in joints])
        result.skins.append((np.array([index[joint] for joint in joints]), world @ inverse))
    return result


def influences(
    document: Document, attributes: dict[str, int], count: int, joints_in_skin: int, at: str
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """(n, 4) joint slots of the skin and (n, 4) weights that sum to 1, the strongest four of up to eight."""
    slots, weights = [], []
    for part in range(2):
        if f"JOINTS_{part}" not in attributes or f"WEIGHTS_{part}" not in attributes:
            break
        slot = read(document, attributes[f"JOINTS_{part}"], f"{at}.JOINTS_{part}")
        weight = floats(document, attributes[f"WEIGHTS_{part}"], f"{at}.WEIGHTS_{part}", 4)
        if slot.dtype.kind != "u" or slot.shape[1] != 4 or len(slot) != count or len(weight) != count:
            document.fail(at, "has joints or weights of the wrong type or length")
        if document.items("accessors")[attributes[f"WEIGHTS_{part}"]].get("normalized") is not True and (
            weight.max(initial=0.0) > 2.0
        ):
            weight = weight / max(float(weight.max()), 1.0)
        slots.append(slot.astype(np.int64))
        weights.append(np.maximum(weight, 0.0))
    slot, weight = np.hstack(slots), np.hstack(weights)
    used = slot[weight > 0.0]
    if used.size and int(used.max()) >= joints_in_skin:
        document.fail(at, f"names joint {int(used.max())} of {joints_in_skin}")
    slot = np.minimum(slot, joints_in_skin - 1)
    if slot.shape[1] > MAX_INFLUENCES:
        best = np.argsort(-weight, axis=1, kind="stable")[:, :MAX_INFLUENCES]
        slot, weight = np.take_along_axis(slot, best, 1), np.take_along_axis(weight, best, 1)
    total = weight.sum(1, keepdims=True)
    weight = np.where(total > 1e-6, weight / np.maximum(total, 1e-6), np.array([[1.0, 0.0, 0.0, 0.0]]))
    return np.where(weight > 0.0, slot, slot[:, :1]), weight.astype(np.float32)


def vertex_matrices(slot: NDArray[np.int64], weight: NDArray[np.float32], rest: Matrix) -> Matrix:
    """(4, 4) when all joints agree at rest (the usual case), else (n, 4, 4)."""
    used = np.unique(slot)
    if np.allclose(rest[used], rest[used[0]], atol=1e-5 * max(1.0, float(np.abs(rest[used[0]]).max()))):
        return rest[used[0]]
    return np.einsum("nk,nkij->nij", weight.astype(np.float64), rest[slot])
