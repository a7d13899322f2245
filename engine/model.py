"""A loaded avatar as plain arrays: what a file reader fills and a renderer draws. No file format, no GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
MaterialKind = Literal[
    "skin", "eye", "eye_shade", "lash", "brow", "hair", "hair_cap", "cloth", "teeth", "gum", "tongue", "glass", "plain"
]


@dataclass(frozen=True, slots=True)
class Texture:
    """A picture, sRGB (or linear, if `linear`); kept as it came in the file and decoded when somebody looks.

    A renderer looks once; decoded pictures would be most of an avatar's memory.
    """

    name: str
    width: int
    height: int
    decode: Callable[[], NDArray[np.uint8]]
    linear: bool = False

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """(height, width, 4) uint8, top row first; decoded anew at every call."""
        return self.decode()


@dataclass(frozen=True, slots=True)
class Material:
    """Metallic-roughness material; `kind` picks the shading (from extras, name or geometry).

    Pictures share the mesh's one set of coordinates. normal_texture: tangent space, y up, its x and y times
    `normal_scale`. surface_texture: green times `surface_factors[0]` is the roughness of a place, blue times
    `surface_factors[1]` how metallic it is; `roughness` and `metallic` are their means, for whoever does not look.
    """

    name: str
    kind: MaterialKind
    base_colour: tuple[float, float, float, float]  # linear
    base_texture: Texture | None
    roughness: float
    metallic: float
    alpha_mode: Literal["OPAQUE", "MASK", "BLEND"]
    alpha_cutoff: float
    double_sided: bool
    emissive: tuple[float, float, float] = (0.0, 0.0, 0.0)
    unlit: bool = False
    normal_texture: Texture | None = None
    normal_scale: float = 1.0
    surface_texture: Texture | None = None
    surface_factors: tuple[float, float] = (1.0, 1.0)

    def textures(self) -> tuple[Texture, ...]:
        """All pictures there are."""
        every = (self.base_texture, self.normal_texture, self.surface_texture)
        return tuple(texture for texture in every if texture is not None)


@dataclass(frozen=True, slots=True)
class MorphTarget:
    """Sparse displacement: vertices `index` (k,) int32 move by `delta` (k, 3) metres at weight 1."""

    name: str
    index: NDArray[np.int32]
    delta: Float
    normal_delta: Float | None = None  # (k, 3); None: the renderer derives it


@dataclass(frozen=True, slots=True)
class Mesh:
    """One drawable part at one level of detail, in the avatar's rest pose, metres, y up, facing +z.

    positions/normals (n, 3), uvs (n, 2) with v down, tangents (n, 4) or None, colours (n, 4) or None,
    triangles (m, 3) uint32, joints (n, 4) uint16 into `Model.joints`, weights (n, 4) summing to 1, or None: rigid
    to `attached_joint` (-1: not moved at all).
    """

    name: str
    level: int
    positions: Float
    normals: Float
    uvs: Float
    triangles: NDArray[np.uint32]
    material: Material
    tangents: Float | None = None
    colours: Float | None = None
    joints: NDArray[np.uint16] | None = None
    weights: Float | None = None
    attached_joint: int = -1
    targets: tuple[MorphTarget, ...] = ()


@dataclass(frozen=True, slots=True)
class Joint:
    """A bone: rest position in metres (avatar axes), parent index or -1, and its 4x4 rest transform."""

    name: str
    parent: int
    rest: Float  # (4, 4) model space


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Model:
    """Everything drawable of one avatar; immutable, shared by all sessions that show it."""

    name: str
    meshes: tuple[Mesh, ...]
    joints: tuple[Joint, ...]
    morph_names: tuple[str, ...]  # union over the meshes, file order
    levels: int
    source: str
    extras: dict[str, object] = field(default_factory=dict)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names in the order of `joints`."""
        return tuple(joint.name for joint in self.joints)
