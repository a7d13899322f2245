"""Only the golden pictures: which faces are drawn, how, and how a new picture is compared with the blessed one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import Background, Camera, Light, Quality, RenderSnapshot, Stage
from avatar_engine.engine.render.panda.renderer import PandaRenderer

ROOT = Path(__file__).resolve().parents[2]
BLESSED = Path(__file__).parent / "blessed"
OUT = ROOT / "out" / "golden"
AVATAR = ROOT / "assets" / "avatars" / "ada" / "ada.glb"

WIDTH, HEIGHT = 480, 270
MEAN_LIMIT = 0.8  # of 255: the whole picture
PIXEL_LIMIT, PIXEL_SHARE = 20, 0.004  # at most this share of pixels may differ by more

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Shot:
    """One golden picture: morph weights, joint angles (joint, column of the row) and quality."""

    name: str
    morphs: dict[str, float] = field(default_factory=dict)
    joints: dict[tuple[str, int], float] = field(default_factory=dict)
    quality: Quality = "medium"
    level: int = 1


SHOTS = (
    Shot("neutral"),
    Shot("smile", {"mouthSmileLeft": 0.8, "mouthSmileRight": 0.8, "cheekSquintLeft": 0.4, "cheekSquintRight": 0.4}),
    Shot("blink", {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}),
    Shot("aa", {"viseme_aa": 1.0}),
    Shot("PP", {"viseme_PP": 1.0}),
    Shot("O", {"viseme_O": 1.0}),
    Shot(
        "look_left",
        {"eyeLookOutLeft": 0.7, "eyeLookInRight": 0.7},
        {("eyeLeft", 0): 0.35, ("eyeRight", 0): 0.35, ("head", 0): 0.12},
    ),
    Shot("quality_low", {"jawOpen": 0.2}, quality="low", level=2),
    Shot("quality_high", {"jawOpen": 0.2}, {("head", 0): -0.3}, quality="high", level=0),
    Shot("quality_ultra", {"jawOpen": 0.2}, {("head", 0): 0.3}, quality="ultra", level=0),
)

STAGE = Stage(
    lights=(
        Light("key", (-0.55, 0.55, 0.72), (1.0, 0.95, 0.88), 1.0, True),
        Light("fill", (0.85, 0.2, 0.62), (0.80, 0.9, 1.0), 0.22),
        Light("rim", (0.6, 0.5, -0.8), (0.95, 0.97, 1.0), 0.8),
    ),
    ambient=(0.34, 0.34, 0.36),
    background=Background("colour", ((0.42, 0.46, 0.50),)),
)


class Studio:
    """A renderer and a model, ready to draw shots."""

    def __init__(self) -> None:
        self.renderer = PandaRenderer()
        self.model: Model = load_model(AVATAR)
        eyes = [mesh.positions.mean(0) for mesh in self.model.meshes if mesh.material.kind == "eye"]
        height = float(np.mean(eyes, axis=0)[1]) - 0.02
        self.camera = Camera((0.0, height, 1.4), (0.0, height - 0.01, 0.0), 13.5)

    def draw(self, shot: Shot) -> Pixels:
        """(HEIGHT, WIDTH, 3) RGB."""
        model = self.model
        morphs = np.zeros(len(model.morph_names), np.float32)
        for name, weight in shot.morphs.items():
            morphs[model.morph_names.index(name)] = weight
        joints = np.zeros((len(model.joints), 6), np.float32)
        for (name, column), angle in shot.joints.items():
            joints[model.joint_names.index(name), column] = angle
        view = self.renderer.open_view(model, WIDTH, HEIGHT, shot.quality)
        snapshot = RenderSnapshot(view, STAGE, self.camera, morphs, joints, shot.level)
        (image,) = self.renderer.draw([snapshot])
        self.renderer.close_view(view)
        return np.ascontiguousarray(image.pixels[..., 2::-1])


@contextmanager
def studio() -> Iterator[Studio]:
    """A studio that is closed again."""
    place = Studio()
    try:
        yield place
    finally:
        place.renderer.close()


def difference(new: Pixels, blessed: Pixels) -> tuple[float, float]:
    """Mean difference (0..255) and share of pixels that differ by more than PIXEL_LIMIT in any channel."""
    gap = np.abs(new.astype(np.int16) - blessed.astype(np.int16))
    return float(gap.mean()), float((gap.max(axis=2) > PIXEL_LIMIT).mean())


def write_difference(name: str, new: Pixels, blessed: Pixels) -> Path:
    """Blessed, new and eightfold difference side by side, for the eye."""
    gap = np.abs(new.astype(np.int16) - blessed.astype(np.int16))
    strip = np.hstack([blessed, new, np.clip(gap * 8, 0, 255).astype(np.uint8)])
    OUT.mkdir(parents=True, exist_ok=True)
    path = OUT / f"{name}.png"
    Image.fromarray(strip).save(path)
    return path
