"""Only the work before a model's first picture, in the order that lets most of it be done beside the drawing thread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.render.base import HandOver
from avatar_engine.engine.render.panda.context import Context
from avatar_engine.engine.render.panda.geometry import make_texture
from avatar_engine.engine.render.panda.occlusion import DepthBuffers
from avatar_engine.engine.render.panda.shared import SharedModel, side_for


class RemoteDepthBuffers:
    """`DepthBuffers` for a thread that does not draw: every picture is drawn over there and copied."""

    def __init__(self, buffers: DepthBuffers, hand_over: HandOver) -> None:
        self._buffers, self._hand_over = buffers, hand_over

    def draw(self, camera: core.NodePath, pixels: int) -> NDArray[np.uint8]:
        """(pixels, pixels, 4) BGRA as `camera` sees its scene."""
        made: list[NDArray[np.uint8]] = []
        self._hand_over(lambda: made.append(self._buffers.draw(camera, pixels).copy()))
        return made[0]


def prepare(
    shared: SharedModel,
    level: int,
    side: int,
    key: tuple[float, float, float] | None,
    lines: bool,
    detail: bool,
    context: Context,
    buffers: DepthBuffers,
    hand_over: HandOver,
) -> None:
    """Make `level` of a model ready under a key light from `key`; `lines`: with edges for silhouettes;
    `detail`: with pictures of normals and roughness.

    side: most texels a side of a texture.

    Called on any thread; everything that needs the card goes through `hand_over`, a few milliseconds at a time.
    """
    for part in shared.meshes(level):
        material = part.mesh.material
        fine = side_for(part.mesh, side)
        for source in material.textures() if detail else (material.base_texture,):
            if source is not None and not shared.has_texture(source, fine):
                made = make_texture(source, fine)
                hand_over(lambda made=made: context.upload(made))  # type: ignore[misc]
                shared.keep_texture(source, fine, made)
    shared.extent(level)
    shared.steady(level)
    shared.seen(level, key, side, RemoteDepthBuffers(buffers, hand_over))
    if lines:
        for part in shared.meshes(level):
            part.outline()
