"""How much picture fits through the line: a ladder of frame rates and sizes, climbed slowly and descended at once."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from avatar_engine.engine.image import Image
from avatar_engine.engine.media.h264 import FINEST_QUANTIZER

PLENTY_BPS, PLENTY_POWER = 300_000, 0.6
"""The most that is sent of 640x360 at 30 fps, growing with this power of the pixels: 690 kbit/s at 720p, 1.1 Mbit/s at
1080p. Only keyframes and large movements come near; else quality has an end before the bits have."""
SMALL_BPS = 120_000
"""Small pictures need more for each pixel: 256x144 with 27 kbit/s came seven times a second."""
ENOUGH_QUANTIZER, ENOUGH_SLOPE = 24, 2.0
"""A whole picture of 640x360 is no finer than this H.264 quantizer, larger ones that much coarser for each doubling of the
pixels. A person who speaks has 41 dB in the face then with 140 kbit/s; 40 dB at 720p with 205, at most 290 in any .6 s,
where filling 680 kbit/s gave 44. What is sent waits before the sound when a line narrows, and WebRTC hears of that too
late to do anything: what hardly shows is better not sent."""
QUANTIZERS_PER_DOUBLING = 6
"""H.264: six steps of the quantizer halve its precision, and about the bits."""
LEAST_BPS = 80_000
LEAST_PIXELS_S = 640 * 360 * 30
LEAST_POWER = 0.5
"""Below this, which grows with the root of the pixels, fewer or smaller pictures look better."""
DOWN_S = 1.0
COLLAPSE_S = 0.25
UP_S = 6.0
"""The target must stay below (far below) or above a rung's need for this long."""
UP_MARGIN = 1.4
START_S = 4.0
"""WebRTC's estimate starts low and finds its way within seconds; no verdict before that."""

REACH, REACH_BPS = 1.1, 12_000
"""Our encoder sends 0.8 to 0.95 of what it is asked for."""


@dataclass(frozen=True, slots=True)
class Rung:
    """Every `divisor`-th frame, at 1 / `shrink` of the width and height."""

    divisor: int
    shrink: int


RUNGS = (Rung(1, 1), Rung(2, 1), Rung(1, 2), Rung(2, 2), Rung(3, 2))


def plenty_bps(width: float, height: float, fps: float) -> int:
    """The most that is sent, for a size in pixels and frames a second."""
    growth = (width * height * fps / LEAST_PIXELS_S) ** PLENTY_POWER
    return 1000 * round(max(PLENTY_BPS * growth, SMALL_BPS) / 1000)  # WebRTC counts in whole kbit/s


def enough_quantizer(width: int, height: int, fps: float, bitrate_bps: float) -> int:
    """The finest H.264 quantizer of a size's pictures; who allows more bits than plenty gets finer ones."""
    doublings = math.log2(width * height * 30 / LEAST_PIXELS_S)
    more = max(0.0, math.log2(bitrate_bps / plenty_bps(width, height, fps)))
    finest = ENOUGH_QUANTIZER + ENOUGH_SLOPE * doublings - QUANTIZERS_PER_DOUBLING * more
    return max(FINEST_QUANTIZER, round(finest))


def least_bps(width: float, height: float, fps: float) -> float:
    """The bitrate that such pictures need to look well."""
    return LEAST_BPS * (width * height * fps / LEAST_PIXELS_S) ** LEAST_POWER


def reached_bps(target_bps: float) -> int:
    """What to ask of the encoder, whose pictures come out smaller than asked for, so that the target is reached.

    WebRTC estimates at most 1.5 times what arrives of the pictures plus 10 kbit/s, and takes the sound's share off that,
    which it does not see arrive. Sent less than the target, that ends where it stands: a line that was narrow once stayed
    at 85 kbit/s for good.
    """
    return round(REACH * target_bps) + REACH_BPS


class Ladder:
    """Where on the ladder a session stands. Times are steady-clock seconds."""

    def __init__(self, width: int, height: int, fps: float, now_s: float) -> None:
        self._needs_bps = [least_bps(width / rung.shrink, height / rung.shrink, fps / rung.divisor) for rung in RUNGS]
        self._at = 0
        self._since_s: float | None = None
        self._from_s = now_s + START_S

    @property
    def rung(self) -> Rung:
        return RUNGS[self._at]

    def follow(self, target_bps: float, now_s: float) -> Rung:
        """The rung for a target bitrate heard now."""
        if now_s < self._from_s:
            return self.rung
        fitting = self._fitting(target_bps, 1.0)
        if fitting > self._at:
            collapsed = target_bps < 0.5 * self._needs_bps[self._at]
            self._move(fitting, now_s, COLLAPSE_S if collapsed else DOWN_S)
        elif self._at > 0 and self._fitting(target_bps, UP_MARGIN) < self._at:
            self._move(self._at - 1, now_s, UP_S)
        else:
            self._since_s = None
        return self.rung

    def _fitting(self, target_bps: float, margin: float) -> int:
        for place, need_bps in enumerate(self._needs_bps):
            if target_bps >= need_bps * margin:
                return place
        return len(RUNGS) - 1

    def _move(self, place: int, now_s: float, wait_s: float) -> None:
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s >= wait_s:
            self._at = place
            self._since_s = None


def shrunk(image: Image, shrink: int) -> Image:
    """The picture at 1 / shrink of its size (2 x 2 means), cut to even sides."""
    if shrink == 1:
        return image
    if image.format == "bgra":
        return _shrunk_bgra(image)
    width, height = image.width, image.height
    luma = _halved(image.pixels[:height])
    chroma = image.pixels[height:].reshape(2, height // 2, width // 2)
    wide, high = width // 4 * 2, height // 4 * 2
    planes = [luma[:high, :wide].ravel()]
    planes += [_halved(plane)[: high // 2, : wide // 2].ravel() for plane in chroma]
    return Image(wide, high, "i420", np.concatenate(planes).reshape(high * 3 // 2, wide))


def _shrunk_bgra(image: Image) -> Image:
    wide, high = image.width // 4 * 2, image.height // 4 * 2
    small = _halved(image.pixels)[:high, :wide]
    return Image(wide, high, "bgra", np.ascontiguousarray(small))


def _halved(pixels: np.ndarray) -> np.ndarray:
    rows, columns = pixels.shape[0] // 2 * 2, pixels.shape[1] // 2 * 2
    even = pixels[:rows, :columns].astype(np.uint16)
    total = even[0::2, 0::2] + even[1::2, 0::2] + even[0::2, 1::2] + even[1::2, 1::2] + 2
    return (total >> 2).astype(np.uint8)
