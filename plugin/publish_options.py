"""How a session's tracks are published: plain data with the measured defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HOLD_S = 0.036
"""Pictures leave this long after their sound: receivers hold audio longer than video. Measured: tools/av_skew.py."""
LEAD_S = 0.020
"""Audio queued ahead against late packets, to begin with; it grows when packets come late."""
Codec = Literal["h264", "raw"]
CODECS: tuple[Codec, ...] = ("h264", "raw")


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """Size in pixels, presented frames a second, audio samples a second, ceiling of the video bitrate.

    frame_timestamps: send LiveKit's frame metadata (when a frame's sound is heard, and its number) along. Off by
    default: livekit-client 2.23.0 shows nothing of such a track unless the page gives it a frame-metadata worker.
    """

    width: int
    height: int
    fps: float
    rate: int
    bitrate_bps: int
    codec: Codec = "h264"
    hold_s: float = HOLD_S
    lead_s: float = LEAD_S
    frame_timestamps: bool = False
    audio_name: str = "avatar_audio"
    video_name: str = "avatar_video"
