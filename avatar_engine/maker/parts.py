"""Only the data that the makers of body, hair and clothes exchange: surfaces, mesh parts, materials, budgets.

Frame inside the maker: decimetres, +x to the person's own left, +y up, +z forward (out of the face).
Texture coordinates have v pointing up (0 at the bottom row of the picture); the GLB writer turns both round.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

Kind = Literal[
    "skin",
    "eye",
    "eye_shade",
    "lash",
    "brow",
    "hair",
    "hair_cap",
    "cloth",
    "teeth",
    "gum",
    "tongue",
    "glass",
    "plain",
]

JOINTS: tuple[tuple[str, str | None], ...] = (
    ("root", None),
    ("spine", "root"),
    ("neck", "spine"),
    ("head", "neck"),
    ("jaw", "head"),
    ("eyeLeft", "head"),
    ("eyeRight", "head"),
    ("tongue", "jaw"),
    ("shoulderLeft", "spine"),
    ("shoulderRight", "spine"),
)
"""Joint name and parent, parents first; a joint index in `MeshPart.joints` is the position in this tuple."""

JOINT_INDEX = {name: index for index, (name, _) in enumerate(JOINTS)}

LODS = (0, 1, 2)
"""0: GPU, and software GL at 1080p; 1: software GL at 720p; 2: 360p, thumbnails and crowds."""

TRIANGLES = {0: 70_000, 1: 15_000, 2: 5_500}
"""Most triangles of a whole person per level."""
SKIN_TRIANGLES = {0: 27_500, 1: 4_300, 2: 2_150}
"""About how many triangles the skin has that is left when hair and clothes have hidden their share."""
HAIR_TRIANGLES = {0: 22_000, 1: 4_500, 2: 2_400}
"""Most triangles of hair, cap and strands per level."""
CLOTHES_TRIANGLES = {0: 10_000, 1: 3_800, 2: 1_450}
"""Most triangles of all garments (and glasses) per level."""


@dataclass(frozen=True, slots=True)
class Material:
    """Look of a part. Two parts that share a material share its name; pictures are written once per name.

    base_color: 4 linear floats multiplied with the texture (sRGB). The engine picks its shading by `kind`.
    relief: normals in tangent space, y up; surface: roughness in green, times `roughness`.
    """

    name: str
    kind: Kind
    base_color: tuple[float, float, float, float] = (1.0, 1.0, 1.0, 1.0)
    texture: Image.Image | None = None
    texture_format: Literal["JPEG", "PNG"] = "JPEG"
    roughness: float = 0.6
    alpha_mode: Literal["OPAQUE", "MASK", "BLEND"] = "OPAQUE"
    alpha_cutoff: float = 0.5
    double_sided: bool = False
    relief: Image.Image | None = None
    surface: Image.Image | None = None


@dataclass(frozen=True, slots=True)
class MeshPart:
    """One primitive at one level of detail.

    positions (n, 3) dm; normals (n, 3) unit; uvs (n, 2); triangles (m, 3) counter-clockwise seen from outside;
    tangents (n, 4) or None (for hair: direction root to tip, w = 1); colors (n, 4) linear 0..1 or None;
    morphs: shape name -> (n, 3) position deltas in dm; joints (n, 4) indices into `JOINTS` and
    weights (n, 4) summing to 1, or None = rigid with the head.
    """

    name: str
    positions: Floats
    normals: Floats
    uvs: Floats
    triangles: Ints
    material: Material
    tangents: Floats | None = None
    colors: Floats | None = None
    morphs: dict[str, Floats] = field(default_factory=dict)
    joints: Ints | None = None
    weights: Floats | None = None
    lod: int = 0


@dataclass(frozen=True, slots=True)
class Surface:
    """The body at one level of detail as hair and clothes see it: one vertex per position, no UV seams.

    positions P (n, 3) dm, normals N (n, 3) unit, triangles (m, 3), quads (k, 4); eye_centre E (3,) = midpoint of the
    pupils; ipd = distance between the pupils in dm, so (P - E) / ipd are head-normalised coordinates;
    joints: joint name -> centre (3,); weights: joint name -> (n,) skin weight, all joints of a vertex sum to 1;
    morphs: shape name -> (n, 3) deltas (brows, forehead and neck move: hair and collars may follow);
    lod as in `LODS`.
    """

    positions: Floats
    normals: Floats
    triangles: Ints
    quads: Ints
    eye_centre: Floats
    ipd: float
    joints: dict[str, Floats]
    weights: dict[str, Floats]
    morphs: dict[str, Floats]
    lod: int


# What hair and clothes offer, each as a module with these two functions:
#
#   build(surface: Surface, spec: HairSpec | ClothesSpec, rng: np.random.Generator) -> list[MeshPart]
#       called once per level with the surface of that level and a freshly seeded generator;
#       parts carry `lod = surface.lod` and stay inside HAIR_TRIANGLES / CLOTHES_TRIANGLES.
#   covered(surface: Surface, spec: HairSpec | ClothesSpec) -> NDArray[bool] (n,)
#       body vertices that nobody can ever see below this hair or cloth; the body drops faces all of whose
#       corners are covered. Leave a margin of two rings of vertices at every hem and hairline.
