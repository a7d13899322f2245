"""Only what is inside the mouth: two rows of teeth with gums, and the tongue."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avatar_engine.maker.body import Person
from avatar_engine.maker.decimate import decimate
from avatar_engine.maker.geometry import (
    catmull_clark,
    compact,
    fit_rigid,
    grid_triangles,
    quad_triangles,
    smooth_step,
    vertex_normals,
)
from avatar_engine.maker.parts import Floats, Ints, Material, MeshPart
from avatar_engine.maker.rings import SEAM, lip_rings
from avatar_engine.maker.skeleton import four_strongest, rigid_to

WIDTHS_DM = (0.086, 0.067, 0.078, 0.071, 0.069, 0.100, 0.100)
"""Crown widths from the middle incisor to the second molar (dental anatomy: 8.6, 6.6, 7.6, 7, 6.8, 10, 9.8 mm)."""
HEIGHTS_DM = (0.105, 0.093, 0.104, 0.088, 0.084, 0.078, 0.076)
DROPS_DM = (0.0, -0.007, 0.002, -0.006, -0.010, -0.014, -0.016)
"""How much further each crown reaches over the line of the middle incisors."""

EDGE_BELOW_SEAM_DM = 0.024
"""Incisor edge under the line of the closed lips: no teeth, or horse teeth, with other values."""
OVERBITE_DM = 0.014
LOWER_WIDTH, LOWER_HEIGHT = 0.84, 0.85

CROWN_GRID = {0: (6, 11), 1: (4, 5), 2: (3, 4)}
CROWN_SPAN = {0: (0.0, 2.0), 1: (-0.15, 1.15), 2: (-0.1, 1.1)}
"""Part of a crown's round that is made per level, in half turns from its side over the front: nobody sees the rest."""
CROWN_ROOT = {0: 0.0, 1: 0.2, 2: 0.25}
"""Part of a crown that stays in the gum and is not made."""
CROWN_TIP = {0: 1.0, 1: 0.93, 2: 0.86}
"""Where a crown ends, in half turns from its root: few rows that meet in one point would make fangs."""
TEETH_PER_SIDE = {0: 7, 1: 6, 2: 4}
GUM_GRID = {0: (33, 9), 1: (15, 5), 2: (7, 3)}
GUM_SPAN = {0: (0.0, 2.0), 1: (-0.65, 0.65), 2: (-0.6, 0.6)}
"""Part of the gum's round that is made per level, in half turns from the front."""
GUM_FROM_EDGE_DM = 0.128
"""From the line of the teeth's edges to the middle of the gum."""
GUM_PART = 0.62
"""Part of the arch that has a gum: what lies further back is never seen."""
GUM_TALL_DM, GUM_FOOT_DM, GUM_THICK_DM = 0.042, 0.020, 0.038
"""Half sizes of the gum: towards the teeth, away from them, and to the front and back."""
TONGUE_TRIANGLES = {1: 220, 2: 64}

ENAMEL = (0.96, 0.90, 0.78)
GUM = (0.50, 0.175, 0.155)
"""Linear colours."""

TONGUE_SCALE = (0.82, 0.62, 0.92)
TONGUE_DROP_DM = (0.0, -0.10, -0.03)
"""The helper tongue fills the whole mouth; ours lies in it."""


@dataclass(frozen=True, slots=True)
class Arch:
    """A row of teeth: points on the line of the crowns' middle, by arc length from the middle line."""

    arc: Floats
    x: Floats
    z: Floats
    edge: float
    up: float
    back: float
    depth: float

    def at(self, arc: Floats) -> tuple[Floats, Floats]:
        """x and z at signed arc lengths."""
        return np.interp(arc, self.arc, self.x), np.interp(arc, self.arc, self.z)


def incisor_edge(person: Person) -> float:
    """Height y of the upper incisors' edge, dm."""
    return float(person.vertices[lip_rings()[SEAM][0], 1]) - EDGE_BELOW_SEAM_DM


def arch_of(person: Person, upper: bool) -> Arch:
    """The dental arch, fitted to the helper strips of the data set."""
    helper = person.vertices[person.source.group_vertices(f"helper-{'upper' if upper else 'lower'}-teeth")]
    half = (helper[:, 0].max() - helper[:, 0].min()) / 2 * (0.91 if upper else 0.87)
    front, back = helper[:, 2].max() - 0.012, helper[:, 2].min()
    t = np.linspace(-1, 1, 401)
    x, z = half * np.sin(t * np.pi / 2), front - (front - back) * (1 - np.cos(t * np.pi / 2)) ** 1.05
    arc = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    edge = incisor_edge(person) + (0.0 if upper else OVERBITE_DM)
    return Arch(arc - arc[200], x, z, edge, 1.0 if upper else -1.0, float(back), float(front - back))


