"""Only the choice of hair style and the assembly of its sheets, locks and cap into mesh parts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from avatar_engine.maker.hair.bob import falling_sheet
from avatar_engine.maker.hair.bun import knot_sheet, outward, tied_sheet
from avatar_engine.maker.hair.cap import build_cap
from avatar_engine.maker.hair.scalp import Head, above_hairline, head_of, is_ear
from avatar_engine.maker.hair.sheet import Cards, Mesh, add_cards, add_sheet, empty_mesh
from avatar_engine.maker.hair.skin_weights import hair_weights
from avatar_engine.maker.hair.swept import SWEEPS, swept_sheet
from avatar_engine.maker.hair.texture import LOCK_SLOTS, SHEET_REGION, atlas
from avatar_engine.maker.parts import Floats, Material, MeshPart, Surface
from avatar_engine.maker.spec import HairSpec

Rng = np.random.Generator

SIDE_FADE = (0.006, 0.009, 0.016)
"""Share of a sheet's width over which its sides thin out, per level: some four pixels of the picture it is made for."""


def hair_part(head: Head, mesh: Mesh, spec: HairSpec, rng: Rng) -> MeshPart:
    """Close a mesh into a part."""
    p: Floats = np.concatenate(mesh.positions).round(6)
    shade = np.concatenate(mesh.shades)
    material = Material(
        name="hair",
        kind="hair",
        texture=atlas(spec, rng),
        texture_format="PNG",
        roughness=0.42,
        alpha_mode="MASK",
        alpha_cutoff=0.45,
        double_sided=True,
    )
    joints, weights = hair_weights(head, p)
    return MeshPart(
        name="Hair",
        positions=p,
        normals=np.concatenate(mesh.normals),
        uvs=np.concatenate(mesh.uvs),
        triangles=np.concatenate(mesh.triangles),
        material=material,
        tangents=np.concatenate([np.concatenate(mesh.tangents), np.ones((len(p), 1))], 1),
        colors=np.concatenate(
            [np.repeat(np.clip(shade, 0, 1.6)[:, None], 3, 1), np.concatenate(mesh.opacities)[:, None]], 1
        ),
        joints=joints,
        weights=weights,
        lod=head.surface.lod,
    )


def parting_strip(spec: HairSpec, margin: float) -> tuple[float, float]:
    """From the parting in front to the crown, sideways, in pupil distances."""
    x = spec.part * 1.05
    return min(x, 0.25 * x) - margin, max(x, 0.25 * x) + margin


def falling(head: Head, spec: HairSpec, rng: Rng) -> list[MeshPart]:
    """bob, lob, wavy."""
    lod = head.surface.lod
    cap = build_cap(
        head,
        spec,
        np.random.default_rng(1),
        "soft",
        lift=(0.006, (0.02, 0.008, 0.008)[lod]),
        inner_limit=(0.75, 0.6, 0.5)[lod],
        parting=parting_strip(spec, (0.22, 0.6, 0.6)[lod]),
        front=spec.part * 1.05,
    )
    sheet = falling_sheet(head, spec, rng, spec.style)
    mesh = empty_mesh()
    size = ((124, 36), (62, 19), (32, 12))[lod]
    # Round the skull strands bend, below it they hang: a coarse mesh spends its rows above.
    upper = (0.5, 0.68, 0.7)[lod]
    under = ((60, 9), (26, 5), (14, 4))[lod]
    count, steps = ((210, 9), (64, 5), (20, 4))[lod]
    fade = SIDE_FADE[lod]
    add_sheet(mesh, head, sheet, size, SHEET_REGION, 9.0, v_root=0.08, upper=upper, fade=fade)
    add_sheet(
        mesh,
        head,
        sheet,
        under,
        SHEET_REGION,
        9.0,
        b_range=(0.36, 0.985),
        inset=0.16,
        darkness=(0.45, 0.6, 0.7)[lod],
        v_root=0.08,
        fade=fade,
    )
    pick = np.random.default_rng(int(rng.integers(1 << 31)))
    a = (np.arange(210) + pick.uniform(0, 1, 210)) / 210
    b0 = pick.uniform(0.02, 0.55, 210)
    b1 = np.minimum(b0 + pick.uniform(0.38, 0.75, 210), pick.uniform(0.88, 0.985, 210))
    order = pick.permutation(210)[:count]
    widen = (1.0, 1.5, 1.9)[lod]
    cards = Cards(
        a=a,
        b0=b0,
        b1=b1,
        half=pick.uniform(0.006, 0.013, 210) * widen,
        lift=(np.full(210, -0.005), pick.uniform(0.008, 0.03, 210), pick.uniform(0.0, 0.05, 210)),
        shift=pick.normal(0, 0.010, 210),
        shade=pick.uniform(0.92, 1.22, 210),
    )
    add_cards(mesh, head, sheet, cards.pick(order), steps, 2 if lod == 0 else 1, LOCK_SLOTS, pick, droop=0.03)
    return [cap, hair_part(head, mesh, spec, pick)]


