"""Only the geometry that hair is made of: sheets of flowing strands, locks cut out of them, and their meshes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d, map_coordinates

from avatar_engine.maker.hair.scalp import Head, smooth_step, unit
from avatar_engine.maker.parts import Floats, Ints


@dataclass(frozen=True, slots=True)
class Sheet:
    """A surface of hair: points (a, b, 3) dm, a across the strands, b from root to tip; shade (a, b) multiplies
    the colour."""

    points: Floats
    shade: Floats

    def at(self, a: Floats, b: Floats) -> tuple[Floats, Floats]:
        """Points (..., 3) and shades (...) at fractions a, b in 0..1, bilinear."""
        na, nb = self.shade.shape
        where = [np.clip(a, 0, 1) * (na - 1), np.clip(b, 0, 1) * (nb - 1)]
        xyz = [map_coordinates(self.points[..., k], where, order=1, mode="nearest") for k in range(3)]
        return np.stack(xyz, -1), map_coordinates(self.shade, where, order=1, mode="nearest")

    def softened(self, across: int, along: int) -> Sheet:
        """The sheet without what a mesh of so many cells cannot show; borders stay."""
        na, nb = self.shade.shape
        wide, long = 0.34 * na / across, 0.34 * nb / along

        def soft(field: Floats) -> Floats:
            out = gaussian_filter1d(
                gaussian_filter1d(field, wide, axis=0, mode="nearest"), long, axis=1, mode="nearest"
            )
            out[[0, -1]], out[:, [0, -1]] = field[[0, -1]], field[:, [0, -1]]
            return np.asarray(out)

        return Sheet(soft(self.points), soft(self.shade))

    def frame(self) -> tuple[Floats, Floats]:
        """Unit outward normals and root-to-tip tangents, both (a, b, 3)."""
        along = unit(np.gradient(self.points, axis=1))
        across = np.gradient(self.points, axis=0)
        return unit(np.cross(across, along)), along


@dataclass(slots=True)
class Mesh:
    """Arrays of a growing mesh; see `MeshPart` for their meaning."""

    positions: list[Floats]
    normals: list[Floats]
    uvs: list[Floats]
    tangents: list[Floats]
    shades: list[Floats]
    opacities: list[Floats]
    triangles: list[Ints]
    count: int = 0


def empty_mesh() -> Mesh:
    return Mesh([], [], [], [], [], [], [])


def grid_triangles(rows: int, columns: int, flip: bool = False) -> Ints:
    """Two triangles per cell of a (rows, columns) grid of vertices."""
    i = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]
    a, b, c, d = i, i + 1, i + columns, i + columns + 1
    t = np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3)
    return (t[:, ::-1] if flip else t).astype(np.int64)


def add_grid(
    mesh: Mesh,
    p: Floats,
    n: Floats,
    uv: Floats,
    t: Floats,
    shade: Floats,
    flip: bool = False,
    opacity: Floats | float = 1.0,
) -> None:
    """Append a (rows, columns) grid of vertices and drop its degenerate triangles."""
    rows, columns = shade.shape
    tri = grid_triangles(rows, columns, flip)
    flat = p.reshape(-1, 3)
    area = np.linalg.norm(np.cross(flat[tri[:, 1]] - flat[tri[:, 0]], flat[tri[:, 2]] - flat[tri[:, 0]]), axis=1)
    tri = tri[area > 1e-7]
    mesh.positions.append(flat)
    mesh.normals.append(n.reshape(-1, 3))
    mesh.uvs.append(uv.reshape(-1, 2))
    mesh.tangents.append(t.reshape(-1, 3))
    mesh.shades.append(shade.reshape(-1))
    mesh.opacities.append(np.broadcast_to(opacity, shade.shape).reshape(-1))
    mesh.triangles.append(tri + mesh.count)
    mesh.count += rows * columns


def slerp(a: Floats, b: Floats, t: Floats) -> Floats:
    """Great-circle interpolation of unit rows a, b (n, 3) at t (m,): (n, m, 3)."""
    angle = np.arccos(np.clip((a * b).sum(-1), -0.9999, 0.9999))[:, None]
    far, near = np.sin((1 - t)[None] * angle)[..., None], np.sin(t[None] * angle)[..., None]
    return np.asarray((far * a[:, None] + near * b[:, None]) / np.sin(angle)[..., None])


def settle(
    head: Head, points: Floats, clearance: Floats, rounds: int = 4, across: float = 1.5, along: float = 1.0
) -> Floats:
    """Smooth a sheet and push it out of the skin, alternating; ends outside. clearance (a, b) dm."""
    for k in range(rounds):
        flat = head.clear(points.reshape(-1, 3), clearance.reshape(-1)).reshape(points.shape)
        if k == rounds - 1:
            return flat
        keep = flat[:, 0].copy()
        points = gaussian_filter1d(flat, across, axis=0, mode="nearest")
        points = gaussian_filter1d(points, along, axis=1, mode="nearest")
        points[:, 0] = keep
    return points


def lock_field(rng: np.random.Generator, na: int, nb: int, locks: float, drift: float) -> tuple[Floats, Floats]:
    """Ridges of locks over a sheet: height (na, nb) 0 in the valleys to 1 on the crests, and phase across a lock
    (na, nb) -0.5..0.5. Locks wander sideways by `drift` of a lock width and differ in width."""
    a, b = np.linspace(0, 1, na)[:, None], np.linspace(0, 1, nb)[None]
    grid = rng.normal(size=(max(4, int(locks / 2)), 4))
    rows = np.linspace(0, grid.shape[0] - 1, na)[:, None] + 0 * b
    wander = map_coordinates(grid, [rows, b * 3 + 0 * a], order=3, mode="nearest")
    phase = a * locks + drift * wander
    frac = phase - np.floor(phase) - 0.5
    height = np.sqrt(np.clip(1 - (2 * np.abs(frac)) ** 2.4, 0, 1))
    gain = rng.uniform(0.45, 1.0, size=int(locks) + 8)[(np.floor(phase).astype(int) + 4) % (int(locks) + 8)]
    return height * gain, frac


def pingpong(x: Floats, low: float, high: float) -> Floats:
    """A triangle wave that keeps texture coordinates inside one region of the atlas."""
    t = np.abs((x % 2.0) - 1.0)
    return low + (high - low) * t


SIDE, SIDE_CLEARANCE_DM = 0.05, 0.02
"""Share of a sheet's width beside its sides that stays clear of the skin, and by how much."""


