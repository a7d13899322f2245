"""Only paints the skin: tone, redness, freckles, lips, stubble, lines, baked occlusion, and the brows over it."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt, map_coordinates
from scipy.spatial import cKDTree

from avatar_engine.maker import hair
from avatar_engine.maker.bake import Texels, noise, point_occlusion, rasterise
from avatar_engine.maker.body import HEAD, SOCKET_A, SOCKET_B, TORSO, Bust, Person, cut_bust
from avatar_engine.maker.brows import paint_brows
from avatar_engine.maker.eyes import eyeballs
from avatar_engine.maker.face_field import Field
from avatar_engine.maker.geometry import smooth_step, vertex_areas
from avatar_engine.maker.hair.scalp import above_hairline, is_ear
from avatar_engine.maker.hair.texture import WHITE_HAIR
from avatar_engine.maker.parts import Floats, Material
from avatar_engine.maker.pores import line_depth, skin_height, skin_roughness
from avatar_engine.maker.relief import bumps
from avatar_engine.maker.rings import MARGIN, lid_rings, lip_rings, split_ring

PAINTED = (TORSO, HEAD, SOCKET_A, SOCKET_B)
"""Islands in the order in which they are painted; the lining of the mouth has its colours in its vertices."""

SOCKET = (0.62, 0.36, 0.32)
"""sRGB 0..1 of the tissue behind the lids."""

OCCLUSION_REACH_DM = 0.42

SCALP_TINT, SCALP_SHADE = (0.22, 0.42), 0.8
"""Heights over the hairline (pupil distances) between which skin takes the colour of the hair, and how dark."""

LIP_LINE = (0.0, 0.05, 0.45, 0.60, 0.75, 0.9)
"""Darkness on the lip rings from outside to inside."""
LID_SHADE, LID_REACH_DM = 0.34, 0.05
"""The lid under the lashes lies in their shade."""
LASH_LINE = (0.0, 0.30, 0.95, 0.55, 0.0)
"""Darkness on the lid rings from the skin to the inner edge."""


def skin_material(person: Person, bust: Bust, size: int = 2048) -> Material:
    """The painted skin, baked at LOD 0 of the bust and used by all levels: colour, pores and sheen."""
    texels = _texels(person, bust, size)
    field = _field(person, texels)
    color = paint_brows(person, bust, texels.picture(np.clip(paint(person, field), 0, 1)))
    nearest = distance_transform_edt(~texels.cover, return_distances=False, return_indices=True)
    filled = tuple(nearest)
    place = texels.picture(field.p)[filled]
    height = texels.picture(skin_height(person, field))[filled]
    rough = texels.picture(skin_roughness(field))[filled]
    surface = Image.fromarray((np.stack([0 * rough, rough, 0 * rough], -1) * 255 + 0.5).astype(np.uint8))
    return Material(
        "Skin",
        "skin",
        texture=Image.fromarray((np.clip(color[filled], 0, 1) * 255 + 0.5).astype(np.uint8)),
        roughness=1.0,
        relief=bumps(height, *_texel_size(place)),
        surface=surface.reduce(4),
    )


def _texels(person: Person, bust: Bust, size: int) -> Texels:
    surface = bust.surface
    openness = _openness(person, bust)
    at, tex = bust.corner_position, bust.corner_texcoord
    lip_line, lash_line = (bust.from_source @ line for line in ring_lines(person))
    attributes = np.column_stack(
        [
            surface.positions[at], surface.normals[at], bust.old_texcoords[tex], openness[at], bust.island[tex],
            lip_line[at], lash_line[at],
        ]
    )  # fmt: skip
    # The arms lie over other islands in the layout, and below sleeves on the body: they are painted first.
    island = bust.island[tex[bust.corner_triangles[:, 0]]]
    triangles = np.concatenate([bust.corner_triangles[island == number] for number in PAINTED])
    return rasterise(bust.texcoords[tex], triangles, attributes, size)


def _texel_size(place: Floats) -> tuple[Floats, Floats]:
    """Width and height (size, size) of every texel on the skin, dm. place: (size, size, 3)."""
    down, right = np.gradient(place, axis=(0, 1))
    return np.linalg.norm(right, axis=-1), np.linalg.norm(down, axis=-1)


def _openness(person: Person, bust: Bust) -> Floats:
    """Openness of the bust's vertices, computed on the coarse mesh: it is smooth, and far quicker there."""
    coarse = cut_bust(person, 1)
    surface = coarse.surface
    balls, rays = [], []
    for side, ball in eyeballs(person).items():
        helper = person.vertices[person.source.group_vertices(f"helper-{side[0].lower()}-eye")]
        balls.append(helper)
        rays.append((helper - ball.centre) / np.linalg.norm(helper - ball.centre, axis=1, keepdims=True))
    areas = vertex_areas(surface.positions, surface.triangles)
    extra = np.concatenate(balls)
    openness = point_occlusion(
        np.concatenate([surface.positions, extra]),
        np.concatenate([surface.normals, *rays]),
        np.concatenate([areas, np.full(len(extra), 0.0035)]),
        OCCLUSION_REACH_DM,
    )[: len(surface.positions)]
    return np.asarray(bust.from_source @ (coarse.from_source.T @ openness))


