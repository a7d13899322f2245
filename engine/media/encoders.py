"""Only here is decided which video encoder is used: what is compiled in is tried by really encoding."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.error import FFmpegError

from avatar_engine.engine.errors import DeviceError

# Best first. x264 leads: it is the same on every machine, and at these sizes a CPU preset keeps up.
H264_ENCODERS = (
    "libx264",
    "h264_nvenc",
    "h264_videotoolbox",
    "h264_qsv",
    "h264_amf",
    "h264_mf",
    "h264_v4l2m2m",
    "libopenh264",
)
LAST_RESORT = "mpeg4"  # MPEG-4 part 2: every player reads it, at twice the size

_TRIAL_WIDTH, _TRIAL_HEIGHT = 320, 192  # NVENC and some V4L2 devices refuse less than about 145x49
_TRIAL_FRAMES = 6


@dataclass(frozen=True, slots=True)
class EncoderTrial:
    """What became of trying one encoder; `reason` says why it does not work."""

    name: str
    works: bool
    reason: str = ""


@cache
def try_encoder(name: str) -> EncoderTrial:
    """Encode a few small frames with it. Compiled in is not the same as working: NVENC needs a driver."""
    if name not in av.codecs_available:
        return EncoderTrial(name, works=False, reason="not part of this PyAV build")
    try:
        context = av.CodecContext.create(name, "w")
        context.width, context.height, context.pix_fmt = _TRIAL_WIDTH, _TRIAL_HEIGHT, "yuv420p"
        context.time_base, context.framerate = Fraction(1, 30), Fraction(30)
        context.bit_rate = 500_000
        made = 0
        for index in range(_TRIAL_FRAMES):
            plane = np.full((_TRIAL_HEIGHT * 3 // 2, _TRIAL_WIDTH), 40 + 20 * index, np.uint8)
            frame = av.VideoFrame.from_numpy_buffer(plane, "yuv420p")
            frame.pts = index
            made += sum(packet.size for packet in context.encode(frame))
        made += sum(packet.size for packet in context.encode(None))
    except (FFmpegError, ValueError, OSError) as error:
        return EncoderTrial(name, works=False, reason=" ".join(str(error).split()))
    if made == 0:
        return EncoderTrial(name, works=False, reason="it gave no data")
    return EncoderTrial(name, works=True)


@cache
def choose_h264() -> str | None:
    """The first H.264 encoder that works, or None. Stops at the first: trying a device costs time."""
    return next((name for name in H264_ENCODERS if try_encoder(name).works), None)


def choose_video() -> str:
    """An encoder for an MP4: H.264, else MPEG-4 part 2."""
    name = choose_h264()
    if name is not None:
        return name
    if try_encoder(LAST_RESORT).works:
        return LAST_RESORT
    raise DeviceError("video", "no working video encoder in PyAV", "reinstall it: pip install --force-reinstall av")