def _crown(arch: Arch, number: int, sign: float, start: float, lod: int) -> tuple[Floats, Ints, Floats, float]:
    scale = 1.0 if arch.up > 0 else LOWER_WIDTH
    width = WIDTHS_DM[number] * scale
    height = HEIGHTS_DM[number] * (1.0 if arch.up > 0 else LOWER_HEIGHT)
    depth = 0.05 if number < 3 else 0.085
    middle = np.array(sign * (start + width / 2))
    x, z = arch.at(middle)
    ahead, behind = arch.at(middle + 0.01), arch.at(middle - 0.01)
    tangent = np.array([ahead[0] - behind[0], ahead[1] - behind[1]])
    tangent /= np.linalg.norm(tangent)
    rows, columns = CROWN_GRID[lod]
    root_end, first, last = CROWN_ROOT[lod], *CROWN_SPAN[lod]
    tip = CROWN_TIP[lod]
    height_of = (root_end, tip) if arch.up > 0 else (1.0 - tip, 1.0 - root_end)
    grid = np.meshgrid(np.linspace(*height_of, rows) * np.pi, np.linspace(first, last, columns) * np.pi)
    polar, around = (axis.ravel() for axis in grid)

    def power(value: Floats, exponent: float) -> Floats:
        return np.asarray(np.sign(value) * np.abs(value) ** exponent)

    side = power(np.sin(polar), 0.45) * power(np.cos(around), 0.55) * width * 0.503
    front = power(np.sin(polar), 0.5) * power(np.sin(around), 0.6) * depth * 0.5
    tall = power(np.cos(polar), 0.55) * height * 0.55
    root = np.clip(tall * arch.up / height + 0.5, 0, 1)
    side *= 1 - 0.07 * root**1.5
    front *= 0.72 + 0.28 * root
    front -= 0.012 * (1 - root) ** 2
    edge = arch.edge - arch.up * DROPS_DM[number] * (1.0 if arch.up > 0 else 0.4)
    positions = np.stack(
        [
            x + side * tangent[0] - front * tangent[1],
            edge + arch.up * height * 0.5 + tall,
            z + side * tangent[1] + front * tangent[0] - depth * 0.4,
        ],
        1,
    )
    shade = np.array([1.0, 0.985, 0.95]) - np.outer(root**1.5, [0.26, 0.30, 0.36])
    color = np.array(ENAMEL) * shade * (1 - 0.05 * (number == 2) - 0.03 * max(0, number - 2))
    return positions, grid_triangles(columns, rows), color, width


def _row(arch: Arch, lod: int) -> tuple[Floats, Ints, Floats]:
    vertices: list[Floats] = []
    triangles: list[Ints] = []
    colors: list[Floats] = []
    count = 0
    for sign in (-1.0, 1.0):
        start = 0.0
        for number in range(TEETH_PER_SIDE[lod]):
            points, faces, color, width = _crown(arch, number, sign, start, lod)
            start += width
            if start > arch.arc[-1]:
                break
            vertices.append(points)
            triangles.append(faces + count)
            colors.append(color)
            count += len(points)
    return np.concatenate(vertices), np.concatenate(triangles), np.concatenate(colors)


def _gum(arch: Arch, lod: int) -> tuple[Floats, Ints]:
    along, around = GUM_GRID[lod]
    arc = np.linspace(-1.0, 1.0, along) * arch.arc[-1] * GUM_PART
    x, z = arch.at(arc)
    ring = np.linspace(*GUM_SPAN[lod], around) * np.pi
    necks = np.abs(np.cos(arc * np.pi / 0.08)) * 0.008
    # Round towards the teeth, flat where it ends in the lining.
    tall = np.where(np.sin(ring) * arch.up < 0.0, GUM_TALL_DM, GUM_FOOT_DM)
    y = arch.edge + arch.up * (GUM_FROM_EDGE_DM + necks)[:, None] + tall * np.sin(ring)
    positions = np.stack(
        [np.repeat(x, around), y.ravel(), (z[:, None] - 0.034 + GUM_THICK_DM * np.cos(ring)).ravel()], 1
    )
    return positions, grid_triangles(along, around)[:, ::-1]


