"""Only small things on cloth: buttons, pockets, a pen and a name badge."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from avatar_engine.maker.clothes.shell import Shell
from avatar_engine.maker.clothes.strip import Cloth, add_rows
from avatar_engine.maker.clothes.torso import Torso, vertex_normals
from avatar_engine.maker.hair.scalp import unit
from avatar_engine.maker.hair.sheet import grid_triangles
from avatar_engine.maker.parts import Floats, Material, MeshPart


def tangent_frame(shell: Shell, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Right (the wearer's left), up and outward unit vectors of the shell next to a point (3,)."""
    j = shell.trunk[shell.tree.query(at, k=8)[1]]
    out = unit(shell.normals[j].mean(0))
    up = unit(np.array([0.0, 1.0, 0.0]) - out * out[1])
    return np.cross(up, out), up, out


def add_button(cloth: Cloth, shell: Shell, at: Floats, radius: float, shade: float = 0.92, lod: int = 0) -> None:
    """A domed disc with a rim; a plain disc at the coarser levels."""
    right, up, out = tangent_frame(shell, at)
    m = (10, 8, 6)[lod]
    angle = np.arange(m) / m * 2 * np.pi
    spokes = np.cos(angle)[:, None] * right + np.sin(angle)[:, None] * up
    rings = [(1.0, -0.01, 0.5, 0.2), (1.0, 0.012, 0.95, 1.0), (0.72, 0.018, 1.0, 3.0), (0.55, 0.010, 0.8, 3.0)]
    rings = rings if lod == 0 else rings[:2]
    p = np.concatenate([at + spokes * radius * r + out * z for r, z, _, _ in rings] + [(at + out * rings[-1][1])[None]])
    n = np.concatenate([unit(spokes + out * lean) for _, _, _, lean in rings] + [out[None]])
    k = np.arange(m)
    after = (k + 1) % m
    tri = []
    for ring in range(len(rings) - 1):
        a, b = ring * m, ring * m + m
        tri += [np.stack([a + k, a + after, b + after], 1), np.stack([a + k, b + after, b + k], 1)]
    last = (len(rings) - 1) * m
    tri.append(np.stack([last + k, last + after, np.full(m, len(p) - 1)], 1))
    tone = np.concatenate([np.full(m, s * shade) for _, _, s, _ in rings] + [[0.8 * shade]])
    cloth.add(p, np.concatenate(tri), np.zeros((len(p), 2)), tone, n)


def add_patch(
    cloth: Cloth,
    shell: Shell,
    at: Floats,
    size: tuple[float, float],
    tilt: float,
    lift: float,
    cells: int,
    tile_dm: float,
) -> Floats:
    """A sewn-on rectangle (pocket, welt) centred at (x, y) dm on the front; tilt: rise per width. Returns its
    border (n, 3)."""
    u = np.concatenate([[-0.52], np.linspace(-0.5, 0.5, cells), [0.52]])
    v = np.concatenate(
        [[0.0], [0.012], np.linspace(0.06, 0.94, max(2, int(cells * min(1.0, 2.5 * size[1] / size[0])))), [0.99], [1.0]]
    )
    a, b = np.meshgrid(u, v - 0.5, indexing="ij")
    # Rounded lower corners.
    b = b + 0.07 * (np.abs(a) > 0.45) * (b < -0.3)
    x = at[0] + a * size[0]
    y = at[1] + b * size[1] + a * size[0] * tilt
    z = shell.front_depth(x.ravel(), y.ravel())
    inner = (np.abs(a) < 0.51) & (v > 0.005)[None] & (v < 0.995)[None]
    height = np.where(inner, lift, -0.012)
    rows = shell.seat(np.stack([x.ravel(), y.ravel(), z], 1), height.ravel()).reshape(*a.shape, 3)
    shade = np.where(inner, 1.0, 0.6)
    add_rows(cloth, rows, shade, 1 / tile_dm)
    return np.concatenate([rows[0], rows[-1], rows[:, 0]])