def swept(head: Head, spec: HairSpec, rng: Rng) -> list[MeshPart]:
    """short, crop."""
    lod, cut = head.surface.lod, SWEEPS[spec.style]
    buzz = spec.style == "crop"
    cap = build_cap(
        head,
        spec,
        np.random.default_rng(1),
        cut.line,
        lift=(0.006, 0.055) if buzz else (0.006, 0.025),
        inner_limit=9.0 if buzz else (1.25, 1.4, 1.75)[lod],
        side_fade=1.5 if buzz else 2.2,
    )
    sheet = swept_sheet(head, spec, rng, spec.style)
    mesh = empty_mesh()
    size = ((96, 34), (64, 18), (30, 12))[lod]
    count, steps = ((480, 5), (70 if not buzz else 150, 3), (34 if not buzz else 60, 2))[lod]
    if not buzz:
        add_sheet(mesh, head, sheet, size, SHEET_REGION, 7.0, b_range=(0.0, 0.97), fade=SIDE_FADE[lod])
    # Few and wide, ribbons of a coarse mesh must not stand off it, or their tips look like scales.
    tips = (0.06, 0.02, 0.01)[lod]
    pick = np.random.default_rng(int(rng.integers(1 << 31)))
    n = 480
    b0 = np.where(np.arange(n) < 70, pick.uniform(-0.01, 0.05, n), pick.uniform(0.0, 0.82, n))
    tall = cut.top / 0.26
    order = pick.permutation(n)
    if lod:
        # The fringe first: elsewhere few ribbons on a coarse sheet would look like tufts.
        order = np.concatenate([order[order < 70], order[order >= 70]])
    order = order[:count]
    cards = Cards(
        a=np.where(
            np.arange(n) < 70, pick.uniform(0.16, 0.84, n), pick.uniform(*((0.2, 0.8) if buzz else (0.03, 0.97)), n)
        ),
        b0=b0,
        b1=np.minimum(b0 + pick.uniform(0.18, 0.32, n) * (0.5 if buzz else 1.0), 1.0),
        half=pick.uniform(0.007, 0.013, n) * (1.0, 1.3, 1.7)[lod],
        lift=(np.full(n, -0.01), pick.uniform(0.02, 0.055, n) * tall, pick.uniform(0.0, tips, n) * tall),
        shift=pick.normal(-0.012 * np.sign(spec.part or 1.0), 0.020, n),
        shade=1.0 + pick.uniform(-0.12, 0.25, n) * (1.0, 0.5, 0.3)[lod],
    )
    add_cards(mesh, head, sheet, cards.pick(order), steps, 2 if lod == 0 else 1, LOCK_SLOTS, pick, droop=0.025)
    return [cap, hair_part(head, mesh, spec, pick)]


