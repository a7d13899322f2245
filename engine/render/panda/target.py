"""Only frame buffers: one per size and number of samples, shared by views of that shape, read back top row first."""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.render.panda.context import Context

POOL = 4  # pictures kept for reuse: more than encoder queues hold on to
_UNUSED = 2  # references to an array that only the pool holds: the pool's and that of the question

Pixels = NDArray[np.uint8]


class Target:
    """An offscreen buffer whose colours are copied to memory after every frame.

    Fresh memory of a picture's size costs more than the copy (the kernel clears every page), so pictures come from a
    small pool: one is written again only when nobody holds its array, or a view of it, any more. The texture that the
    driver copies into stays the same: binding another one would make Panda3D allocate and clear its memory again.
    """

    def __init__(self, context: Context, width: int, height: int, samples: int) -> None:
        self.width, self.height, self.samples = width, height, samples
        self._context = context
        wanted = core.FrameBufferProperties()
        wanted.set_rgba_bits(8, 8, 8, 8)
        wanted.set_depth_bits(24)
        wanted.set_multisamples(samples)
        self.buffer = context.buffer("picture", width, height, wanted, "use a smaller size")
        self._pool: list[Pixels] = []
        self._copied = core.Texture("picture")
        self.buffer.add_render_texture(self._copied, core.GraphicsOutput.RTM_copy_ram, core.GraphicsOutput.RTP_color)
        self.holds: object = None  # whose picture is in the buffer
        self.buffer.set_clear_color_active(False)
        self.buffer.set_clear_depth_active(False)
        self.region = self.buffer.make_display_region()
        self.region.set_clear_depth_active(True)
        self.buffer.set_active(False)

    def draw(self, camera: core.NodePath) -> Pixels:
        """(height, width, 4) BGRA as `camera` sees its scene."""
        if self.samples:
            # Panda3D forgets on later frames that the buffer has samples: cutouts by coverage would turn solid.
            self.buffer.clear_render_textures()
            self.buffer.add_render_texture(
                self._copied, core.GraphicsOutput.RTM_copy_ram, core.GraphicsOutput.RTP_color
            )
        self.region.set_camera(camera)
        self.buffer.set_active(True)
        self._context.engine.render_frame()
        self.buffer.set_active(False)
        image = self._copied.get_ram_image()
        # A buffer that the driver took away leaves its last picture behind.
        if not image or not self.buffer.is_valid():
            raise DeviceError("frame buffer", "the driver returned no picture", "update the graphics driver")
        pixels = self._free()
        np.copyto(pixels, np.frombuffer(memoryview(image), np.uint8).reshape(pixels.shape))
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

    def _free(self) -> Pixels:
        """A view of an array (height, width, 4) that nobody else looks at: every view counts as a holder of it."""
        for k in range(len(self._pool)):
            if sys.getrefcount(self._pool[k]) == _UNUSED:
                return self._pool[k][:]
        fresh = np.empty((self.height, self.width, 4), np.uint8)
        if len(self._pool) < POOL:
            self._pool.append(fresh)
        return fresh[:]
