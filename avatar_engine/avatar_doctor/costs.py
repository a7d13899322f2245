"""Only what an avatar costs: triangles, pictures, memory, and time per frame."""

from __future__ import annotations

from dataclasses import dataclass

from avatar_engine.engine.model import Mesh, Model

TRIANGLES_LIVE = 15_000
"""What a software renderer draws at 720p 30 times a second on one core; the most that the bundled people's level 1 has."""
TRIANGLES_MOST = 150_000
TEXTURE_SIDE = 4096
MIPMAPS = 4 / 3

# CPU milliseconds of one 1280x720 frame on the software renderer (llvmpipe, x86-64, two cores), fitted to the
# bundled people at levels 0 to 2: a picture's own cost, and per thousand triangles.
FRAME_MS, FRAME_MS_PER_THOUSAND = 20.0, 0.72


@dataclass(frozen=True, slots=True)
class Costs:
    """Per level: triangles and meshes. geometry_mb, targets_mb, pictures_mb: decoded, with mipmaps."""

    triangles: tuple[int, ...]
    meshes: tuple[int, ...]
    pictures: tuple[tuple[str, int, int], ...]
    geometry_mb: float
    targets_mb: float
    pictures_mb: float

    @property
    def memory_mb(self) -> float:
        """All together, once per avatar however many sessions show it."""
        return self.geometry_mb + self.targets_mb + self.pictures_mb

    def frame_ms(self, level: int) -> float:
        """What one 720p frame should take on the software renderer, milliseconds of CPU time."""
        return FRAME_MS + FRAME_MS_PER_THOUSAND * self.triangles[min(level, len(self.triangles) - 1)] / 1000


def costs_of(model: Model) -> Costs:
    """Counted on the model; nothing is decoded or drawn."""
    levels = [[mesh for mesh in model.meshes if mesh.level == level] for level in range(model.levels)]
    pictures = {
        (texture.name, texture.width, texture.height)
        for mesh in model.meshes
        if (texture := mesh.material.base_texture) is not None
    }
    return Costs(
        tuple(sum(len(mesh.triangles) for mesh in level) for level in levels),
        tuple(len(level) for level in levels),
        tuple(sorted(pictures)),
        sum(_geometry(mesh) for mesh in model.meshes) / 2**20,
        sum(
            target.index.nbytes
            + target.delta.nbytes
            + (0 if target.normal_delta is None else target.normal_delta.nbytes)
            for mesh in model.meshes
            for target in mesh.targets
        )
        / 2**20,
        sum(width * height * 4 * MIPMAPS for _, width, height in pictures) / 2**20,
    )


def _geometry(mesh: Mesh) -> int:
    arrays = (mesh.positions, mesh.normals, mesh.uvs, mesh.triangles, mesh.tangents, mesh.colours, mesh.joints)
    return sum(array.nbytes for array in (*arrays, mesh.weights) if array is not None)