def add_sheet(
    mesh: Mesh,
    head: Head,
    sheet: Sheet,
    size: tuple[int, int],
    region: tuple[float, float],
    repeats: float,
    round_normals: float = 0.45,
    b_range: tuple[float, float] = (0.0, 1.0),
    inset: float = 0.0,
    darkness: float = 1.0,
    v_root: float = 0.004,
    v_tip: float = 0.996,
    upper: float = 0.5,
    fade: float = 0.0,
) -> None:
    """Mesh a sheet at `size` (across, along) cells. `round_normals` bends normals to the direction from the head;
    `inset` (dm) > 0 makes the underside: moved inwards, facing inwards. `v_root` > 0.06 skips the ragged
    roots of the atlas, `v_tip` < 0.9 its ragged tips. `upper`: share of the rows that the half next to the roots
    gets. `fade`: share of the width over which both sides thin out to nothing."""
    na, nb = size[0] + 1, size[1] + 1
    if head.surface.lod:
        sheet = sheet.softened(*size)
    # An underside of few columns keeps away from the edge, or its chords come out beside the face.
    edge = (0.010, 0.030, 0.045)[head.surface.lod] if inset else 0.0
    columns = np.linspace(edge, 1.0 - edge, na)
    if fade:
        columns = np.concatenate([[edge], np.linspace(edge + fade, 1.0 - edge - fade, na), [1.0 - edge]])
    na = len(columns)
    opacity = np.ones((na, nb))
    if fade:
        opacity[[0, -1]] = 0.0
    a = columns[:, None] + np.zeros((1, nb))
    middle = (b_range[0] + b_range[1]) / 2
    b = np.interp(np.linspace(0, 1, nb), [0, upper, 1], [b_range[0], middle, b_range[1]])[None] + np.zeros((na, 1))
    p, shade = sheet.at(a, b)
    if fade and not inset:
        # Sides that dip into the skin would end in a hard line.
        beside = np.minimum(columns, 1 - columns) < SIDE
        p[beside] = head.clear(p[beside].reshape(-1, 3), SIDE_CLEARANCE_DM).reshape(p[beside].shape)
    fine_normal, fine_along = sheet.frame()
    n = unit(_sample(fine_normal, a, b))
    t = unit(_sample(fine_along, a, b))
    ball = _from_centre(head, p)
    n = unit(n * (1 - round_normals) + ball * round_normals)
    if inset:
        # Thin at the front edges, where the underside meets the outside.
        depth = inset * smooth_step(0.0, 0.06, np.minimum(a, 1 - a)) * smooth_step(0.0, 0.10, 1 - b)
        depth = depth * smooth_step(b_range[0], b_range[0] + 0.22, b)
        p = p - n * (0.012 + depth)[..., None]
        n = -n
    uv = np.stack([pingpong(a * repeats, *region), v_root + (v_tip - v_root) * b], -1)
    # The underside darkens away from its borders, so that none of them shows as a step.
    inner = smooth_step(b_range[0], b_range[0] + 0.30, b) * smooth_step(0.0, 0.10, np.minimum(a, 1 - a))
    tone = shade * (1 - (1 - darkness) * inner) if inset else shade
    add_grid(mesh, p, n, uv, t, tone, flip=bool(inset), opacity=opacity)