def _field(person: Person, texels: Texels) -> Field:
    values = texels.values.astype(np.float64)
    p, old = values[:, :3], values[:, 6:8]

    def mask(name: str) -> Floats:
        picture = person.source.mask(name)
        side = len(picture) - 1
        return np.asarray(map_coordinates(picture, [(1 - old[:, 1]) * side, old[:, 0] * side], order=1))

    q = (p - person.eye_centre) / person.ipd
    lips = mask("lips")
    red = lips > 0.6
    mouth = np.array([0.0, q[red, 1].mean(), q[red, 2].max()])
    middle = (np.abs(q[:, 0]) < 0.06) & (q[:, 1] < -0.15) & (q[:, 1] > mouth[1] + 0.1)
    nose = q[middle][q[middle, 2].argmax()]
    island = np.round(values[:, 9]).astype(np.int64)
    lids, ears = mask("eyelids"), mask("ears")
    lip_line, lash_line = values[:, 10], values[:, 11]
    return Field(p, q, values[:, 3:6], values[:, 8], lips, lids, ears, island, lip_line, lash_line, mouth, nose)


def ring_lines(person: Person) -> tuple[Floats, Floats]:
    """Fields (n,) 0..1 on the data set: the dark line between the lips, and the line of the lash roots."""
    lip, lash = np.zeros(len(person.vertices)), np.zeros(len(person.vertices))
    for ring, amount in zip(lip_rings(), LIP_LINE, strict=True):
        lip[ring] = amount
    home = person.source.vertices
    for rings in lid_rings().values():
        for ring, amount in zip(rings, LASH_LINE, strict=True):
            upper, lower = split_ring(ring, home[:, 0], home[:, 1])
            lash[lower] = 0.4 * amount
            lash[upper] = amount
        edge = person.vertices[split_ring(rings[MARGIN], home[:, 0], home[:, 1])[0]]
        distance = cKDTree(edge).query(person.vertices)[0]
        above = person.vertices[:, 1] > edge[:, 1].min()
        lash = np.maximum(lash, LID_SHADE * np.exp(-((distance / LID_REACH_DM) ** 2)) * above)
    return lip, lash


def _darken(color: Floats, amount: Floats, channels: tuple[float, float, float]) -> Floats:
    return color * (1 - np.outer(amount, channels))


def paint(person: Person, field: Field) -> Floats:
    """sRGB (k, 3) of all texels."""
    spec, p = person.spec.skin, field.p
    mouth, nose = field.mouth, field.nose
    tone = np.array(spec.tone) / 255.0
    coarse, middle, fine = noise(p, 1.2, 1), noise(p, 5.0, 2), noise(p, 26.0, 3, 3, 0.7)
    pores = noise(p, 95.0, 4, 2, 0.8)
    color = np.tile(tone, (len(p), 1))
    color *= (1 + 0.030 * coarse + 0.028 * middle + 0.042 * fine + 0.040 * pores)[:, None]
    color *= (
        1 + np.outer(noise(p, 2.4, 5), [0.012, -0.016, -0.018]) + np.outer(noise(p, 14.0, 6), [0.016, -0.020, -0.016])
    )
    red = (
        0.60 * field.pair((0.60, -0.66, nose[2] - 0.35), (0.34, 0.26, 0.4))
        + 0.55 * field.spot(tuple(nose), (0.20, 0.17, 0.25))
        + 0.22 * field.spot((0.0, mouth[1] - 0.62, nose[2] - 0.2), (0.3, 0.2, 0.3))
        + 0.7 * field.ears
        + 0.22 * field.pair((0.5, 0.02, nose[2] - 0.5), (0.3, 0.2, 0.4))
    )
    red = np.clip(red * (1 + 0.35 * middle), 0, 1.2) * 2.0 * spec.redness
    color = _darken(color, red, (0.02, 0.115, 0.105))
    color *= 1 + np.outer(field.spot((0.0, 0.75, nose[2] - 0.35), (0.8, 0.4, 0.6)), [0.012, 0.012, -0.02])
    under = 0.40 * field.pair((0.46, -0.24, nose[2] - 0.45), (0.24, 0.10, 0.4))
    under += 0.25 * field.pair((0.31, -0.02, nose[2] - 0.5), (0.12, 0.16, 0.4))
    color = _darken(color, np.clip(under * (1 + spec.lines), 0, 1), (0.09, 0.125, 0.09))
    color = _darken(color, field.lids, (0.05, 0.09, 0.08))
    color = _scalp(color, person, field)
    color = _freckles(color, person, field)
    color = _stubble(color, person, field)
    color = _lines(color, person, field)
    color = _lips(color, person, field, middle)
    color[(field.island == SOCKET_A) | (field.island == SOCKET_B)] = np.array(SOCKET)
    makeup = 0.12 + 0.55 * person.spec.eyes.lashes + 0.3 * spec.makeup
    color = _darken(color, np.clip(field.lash_line, 0, 1) * makeup, (0.80, 0.86, 0.88))
    color = _darken(color, field.lip_line, (0.62, 0.80, 0.78))
    around_eyes = np.clip(field.pair((0.5, 0.10, nose[2] - 0.5), (0.42, 0.26, 0.6)), 0, 1)
    deep = np.clip(field.open_, 0.15, 1) ** (0.8 - 0.42 * around_eyes)
    return np.asarray(color * np.stack([deep**0.55, deep**0.72, deep**0.76], 1))


