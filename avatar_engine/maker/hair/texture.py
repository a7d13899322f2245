"""Only the pictures of hair: one atlas with solid strands and tapering locks, and the soft edge of the hairline."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter, map_coordinates

from avatar_engine.maker.hair.scalp import smooth_step
from avatar_engine.maker.parts import Floats
from avatar_engine.maker.spec import HairSpec

WIDTH, HEIGHT = 1024, 512
SHEET_REGION = (0.012, 0.478)
"""u range of solid strands with ragged tips; its ends mirror into each other."""
LOCK_SLOTS = [(0.502, 0.622), (0.628, 0.748), (0.754, 0.874), (0.880, 0.998)]
"""u ranges of locks: solid inside, soft at the sides, tapering at the tip."""
WHITE_HAIR = np.array([0.80, 0.79, 0.78])


def strand_noise(rng: np.random.Generator, x: Floats, y: Floats, pitch_px: float, wander_px: float) -> Floats:
    """Unit-variance noise drawn out along y (0 root .. 1 tip); x in pixels, same shape as y."""
    lanes = int(np.ceil((x.max() - x.min()) / pitch_px)) + 8
    values = rng.normal(size=(lanes, 7))
    path = rng.normal(size=(max(4, lanes // 10), 5))
    bend = map_coordinates(path, [np.clip(x / pitch_px / 10, 0, None), y * 4], order=3, mode="nearest")
    lane = (x - x.min() + wander_px * bend) / pitch_px + 2
    return np.asarray(map_coordinates(values, [lane, y * 6], order=3, mode="nearest"))


def hair_color(spec: HairSpec, fibre: Floats, y: Floats, whiteness: Floats) -> Floats:
    """sRGB 0..1 (..., 3): base colour shaded by fibre noise, drifting to the tips' colour, greying by strands."""
    base = np.array(spec.color) / 255.0
    tips = np.array(spec.tips) / 255.0 if spec.tips else np.minimum(base * 1.10 + 0.012, 1.0)
    blend = smooth_step(0.25, 1.0, y)[..., None]
    color = base * (1 - blend) + tips * blend
    gain = 0.83 * np.clip(1 + 0.15 * fibre, 0.62, 1.5)
    # Lit strands are warmer than shaded ones: light has gone through them.
    color = color * np.stack([gain**1.03, gain, gain**0.96], -1)
    # Grey comes strand by strand, not as a veil.
    threshold = np.interp(spec.grey, [0, 0.5, 1.0], [2.6, 0.35, -2.2])
    mix = smooth_step(threshold - 2.2, threshold + 2.2, whiteness)[..., None] * min(1.0, spec.grey * 3)
    # Greying hair is a mixture: even its lightest strands keep some colour until all is grey.
    light = WHITE_HAIR * (0.62 + 0.38 * spec.grey) + base * 0.38 * (1 - spec.grey)
    white = light * np.clip(0.88 + 0.10 * fibre, 0.6, 1.1)[..., None]
    return np.asarray(np.clip(color * (1 - mix) + white * mix, 0.0, 1.0))


