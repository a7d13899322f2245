"""Only small files in the manner of other makers' avatars: naming families, VRM, skeletons, compression."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from tests.gltf import meshopt
from tests.gltf.ball import Ball, ball
from tests.gltf.generate import Builder, _primitive

FAMILIES: dict[str, dict[str, dict[str, float]]] = yaml.safe_load(
    files("avatar_engine.components").joinpath("morph_aliases.yaml").read_text("utf-8")
)["families"]


def shown(shape: Ball, meaning: Iterable[str]) -> NDArray[np.float32]:
    """(n, 3) a displacement in the region that these controls belong to: lids and brows above, the mouth below."""
    names = list(meaning)
    if not any(name.startswith(("eye", "brow", "cheekSquint", "noseSneer")) for name in names):
        return shape.jaw
    delta = shape.blink.copy()
    left = shape.positions[:, 0] >= 0
    if all(name.endswith("Left") for name in names):
        delta[~left] = 0
    elif all(name.endswith("Right") for name in names):
        delta[left] = 0
    return delta


def named(targets: dict[str, Iterable[str]], joints: tuple[str, ...] = ()) -> bytes:
    """A head whose targets have these names and show these controls; optionally head, eye and jaw bones."""
    build, shape = Builder(), ball()
    primitive = _primitive(build, shape, targets=False)
    primitive["targets"] = [{"POSITION": build.sparse(shown(shape, meaning))} for meaning in targets.values()]
    if not targets:
        del primitive["targets"]
    build.add("meshes", {"name": "Face", "primitives": [primitive], "extras": {"targetNames": list(targets)}})
    build.add("nodes", {"name": "Face", "mesh": 0})
    roots = [0]
    if joints:
        roots.append(skeleton(build, primitive, shape, {name: PLACES[name.split("|")[-1]] for name in joints}))
        build.root["nodes"][0]["skin"] = 0
    build.root.update(scene=0, scenes=[{"nodes": roots}])
    return build.glb()


# a joint's name, "|", what it is; places in metres
PLACES = {
    "head": (0.0, 1.45, 0.0),
    "jaw": (0.0, 1.45, 0.02),
    "eye_left": (0.032, 1.53, 0.08),
    "eye_right": (-0.032, 1.53, 0.08),
}


def skeleton(build: Builder, primitive: dict[str, Any], shape: Ball, places: dict[str, tuple[float, ...]]) -> int:
    """Joints under the first one; all skin follows the first, the chin the jaw if there is one. The root node."""
    names = list(places)
    first = len(build.root["nodes"])
    for k, name in enumerate(names):
        at = np.array(places[name]) - (0 if k == 0 else np.array(places[names[0]]))
        build.add("nodes", {"name": name.split("|")[0], "translation": at.tolist()})
    build.root["nodes"][first]["children"] = list(range(first + 1, first + len(names)))
    inverse = np.tile(np.eye(4), (len(names), 1, 1))
    inverse[:, :3, 3] = -np.array([places[name] for name in names])
    flat = np.ascontiguousarray(inverse.transpose(0, 2, 1)).reshape(-1, 16).astype(np.float32)
    joints = list(range(first, first + len(names)))
    build.add("skins", {"joints": joints, "inverseBindMatrices": build.array(flat)})
    chin = shape.jaw.any(axis=1)
    jaw = next((k for k, name in enumerate(names) if name.endswith("|jaw")), 0)
    slots = np.zeros((len(shape.positions), 4), np.uint8)
    slots[chin, 0] = jaw
    weights = np.tile(np.array([[1, 0, 0, 0]], np.float32), (len(slots), 1))
    primitive["attributes"]["JOINTS_0"] = build.array(slots)
    primitive["attributes"]["WEIGHTS_0"] = build.array(weights)
    return first


def family(name: str) -> bytes:
    """All names of one family of the alias table."""
    targets: dict[str, Iterable[str]] = {alias: tuple(weights) for alias, weights in FAMILIES[name].items()}
    if not any("jawOpen" in weights or "viseme_aa" in weights for weights in FAMILIES[name].values()):
        targets["JawOpen"] = ("jawOpen",)  # the table holds only what differs from ARKit in this family
    return named(targets)


def _vrm_head(names: list[str], turn: bool) -> tuple[Builder, int]:
    build, shape = Builder(), ball()
    sign = np.array([-1, 1, -1], np.float32) if turn else np.ones(3, np.float32)
    turned = Ball(
        shape.positions * sign, shape.normals * sign, shape.uvs, shape.triangles, shape.jaw * sign, shape.blink * sign
    )
    left = shape.blink * (shape.positions[:, :1] >= 0)
    right = shape.blink * (shape.positions[:, :1] < 0)
    primitive = _primitive(build, turned, targets=False)
    primitive["targets"] = [{"POSITION": build.sparse(d * sign)} for d in (shape.jaw, shape.jaw * 0.5, left, right)]
    primitive["material"] = build.add("materials", {"name": "Face_EyeIris", "extensions": {"KHR_materials_unlit": {}}})
    build.add("meshes", {"name": "Face", "primitives": [primitive], "extras": {"targetNames": names}})
    build.add("nodes", {"name": "Face", "mesh": 0, "skin": 0})
    places = {name: tuple(np.array(PLACES[name.split("|")[1]]) * sign) for name in
              ("Bone_1|head", "Bone_2|eye_left", "Bone_3|eye_right")}  # fmt: skip
    root = skeleton(build, primitive, shape, places)
    build.root.update(scene=0, scenes=[{"nodes": [0, root]}])
    return build, root


OPAQUE_NAMES = ["m1", "m2", "m3", "m4"]


def vrm0(names: list[str] | None = None) -> bytes:
    """VRM 0.x: faces -z, presets over targets without telling names, bones without telling names."""
    build, root = _vrm_head(names or OPAQUE_NAMES, turn=True)
    groups = [
        ("A", "a", [(0, 100)]), ("I", "i", [(1, 60)]), ("U", "u", [(1, 100)]), ("E", "e", [(1, 80)]),
        ("O", "o", [(0, 40), (1, 40)]), ("Blink", "blink", [(2, 100), (3, 100)]),
        ("Blink_L", "blink_l", [(2, 100)]), ("Blink_R", "blink_r", [(3, 100)]), ("Cheeky", "unknown", [(1, 30)]),
    ]  # fmt: skip
    build.root["extensionsUsed"] = ["VRM", "KHR_materials_unlit"]
    build.root["extensions"] = {"VRM": {
        "exporterVersion": "test",
        "meta": {"title": "Tester", "author": "Nobody", "licenseName": "CC0", "commercialUssageName": "Allow"},
        "humanoid": {"humanBones": [
            {"bone": bone, "node": root + k} for k, bone in enumerate(("head", "leftEye", "rightEye"))
        ]},
        "blendShapeMaster": {"blendShapeGroups": [
            {"name": name, "presetName": preset, "binds": [{"mesh": 0, "index": i, "weight": w} for i, w in binds]}
            for name, preset, binds in groups
        ]},
        "materialProperties": [{"name": "Face_EyeIris", "shader": "VRM/MToon"}],
    }}  # fmt: skip
    return build.glb()


def vrm1(names: list[str] | None = None) -> bytes:
    """VRM 1.0: faces +z, presets and one custom expression that bears an ARKit name."""
    build, root = _vrm_head(names or OPAQUE_NAMES, turn=False)

    def binds(*pairs: tuple[int, float]) -> dict[str, Any]:
        return {"morphTargetBinds": [{"node": 0, "index": index, "weight": weight} for index, weight in pairs]}

    build.root["extensionsUsed"] = ["VRMC_vrm", "VRMC_materials_mtoon"]
    build.root["materials"][0]["extensions"] = {"VRMC_materials_mtoon": {"specVersion": "1.0"}}
    build.root["extensions"] = {"VRMC_vrm": {
        "specVersion": "1.0",
        "meta": {"name": "Tester", "authors": ["Nobody"], "licenseUrl": "https://vrm.dev/licenses/1.0/",
                 "allowRedistribution": True},
        "humanoid": {"humanBones": {
            "head": {"node": root}, "leftEye": {"node": root + 1}, "rightEye": {"node": root + 2},
        }},
        "expressions": {
            "preset": {
                "aa": binds((0, 1.0)), "ih": binds((1, 0.6)), "ou": binds((1, 1.0)), "ee": binds((1, 0.8)),
                "oh": binds((0, 0.4), (1, 0.4)), "blink": binds((2, 1.0), (3, 1.0)),
                "blinkLeft": binds((2, 1.0)), "blinkRight": binds((3, 1.0)), "happy": binds(),
            },
            "custom": {"jawLeft": binds((1, 0.3))},
        },
    }}  # fmt: skip
    return build.glb()


def posed(angle_deg: float) -> bytes:
    """Head and two arms that hang `angle_deg` below the horizontal (0: T-pose)."""
    build, shape = Builder(), ball()
    primitive = _primitive(build, shape)
    c, s = np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))
    places: dict[str, tuple[float, ...]] = {"Head": PLACES["head"]}
    build.add("meshes", {"primitives": [primitive], "extras": {"targetNames": ["jawOpen", "eyeBlinkLeft"]}})
    build.add("nodes", {"name": "Face", "mesh": 0, "skin": 0})
    for side, x in (("Left", 1.0), ("Right", -1.0)):
        places[f"{side}Arm"] = (0.15 * x, 1.35, 0.0)
        places[f"{side}ForeArm"] = ((0.15 + 0.28 * c) * x, 1.35 - 0.28 * s, 0.0)
    root = skeleton(build, primitive, shape, places)
    nodes = build.root["nodes"]
    nodes[root]["children"] = [root + 1, root + 3]
    for at, side in ((root + 1, 1.0), (root + 3, -1.0)):
        nodes[at]["children"] = [at + 1]
        nodes[at + 1]["translation"] = [0.28 * c * side, -0.28 * s, 0.0]
    build.root.update(scene=0, scenes=[{"nodes": [0, root]}])
    return build.glb()


def unnamed() -> bytes:
    """Jaw and two lids without names."""
    build, shape = Builder(), ball()
    primitive = _primitive(build, shape, targets=False)
    shapes = (shown(shape, ["eyeBlinkRight"]), shape.jaw, shown(shape, ["eyeBlinkLeft"]))
    primitive["targets"] = [{"POSITION": build.array(delta)} for delta in shapes]
    build.add("meshes", {"primitives": [primitive]})
    build.add("nodes", {"mesh": 0})
    build.root.update(scene=0, scenes=[{"nodes": [0]}])
    return build.glb()


def shiny() -> bytes:
    """Materials with specular, clearcoat, index of refraction and sheen, which must not keep a face from loading."""
    build, shape = Builder(), ball()
    primitive = _primitive(build, shape)
    extensions = {
        "KHR_materials_specular": {"specularFactor": 0.4},
        "KHR_materials_clearcoat": {"clearcoatFactor": 1.0},
        "KHR_materials_ior": {"ior": 1.4},
        "KHR_materials_sheen": {"sheenRoughnessFactor": 0.3},
        "KHR_materials_emissive_strength": {"emissiveStrength": 2.0},
    }
    primitive["material"] = build.add("materials", {"name": "Skin", "extensions": extensions})
    build.root["extensionsUsed"] = build.root["extensionsRequired"] = list(extensions)
    build.add("meshes", {"primitives": [primitive], "extras": {"targetNames": ["JawOpen", "EyeBlink_L"]}})
    build.add("nodes", {"mesh": 0})
    build.root.update(scene=0, scenes=[{"nodes": [0]}])
    return build.glb()


def draco() -> bytes:
    """KHR_draco_mesh_compression as exporters write files with shapes: in the original order, targets unpacked."""
    import DracoPy

    build, shape = Builder(), ball()
    data = DracoPy.encode(
        shape.positions, shape.triangles.astype(np.uint32), quantization_bits=16, preserve_order=True,
        generic_attributes={7: shape.normals, 8: shape.uvs},
    )  # fmt: skip
    numbers = {item["attribute_type"]: item["unique_id"] for item in DracoPy.decode(data).attributes}
    count = len(shape.positions)

    def bare(code: int, kind: str, number: int = count) -> int:
        return build.add("accessors", {"componentType": code, "type": kind, "count": number})

    attributes = {"POSITION": bare(5126, "VEC3"), "NORMAL": bare(5126, "VEC3"), "TEXCOORD_0": bare(5126, "VEC2")}
    primitive = {
        "attributes": attributes,
        "indices": bare(5123, "SCALAR", shape.triangles.size),
        "targets": [{"POSITION": build.array(delta)} for delta in (shape.jaw, shape.blink)],
        "extensions": {"KHR_draco_mesh_compression": {
            "bufferView": build.view(data), "attributes": {"POSITION": numbers[0], "NORMAL": 7, "TEXCOORD_0": 8},
        }},
    }  # fmt: skip
    build.root["extensionsUsed"] = build.root["extensionsRequired"] = ["KHR_draco_mesh_compression"]
    build.add("meshes", {"primitives": [primitive], "extras": {"targetNames": ["jawOpen", "eyeBlinkLeft"]}})
    build.add("nodes", {"mesh": 0})
    build.root.update(scene=0, scenes=[{"nodes": [0]}])
    return build.glb()


FOREIGN: dict[str, Callable[[], bytes]] = {
    **{f"family {name}": (lambda name=name: family(name)) for name in FAMILIES},  # type: ignore[misc]
    "vrm 0.x": vrm0,
    "vrm 1.0": vrm1,
    "vrm 0.x of VRoid": lambda: vrm0(["Fcl_MTH_A", "Fcl_MTH_I", "Fcl_EYE_Close_L", "Fcl_EYE_Close_R"]),
    "vrm 1.0 with ARKit names": lambda: vrm1(["jawOpen", "mouthFunnel", "eyeBlinkLeft", "eyeBlinkRight"]),
    "unnamed targets": unnamed,
    "jaw bone, no shapes": lambda: named({}, ("CC_Base_Head|head", "CC_Base_JawRoot|jaw", "CC_Base_L_Eye|eye_left",
                                              "CC_Base_R_Eye|eye_right")),
    "specular, clearcoat, sheen": shiny,
    "meshopt": meshopt.packed_head,
    "T-pose": lambda: posed(0.0),
    "A-pose": lambda: posed(45.0),
}  # fmt: skip
