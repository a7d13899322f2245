"""Only what VRM 0.x and 1.0 add to glTF: expressions, humanoid bones, which way the file faces, its licence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.gltf.accessors import MAX_DECODED_BYTES
from avatar_engine.engine.gltf.document import Document
from avatar_engine.engine.model import MaterialKind

MAX_EXPRESSIONS = 512
MAX_BINDS = 256

# VRM humanoid bone -> the name this engine knows that joint by; every other bone keeps its humanoid name.
JOINTS = {
    "leftEye": "eyeLeft",
    "rightEye": "eyeRight",
    "leftShoulder": "shoulderLeft",
    "rightShoulder": "shoulderRight",
}
CHEST = ("upperChest", "chest", "spine")  # the highest of them leans with the speaker
VOWELS = frozenset({"a", "i", "u", "e", "o", "aa", "ih", "ou", "ee", "oh"})
TOON_KINDS: frozenset[MaterialKind] = frozenset({"skin", "hair", "cloth"})

LICENCE_0 = (
    "title", "version", "author", "contactInformation", "reference", "allowedUserName", "violentUssageName",
    "sexualUssageName", "commercialUssageName", "otherPermissionUrl", "licenseName", "otherLicenseUrl",
)  # fmt: skip
LICENCE_1 = (
    "name", "version", "authors", "copyrightInformation", "contactInformation", "references", "thirdPartyLicenses",
    "licenseUrl", "avatarPermission", "allowExcessivelyViolentUsage", "allowExcessivelySexualUsage",
    "commercialUsage", "allowPoliticalOrReligiousUsage", "allowAntisocialOrHateUsage", "creditNotation",
    "allowRedistribution", "modification", "otherLicenseUrl",
)  # fmt: skip


Target = tuple[str, NDArray[np.int32], NDArray[np.float64], NDArray[np.float64] | None]
"""Name, vertices, how they move, how their normals bend."""


@dataclass(frozen=True, slots=True)
class Bind:
    """An expression at 1 moves target `target` of mesh `mesh` by `weight`."""

    mesh: int
    target: int
    weight: float


@dataclass(frozen=True, slots=True)
class Vrm:
    """version: "0.x" or "1.0"; joints: node -> joint name; expressions: name -> binds; licence: the file's words."""

    version: str
    joints: dict[int, str]
    expressions: dict[str, tuple[Bind, ...]]
    licence: dict[str, object]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(4, 4) from the file's axes: VRM is in metres with y up; 0.x looks along -z, 1.0 along +z."""
        return np.diag([-1.0, 1.0, -1.0, 1.0]) if self.version == "0.x" else np.eye(4)


def read_vrm(document: Document) -> Vrm | None:
    """What the VRM extension says, or None for a plain glTF file."""
    new = document.extension(document.root, "VRMC_vrm")
    if new is not None:
        path = "extensions.VRMC_vrm"
        bones = document.mapping(document.mapping(new, "humanoid"), "humanBones")
        named = {name: document.mapping(bones, name) for name in bones}
        expressions = _expressions_1(document, document.mapping(new, "expressions"), f"{path}.expressions")
        return Vrm("1.0", _joints(document, named, expressions, path), expressions, _licence(document, new, LICENCE_1))
    old = document.extension(document.root, "VRM")
    if old is None:
        return None
    path = "extensions.VRM"
    listed = document.objects(document.mapping(old, "humanoid"), "humanBones", f"{path}.humanoid")
    named = {document.text(bone, "bone", ""): bone for bone in listed}
    expressions = _expressions_0(document, document.mapping(old, "blendShapeMaster"), f"{path}.blendShapeMaster")
    return Vrm("0.x", _joints(document, named, expressions, path), expressions, _licence(document, old, LICENCE_0))


def _joints(
    document: Document, bones: dict[str, dict[str, Any]], expressions: dict[str, tuple[Bind, ...]], path: str
) -> dict[int, str]:
    names: dict[int, str] = {}
    chest = next((name for name in CHEST if name in bones), "")
    count = len(document.items("nodes"))
    for bone, holder in bones.items():
        if bone == "jaw" and VOWELS & expressions.keys():
            continue  # exporters guess this bone and often take a strand of hair; the vowels move the mouth already
        if holder.get("node") is None:
            continue
        node = document.integer(holder, "node", f"{path}.humanoid.{bone}", low=-1, high=count)
        if bone == chest:
            names[node] = "spine"
        elif bone == "spine":
            names[node] = "spineLower"
        else:
            names[node] = JOINTS.get(bone, bone)
    names.pop(-1, None)
    return names


