"""Only a drawn face in the manner of anime avatars: flat irises on cut-out whites, ARKit names half of them empty."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_engine.components.controls import ARKIT
from tests.gltf.ball import ball
from tests.gltf.foreign import shown, skeleton
from tests.gltf.generate import Builder, _primitive

EYE = (0.035, 1.53)  # metres: where the irises are seen
EMPTY = ("jawOpen", "jawLeft", "jawRight", "jawForward", "cheekPuff", "mouthUpperUpLeft", "mouthUpperUpRight")
LOOK_M = {"Up": (0.0, 0.006), "Down": (0.0, -0.006), "In": (-0.006, 0.0), "Out": (0.006, 0.0)}  # outwards, up


def drawn_face() -> bytes:
    """One mesh: skin, then irises (blended), then whites (cut out) behind them; eye joints deep in the head.

    Of the 52 ARKit names `EMPTY` move nothing; vowels of another family open the mouth; eyeLook shapes shift irises.
    """
    build, shape = Builder(), ball()
    skin = _primitive(build, shape, targets=False)
    skin["material"] = _material(build, "Face_SKIN", (200, 150, 120, 255), "MASK")
    irises = _discs(build, 0.011, 0.112, _material(build, "EyeIris_EYE", (10, 30, 220, 255), "BLEND"))
    whites = _discs(build, 0.022, 0.108, _material(build, "EyeWhite_EYE", (240, 240, 240, 255), "MASK"))
    names = [*ARKIT, "Fcl_MTH_A", "Fcl_MTH_O"]
    still = np.zeros_like(shape.positions)
    flat = np.zeros((8, 3), np.float32)
    skin["targets"], irises["targets"], whites["targets"] = [], [], []
    for name in names:
        meaning = ("jawOpen",) if name.startswith("Fcl") else (name,)
        moves = still if name in EMPTY or name.startswith(("eyeLook", "brow")) else shown(shape, meaning)
        skin["targets"].append({"POSITION": build.array(moves)})
        irises["targets"].append({"POSITION": build.array(_look(name))})
        whites["targets"].append({"POSITION": build.array(flat)})
    parts = [skin, irises, whites]
    build.add("meshes", {"name": "Face", "primitives": parts, "extras": {"targetNames": names}})
    build.add("nodes", {"name": "Face", "mesh": 0, "skin": 0})
    places: dict[str, tuple[float, ...]] = {
        "Head": (0.0, 1.45, 0.0),
        "LeftEye": (0.015, EYE[1], 0.0),
        "RightEye": (-0.015, EYE[1], 0.0),
    }
    root = skeleton(build, skin, shape, places)
    for part, rows in ((irises, (1, 2)), (whites, (0, 0))):
        slots = np.zeros((8, 4), np.uint8)
        slots[:4, 0], slots[4:, 0] = rows
        part["attributes"]["JOINTS_0"] = build.array(slots)
        part["attributes"]["WEIGHTS_0"] = build.array(np.tile(np.array([[1, 0, 0, 0]], np.float32), (8, 1)))
    build.root.update(scene=0, scenes=[{"nodes": [0, root]}])
    return build.glb()


def _look(name: str) -> NDArray[np.float32]:
    delta = np.zeros((8, 3), np.float32)
    for way, (out, up) in LOOK_M.items():
        for side, rows, sign in (("Left", slice(0, 4), 1.0), ("Right", slice(4, 8), -1.0)):
            if name == f"eyeLook{way}{side}":
                delta[rows] = (out * sign, up, 0.0)
    return delta


def _discs(build: Builder, half: float, z: float, material: int) -> dict[str, Any]:
    """Two squares of 2 * half metres: the left one first."""
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float32)
    both = [np.hstack([corners * half + (x, EYE[1]), np.full((4, 1), z)]) for x in (EYE[0], -EYE[0])]
    attributes = {
        "POSITION": build.array(np.concatenate(both).astype(np.float32)),
        "NORMAL": build.array(np.tile(np.array([[0, 0, 1]], np.float32), (8, 1))),
        "TEXCOORD_0": build.array(np.tile((corners + 1) / 2, (2, 1)).astype(np.float32)),
    }
    order = np.array([0, 1, 2, 0, 2, 3, 4, 5, 6, 4, 6, 7], np.uint16)
    return {"attributes": attributes, "indices": build.array(order), "material": material}


def _material(build: Builder, name: str, colour: tuple[int, ...], mode: str) -> int:
    store = io.BytesIO()
    Image.fromarray(np.full((8, 8, 4), colour, np.uint8)).save(store, "PNG")
    image = build.add("images", {"bufferView": build.view(store.getvalue()), "mimeType": "image/png"})
    texture = build.add("textures", {"source": image})
    look = {"metallicFactor": 0, "baseColorTexture": {"index": texture}}
    matt = {"KHR_materials_specular": {"specularFactor": 0}}
    build.root["extensionsUsed"] = list(matt)
    material = {"name": name, "alphaMode": mode, "pbrMetallicRoughness": look, "extensions": matt}
    return build.add("materials", material)
