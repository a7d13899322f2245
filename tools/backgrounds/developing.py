"""Only turns traced light into a photograph: noise out, enlarged, exposed, toned, vignette, grain, JPEG."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.backgrounds.shapes import Floats, Room

SIZE = (1920, 1080)
GRAIN = 0.9
"""Standard deviation of the grain, of 255: just enough that smooth walls show no bands."""
MOST_BYTES = 300_000
SOFT = 1.6
ALIKE = 0.12
"""Neighbours whose light differs by less than this share are averaged."""


def developed(light: Floats, room: Room, seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """(h, w, 3) sRGB of traced light (any size of the same shape)."""
    image = light * (room.exposure / np.array(room.white, np.float32))
    image = _calmed(image)
    image = _enlarged(image, size)
    image *= _vignette(size, room.vignette)[:, :, None]
    grey = image @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    image = np.maximum(grey[:, :, None] + (image - grey[:, :, None]) * room.saturation, 0)
    image = _toned(image)
    encoded = np.where(image <= 0.0031308, image * 12.92, 1.055 * np.power(np.maximum(image, 1e-8), 1 / 2.4) - 0.055)
    random = np.random.default_rng((seed, 99))
    grain = random.normal(0, GRAIN, (*image.shape[:2], 1))
    return np.clip(np.rint(encoded * 255 + grain), 0, 255).astype(np.uint8)


def jpeg(pixels: NDArray[np.uint8]) -> bytes:
    """The best JPEG of at most MOST_BYTES."""
    image = Image.fromarray(pixels)
    for quality in range(92, 60, -2):
        store = io.BytesIO()
        image.save(store, "JPEG", quality=quality, optimize=True, progressive=True, subsampling=0)
        if store.tell() <= MOST_BYTES:
            return store.getvalue()
    raise ValueError(f"does not fit {MOST_BYTES} bytes: too much detail for a background")


def _calmed(image: Floats) -> Floats:
    """Take the noise out: a mean over neighbours that a softened copy of the picture calls alike.

    Everything is out of focus by at least `SOFT` pixels, so the softened copy has lost noise but no edge.
    """
    image = np.maximum(image, 0)
    first = _alike_mean(_softened(image, 0.8), _softened(image, SOFT), 0.3)
    return _alike_mean(_softened(image, 0.8), _softened(first, 0.8), ALIKE)


def _alike_mean(image: Floats, guide: Floats, alike: float) -> Floats:
    soft = np.log(guide + 0.02)
    height, width = image.shape[:2]
    reach = 7
    padded = np.pad(image, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    around = np.pad(soft, ((reach, reach), (reach, reach), (0, 0)), mode="reflect")
    total = np.zeros_like(image)
    weight = np.zeros((height, width, 1), np.float32)
    for dy in range(reach * 2 + 1):
        for dx in range(reach * 2 + 1):
            away = ((dx - reach) ** 2 + (dy - reach) ** 2) / (2 * 3.2**2)
            part = np.s_[dy : dy + height, dx : dx + width]
            apart = ((around[part] - soft) ** 2).sum(2, keepdims=True)
            share = np.exp(-away - apart / (2 * alike**2))
            total += share * padded[part]
            weight += share
    return np.asarray(total / weight, np.float32)


def _softened(image: Floats, sigma: float) -> Floats:
    taps = np.arange(-int(3 * sigma + 1), int(3 * sigma + 1) + 1)
    kernel = np.exp(-(taps**2) / (2 * sigma * sigma))
    kernel /= kernel.sum()
    reach = len(taps) // 2
    for axis in (0, 1):
        padding = [(reach, reach) if axis == number else (0, 0) for number in range(3)]
        padded = np.pad(image, padding, mode="reflect")
        size = image.shape[axis]
        image = np.asarray(
            sum(kernel[number] * np.take(padded, range(number, number + size), axis) for number in range(len(taps))),
            np.float32,
        )
    return image


def _enlarged(image: Floats, size: tuple[int, int]) -> Floats:
    logs = np.log(np.maximum(image, 0) + 0.02)
    planes = [
        np.asarray(Image.fromarray(logs[:, :, channel]).resize(size, Image.Resampling.BICUBIC)) for channel in range(3)
    ]
    return np.asarray(np.maximum(np.exp(np.stack(planes, 2)) - 0.02, 0), np.float32)


def _vignette(size: tuple[int, int], strength: float) -> Floats:
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    radius = np.hypot((x / size[0] - 0.5) * 2, (y / size[1] - 0.5) * 2 * size[1] / size[0])
    return np.asarray(1 / (1 + strength * radius**2) ** 2, np.float32)


def _toned(light: Floats) -> Floats:
    """A film's curve: linear below, a long shoulder that keeps colour in the highlights."""
    knee, white = 0.55, 6.0
    peak = light.max(2, keepdims=True)
    over = np.maximum(peak - knee, 0) / (1 - knee)
    limit = (white - knee) / (1 - knee)
    shoulder = over * (1 + over / (limit * limit)) / (1 + over)
    toned = np.where(peak > knee, knee + (1 - knee) * np.minimum(shoulder, 1.0), peak)
    result = light * (toned / np.maximum(peak, 1e-6))
    # Very bright light bleaches.
    bleach = np.clip((peak - 1.0) / 7.0, 0, 1) * 0.75
    return np.asarray(np.clip(result * (1 - bleach) + toned * bleach, 0, 1), np.float32)
