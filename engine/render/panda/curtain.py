"""Only the background on screen: a finished picture drawn where, since the last frame, the avatar was or is."""

from __future__ import annotations

import hashlib
import weakref

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.render.base import Background
from avatar_engine.engine.render.panda.backdrop import paint
from avatar_engine.engine.render.panda.extent import BANDS
from avatar_engine.engine.render.panda.shaders import BACKDROP_FRAGMENT, BACKDROP_VERTEX

WHOLE = np.tile(np.array([-1.0, 1.0]), (BANDS, 1))


class Backdrop:
    """A finished background on the card."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        self.texture = core.Texture("backdrop")
        self.texture.setup_2d_texture(width, height, core.Texture.T_unsigned_byte, core.Texture.F_rgba)
        self.texture.set_ram_image(pixels.data.cast("B"))
        self.texture.set_minfilter(core.SamplerState.FT_nearest)
        self.texture.set_magfilter(core.SamplerState.FT_nearest)
        self.texture.set_keep_ram_image(False)


class Backdrops:
    """Finished backgrounds by what they show and their size: sessions in one scene share them."""

    def __init__(self) -> None:
        self._known: weakref.WeakValueDictionary[tuple[object, ...], Backdrop] = weakref.WeakValueDictionary()

    def get(self, background: Background, width: int, height: int) -> Backdrop:
        """The backdrop; painted when nobody shows it yet."""
        image = background.image
        digest = b"" if image is None else hashlib.blake2b(np.ascontiguousarray(image).data).digest()
        shape = () if image is None else image.shape
        look = (background.kind, background.colours, background.radial, background.blur, digest, shape)
        key = (*look, width, height)
        backdrop = self._known.get(key)
        if backdrop is None:
            backdrop = self._known[key] = Backdrop(paint(background, width, height))
        return backdrop


class Curtain:
    """One quad per band of rows, at the far plane; what was not touched keeps last frame's pixels."""

    def __init__(self, backdrop: Backdrop, parent: core.NodePath, order: int) -> None:
        self._backdrop = backdrop
        layout = core.GeomVertexFormat.get_v3()
        data = core.GeomVertexData("curtain", layout, core.Geom.UH_dynamic)
        data.unclean_set_num_rows(BANDS * 4)
        triangles = core.GeomTriangles(core.Geom.UH_static)
        for band in range(BANDS):
            at = band * 4
            triangles.add_vertices(at, at + 1, at + 2)
            triangles.add_vertices(at + 2, at + 1, at + 3)
        geom = core.Geom(data)
        geom.add_primitive(triangles)
        self._node = core.GeomNode("curtain")
        self._node.add_geom(geom)
        self._node.set_bounds(core.OmniBoundingVolume())
        self._node.set_final(True)
        self.path = parent.attach_new_node(self._node)
        self.path.set_shader(core.Shader.make(core.Shader.SL_GLSL, BACKDROP_VERTEX, BACKDROP_FRAGMENT))
        self.path.set_shader_input("tex", backdrop.texture)
        self.path.set_bin("fixed", order)
        self.path.set_depth_write(False)
        self.path.set_attrib(core.CullFaceAttrib.make(core.CullFaceAttrib.M_cull_none))
        self._shown: NDArray[np.float64] | None = None
        self._dirty: NDArray[np.float64] | None = None
        self._always: NDArray[np.float64] | None = None

    def keep_clean(self, corner: tuple[float, float] | None) -> None:
        """Redraw the lower left corner (parts of width and height) in every frame: something is blended over it."""
        self._dirty = None
        self._always = None
        if corner is not None:
            self._always = np.tile(np.array([1.0, -1.0]), (BANDS, 1))
            self._always[int((1.0 - corner[1]) * BANDS) :] = -1.0, corner[0] * 2.0 - 1.0

    def cover(self, bands: NDArray[np.float64], kept: bool) -> None:
        """Draw where the avatar was (if the buffer still holds this view's last frame, else everywhere) or is."""
        union = WHOLE
        if kept and self._dirty is not None:
            union = _union(bands, self._dirty)
            if self._always is not None:
                union = _union(union, self._always)
        self._dirty = bands
        if union is self._shown:
            return
        self._shown = union
        rows = np.linspace(-1.0, 1.0, BANDS + 1)
        corners = np.zeros((BANDS, 4, 3), np.float32)
        corners[:, 0::2, 0], corners[:, 1::2, 0] = union[:, :1], np.maximum(union[:, :1], union[:, 1:])
        corners[:, :2, 1], corners[:, 2:, 1] = rows[:-1, None], rows[1:, None]
        data = self._node.modify_geom(0).modify_vertex_data()
        memoryview(data.modify_array(0)).cast("B")[:] = corners.data.cast("B")


def _union(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.minimum(a[:, 0], b[:, 0]), np.maximum(a[:, 1], b[:, 1])], 1)