def _expressions_0(document: Document, master: dict[str, Any], path: str) -> dict[str, tuple[Bind, ...]]:
    groups = document.objects(master, "blendShapeGroups", path)
    meshes = len(document.items("meshes"))
    found: dict[str, tuple[Bind, ...]] = {}
    for k, group in enumerate(groups[:MAX_EXPRESSIONS]):
        at = f"{path}.blendShapeGroups[{k}]"
        preset = document.text(group, "presetName", "unknown").lower()
        name = document.text(group, "name", f"expression_{k}") if preset in ("unknown", "") else preset
        binds = []
        for bind in document.objects(group, "binds", at)[:MAX_BINDS]:
            mesh = document.integer(bind, "mesh", at, low=-1, high=meshes, default=-1)
            index = document.integer(bind, "index", at, low=-1, high=65536, default=-1)
            (weight,) = document.numbers(bind, "weight", at, (100.0,))
            if mesh >= 0 and index >= 0 and weight:
                binds.append(Bind(mesh, index, min(max(weight / 100.0, -1.0), 1.0)))
        if binds:
            found.setdefault(name, tuple(binds))
    return found


def _expressions_1(document: Document, holder: dict[str, Any], path: str) -> dict[str, tuple[Bind, ...]]:
    nodes = document.items("nodes")
    meshes = len(document.items("meshes"))
    found: dict[str, tuple[Bind, ...]] = {}
    # Custom expressions that carry ARKit names are finer than the presets; both are kept, names decide later.
    for family in ("preset", "custom"):
        table = document.mapping(holder, family)
        for name in list(table)[:MAX_EXPRESSIONS]:
            at = f"{path}.{family}.{str(name)[:80]}"
            binds = []
            for bind in document.objects(document.mapping(table, name), "morphTargetBinds", at)[:MAX_BINDS]:
                node = document.integer(bind, "node", at, high=len(nodes))
                index = document.integer(bind, "index", at, high=65536)
                (weight,) = document.numbers(bind, "weight", at, (1.0,))
                if nodes[node].get("mesh") is not None and weight:
                    mesh = document.integer(nodes[node], "mesh", f"nodes[{node}]", high=meshes)
                    binds.append(Bind(mesh, index, min(max(weight, -1.0), 1.0)))
            if binds:
                found.setdefault(str(name)[:120], tuple(binds))
    return found


def _licence(document: Document, holder: dict[str, Any], fields: tuple[str, ...]) -> dict[str, object]:
    meta = document.mapping(holder, "meta")
    kept: dict[str, object] = {}
    for name in fields:
        value = meta.get(name)
        if isinstance(value, bool):
            kept[name] = value
        elif isinstance(value, str) and value:
            kept[name] = value[:500]
        elif isinstance(value, list):
            kept[name] = [str(item)[:200] for item in value[:20]]
    return kept


def expressed(
    document: Document, vrm: Vrm, mesh: int, target_names: Sequence[str], targets: Sequence[Target], count: int
) -> list[Target]:
    """Every expression that moves this mesh of `count` vertices as a target of its own, unless one has its name."""
    own = {target[0]: target for target in targets}
    made: list[Target] = []
    for name, binds in vrm.expressions.items():
        chosen = [
            (own[target_names[bind.target]], bind.weight)
            for bind in binds
            if bind.mesh == mesh and bind.target < len(target_names) and target_names[bind.target] in own
        ]
        if not chosen or name in own:
            continue
        moved, bent = np.zeros((count, 3)), np.zeros((count, 3))
        for (_, index, delta, bend), weight in chosen:
            moved[index] += weight * delta
            if bend is not None:
                bent[index] += weight * bend
        index = np.flatnonzero(moved.any(axis=1) | bent.any(axis=1)).astype(np.int32)
        document.decoded += index.size * 52  # int32, and twice three doubles
        if document.decoded > MAX_DECODED_BYTES:
            document.fail(f"expression {name[:80]}", f"decodes to more than {MAX_DECODED_BYTES >> 20} MB in all")
        made.append((name, index, moved[index], bent[index] if bent.any() else None))
    return made


def toon_kind(document: Document, number: int, kind: MaterialKind) -> MaterialKind:
    """Toon materials are painted, not lit like eyes or teeth: only skin, hair and cloth keep their kind.

    So are eyes that mirror nothing: their lights are drawn.
    """
    material = document.items("materials")[number]
    mirror = document.extension(material, "KHR_materials_specular")
    if kind == "eye" and mirror is not None:
        (factor,) = document.numbers(mirror, "specularFactor", f"materials[{number}]", (1.0,))
        kind = kind if factor > 0.0 else "plain"
    toon = document.extension(material, "VRMC_materials_mtoon") is not None
    old = document.extension(document.root, "VRM")
    if old is not None and not toon:
        looks = document.objects(old, "materialProperties", "extensions.VRM")
        toon = number < len(looks) and "mtoon" in document.text(looks[number], "shader", "").lower()
    return kind if not toon or kind in TOON_KINDS else "plain"
