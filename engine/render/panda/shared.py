"""Only what all views of one model have in common on the card: geometry by level, textures, baked light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from panda3d import core

from avatar_engine.engine.memory import give_back
from avatar_engine.engine.model import Model, Texture
from avatar_engine.engine.render.panda.extent import Extent
from avatar_engine.engine.render.panda.geometry import Palette, SharedMesh, make_texture, palette
from avatar_engine.engine.render.panda.occlusion import Baker, DepthBuffers, DepthPictures

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
        self._textures: dict[int, core.Texture] = {}
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

    def seen(self, level: int, key: Way | None, buffers: DepthPictures | None = None) -> list[core.GeomVertexArrayData]:
        """Baked light of every part of a level for a key light from direction `key`; `buffers` draw what it takes."""
        if (level, key) not in self._seen:
            meshes = self.meshes(level)
            baker = Baker(buffers or self._buffers, meshes, [self.texture(shared) for shared in meshes])
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

    def texture(self, shared: SharedMesh) -> core.Texture | None:
        """The base texture on the card."""
        source = shared.mesh.material.base_texture
        if source is None:
            return None
        if id(source) not in self._textures:
            self._textures[id(source)] = make_texture(source)
        return self._textures[id(source)]

    def has_texture(self, source: Texture) -> bool:
        """Whether it is on the card already."""
        return id(source) in self._textures

    def keep_texture(self, source: Texture, made: core.Texture) -> None:
        """Take one that was brought to the card elsewhere."""
        self._textures.setdefault(id(source), made)