def _scalp(color: Floats, person: Person, field: Field) -> Floats:
    """Below hair the skin has its colour, so that nothing pale shows where coarse triangles cross."""
    spec = person.spec.hair
    inside = above_hairline(field.q, hair.hairline_of(spec)) * (field.island == HEAD) * (1 - np.clip(field.ears, 0, 1))
    share = smooth_step(*SCALP_TINT, inside)[:, None] * ~is_ear(field.q)[:, None]
    dyed = np.array(spec.color) / 255.0 * (1 - spec.grey) + WHITE_HAIR * spec.grey
    return np.asarray(color * (1 - share) + SCALP_SHADE * dyed * share)


def _freckles(color: Floats, person: Person, field: Field) -> Floats:
    amount = person.spec.skin.freckles
    if amount <= 0:
        return color
    nose = field.nose
    where = np.clip(
        field.pair((0.5, -0.45, nose[2] - 0.35), (0.5, 0.35, 0.5))
        + field.spot((nose[0], nose[1] + 0.2, nose[2]), (0.3, 0.4, 0.4)), 0, 1,
    )  # fmt: skip
    dots = smooth_step(0.50, 0.78, noise(field.p, 16.0, 9, 2, 0.5)) * where
    mole = smooth_step(0.86, 0.92, noise(field.p, 4.5, 31, 1)) * 0.5
    return _darken(color, (dots + mole * (field.island == HEAD)) * amount, (0.10, 0.18, 0.22))


def _stubble(color: Floats, person: Person, field: Field) -> Floats:
    amount = person.spec.skin.stubble
    if amount <= 0:
        return color
    q, mouth, nose = field.q, field.mouth, field.nose
    jaw = smooth_step(mouth[1] + 0.30, mouth[1] + 0.12, q[:, 1]) * (q[:, 2] > -0.9)
    jaw *= smooth_step(-1.95, -1.72, q[:, 1]) * smooth_step(-1.0, -0.6, q[:, 2])
    side = smooth_step(0.72, 0.84, np.abs(q[:, 0])) * smooth_step(0.05, -0.2, q[:, 1])
    side *= smooth_step(-1.15, -1.0, q[:, 2]) * smooth_step(-0.62, -0.8, q[:, 2]) * (q[:, 1] > -1.6)
    below_nose = smooth_step(nose[1] - 0.12, nose[1] - 0.2, q[:, 1])
    bare = 1 - 0.75 * field.spot((0.0, mouth[1], mouth[2] - 0.1), (0.34, 0.11, 0.4))
    bare -= 0.2 * field.spot((0.0, mouth[1] - 0.19, mouth[2]), (0.2, 0.05, 0.3))
    grain = 0.72 + 0.55 * noise(field.p, 62.0, 12, 2)
    beard = np.clip(np.maximum(jaw * below_nose, side) * bare, 0, 1) * (1 - np.clip(field.lips * 1.5, 0, 1)) * grain
    beard *= 1 - 0.55 * field.pair((0.62, mouth[1] + 0.18, mouth[2] - 0.35), (0.22, 0.22, 0.5))
    return _darken(color, np.clip(beard, 0, 1) * amount, (0.40, 0.35, 0.29))


def _lines(color: Floats, person: Person, field: Field) -> Floats:
    """Fine lines of age: forehead, crow's feet, beside the mouth."""
    amount = person.spec.skin.lines
    if amount <= 0:
        return color
    depth = line_depth(field)
    return _darken(color, depth * amount, (0.16, 0.22, 0.24))


def _lips(color: Floats, person: Person, field: Field, middle: Floats) -> Floats:
    spec = person.spec.skin
    share = np.clip(field.lips, 0, 1) ** 1.15 * spec.lip_mix
    wrinkles = noise(field.p * [6.0, 0.6, 1.0], 10.0, 21, 2)
    rose = np.array(spec.lips) / 255.0 * (1 + 0.07 * wrinkles + 0.04 * middle)[:, None]
    centre = field.spot((0.0, field.mouth[1] - 0.10, field.mouth[2]), (0.16, 0.05, 0.3))
    rose = rose * (1 + 0.07 * centre)[:, None]
    return np.asarray(color * (1 - share[:, None]) + rose * share[:, None])
