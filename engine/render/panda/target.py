"""Only frame buffers: one per size and number of samples, shared by all views of that shape, read back top row first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.render.panda.context import Context


class Target:
    """An offscreen buffer whose colours are copied to memory after every frame."""

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
            raise DeviceError(
                f"{width}x{height}", "no frame buffer of this size could be made", "use a smaller one"
            )
        self.texture = core.Texture("picture")
        self.buffer.add_render_texture(
            self.texture, core.GraphicsOutput.RTM_copy_ram, core.GraphicsOutput.RTP_color
        )
        self.buffer.set_clear_color_active(False)
        self.buffer.set_clear_depth_active(False)
        self.region = self.buffer.make_display_region()
        self.region.set_clear_depth_active(True)
        self.region.set_clear_color_active(True)
        self.region.set_clear_color(core.LColor(0, 0, 0, 1))
        self.buffer.set_active(False)

    def draw(self, camera: core.NodePath) -> NDArray[np.uint8]:
        """(height, width, 4) BGRA as `camera` sees its scene."""
        self.region.set_camera(camera)
        self.buffer.set_active(True)
        self._context.engine.render_frame()
        self.buffer.set_active(False)
        image = self.texture.get_ram_image()
        if not image:
            raise DeviceError("frame buffer", "the driver returned no picture", "update the graphics driver")
        # A fresh image belongs to the receiver; the texture lets go of it and gets another for the next frame.
        self.texture.clear_ram_image()
        return np.frombuffer(memoryview(image), np.uint8).reshape(self.height, self.width, 4)

    def close(self) -> None:
        """Give the buffer back."""
        self.buffer.clear_render_textures()
        self._context.engine.remove_window(self.buffer)