def atlas(spec: HairSpec, rng: np.random.Generator, lock_tips: float = 0.24) -> Image.Image:
    """RGBA, 1024 x 512, roots at the bottom. Alpha is solid inside so that smaller mip levels keep their body.

    lock_tips: length over which a lock dissolves, as a fraction of it.
    """
    col, row = np.meshgrid(np.arange(WIDTH) + 0.5, (np.arange(HEIGHT) + 0.5)[::-1] / HEIGHT)
    x, y = col.astype(float), row
    fibre = (
        0.30 * strand_noise(rng, x, y, 2.4, 3)
        + 0.55 * strand_noise(rng, x, y, 6.0, 6)
        + 0.55 * strand_noise(rng, x, y, 17.0, 10)
        + 0.40 * strand_noise(rng, x, y, 52.0, 20)
    )
    white = 0.5 * strand_noise(rng, x, y, 3.5, 3) + 0.7 * strand_noise(rng, x, y, 11.0, 6)
    rgb = hair_color(spec, fibre, y, white)
    # Strands thin out over a stretch, in broad wisps: a short ragged edge looks torn.
    end = 0.952 + 0.022 * np.clip(strand_noise(rng, x, 0 * y, 40.0, 0), -2, 2)
    end += 0.012 * np.clip(strand_noise(rng, x, 0 * y, 9.0, 0), -2, 2)
    alpha = smooth_step(0.0, 0.10, np.minimum(end, 0.995) - y)
    begin = 0.010 + 0.006 * np.clip(strand_noise(rng, x, 0 * y, 7.0, 0), -1.2, 1.6)
    alpha *= smooth_step(0.0, 0.03, y - begin)
    for u0, u1 in LOCK_SLOTS:
        inside = (x >= (u0 * WIDTH - 2)) & (x <= (u1 * WIDTH + 2))
        c = (x - (u0 + u1) / 2 * WIDTH) / ((u1 - u0) / 2 * WIDTH)
        tip = np.clip(strand_noise(rng, x, 0 * y, 22.0, 0), -1.8, 1.8)
        fine = np.clip(strand_noise(rng, x, 0 * y, 9.0, 0), -1.8, 1.8)
        end = 1.0 - lock_tips * (0.42 + 0.23 * tip + 0.10 * fine) - 0.36 * np.abs(c) ** 2.2
        edge = 0.90 - 0.10 * np.clip(strand_noise(rng, y * 300, 0 * y, 60.0, 0) * np.sign(c), -1, 1) * y
        lock = smooth_step(0.0, 0.07, end - y) * smooth_step(0.0, 0.16, edge - np.abs(c))
        root = 0.05 + 0.03 * fine
        lock *= smooth_step(0.0, 0.05, y - root * (0.4 + 0.8 * np.abs(c)))
        alpha = np.where(inside, lock, alpha)
    gap = (x > 0.484 * WIDTH) & (x < 0.4985 * WIDTH)
    alpha = np.where(gap, 0.0, gaussian_filter(alpha, 0.7))
    picture = np.concatenate([rgb, alpha[..., None]], -1)
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


EDGE_SHARE = 0.5
"""Lower share of the cap's picture: the hairline. The rest is short hair without a direction, which may mirror."""


def edge_picture(spec: HairSpec, rng: np.random.Generator, softness: float = 1.0) -> Image.Image:
    """RGBA 512 x 512 for the cap: v = 0 outside the hairline, `EDGE_SHARE` inside, where short hair goes on."""
    w, h = 512, 512
    col, row = np.meshgrid(np.arange(w) + 0.5, (np.arange(h) + 0.5)[::-1] / h)
    row = np.clip(row / EDGE_SHARE, 0.0, 2.0)
    # Mirror sideways so that the picture tiles.
    x = np.minimum(col, w - col).astype(float)
    near = np.minimum(row, 1.0)
    long = 0.5 * strand_noise(rng, x, near, 3.0, 3) + 0.6 * strand_noise(rng, x, near, 8.0, 5)
    short = gaussian_filter(rng.normal(size=(h, w)), (5.0, 0.9), mode="wrap")
    short += gaussian_filter(rng.normal(size=(h, w)), (9.0, 2.2), mode="wrap") * 2.0
    short = short / short.std()
    short = np.where(col < w / 2, short, short[:, ::-1])
    deep = smooth_step(0.55, 1.0, row)
    fibre = long * (1 - deep) + short * deep
    white = gaussian_filter(rng.normal(size=(h, w)), (11.0, 1.3), mode="wrap")
    white = np.where(col < w / 2, white, white[:, ::-1]) / white.std()
    rgb = hair_color(spec, fibre * 0.7, 0 * row, white) * 0.9
    ragged = 0.022 * strand_noise(rng, x, near, 9.0, 6) + 0.018 * strand_noise(rng, x, near, 4.0, 3)
    ragged += 0.020 * strand_noise(rng, x, 0 * near, 60.0, 0)
    ragged = np.clip(ragged, -0.05, 0.05)
    # A long, even thinning: skin shows through before the last hairs end.
    alpha = smooth_step(0.05, 0.05 + 0.62 * softness, row + 1.6 * ragged) ** 1.15
    alpha = np.where(row > 0.8, np.maximum(alpha, smooth_step(0.8, 0.9, row)), alpha)
    picture = np.concatenate([rgb, np.clip(alpha, 0, 1)[..., None]], -1)
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))
