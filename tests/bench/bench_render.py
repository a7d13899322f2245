"""Measures drawing alone: `python -m tests.bench.bench_render [--avatar FILE] [--frames N]`.

Every frame has new weights and a new head pose, so nothing can be skipped: morphing, upload, drawing and reading
back are all in it. Wall time is what a frame takes; CPU time (all threads) is what it leaves for an encoder. The
goals are for two idle cores and software OpenGL; nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import Background, Camera, Light, Quality, RenderSnapshot, Stage
from avatar_engine.engine.render.panda.renderer import PandaRenderer

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Case:
    """One row of the table; goal_ms is None where none was set."""

    width: int
    height: int
    quality: Quality
    level: int
    goal_ms: float | None


CASES = (
    Case(640, 360, "medium", 2, 4.0),
    Case(1280, 720, "low", 1, None),
    Case(1280, 720, "medium", 1, 16.0),
    Case(1920, 1080, "medium", 1, 26.0),
    Case(1280, 720, "high", 0, None),
)

STAGE = Stage(
    lights=(
        Light("key", (-0.55, 0.55, 0.72), (1.0, 0.95, 0.88), 1.0, True),
        Light("fill", (0.85, 0.2, 0.62), (0.80, 0.9, 1.0), 0.3),
        Light("rim", (0.6, 0.5, -0.8), (0.95, 0.97, 1.0), 0.8),
    ),
    ambient=(0.32, 0.32, 0.34),
    background=Background("gradient", ((0.5, 0.55, 0.6), (0.2, 0.25, 0.3)), radial=True),
)


def bust_camera(model: Model) -> Camera:
    """Head and shoulders, as the scenes frame them."""
    eyes = [mesh.positions.mean(0) for mesh in model.meshes if mesh.material.kind == "eye"]
    height = float(np.mean(eyes, axis=0)[1]) - 0.06 if eyes else 1.5
    return Camera((0.0, height + 0.02, 1.4), (0.0, height, 0.0), 19.8)


def measure(renderer: PandaRenderer, model: Model, case: Case, frames: int) -> tuple[list[float], list[float]]:
    """Wall and CPU milliseconds of every frame."""
    view = renderer.open_view(model, case.width, case.height, case.quality)
    camera, draw = bust_camera(model), np.random.Generator(np.random.PCG64(3))
    wall, cpu = [], []
    for frame in range(frames + 3):
        morphs = np.zeros(len(model.morph_names), np.float32)
        active = draw.choice(len(morphs), min(14, len(morphs)), replace=False)
        morphs[active] = draw.random(len(active)).astype(np.float32) * 0.5
        joints = np.zeros((len(model.joints), 6), np.float32)
        joints[:, :3] = draw.normal(size=(len(joints), 3)) * 0.01
        snapshot = RenderSnapshot(view, STAGE, camera, morphs, joints, case.level)
        start, spent = time.perf_counter(), time.process_time()
        renderer.draw([snapshot])
        if frame >= 3:
            wall.append((time.perf_counter() - start) * 1e3)
            cpu.append((time.process_time() - spent) * 1e3)
    renderer.close_view(view)
    return wall, cpu


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--avatar", default=str(ROOT / "assets/avatars/ada/ada.glb"))
    parser.add_argument("--frames", type=int, default=60)
    options = parser.parse_args(argv)
    renderer = PandaRenderer()
    start = time.perf_counter()
    model = load_model(options.avatar)
    loading = time.perf_counter() - start
    print(f"drawing on {renderer.info.device} ({renderer.info.version}); {model.name} loaded in {loading:.2f} s")
    print(
        f"{'picture':>12} {'quality':>8} {'triangles':>9} {'wall ms':>8} {'p10':>6} {'p90':>6} {'cpu ms':>7} {'goal':>6}"
    )
    there = sorted({mesh.level for mesh in model.meshes})
    for case in CASES:
        level = min(there, key=lambda number: (abs(number - case.level), number))
        triangles = sum(len(mesh.triangles) for mesh in model.meshes if mesh.level == level)
        frames = options.frames if case.goal_ms is not None else max(options.frames // 4, 5)
        wall, cpu = measure(renderer, model, case, frames)
        deciles = statistics.quantiles(wall, n=10)
        goal = f"{case.goal_ms:6.0f}" if case.goal_ms is not None else "     -"
        print(
            f"{case.width}x{case.height:>4}".rjust(12),
            f"{case.quality:>8} {triangles:9d} {statistics.median(wall):8.1f} {deciles[0]:6.1f} {deciles[-1]:6.1f}",
            f"{statistics.median(cpu):7.1f} {goal}",
        )
    renderer.close()


if __name__ == "__main__":
    main()
