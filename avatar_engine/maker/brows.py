"""Only draws the eyebrows: hundreds of fine strokes in a front view of the face, carried over to the texture."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from scipy.interpolate import LinearNDInterpolator
from scipy.ndimage import gaussian_filter

from avatar_engine.maker.body import HEAD, Bust, Person
from avatar_engine.maker.parts import Floats

KNOTS = (0.0, 0.12, 0.35, 0.66, 1.0)
ALONG = (-0.315, -0.23, -0.05, 0.20, 0.47)
HEIGHT = (0.285, 0.312, 0.352, 0.392, 0.290)
"""Middle line of the brow from the nose outwards, in eye distances from the pupil."""
HALF = (0.030, 0.045, 0.046, 0.034, 0.008)
"""Half width of the brow along the same knots."""

SUPERSAMPLE = 2


def paint_brows(person: Person, bust: Bust, picture: Floats) -> Floats:
    """The picture (size, size, 3) sRGB 0..1 with brows."""
    size = len(picture)
    ink = _strokes(person, bust, size)
    soft = gaussian_filter(ink, 4.5 * size / 2048)
    cover = np.clip(1 - (1 - 0.9 * ink) * (1 - 0.62 * soft), 0, 0.94)[..., None]
    tint = np.array(person.spec.brows.color) / 255.0
    grey = person.spec.hair.grey
    tint = tint * (1 - 0.55 * grey) + 0.62 * 0.55 * grey
    return np.asarray(picture * (1 - cover) + tint * cover)


def _strokes(person: Person, bust: Bust, size: int) -> Floats:
    spec = person.spec.brows
    rng = np.random.default_rng([person.spec.seed, 23])
    surface, ipd = bust.surface, person.ipd
    at, tex = bust.corner_position, bust.corner_texcoord
    points, centre = surface.positions[at], person.eye_centre
    front = (bust.island[tex] == HEAD) & (surface.normals[at][:, 2] > 0.1)
    front &= (
        (np.abs(points[:, 0] - centre[0]) < ipd) & (points[:, 1] > centre[1] + 0.02) & (points[:, 1] < centre[1] + ipd)
    )
    to_texture = LinearNDInterpolator(points[front][:, :2], bust.texcoords[tex][front])
    ink = Image.new("L", (size * SUPERSAMPLE, size * SUPERSAMPLE), 0)
    pen = ImageDraw.Draw(ink)
    wide = 0.55 + 0.9 * spec.thickness
    scale = size * SUPERSAMPLE
    unit = scale / 4096
    for sign, side in ((1.0, "Left"), (-1.0, "Right")):
        eye = person.centres[f"eye{side}"]
        count = int(1300 * (0.35 + 0.9 * spec.density))
        t = rng.random(count) ** 0.92
        off = np.clip(rng.normal(0, 0.5, count), -1, 1)
        x = np.interp(t, KNOTS, ALONG)
        half = np.interp(t, KNOTS, HALF) * wide
        y = np.interp(t, KNOTS, HEIGHT) + spec.arch * 0.03 * np.sin(np.pi * np.clip(t, 0, 1)) + off * half
        angle = np.radians(
            np.interp(t, [0, 0.15, 0.45, 0.75, 1], [82, 58, 26, 2, -26]) - off * 20 + rng.normal(0, 7, count)
        )
        length = 0.105 * np.interp(t, [0, 0.2, 0.7, 1], [0.70, 1, 0.9, 0.6]) * rng.uniform(0.6, 1.05, count)
        steps = np.linspace(0, 1, 6)
        bend = angle[:, None] - 0.40 * steps
        px = eye[0] + sign * ipd * (x[:, None] + np.cos(bend) * length[:, None] * steps)
        py = eye[1] + ipd * (y[:, None] + np.sin(bend) * length[:, None] * steps)
        lines = to_texture(np.stack([px, py], 2).reshape(-1, 2)).reshape(count, 6, 2)
        shade = rng.uniform(150, 245, count) * np.interp(t, [0, 0.10, 0.3, 1], [0.55, 0.8, 1, 0.9])
        for line, grey in zip(lines, shade, strict=True):
            if np.isnan(line).any():
                continue
            at_pixel = [(float(u) * scale, (1 - float(v)) * scale) for u, v in line]
            for k in range(5):
                thick = max(1, round((2.6, 2.5, 2.2, 1.8, 1.1)[k] * unit))
                pen.line([at_pixel[k], at_pixel[k + 1]], fill=int(grey * (1 - 0.09 * k)), width=thick)
    small = ink.resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(small, dtype=np.float64) / 255.0