def tied(head: Head, spec: HairSpec, rng: Rng) -> list[MeshPart]:
    """bun."""
    lod = head.surface.lod
    cap = build_cap(head, spec, np.random.default_rng(1), "tied", lift=(0.005, 0.012), inner_limit=(1.0, 0.9, 0.8)[lod])
    sheet = outward(tied_sheet(head, spec, rng), head.centre)
    knot = knot_sheet(head, spec, rng)
    mesh = empty_mesh()
    size = ((150, 26), (76, 13), (40, 9))[lod]
    knot_size = ((72, 16), (36, 9), (20, 6))[lod]
    count, steps = ((150, 6), (40, 4), (14, 3))[lod]
    add_sheet(mesh, head, sheet, size, SHEET_REGION, 11.0, b_range=(0.0, 0.93))
    add_sheet(mesh, head, knot, knot_size, SHEET_REGION, 3.0, 0.0, v_root=0.08, v_tip=0.86)
    pick = np.random.default_rng(int(rng.integers(1 << 31)))
    n = 150
    b0 = np.where(np.arange(n) < 60, pick.uniform(-0.01, 0.03, n), pick.uniform(0.03, 0.5, n))
    cards = Cards(
        a=np.asarray((np.arange(n) * 0.618) % 1.0, dtype=np.float64),
        b0=b0,
        b1=np.minimum(b0 + pick.uniform(0.25, 0.5, n), 0.95),
        half=pick.uniform(0.004, 0.008, n) * (1.0, 1.2, 1.6)[lod],
        lift=(np.full(n, -0.004), pick.uniform(0.003, 0.008, n), pick.uniform(0.0, 0.006, n)),
        shift=pick.normal(0, 0.004, n),
        shade=pick.uniform(0.92, 1.15, n),
    )
    order = np.sort(pick.permutation(n)[:count])
    add_cards(mesh, head, sheet, cards.pick(order), steps, 1, LOCK_SLOTS, pick, droop=0.008)
    return [cap, hair_part(head, mesh, spec, pick)]


STYLES: dict[str, Callable[[Head, HairSpec, Rng], list[MeshPart]]] = {
    "bob": falling,
    "lob": falling,
    "wavy": falling,
    "short": swept,
    "crop": swept,
    "bun": tied,
}


def build(surface: Surface, spec: HairSpec, rng: Rng) -> list[MeshPart]:
    """Meshes of the hair `spec` names, for the surface's level of detail. Deterministic for a seeded `rng`."""
    if spec.style not in STYLES:
        known = ", ".join(sorted(STYLES))
        raise ValueError(f"hair.style: no style {spec.style!r}; there are {known}")
    return STYLES[spec.style](head_of(surface), spec, rng)


def hairline_of(spec: HairSpec) -> str:
    """Which hairline a style has."""
    return SWEEPS[spec.style].line if spec.style in SWEEPS else "tied" if spec.style == "bun" else "soft"


def beyond_hairline(surface: Surface, spec: HairSpec) -> Floats:
    """(n,) signed height over the hairline of the style, in pupil distances, positive on the scalp."""
    return above_hairline((surface.positions - surface.eye_centre) / surface.ipd, hairline_of(spec))


def covered(surface: Surface, spec: HairSpec) -> NDArray[np.bool_]:
    """(n,) bool: scalp that hair hides from every side."""
    q = (surface.positions - surface.eye_centre) / surface.ipd
    if spec.style not in ("bob", "lob", "wavy"):
        return np.zeros(len(q), bool)
    left, right = parting_strip(spec, 0.5 if surface.lod < 2 else 0.3)
    deep = above_hairline(q, "soft") > 0.9
    return np.asarray(deep & ~is_ear(q) & ((q[:, 0] < left) | (q[:, 0] > right)))


def shaded(surface: Surface, spec: HairSpec) -> NDArray[np.bool_]:
    """(n,) bool: skin that hair hides from most sides; it may be coarse."""
    q = (surface.positions - surface.eye_centre) / surface.ipd
    if spec.style not in ("bob", "lob", "wavy"):
        return np.asarray(beyond_hairline(surface, spec) > 0.7)
    behind = (q[:, 2] < -0.9) & (q[:, 1] > -1.9)
    return np.asarray(behind | (above_hairline(q, "soft") > 0.4))