def _sample(field: Floats, a: Floats, b: Floats) -> Floats:
    na, nb = field.shape[:2]
    where = [a * (na - 1), b * (nb - 1)]
    return np.stack([map_coordinates(field[..., k], where, order=1, mode="nearest") for k in range(3)], -1)


def _from_centre(head: Head, p: Floats) -> Floats:
    """Direction from the head's vertical axis below the centre and from the centre above it."""
    away = p - head.centre
    away[..., 1] = np.where(away[..., 1] < 0, away[..., 1] * 0.15, away[..., 1])
    return unit(away)


@dataclass(frozen=True, slots=True)
class Cards:
    """A batch of locks in sheet coordinates: centre a, span (b0, b1), half width (fraction of a), lift at root,
    middle and tip (dm), sideways shift of the tip (fraction of a), shade; all (n,)."""

    a: Floats
    b0: Floats
    b1: Floats
    half: Floats
    lift: tuple[Floats, Floats, Floats]
    shift: Floats
    shade: Floats

    def pick(self, order: Ints) -> Cards:
        """Some of the locks."""
        root, middle, tip = self.lift
        return Cards(
            self.a[order],
            self.b0[order],
            self.b1[order],
            self.half[order],
            (root[order], middle[order], tip[order]),
            self.shift[order],
            self.shade[order],
        )


BEND = (0.0, 0.10, 0.30)
"""How far normals turn to the sides of a ribbon, by its columns: one alone is too flat to pass for a round lock."""


def add_cards(
    mesh: Mesh,
    head: Head,
    sheet: Sheet,
    cards: Cards,
    rows: int,
    columns: int,
    slots: list[tuple[float, float]],
    rng: np.random.Generator,
    round_normals: float = 0.5,
    droop: float = 0.0,
) -> None:
    """Ribbons that lie on a sheet and lift off it towards their tips; they cannot enter the skin.

    rows, columns: cells along and across a ribbon. slots: the (u0, u1) columns of the atlas with tapering locks.
    droop (dm) bends the edges of a ribbon towards the sheet, so that it reads as a round lock.
    """
    fine_normal, fine_along = sheet.frame()
    s = np.linspace(0, 1, rows + 1)[:, None]
    x = np.linspace(-1, 1, columns + 1)[None]
    for i in range(len(cards.a)):
        b = cards.b0[i] + (cards.b1[i] - cards.b0[i]) * s + 0 * x
        width = cards.half[i] * np.interp(s, [0, 0.15, 0.7, 1], [0.85, 1.0, 0.9, 0.55])
        a = cards.a[i] + cards.shift[i] * s**1.5 + width * x
        p, shade = sheet.at(a, b)
        ac = np.clip(a, 0, 1)
        n, t = (
            unit(_sample(fine_normal, ac, np.clip(b, 0, 1))),
            unit(_sample(fine_along, ac, np.clip(b, 0, 1))),
        )
        over = np.clip(b - 1.0, 0, 1)
        length = np.linalg.norm(sheet.at(np.array([cards.a[i]]), np.array([1.0]))[0] - sheet.points[0, 0])
        p = p + t * (over * length)[..., None]
        lift = np.interp(s, [0, 0.5, 1], [cards.lift[0][i], cards.lift[1][i], cards.lift[2][i]])
        p = p + n * (lift - droop * x**2 * smooth_step(0.0, 0.3, s))[..., None]
        side = unit(np.cross(t, n))
        ball = unit(n * (1 - round_normals) + _from_centre(head, p) * round_normals)
        ball = unit(ball - side * (BEND[min(columns, 2)] * x)[..., None])
        # Both ends have the tone of what they lie on.
        tone = 1.0 + (cards.shade[i] - 1.0) * smooth_step(0.0, 0.5, s) * smooth_step(1.0, 0.7, s)
        u0, u1 = slots[int(rng.integers(len(slots)))]
        if rng.random() < 0.5:
            u0, u1 = u1, u0
        uv = np.stack([u0 + (u1 - u0) * (x * 0.5 + 0.5) + 0 * s, 0.006 + 0.985 * s + 0 * x], -1)
        add_grid(mesh, p, ball, uv, t, np.clip(shade * tone, 0.2, 1.6))