def hard_points(person: Person, shapes: tuple[str, ...] = ("jawOpen",)) -> dict[str, Floats]:
    """Points (n, 3) of all teeth and gums at rest (key "") and with each of `shapes` at 1."""
    parts = [part for part in mouth_parts(person, mouth_materials(), 0) if part.name != "Tongue"]
    out = {"": np.concatenate([part.positions for part in parts])}
    for shape in shapes:
        out[shape] = np.concatenate([part.positions + part.morphs.get(shape, 0.0) for part in parts])
    return out


def rigid_morphs(person: Person, members: Ints, positions: Floats) -> dict[str, Floats]:
    """The motion that each shape gives to a stiff part, fitted to what it does to the helper vertices."""
    out = {}
    rest = person.vertices[members]
    for name, delta in person.shapes.items():
        if np.abs(delta[members]).max() > 1e-4:
            turn, shift = fit_rigid(rest, rest + delta[members])
            out[name] = positions @ turn.T + shift - positions
    return out


def mouth_materials() -> dict[str, Material]:
    """Materials of teeth, gums and tongue, the enamel in the vertex colours; and the one of all that is stiff or lining.

    The tongue stays apart: it comes out into the light, and is darkened by its own depth.
    """
    return {
        "mouth": Material("Mouth", "teeth", roughness=0.46),
        "teeth": Material("Teeth", "teeth", roughness=0.22),
        "gum": Material("Gum", "gum", base_color=(*GUM, 1.0), roughness=0.32),
        "tongue": Material("Tongue", "tongue", base_color=(0.42, 0.13, 0.115, 1.0), roughness=0.42),
    }


def mouth_parts(person: Person, materials: dict[str, Material], lod: int) -> list[MeshPart]:
    """Teeth, gums and, last, the tongue at one level."""
    parts = []
    for upper in (True, False):
        arch = arch_of(person, upper)
        place = "Upper" if upper else "Lower"
        members = person.source.group_vertices(f"helper-{place.lower()}-teeth")
        joint = "head" if upper else "jaw"
        positions, triangles, colors = _row(arch, lod)
        lit = np.clip((positions[:, 2] - arch.back) / arch.depth, 0, 1) ** 1.3
        shaded = np.concatenate([colors * (0.30 + 0.70 * lit)[:, None], np.ones((len(colors), 1))], 1)
        for name, kind, points, faces, tint in (
            (f"Teeth{place}", "teeth", positions, triangles, shaded),
            (f"Gum{place}", "gum", *_gum(arch, lod), None),
        ):
            joints, weights = rigid_to(joint, len(points))
            parts.append(
                MeshPart(
                    name, points, vertex_normals(points, faces), np.zeros((len(points), 2)), faces, materials[kind],
                    colors=tint, morphs=rigid_morphs(person, members, points), joints=joints, weights=weights, lod=lod,
                )
            )  # fmt: skip
    return [*parts, tongue_part(person, materials["tongue"], lod)]


def tongue_part(person: Person, material: Material, lod: int) -> MeshPart:
    """The helper tongue, made smaller; it rests in the lower jaw."""
    quads = person.source.groups["helper-tongue"][..., 0]
    matrix, faces = (catmull_clark if lod == 0 else compact)(quads, len(person.vertices))
    positions = matrix @ person.vertices
    middle = positions.mean(0)
    positions = (positions - middle) * TONGUE_SCALE + middle + TONGUE_DROP_DM
    triangles = quad_triangles(faces)
    normals = vertex_normals(positions, triangles)
    if lod:
        # The upper side and the tip are what is seen.
        worth = 0.2 + smooth_step(-0.3, 0.5, normals[:, 1]) + smooth_step(-0.1, 0.1, positions[:, 2] - middle[2])
        triangles = decimate(positions, triangles, TONGUE_TRIANGLES[lod], np.zeros(len(positions), dtype=bool), worth)
        used, triangles = np.unique(triangles, return_inverse=True)
        positions, normals, matrix, triangles = positions[used], normals[used], matrix[used], triangles.reshape(-1, 3)
    morphs = {name: matrix @ delta for name, delta in person.shapes.items() if np.abs(matrix @ delta).max() > 1e-5}
    joints, weights = four_strongest({name: matrix @ weight for name, weight in person.weights.items()})
    return MeshPart(
        "Tongue", positions, normals, np.zeros((len(positions), 2)), triangles, material,
        morphs=morphs, joints=joints, weights=weights, lod=lod,
    )  # fmt: skip
