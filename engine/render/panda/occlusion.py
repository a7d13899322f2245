"""Only baked light: how much of the key light and of the sky every vertex of a resting avatar sees.

Seen from the light, the depth picture of the whole avatar tells which vertices lie open. One picture for the key
light, two dozen from all around for the sky. It costs about a third of a second once per level and light direction,
and nothing per frame; a head that turns a few degrees keeps its shadows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.model import Mesh
from avatar_engine.engine.render.panda.context import Context
from avatar_engine.engine.render.panda.geometry import SharedMesh
from avatar_engine.engine.render.panda.shaders import DEPTH_FRAGMENT, DEPTH_VERTEX

Float = NDArray[np.float32]

KEY_PIXELS, SKY_PIXELS = 512, 320
SKY_DIRECTIONS = 26
KEY_TAPS, SKY_TAPS = 4, 1  # (2 n + 1) squared
KEY_SOFT_M = 0.011  # half width of the key light's penumbra
NO_CASTER = {"eye_shade", "lash", "glass", "brow"}
INSIDE = {"teeth", "gum", "tongue"}
"""At rest the mouth is closed and these lie in the dark; when it opens they must not. They darken by depth."""
BIAS_M = 0.0035
OFFSET_M = {"hair": 0.007, "hair_cap": 0.004, "eye": 0.0012}


class DepthPictures(Protocol):
    """What a baker needs of whoever draws its depth pictures."""

    def draw(self, camera: core.NodePath, pixels: int) -> NDArray[np.uint8]: ...


class DepthBuffers:
    """Small buffers for all bakes, kept: the driver does not give the memory of a closed one back at once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[int, tuple[core.GraphicsOutput, core.DisplayRegion, core.Texture]] = {}

    def draw(self, camera: core.NodePath, pixels: int) -> NDArray[np.uint8]:
        """(pixels, pixels, 4) BGRA as `camera` sees its scene; valid until the next call."""
        if pixels not in self._known:
            self._known[pixels] = self._open(pixels)
        buffer, region, picture = self._known[pixels]
        region.set_camera(camera)
        buffer.set_active(True)
        self._context.engine.render_frame()
        buffer.set_active(False)
        region.set_camera(core.NodePath())
        return np.frombuffer(memoryview(picture.get_ram_image()), np.uint8).reshape(pixels, pixels, 4)

    def close(self) -> None:
        """Give the buffers back."""
        for buffer, _, _ in self._known.values():
            self._context.engine.remove_window(buffer)
        self._known.clear()

    def _open(self, pixels: int) -> tuple[core.GraphicsOutput, core.DisplayRegion, core.Texture]:
        wanted = core.FrameBufferProperties()
        wanted.set_rgba_bits(8, 8, 8, 8)
        wanted.set_depth_bits(24)
        buffer = self._context.buffer("depth", pixels, pixels, wanted, "update the graphics driver")
        picture = core.Texture("depth")
        buffer.add_render_texture(picture, core.GraphicsOutput.RTM_copy_ram, core.GraphicsOutput.RTP_color)
        buffer.set_clear_color(core.LColor(1, 1, 1, 1))
        return buffer, buffer.make_display_region(), picture


