"""Only the badge: a line of text burnt into the lower left corner, above everything else."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from panda3d import core
from PIL import Image, ImageDraw, ImageFont

from avatar_engine.engine.render.panda.shaders import BADGE_FRAGMENT, BADGE_VERTEX

ORDER = 90
HEIGHT = 1.0 / 26.0  # of the picture: legible at 360p, quiet at 1080p
MARGIN = 0.45  # of the badge's height


def paint_badge(text: str, picture_height: int) -> NDArray[np.uint8]:
    """(h, w, 4) BGRA with straight alpha: white letters on a dark rounded plate."""
    height = max(14, round(picture_height * HEIGHT))
    font = ImageFont.load_default(size=height * 0.62)
    left, top, right, bottom = font.getbbox(text)
    width = round(right - left + height * 0.9)
    plate = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    draw = ImageDraw.Draw(plate)
    draw.rounded_rectangle((0, 0, width - 1, height - 1), height * 0.3, fill=(16, 18, 22, 150))
    draw.text(((width - right - left) / 2.0, (height - bottom - top) / 2.0), text, font=font, fill=(255, 255, 255, 235))
    return np.ascontiguousarray(np.asarray(plate)[..., [2, 1, 0, 3]])


def badge_node(text: str, width: int, height: int, parent: core.NodePath) -> core.NodePath:
    """The badge as an overlay below `parent` for a picture of this size."""
    pixels = paint_badge(text, height)
    rows, columns = pixels.shape[:2]
    texture = core.Texture("badge")
    texture.setup_2d_texture(columns, rows, core.Texture.T_unsigned_byte, core.Texture.F_rgba)
    texture.set_ram_image(pixels.data.cast("B"))
    texture.set_minfilter(core.SamplerState.FT_nearest)
    texture.set_magfilter(core.SamplerState.FT_nearest)
    left, top, right, bottom = _place(rows, columns, height)
    maker = core.CardMaker("badge")
    # Rows count from the top in this renderer's clip space.
    maker.set_frame(2 * left / width - 1, 2 * right / width - 1, 2 * top / height - 1, 2 * bottom / height - 1)
    node = maker.generate()
    node.set_bounds(core.OmniBoundingVolume())
    node.set_final(True)
    path = parent.attach_new_node(node)
    path.set_shader(core.Shader.make(core.Shader.SL_GLSL, BADGE_VERTEX, BADGE_FRAGMENT))
    path.set_shader_input("tex", texture)
    path.set_shader_input("corner", core.LVecBase4f(left, top, 0.0, 0.0))
    path.set_attrib(core.CullFaceAttrib.make(core.CullFaceAttrib.M_cull_none))
    path.set_transparency(core.TransparencyAttrib.M_alpha)
    path.set_depth_write(False)
    path.set_depth_test(False)
    colour = core.ColorWriteAttrib
    path.set_attrib(colour.make(colour.C_red | colour.C_green | colour.C_blue))
    path.set_bin("fixed", ORDER)
    return path


def badge_share(text: str, width: int, height: int) -> tuple[float, float]:
    """How far the badge reaches into the picture from its lower left corner, as parts of width and height."""
    rows, columns = paint_badge(text, height).shape[:2]
    _, top, right, _ = _place(rows, columns, height)
    return right / width, 1.0 - top / height


def _place(rows: int, columns: int, height: int) -> tuple[int, int, int, int]:
    margin = round(rows * MARGIN)
    return margin, height - margin - rows, margin + columns, height - margin
