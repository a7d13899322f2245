"""Only one view: the scene of one avatar as the shaders see it, brought up to date from a snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.model import MaterialKind
from avatar_engine.engine.render.base import Quality, RenderSnapshot, Stage
from avatar_engine.engine.render.panda.badge import badge_node, badge_share
from avatar_engine.engine.render.panda.curtain import Backdrops, Curtain
from avatar_engine.engine.render.panda.geometry import SharedMesh, ViewMesh, ViewOutline
from avatar_engine.engine.render.panda.pose import Poser
from avatar_engine.engine.render.panda.shaders import Program, sources
from avatar_engine.engine.render.panda.shadow import PIXELS as SHADOW_PIXELS
from avatar_engine.engine.render.panda.shadow import ShadowMap, ShadowScene
from avatar_engine.engine.render.panda.shared import SharedModel, detailed, texture_side

Float = NDArray[np.float32]

ORDER: dict[MaterialKind, int] = {
    "hair": 10, "cloth": 12, "skin": 14, "eye": 16, "teeth": 17, "gum": 18, "tongue": 19, "plain": 20, "hair_cap": 13,
    "brow": 32, "eye_shade": 32, "lash": 33, "glass": 40,
}  # fmt: skip
"""Front to back, so that hidden pixels are never shaded; the background comes at 30, what blends with it after."""
BACKDROP_ORDER = 30
SOFT_ORDER = 35
COVERED_ORDER, LINE_ORDER, BLENDED_ORDER = 31, 31, 32
"""Parts covered by samples need the background behind their edges, and what is blended lies on them: an iris on the white
of an eye. Only hair lies over blended parts: over its cap, whose shade shows between the strands."""
STRAND_LINE_ORDER = 36

STRANDS_PER_LINE = 0.12
"""Texels a side, per line of the view, of the smallest picture of strands that are cut out by samples."""

OUTLINED = {"skin", "cloth", "plain", "hair"}
LINE_PIXELS = 1.5
LINE_BIAS = 0.00004  # of depth: lines lie just before the surface whose edge they are

LIGHT_GAIN = 1.32
"""A key of strength 1 lights a wall facing it to 1.32 times its albedo: skin lands on the curve's straight part."""
SKY_TINT, GROUND_TINT = np.array([1.02, 1.05, 1.12]), np.array([0.62, 0.52, 0.46])
"""Ambient light is cooler from above and warmer from below (floor, clothes, the person's own skin)."""


@dataclass(frozen=True, slots=True)
class Means:
    """What the driver is given to do: samples per pixel, and whether a CPU does it."""

    samples: int
    software: bool
    shadow_taps: int  # a side; 0: the baked shadow