class Baker:
    """Depth pictures of one list of meshes at rest."""

    def __init__(
        self, buffers: DepthPictures, meshes: Sequence[SharedMesh], textures: Sequence[core.Texture | None]
    ) -> None:
        self._buffers = buffers
        self._meshes = meshes
        self._root = core.NodePath("bake")
        camera = core.Camera("light", core.OrthographicLens())
        camera.set_scene(self._root)
        self._camera = core.NodePath(camera)
        white = core.Texture("white")
        white.setup_2d_texture(1, 1, core.Texture.T_unsigned_byte, core.Texture.F_rgba)
        white.set_ram_image(b"\xff\xff\xff\xff")
        program = core.Shader.make(core.Shader.SL_GLSL, DEPTH_VERTEX, DEPTH_FRAGMENT)
        self._root.set_shader(program)
        self._root.set_attrib(core.CullFaceAttrib.make(core.CullFaceAttrib.M_cull_none))
        for shared, texture in zip(meshes, textures):
            material = shared.mesh.material
            if material.kind in NO_CASTER or material.alpha_mode == "BLEND":
                continue
            geom = core.Geom(shared.rest_data())
            geom.add_primitive(shared.triangles)
            node = core.GeomNode(shared.mesh.name)
            node.add_geom(geom)
            node.set_bounds(core.OmniBoundingVolume())
            node.set_final(True)
            path = self._root.attach_new_node(node)
            path.set_shader_input("tex", texture or white)
            cut = material.alpha_cutoff if texture is not None and material.alpha_mode == "MASK" else 0.0
            path.set_shader_input("cutoff", cut)
        solid = [s.mesh.positions for s in meshes if s.mesh.material.kind not in NO_CASTER] or [
            s.mesh.positions for s in meshes
        ]
        points = np.vstack(solid)
        self._low, self._high = points.min(0).astype(np.float64), points.max(0).astype(np.float64)

    def seen(self, key: NDArray[np.float64] | None, sky: Sequence[Float]) -> list[Float]:
        """Per mesh (n, 2): part of the key light (from direction `key`) and of the sky that a vertex sees, 0..1."""
        result = [np.stack([np.ones_like(part), part], 1) for part in sky]
        if key is not None:
            for out, part in zip(result, self._visible(key, KEY_PIXELS, KEY_TAPS, KEY_SOFT_M)):
                out[:, 0] = part
        return [self._finish(shared, values) for shared, values in zip(self._meshes, result)]

    def sky(self) -> list[Float]:
        """Per mesh (n,): part of the sky that a vertex sees, 0..1; the same under any light."""
        total = [np.zeros(len(s.mesh.positions)) for s in self._meshes]
        weight = [np.full(len(s.mesh.positions), 1e-6) for s in self._meshes]
        for way in _sphere(SKY_DIRECTIONS):
            for k, part in enumerate(self._visible(way, SKY_PIXELS, SKY_TAPS, 0.006)):
                facing = np.maximum(self._meshes[k].mesh.normals @ way, 0.0) * (0.6 + 0.4 * way[1])
                total[k] += facing * part
                weight[k] += facing
        result = [(summed / weighed).astype(np.float32) for summed, weighed in zip(total, weight)]
        for shared, part in zip(self._meshes, result):
            if shared.mesh.material.kind not in INSIDE:
                shared.learn(part)
        return result

    def close(self) -> None:
        """Let go of the scene."""
        self._camera.node().set_scene(core.NodePath())
        self._root.remove_node()

    def _finish(self, shared: SharedMesh, values: Float) -> Float:
        mesh = shared.mesh
        if mesh.material.kind in INSIDE:
            depth = mesh.positions[:, 2]
            front = float(depth.max())
            seen = np.clip(1.0 - (front - depth) / 0.032, 0.12, 1.0) ** 1.3 * 0.74
            return np.stack([seen * 0.9, seen], 1).astype(np.float32)
        smooth = _blur(mesh, values, 3 if mesh.material.kind in ("skin", "cloth") else 2)
        if shared.table.size:
            # Lids and lips fold: what moves far is not left in the dark of its resting fold.
            reach = shared.table.reach()
            floor = np.clip(reach / 0.006, 0.0, 1.0)[:, None] * np.array([0.45, 0.5])
            smooth = np.maximum(smooth, floor)
        return np.clip(smooth, 0.0, 1.0).astype(np.float32)

    def _visible(self, way: NDArray[np.float64], pixels: int, taps: int, soft_m: float) -> list[NDArray[np.float64]]:
        matrix, span = light_matrix(way, self._low, self._high)
        depth = self._depth(matrix, pixels)
        step = soft_m / max(taps, 1) / span[0] * pixels
        spread = np.arange(-taps, taps + 1) * step
        result = []
        for shared in self._meshes:
            mesh = shared.mesh
            lift = OFFSET_M.get(mesh.material.kind, 0.002)
            points = mesh.positions + mesh.normals * lift
            clip = points @ matrix[:3, :3].T + matrix[:3, 3]
            x = (clip[:, 0] * 0.5 + 0.5) * pixels - 0.5
            y = (clip[:, 1] * 0.5 + 0.5) * pixels - 0.5
            z = clip[:, 2] * 0.5 + 0.5 - BIAS_M / span[1]
            open_ = np.zeros(len(points))
            for dx in spread:
                column = np.clip(np.rint(x + dx), 0, pixels - 1).astype(np.int64)
                for dy in spread:
                    line = np.clip(np.rint(y + dy), 0, pixels - 1).astype(np.int64)
                    open_ += z <= depth[line, column]
            result.append(open_ / len(spread) ** 2)
        return result

    def _depth(self, matrix: NDArray[np.float64], pixels: int) -> Float:
        self._root.set_shader_input("light_matrix", core.LMatrix4f(*matrix.T.ravel().tolist()))
        data = self._buffers.draw(self._camera, pixels)
        depth = data[..., 2].astype(np.float32)  # blue, green, red: digits of base 255, the coarsest in red
        depth += data[..., 1] * np.float32(1.0 / 255.0)
        depth += data[..., 0] * np.float32(1.0 / 65025.0)
        depth *= np.float32(1.0 / 255.0)
        return depth


def light_matrix(
    way: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], tuple[float, float]]:
    """(4, 4) orthographic from avatar axes to clip space as seen from direction `way`; its width and depth in m."""
    back = way / np.linalg.norm(way)
    aside = np.array([0.0, 1.0, 0.0]) if abs(back[1]) < 0.95 else np.array([1.0, 0.0, 0.0])
    side = np.cross(aside, back)
    side /= np.linalg.norm(side)
    up = np.cross(back, side)
    middle, radius = (low + high) / 2.0, float(np.linalg.norm(high - low)) / 2.0 * 1.02
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([side, up, -back]) / radius
    matrix[:3, 3] = -matrix[:3, :3] @ middle
    return matrix, (2.0 * radius, 2.0 * radius)


def _sphere(count: int) -> list[NDArray[np.float64]]:
    """Evenly spread directions (Fibonacci lattice)."""
    k = np.arange(count) + 0.5
    y = 1.0 - 2.0 * k / count
    ring = np.sqrt(1.0 - y * y)
    turn = np.pi * (1.0 + np.sqrt(5.0)) * k
    return list(np.stack([np.cos(turn) * ring, y, np.sin(turn) * ring], 1))


def _blur(mesh: Mesh, values: Float, rounds: int) -> NDArray[np.float64]:
    """Average over neighbours, so that no vertex stands out."""
    t = mesh.triangles.astype(np.int64)
    a, b = np.concatenate([t[:, 0], t[:, 1], t[:, 2]]), np.concatenate([t[:, 1], t[:, 2], t[:, 0]])
    count = len(values)
    degree = np.bincount(a, minlength=count) + np.bincount(b, minlength=count) + 1.0
    out = values.astype(np.float64)
    for _ in range(rounds):
        summed = np.stack(
            [
                np.bincount(a, out[b, k], count) + np.bincount(b, out[a, k], count) + out[:, k]
                for k in range(out.shape[1])
            ],
            1,
        )
        out = summed / degree[:, None]
    return out
