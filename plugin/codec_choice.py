"""Only here is decided, by measuring, whether our own encoder makes a session's pictures or WebRTC gets them raw."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.encoders import choose_h264
from avatar_engine.engine.media.h264 import H264Encoder
from avatar_engine.plugin.adaptation import enough_quantizer, plenty_bps
from avatar_engine.plugin.log import logger
from avatar_engine.plugin.publish_options import PublishOptions

SHARE = 0.9
"""Of a frame's time our encoder may take. Raw pictures cost the machine as much (640x360 at 30 fps: 0.18 cores through
WebRTC's OpenH264, 0.18 to 0.21 through our x264) but on WebRTC's threads, which leave out pictures and shrink them by
themselves, on a narrow line down to one a second: that is better only where ours would come late."""
FRAMES, AT_LEAST = 8, 4
TRIAL_S = 0.06
"""No new frame after this once there were `AT_LEAST`: a tenth of a second at 1080p with the encoder's opening."""
DRIFT_PIXELS = 3


@dataclass(frozen=True, slots=True)
class Choice:
    """encoder: its name, None where pictures go raw. trial_s: the quickest picture of the trial, 0 without one.
    budget_s: what it may take."""

    encoder: str | None
    trial_s: float
    budget_s: float


_lock = threading.Lock()
_made: dict[tuple[int, int, float], Choice] = {}


def choose(width: int, height: int, fps: float) -> Choice:
    """For pictures of this size and rate; measured once a process (up to 0.1 s, so not on an event loop)."""
    size = width, height, fps
    if (made := _made.get(size)) is not None:
        return made  # without waiting for a trial of another size
    with _lock:
        if size not in _made:
            _made[size] = _measured(*size)
        return _made[size]


async def ready(options: PublishOptions) -> None:
    """Have the choice made, on a thread of its own."""
    if options.codec == "h264":
        await asyncio.to_thread(choose, options.width, options.height, options.fps)


def forget() -> None:
    """Measure anew."""
    with _lock:
        _made.clear()


def _measured(width: int, height: int, fps: float) -> Choice:
    pictures = f"pictures of {width}x{height} at {fps:g} a second"
    budget_s = SHARE / fps
    name = choose_h264()
    if name is None:
        logger.info("%s: raw, there is no working H.264 encoder", pictures)
        return Choice(None, 0.0, budget_s)
    try:
        trial_s = _trial_s(width, height, fps)
    except DeviceError as error:
        logger.info("%s: raw, %s", pictures, error)
        return Choice(None, 0.0, budget_s)
    fits = trial_s <= budget_s
    verdict = name if fits else f"raw, {name} is too slow"
    logger.info("%s: %s, %.1f ms each of at most %.1f", pictures, verdict, 1000 * trial_s, 1000 * budget_s)
    return Choice(name if fits else None, trial_s, budget_s)


def _trial_s(width: int, height: int, fps: float) -> float:
    """The quickest of some pictures that move: what else the machine does at the moment makes the others slower."""
    began_s = time.perf_counter()
    bitrate_bps = plenty_bps(width, height, fps)
    finest = enough_quantizer(width, height, fps, bitrate_bps)
    rate = Fraction(fps).limit_denominator(1001)
    encoder = H264Encoder(width, height, rate, bitrate_bps, finest_quantizer=finest)
    blocks = np.random.default_rng(1).integers(60, 190, (height // 16 + 2, width // 16 + 2, 4), np.uint8)
    cloth = blocks.repeat(16, 0).repeat(16, 1)
    quickest_s = float("inf")
    for number in range(FRAMES):
        if number >= AT_LEAST and time.perf_counter() - began_s > TRIAL_S:
            break
        left = number * DRIFT_PIXELS % 16
        pixels = np.ascontiguousarray(cloth[:height, left : left + width])
        at_s = time.perf_counter()
        encoder.encode(Image(width, height, "bgra", pixels))
        quickest_s = min(quickest_s, time.perf_counter() - at_s)
    encoder.close()
    return quickest_s
