"""Only the graphics context: which Panda3D display module draws on this machine, opened without any window."""

from __future__ import annotations

import os
import sys

from panda3d import core

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.render.base import RendererInfo

# Read when the display module is loaded; everything else about a buffer is asked for where it is made. Vertices that
# move are cached anew every frame: the usual 5,000 of them would be 20 MB a session, and none is found again.
SETTINGS = """
window-type offscreen
audio-library-name null
gl-version 3 3
sync-video 0
model-cache-dir
notify-level-egldisplay fatal
notify-level-glgsg error
notify-level-display error
gl-coordinate-system default
textures-power-2 none
texture-anisotropic-degree 1
gl-check-errors 0
gl-finish 0
state-cache 1
geom-cache-size 64
garbage-collect-states 1
gl-immutable-texture-storage 0
"""

# Read by Mesa's software driver alone: mip levels chosen a little more coarsely, an eighth of the frame saved.
DRIVER_SETTINGS = {"GALLIVM_PERF": "brilinear,rho_approx"}

SOFTWARE = ("llvmpipe", "softpipe", "swiftshader", "software rasterizer")


def display_module() -> str:
    """The one place that chooses: headless EGL on Linux, an offscreen buffer of the system's OpenGL elsewhere."""
    return "p3headlessgl" if sys.platform.startswith("linux") else "pandagl"


class Context:
    """One GraphicsEngine, pipe, and GL context, alive through a 1x1 host buffer that other buffers share."""

    def __init__(self) -> None:
        module = display_module()
        for name, value in DRIVER_SETTINGS.items():
            os.environ.setdefault(name, value)
        core.load_prc_file_data("avatar_engine.render", SETTINGS)
        self.engine = core.GraphicsEngine()
        self.pipe = core.GraphicsPipeSelection.get_global_ptr().make_module_pipe(module)
        if self.pipe is None or not self.pipe.is_valid():
            raise DeviceError(module, "no OpenGL driver could be opened", _remedy())
        wanted = core.FrameBufferProperties()
        wanted.set_rgba_bits(8, 8, 8, 8)
        host = self.engine.make_output(
            self.pipe,
            "host",
            0,
            wanted,
            core.WindowProperties.size(1, 1),
            core.GraphicsPipe.BF_refuse_window | core.GraphicsPipe.BF_fb_props_optional,
        )
        if host is None:
            self.engine.remove_all_windows()
            raise DeviceError(module, "no offscreen buffer could be opened", _remedy())
        self.host = host
        self.engine.open_windows()
        self.gsg = host.get_gsg()
        if self.gsg is None or not host.is_valid():
            self.engine.remove_all_windows()
            raise DeviceError(module, "the OpenGL context could not be made", _remedy())
        host.set_active(False)
        if (self.gsg.get_driver_version_major(), self.gsg.get_driver_version_minor()) < (3, 3):
            version = self.gsg.get_driver_version()
            self.engine.remove_all_windows()
            raise DeviceError(module, f"OpenGL 3.3 is needed, the driver offers {version}", _remedy())

    def info(self) -> RendererInfo:
        """What the driver says of itself."""
        device = self.gsg.get_driver_renderer()
        return RendererInfo(
            backend=display_module(),
            vendor=self.gsg.get_driver_vendor(),
            device=device,
            version=self.gsg.get_driver_version(),
            software=any(name in device.lower() for name in SOFTWARE),
        )

    def buffer(
        self, name: str, width: int, height: int, wanted: core.FrameBufferProperties, hint: str, sort: int = 0
    ) -> core.GraphicsOutput:
        """A frame buffer beside the host; DeviceError where the driver has none."""
        made = self.engine.make_output(
            self.pipe,
            name,
            sort,
            wanted,
            core.WindowProperties.size(width, height),
            core.GraphicsPipe.BF_refuse_window | core.GraphicsPipe.BF_fb_props_optional,
            self.gsg,
            self.host,
        )
        if made is None:
            raise DeviceError(f"{name} {width}x{height}", "no frame buffer of this size could be made", hint)
        return made

    def sweep(self) -> None:
        """Let go of render states nobody uses; they hold shaders' inputs, and with them textures."""
        core.TransformState.garbage_collect()
        core.RenderState.garbage_collect()

    def forget_states(self) -> None:
        """Empty the cache of combined states: it alone would keep a dropped model's textures on the card."""
        core.RenderState.clear_cache()
        core.TransformState.clear_cache()
        self.sweep()

    def upload(self, texture: core.Texture) -> None:
        """Bring a texture to the card now, before anything is drawn with it."""
        texture.prepare(self.gsg.get_prepared_objects())
        self.host.set_active(True)
        self.engine.render_frame()
        self.host.set_active(False)

    def resources(self) -> tuple[int, int]:
        """Textures and vertex buffers on the card."""
        held = self.gsg.get_prepared_objects()
        return held.get_num_prepared_textures(), held.get_num_prepared_vertex_buffers()

    def close(self) -> None:
        """Give the context back to the driver."""
        self.engine.remove_all_windows()


def _remedy() -> str:
    if sys.platform.startswith("linux"):
        return "install a driver: apt-get install libegl1 libgl1-mesa-dri (software), or the GPU vendor's EGL package"
    return "update the graphics driver; OpenGL 3.3 is needed"