class View:
    """One picture of one avatar."""

    def __init__(
        self,
        shared: SharedModel,
        size: tuple[int, int],
        quality: Quality,
        means: Means,
        backdrops: Backdrops,
        shadow_map: ShadowMap | None,
    ) -> None:
        self.shared, self.quality = shared, quality
        self.width, self.height = size
        samples, software = means.samples, means.software
        self._backdrops = backdrops
        self._shadow_map = shadow_map
        self._shadow: ShadowScene | None = None
        self._taps = means.shadow_taps if shadow_map is not None else 0
        self.samples = samples
        self._lines = software and samples == 0 and quality != "low"
        self._per_pixel = quality in ("high", "ultra") or not software
        self.root = core.NodePath("view")
        camera = core.Camera("camera", core.PerspectiveLens())
        camera.set_scene(self.root)
        self.camera = self.root.attach_new_node(camera)
        self._level = -1
        self._parts: list[ViewMesh] = []
        self._outlines: list[ViewOutline] = []
        self._poser: Poser
        self._stage: Stage | None = None
        self._body = self.root.attach_new_node("body")
        if shadow_map is not None:
            self._body.set_shader_input("shadow_map", shadow_map.texture)
        self._curtain: Curtain | None = None
        self._badge: core.NodePath | None = None

    def close(self) -> None:
        """Let go of everything that only this view uses."""
        self.camera.node().set_scene(core.NodePath())  # it hangs below the scene it shows: a circle
        self.camera.remove_node()
        self.root.remove_node()
        if self._shadow is not None:
            self._shadow.close()
        self._parts.clear()
        self._outlines.clear()

    @property
    def light_camera(self) -> core.NodePath | None:
        """Sees the casters of the live shadow, where there is one."""
        return None if self._shadow is None else self._shadow.camera

    def pose(self, snapshot: RenderSnapshot, kept: bool) -> None:
        """What of `update` may be done by another thread while the picture before is drawn, if only the avatar moved."""
        if self.shared.level(snapshot.level) == self._level and snapshot.stage is self._stage:
            self._poser.pose(snapshot, kept, self._whole)

    def update(self, snapshot: RenderSnapshot, kept: bool) -> None:
        """Bring the scene to the snapshot; what did not change is not touched.

        kept: the frame buffer still holds this view's last picture.
        """
        level = self.shared.level(snapshot.level)
        if level != self._level or snapshot.stage is not self._stage:
            try:
                self._change(snapshot.stage, level)
            except BaseException:
                self._stage, self._level = None, -1  # half built: all of it again with the next picture
                raise
        pose = self._poser.pose(snapshot, kept, self._whole)
        for part in self._parts:
            part.upload()
        for outline in self._outlines:
            outline.upload()
        if pose.rows < self.height:  # the others still hold the last picture
            # The picture is drawn upside down: its first row is the lowest of the frame buffer.
            self.root.set_scissor(0.0, 1.0, 0.0, pose.rows / self.height)
        else:
            self.root.clear_scissor()
        if self._curtain is not None:
            self._curtain.cover(pose.bands, kept)
        packed = _vec4s(pose.bones.reshape(-1, 4))
        self._body.set_shader_input("bones", packed)
        if self._shadow is not None:
            self._shadow.root.set_shader_input("bones", packed)
        matrix, eye = pose.lens
        self._body.set_shader_input("view_projection", mat4(matrix))
        self._body.set_shader_input("camera", core.LVecBase4f(*eye, 1.0))

    def _change(self, stage: Stage, level: int) -> None:
        """Another stage, or another level of detail."""
        old = self._stage
        lights_changed = old is None or stage.lights != old.lights
        backdrop_changed = old is None or stage.background is not old.background
        badge_changed = stage.badge != (None if old is None else old.badge)
        self._stage = stage
        if level != self._level or lights_changed:
            self._level = level
            self._build(stage)
        self._light(stage)
        self._poser = Poser(self.shared, level, (self.width, self.height), self._parts, self._outlines)
        if backdrop_changed:
            self._paint(stage)
        if badge_changed or backdrop_changed:
            self._mark(stage.badge)

    @property
    def _whole(self) -> bool:
        return bool(self.samples) or self._badge is not None

    def _build(self, stage: Stage) -> None:
        for part in self._parts:
            part.path.remove_node()
        for outline in self._outlines:
            outline.path.remove_node()
        self._parts, self._outlines = [], []
        if self._shadow is not None:
            self._shadow.close()
            self._shadow = None
        seen = self.shared.seen(self._level, key_direction(stage), texture_side(self._level, self.height))
        for shared, light in zip(self.shared.meshes(self._level), seen):
            part = ViewMesh(shared, light)
            part.path.reparent_to(self._body)
            self._parts.append(part)
            self._dress(part, stage)
            if self._lines and shared.mesh.material.kind in OUTLINED:
                self._outline(part, stage)

        way = key_direction(stage)
        if self._taps and way is not None:
            textured = [part.shared.mesh.material.base_texture is not None for part in self._parts]
            self._shadow = ShadowScene(self._parts, textured, len(self.shared.palette.joints))
            aim, lookup = self._shadow.aim(np.array(way))
            self._shadow.root.set_shader_input("light_matrix", mat4(aim))
            self._body.set_shader_input("shadow_matrix", mat4(lookup))

    def _dress(self, part: ViewMesh, stage: Stage) -> None:
        shared, material, path = part.shared, part.shared.mesh.material, part.path
        textured = material.base_texture is not None
        layered = material.kind in ("hair", "brow", "lash") and textured and material.alpha_mode != "OPAQUE"
        blended = material.alpha_mode == "BLEND" and not layered
        order = ORDER[material.kind]
        if blended:
            self._style(path, shared, stage, "")
            _blend(path, max(order, BLENDED_ORDER))
        elif not textured or material.alpha_mode == "OPAQUE":
            self._style(path, shared, stage, "")
            path.set_bin("fixed", order)
        elif self.samples and material.kind not in ("lash", "brow"):
            self._style(path, shared, stage, "coverage")
            path.set_transparency(core.TransparencyAttrib.M_multisample)
            path.set_bin("fixed", BLENDED_ORDER if material.kind == "hair" else max(order, COVERED_ORDER))
        elif layered and self.quality != "low":
            # Strands without multisampling: the solid part first, then soft ends and edges blended over all else.
            fringe = part.fringe()
            fringe.reparent_to(path)
            self._style(fringe, shared, stage, "fringe")
            _blend(fringe, SOFT_ORDER)
            self._style(path, shared, stage, "core")
            path.set_bin("fixed", order)
        else:
            self._style(path, shared, stage, "test")
            path.set_bin("fixed", order)

    def _outline(self, part: ViewMesh, stage: Stage) -> None:
        material = part.shared.mesh.material
        if material.alpha_mode != "OPAQUE" and material.kind != "hair":
            return
        outline = ViewOutline(part)
        self._style(outline.path, part.shared, stage, "fringe" if material.kind == "hair" else "", thin=True)
        outline.path.set_attrib(core.CullFaceAttrib.make(core.CullFaceAttrib.M_cull_none))
        outline.path.set_antialias(core.AntialiasAttrib.M_line)
        outline.path.set_render_mode_thickness(LINE_PIXELS)
        _blend(outline.path, STRAND_LINE_ORDER if material.kind == "hair" else LINE_ORDER)
        outline.path.reparent_to(self._body)
        self._outlines.append(outline)

    def _style(self, path: core.NodePath, shared: SharedMesh, stage: Stage, cutout: str, thin: bool = False) -> None:
        material = shared.mesh.material
        side = texture_side(self._level, self.height)
        texture = self.shared.texture(shared, side)
        two_sided = material.double_sided or material.kind in ("hair", "lash", "brow")
        per_pixel = not thin and (self._per_pixel or shared.coarse or material.kind in ("eye", "glass"))
        detail = per_pixel and not material.unlit and detailed(self.quality, self._level)
        relief = self.shared.picture(shared, material.normal_texture, side) if detail else None
        surface = self.shared.picture(shared, material.surface_texture, side) if detail else None
        program = Program(
            kind=material.kind,
            influences=shared.influences,
            bones=len(self.shared.palette.joints),
            lights=len(stage.lights),
            textured=texture is not None,
            coloured=shared.has_colours,
            tangents=shared.has_tangents,
            two_sided=two_sided,
            per_pixel=per_pixel,
            cutout=cutout,
            shadow=self._taps if stage.lights and not material.unlit else 0,
            shadow_texel=1.0 / SHADOW_PIXELS,
            unlit=material.unlit,
            relief=relief is not None,
            surface=surface is not None,
        )
        vertex, fragment = sources(program)
        path.set_shader(core.Shader.make(core.Shader.SL_GLSL, vertex, fragment))
        path.set_shader_input("base", core.LVecBase4f(*material.base_colour))
        part = core.LVecBase4f(material.roughness, material.alpha_cutoff, shared.bone, LINE_BIAS if thin else 0.0)
        path.set_shader_input("part", part)
        path.set_shader_input("emissive", core.LVecBase4f(*material.emissive, 0.0))
        if texture is not None:
            sampler = core.SamplerState(texture.default_sampler)
            if cutout == "coverage" and material.kind == "hair":
                # Seen edge on, the smallest sizes of the picture would turn a ribbon solid to its very tip.
                least = max(STRANDS_PER_LINE * self.height, 1.0)
                sampler.set_max_lod(max(np.log2(max(texture.x_size, texture.y_size) / least), 0.0))
            path.set_shader_input("tex", texture, sampler)
        if relief is not None:
            path.set_shader_input("relief", relief)
            path.set_shader_input("relief_scale", material.normal_scale)
        if surface is not None:
            path.set_shader_input("surface", surface)
            path.set_shader_input("surface_factor", material.surface_factors[0])
        # The picture is drawn upside down, so that its first row in memory is the top: winding is reversed.
        cull = core.CullFaceAttrib
        path.set_attrib(cull.make(cull.M_cull_none if two_sided else cull.M_cull_counter_clockwise))

    def _light(self, stage: Stage) -> None:
        rank = {"key": 0, "fill": 1, "rim": 2}
        rows = []
        for light in sorted(stage.lights, key=lambda item: rank[item.kind]):
            gain = light.strength * stage.exposure * LIGHT_GAIN
            rows.append([*_unit(light.direction), 0.0])
            rows.append([*(np.array(light.colour) * gain), 1.0])
        if not rows:
            rows = [[0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
        ambient = np.array(stage.ambient) * stage.exposure
        self._body.set_shader_input("lights", _vec4s(np.array(rows, np.float32)))
        self._body.set_shader_input("sky", core.LVecBase4f(*(ambient * SKY_TINT), 1.0))
        self._body.set_shader_input("ground", core.LVecBase4f(*(ambient * GROUND_TINT), 1.0))

    def _paint(self, stage: Stage) -> None:
        if self._curtain is not None:
            self._curtain.path.remove_node()
        self._curtain = Curtain(
            self._backdrops.get(stage.background, self.width, self.height), self.root, BACKDROP_ORDER
        )

    def _mark(self, text: str | None) -> None:
        if self._badge is not None:
            self._badge.remove_node()
            self._badge = None
        if text:
            self._badge = badge_node(text, self.width, self.height, self.root)
        if self._curtain is not None:
            self._curtain.keep_clean(badge_share(text, self.width, self.height) if text else None)


def _blend(path: core.NodePath, order: int) -> None:
    path.set_transparency(core.TransparencyAttrib.M_alpha)
    path.set_depth_write(False)
    path.set_bin("fixed", order)
    colour = core.ColorWriteAttrib
    path.set_attrib(colour.make(colour.C_red | colour.C_green | colour.C_blue))


def _unit(direction: tuple[float, float, float]) -> NDArray[np.float64]:
    way = np.array(direction, np.float64)
    return way / max(float(np.linalg.norm(way)), 1e-9)


def key_direction(stage: Stage) -> tuple[float, float, float] | None:
    """Where the key light stands, rounded: light is baked per direction."""
    for light in stage.lights:
        if light.kind == "key":
            x, y, z = _unit(light.direction)
            return (round(float(x), 3), round(float(y), 3), round(float(z), 3))
    return None


def _vec4s(rows: Float) -> core.PTA_LVecBase4f:
    packed = core.PTA_LVecBase4f.empty_array(len(rows))
    packed.set_data(np.ascontiguousarray(rows, np.float32).tobytes())
    return packed


def mat4(matrix: NDArray[np.float64]) -> core.LMatrix4f:
    return core.LMatrix4f(*matrix.T.ravel().tolist())  # Panda3D multiplies rows
