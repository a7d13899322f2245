"""Only what all views of one model have in common on the card: geometry by level, textures, baked light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.memory import give_back
from avatar_engine.engine.model import Mesh, Model, Texture
from avatar_engine.engine.render.base import Quality
from avatar_engine.engine.render.panda.extent import Extent
from avatar_engine.engine.render.panda.geometry import Palette, SharedMesh, make_texture, palette
from avatar_engine.engine.render.panda.occlusion import Baker, DepthBuffers, DepthPictures
from avatar_engine.engine.render.panda.steady import Steady

KEPT_LIGHTS = 6  # directions of the key light whose bake is kept per level

Float = NDArray[np.float32]
Way = tuple[float, float, float]


class SharedModel:
    """One model on the card; made when its first view opens, dropped with its last."""

    def __init__(self, model: Model, buffers: DepthBuffers) -> None:
        self.model = model
        self.views = 0
        self.palette: Palette = palette(model)
        self._buffers = buffers
        self._there = sorted({mesh.level for mesh in model.meshes})
        self._levels: dict[int, list[SharedMesh]] = {}
        self._extents: dict[int, Extent] = {}
        self._steady: dict[int, Steady] = {}
        self._textures: dict[tuple[int, int], core.Texture] = {}
        self._sky: dict[int, list[Float]] = {}
        self._seen: dict[tuple[int, Way | None], list[core.GeomVertexArrayData]] = {}

    def level(self, wanted: int) -> int:
        """The nearest level of detail that the file has."""
        return min(self._there, key=lambda level: (abs(level - wanted), level))

    def meshes(self, level: int) -> list[SharedMesh]:
        """The parts of one level; made when first asked for."""
        if level not in self._levels:
            chosen = [mesh for mesh in self.model.meshes if mesh.level == level]
            self._levels[level] = [SharedMesh(mesh, self.model, self.palette) for mesh in chosen]
        return self._levels[level]

    def extent(self, level: int) -> Extent:
        """Where the parts of a level can be on screen."""
        if level not in self._extents:
            meshes = [shared.mesh for shared in self.meshes(level)]
            self._extents[level] = Extent(meshes, self.palette.lookup)
        return self._extents[level]

    def steady(self, level: int) -> Steady:
        """Which parts of a level hold still from frame to frame."""
        if level not in self._steady:
            self._steady[level] = Steady(self.meshes(level), self.palette.lookup)
        return self._steady[level]

    def seen(
        self, level: int, key: Way | None, side: int, buffers: DepthPictures | None = None
    ) -> list[core.GeomVertexArrayData]:
        """Baked light of every part of a level for a key light from direction `key`; `buffers` draw what it takes.

        side: as for `texture`.
        """
        if (level, key) not in self._seen:
            meshes = self.meshes(level)
            baker = Baker(buffers or self._buffers, meshes, [self.texture(shared, side) for shared in meshes])
            if level not in self._sky:
                self._sky[level] = baker.sky()
            baked = baker.seen(None if key is None else np.array(key), self._sky[level])
            baker.close()
            give_back()
            same_level = [known for known in self._seen if known[0] == level]
            if len(same_level) >= KEPT_LIGHTS:
                del self._seen[same_level[0]]
            self._seen[level, key] = [shared.seen_array(values) for shared, values in zip(meshes, baked)]
        return self._seen[level, key]

    def texture(self, shared: SharedMesh, side: int) -> core.Texture | None:
        """The base texture on the card, at most `side` texels a side."""
        return self.picture(shared, shared.mesh.material.base_texture, side)

    def picture(self, shared: SharedMesh, source: Texture | None, side: int) -> core.Texture | None:
        """One of a part's pictures on the card, at most `side` texels a side; None where there is none."""
        if source is None:
            return None
        side = side_for(shared.mesh, side)
        if (id(source), side) not in self._textures:
            self._textures[id(source), side] = make_texture(source, side)
        return self._textures[id(source), side]

    def has_texture(self, source: Texture, side: int) -> bool:
        """Whether it is on the card already."""
        return (id(source), side) in self._textures

    def keep_texture(self, source: Texture, side: int, made: core.Texture) -> None:
        """Take one that was brought to the card elsewhere."""
        self._textures.setdefault((id(source), side), made)


def detailed(quality: Quality, level: int) -> bool:
    """Whether pictures of normals and of roughness are looked at: their texels cost at every pixel."""
    return quality in ("high", "ultra") and level <= 1


def side_for(mesh: Mesh, side: int) -> int:
    """The same for one mesh: an eye fills a small part of what a face does."""
    return side // 4 if mesh.material.kind == "eye" else side


def texture_side(level: int, height: int) -> int:
    """Most texels a side that a picture of so many lines shows: a face fills half of a skin texture, and half of the
    picture's lines where a coarse level is shown."""
    return 1024 if level > 0 and height <= 720 else 8192
