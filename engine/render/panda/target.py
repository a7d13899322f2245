"""Only frame buffers: one per size and number of samples, shared by views of that shape, read back top row first."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.render.panda.context import Context

POOL = 4  # pictures kept for reuse: more than encoder queues hold on to

Pixels = NDArray[np.uint8]


class Target:
    """An offscreen buffer whose colours are copied to memory after every frame.

    Fresh memory of a picture's size costs more than the copy (the kernel clears every page), so pictures come from a
    small pool: one is written again only when nobody holds its array, or a view of it, any more.
    """

    def __init__(self, context: Context, width: int, height: int, samples: int) -> None:
        self.width, self.height, self.samples = width, height, samples
        self._context = context
        wanted = core.FrameBufferProperties()
        wanted.set_rgba_bits(8, 8, 8, 8)
        wanted.set_depth_bits(24)
        wanted.set_multisamples(samples)
        self.buffer = context.engine.make_output(
            context.pipe,
            f"target {width}x{height}x{samples}",
            0,
            wanted,
            core.WindowProperties.size(width, height),
            core.GraphicsPipe.BF_refuse_window | core.GraphicsPipe.BF_fb_props_optional,
            context.gsg,
            context.host,
        )
        if self.buffer is None:
            raise DeviceError(f"{width}x{height}", "no frame buffer of this size could be made", "use a smaller one")
        self._pool: list[tuple[core.Texture, weakref.ref[Any]]] = []
        self._bound: core.Texture | None = None
        self.holds: object = None  # whose picture is in the buffer
        self.buffer.set_clear_color_active(False)
        self.buffer.set_clear_depth_active(False)
        self.region = self.buffer.make_display_region()
        self.region.set_clear_depth_active(True)
        self.buffer.set_active(False)

    def draw(self, camera: core.NodePath) -> Pixels:
        """(height, width, 4) BGRA as `camera` sees its scene."""
        place, texture = self._free()
        if texture is not self._bound:
            self.buffer.clear_render_textures()
            self.buffer.add_render_texture(texture, core.GraphicsOutput.RTM_copy_ram, core.GraphicsOutput.RTP_color)
            self._bound = texture
        self.region.set_camera(camera)
        self.buffer.set_active(True)
        self._context.engine.render_frame()
        self.buffer.set_active(False)
        image = texture.get_ram_image()
        if not image:
            raise DeviceError("frame buffer", "the driver returned no picture", "update the graphics driver")
        pixels = np.frombuffer(memoryview(image), np.uint8).reshape(self.height, self.width, 4)
        # Views of `pixels` keep its base alive: that is what is watched.
        base = pixels if pixels.base is None else pixels.base
        watched = weakref.ref(base if isinstance(base, np.ndarray) else pixels)
        if place < POOL:
            self._pool[place : place + 1] = [(texture, watched)]
        return pixels

    def forget(self, view: object) -> None:
        """Let go of a view that is no more."""
        if self.holds is view:
            self.holds = None
            self.region.set_camera(core.NodePath())

    def close(self) -> None:
        """Give the buffer back."""
        self.region.set_camera(core.NodePath())
        self.buffer.clear_render_textures()
        self._context.engine.remove_window(self.buffer)

    def _free(self) -> tuple[int, core.Texture]:
        for place, (texture, watched) in enumerate(self._pool):
            if watched() is None:
                return place, texture
        return len(self._pool), core.Texture("picture")
