"""Only the hierarchy: nodes to world matrices, skins to joints, levels of detail; cycles and double parents refused."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.gltf.document import Document

Matrix = NDArray[np.float64]

MAX_DEPTH = 256  # of the hierarchy; a full body with fingers and hair chains stays below 80


@dataclass(slots=True)
class Graph:
    """World matrix (4, 4), parent (-1: root) and level of detail of every node that the scene shows.

    order: node numbers, parents first. level: -1 where the file does not say.
    """

    order: list[int]
    parent: dict[int, int]
    world: dict[int, Matrix]
    level: dict[int, int] = field(default_factory=dict)


def local_matrix(document: Document, node: dict[str, Any], path: str) -> Matrix:
    """The node's own 4x4 transform."""
    if node.get("matrix") is not None:
        flat = document.numbers(node, "matrix", path, tuple(np.eye(4).ravel()))
        return np.array(flat).reshape(4, 4).T
    x, y, z, w = document.numbers(node, "rotation", path, (0.0, 0.0, 0.0, 1.0))
    length = float(np.sqrt(x * x + y * y + z * z + w * w))
    if length < 1e-6:
        document.fail(f"{path}.rotation", "is a quaternion of length 0")
    x, y, z, w = x / length, y / length, z / length, w / length
    scale = document.numbers(node, "scale", path, (1.0, 1.0, 1.0))
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    ) * np.array(scale)
    matrix[:3, 3] = document.numbers(node, "translation", path, (0.0, 0.0, 0.0))
    return matrix


def _children(document: Document, node: dict[str, Any], key: str, path: str, count: int) -> list[int]:
    value = node.get(key, [])
    if not isinstance(value, list):
        document.fail(f"{path}.{key}", "is not a list")
    for number in value:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < count:
            document.fail(f"{path}.{key}", f"names node {str(number)[:20]} of {count}")
    return value


def read_graph(document: Document) -> Graph:
    """Walk the default scene (all root nodes where there is none)."""
    nodes = document.items("nodes")
    scenes = document.items("scenes")
    children = [_children(document, node, "children", f"nodes[{i}]", len(nodes)) for i, node in enumerate(nodes)]
    if scenes:
        number = document.integer(document.root, "scene", "scene", high=len(scenes), default=0)
        roots = _children(document, scenes[number], "nodes", f"scenes[{number}]", len(nodes))
    else:
        inner = {child for group in children for child in group}
        roots = [i for i in range(len(nodes)) if i not in inner]
        if nodes and not roots:
            document.fail("nodes", "form a cycle: no node is a root")
    graph = Graph([], {}, {})
    levels = _declared_levels(document, nodes)
    placed = set(roots).union(*children)
    stack = [(root, -1, np.eye(4), 0) for root in reversed(roots)]
    # Coarser levels hang outside the scene: they stand where their fine node stands.
    while stack:
        number, parent, above, depth = stack.pop()
        if number in graph.world:
            document.fail(f"nodes[{number}]", "is reached twice: a cycle or two parents")
        if depth > MAX_DEPTH:
            document.fail(f"nodes[{number}]", f"lies more than {MAX_DEPTH} levels deep")
        world = above @ local_matrix(document, nodes[number], f"nodes[{number}]")
        if not np.isfinite(world).all():
            document.fail(f"nodes[{number}]", "has a transform that is not finite")
        graph.order.append(number)
        graph.parent[number] = parent
        graph.world[number] = world
        graph.level[number] = levels.get(number, graph.level.get(parent, -1))
        stack += [(child, number, world, depth + 1) for child in reversed(children[number])]
        stack += [
            (coarser, parent, above, depth)
            for coarser in reversed(_lod_ids(document, nodes[number], number, len(nodes)))
            if coarser not in graph.world and coarser not in placed
        ]
    return graph


def _lod_ids(document: Document, node: dict[str, Any], number: int, count: int) -> list[int]:
    lod = document.extension(node, "MSFT_lod")
    return [] if lod is None else _children(document, lod, "ids", f"nodes[{number}].MSFT_lod", count)


def _declared_levels(document: Document, nodes: list[dict[str, Any]]) -> dict[int, int]:
    """Level by MSFT_lod, else by `extras.lod`, else by a name that ends in LOD1 or _lod_2."""
    levels: dict[int, int] = {}
    meshes = document.items("meshes")
    for number, node in enumerate(nodes):
        ids = _lod_ids(document, node, number, len(nodes))
        if ids:
            levels.setdefault(number, 0)
            levels.update({child: level for level, child in enumerate(ids, start=1)})
    for number, node in enumerate(nodes):
        mesh = node.get("mesh")
        holders = [node]
        if isinstance(mesh, int) and not isinstance(mesh, bool) and 0 <= mesh < len(meshes):
            holders.append(meshes[mesh])
        for holder in holders:
            lod = document.mapping(holder, "extras").get("lod")
            if isinstance(lod, int) and not isinstance(lod, bool) and 0 <= lod < 8:
                levels.setdefault(number, lod)
            match = re.search(r"[._\- ]?lod[._\- ]?(\d)$", document.text(holder, "name", ""), re.IGNORECASE)
            if match:
                levels.setdefault(number, int(match.group(1)))
    return levels
