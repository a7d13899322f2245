"""Only the live key shadow of `high` and `ultra`: a depth picture seen from the key light, drawn before the view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.render.panda.context import Context
from avatar_engine.engine.render.panda.geometry import ViewMesh
from avatar_engine.engine.render.panda.occlusion import NO_CASTER, light_matrix
from avatar_engine.engine.render.panda.shaders import shadow_sources

PIXELS = 2048
BIAS_M = 0.004
PAD_M = 0.06  # heads turn and lean out of their resting box


class ShadowMap:
    """One depth buffer for all views: they are drawn one after the other."""

    def __init__(self, context: Context) -> None:
        wanted = core.FrameBufferProperties()
        wanted.set_depth_bits(24)
        self.buffer = context.buffer("shadow", PIXELS, PIXELS, wanted, "use quality low or medium", sort=-10)
        self._context = context
        self.texture = core.Texture("shadow")
        self.texture.set_format(core.Texture.F_depth_component)
        self.texture.set_minfilter(core.SamplerState.FT_shadow)
        self.texture.set_magfilter(core.SamplerState.FT_shadow)
        self.texture.set_wrap_u(core.SamplerState.WM_clamp)
        self.texture.set_wrap_v(core.SamplerState.WM_clamp)
        self.buffer.add_render_texture(
            self.texture, core.GraphicsOutput.RTM_bind_or_copy, core.GraphicsOutput.RTP_depth
        )
        self.region = self.buffer.make_display_region()
        self.buffer.set_clear_color_active(False)
        self.buffer.set_clear_depth_active(True)
        self.buffer.set_active(False)

    def close(self) -> None:
        """Give the buffer back."""
        self.region.set_camera(core.NodePath())
        self._context.engine.remove_window(self.buffer)


class ShadowScene:
    """The casters of one view: the same geometry under another light."""

    def __init__(self, parts: Sequence[ViewMesh], textured: Sequence[bool], bones: int) -> None:
        self.root = core.NodePath("casters")
        camera = core.Camera("light", core.OrthographicLens())
        camera.set_scene(self.root)
        self.camera = core.NodePath(camera)
        self._low, self._high = np.full(3, np.inf), np.full(3, -np.inf)
        for part, has_texture in zip(parts, textured):
            material = part.shared.mesh.material
            if material.kind in NO_CASTER or material.alpha_mode == "BLEND":
                continue
            positions = part.shared.mesh.positions
            self._low = np.minimum(self._low, positions.min(0))
            self._high = np.maximum(self._high, positions.max(0))
            cut = has_texture and material.alpha_mode == "MASK"
            vertex, fragment = shadow_sources(part.shared.influences, bones, cut)
            holder = self.root.attach_new_node(part.shared.mesh.name)
            # The geometry brings its own state; what casts a shadow must override it.
            holder.set_shader(core.Shader.make(core.Shader.SL_GLSL, vertex, fragment), 100)
            holder.set_attrib(core.ColorWriteAttrib.make(core.ColorWriteAttrib.C_off), 100)
            holder.set_attrib(core.CullFaceAttrib.make(core.CullFaceAttrib.M_cull_none), 100)
            holder.set_attrib(core.TransparencyAttrib.make(core.TransparencyAttrib.M_none), 100)
            holder.set_depth_write(True, 100)
            part.path.instance_to(holder)

        if not np.isfinite(self._low).all():  # nothing casts a shadow
            self._low, self._high = -np.ones(3), np.ones(3)

    def aim(self, way: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(4, 4) to the light's clip space, and (4, 4) to where the shadow map is looked up (0..1, bias taken off)."""
        matrix, (_, deep) = light_matrix(way, self._low - PAD_M, self._high + PAD_M)
        lookup = np.eye(4)
        lookup[:3, :3] *= 0.5
        lookup[:3, 3] = 0.5
        lookup[2, 3] -= BIAS_M / deep
        return matrix, lookup @ matrix

    def close(self) -> None:
        """Let go of the casters."""
        self.root.remove_node()