def _badge_picture() -> Image.Image:
    """A plain name card: a coloured head, a portrait silhouette, lines of writing too small to read; and two
    colours for the pen in its lowest rows."""
    picture = Image.new("RGB", (256, 192), (246, 247, 248))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 255, 36), fill=(38, 110, 128))
    draw.rectangle((16, 50, 92, 142), fill=(206, 216, 222))
    draw.ellipse((38, 62, 70, 98), fill=(120, 134, 144))
    draw.ellipse((26, 104, 82, 176), fill=(120, 134, 144))
    draw.rectangle((0, 143, 255, 159), fill=(246, 247, 248))
    for k, width in enumerate((120, 96, 108)):
        draw.rectangle((108, 60 + 26 * k, 108 + width, 70 + 26 * k), fill=(70, 84, 96) if k == 0 else (150, 160, 168))
    draw.rectangle((0, 160, 127, 191), fill=(24, 34, 58))
    draw.rectangle((128, 160, 255, 191), fill=(176, 180, 184))
    return picture


def trim_part(torso: Torso, shell: Shell, pen_at: Floats, badge_at: list[float], scale: float, lod: int) -> MeshPart:
    """A pen in the chest pocket and a name badge on the other side."""
    cloth = Cloth()
    sides = (10, 7, 5)[lod]
    # Pen: a capsule upright in the pocket with a bright clip.
    base = np.array([[pen_at[0], pen_at[1], 0.0]])
    base[0, 2] = shell.front_depth(base[:, 0], base[:, 1])[0]
    base = shell.seat(base, 0.028)[0]
    right, up, out = tangent_frame(shell, base)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    spokes = np.cos(angle)[:, None] * right + np.sin(angle)[:, None] * out
    profile = [(-0.30, 0.028), (0.17, 0.030), (0.20, 0.026), (0.215, 0.010), (0.216, 0.0005)]
    rows = np.stack([base + up * h * scale + spokes * r * scale for h, r in profile], 1)
    t = grid_triangles(len(rows), len(profile), flip=True)
    flat = rows.reshape(-1, 3)
    n = vertex_normals(flat, t).reshape(rows.shape)
    n[0] = n[-1] = unit(n[0] + n[-1])
    cloth.add(flat, t, np.full((len(flat), 2), [0.2, 0.08]), np.ones(len(flat)), n.reshape(-1, 3))
    clip = [(-0.12, 0.045), (0.12, 0.050), (0.165, 0.036), (0.165, 0.0)]
    strip = np.stack(
        [
            np.stack([base + right * s * 0.014 * scale + up * h * scale + out * r * scale for h, r in clip])
            for s in (-1, 1)
        ]
    )
    t = grid_triangles(2, len(clip))
    flat = strip.reshape(-1, 3)
    cloth.add(flat, t, np.full((len(flat), 2), [0.8, 0.08]), np.ones(len(flat)))
    # Badge: a flat card that hangs from its upper edge.
    top = np.array([[badge_at[0], badge_at[1], 0.0]])
    top[0, 2] = shell.front_depth(top[:, 0], top[:, 1])[0]
    top = shell.seat(top, 0.045)[0]
    right, up, out = tangent_frame(shell, top - np.array([0.0, 0.28 * scale, 0.0]))
    wide, tall, thick = 0.86 * scale, 0.56 * scale, 0.012
    corners = [(-0.5, -1.0), (0.5, -1.0), (0.5, 0.0), (-0.5, 0.0)]
    front = np.array([top + right * x * wide + up * y * tall for x, y in corners])
    low = np.array([[0, 0, 0]] * 4) + out * np.array([0.015, 0.015, 0.0, 0.0])[:, None]
    front = front + low
    uv = np.array([[0.0, 1 / 6], [1.0, 1 / 6], [1.0, 1.0], [0.0, 1.0]])
    cloth.add(front, np.array([[0, 1, 2], [0, 2, 3]]), uv, np.ones(4))
    back = front - out * thick
    ring = np.concatenate([front, back])
    k = np.arange(4)
    m = (k + 1) % 4
    sides_t = np.concatenate([np.stack([k, k + 4, m + 4], 1), np.stack([k, m + 4, m], 1)])
    cloth.add(ring, sides_t, np.full((8, 2), [0.8, 0.08]), np.full(8, 0.9))
    p = np.concatenate(cloth.positions)
    joints, weights = torso.skin_weights(p)
    material = Material("trim", "plain", texture=_badge_picture(), roughness=0.45, double_sided=True)
    return MeshPart(
        name="Trim",
        positions=p,
        normals=np.concatenate(cloth.normals),
        uvs=np.concatenate(cloth.uvs),
        triangles=np.concatenate(cloth.triangles),
        material=material,
        joints=joints,
        weights=weights,
        lod=lod,
    )
