"""Only here are live H.264 access units made: Annex B, no delay, a rate that obeys, keyframes on demand."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import av
from av.error import FFmpegError

from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.encoders import choose_h264
from avatar_engine.engine.media.picture import PictureConverter, tag_bt709

# WebRTC's pacer drops and asks for keyframes when bursts exceed the target, so a burst may hold this much.
_BUFFER_S = Fraction(1, 5)
# One open encoder follows the rate up to this factor from where it was opened; beyond, it is opened anew.
_SPAN = 2.0
# A receiver that lost a picture asks; this only bounds the harm when the request itself is lost. Every one costs sharpness.
_KEYFRAME_EVERY_S = 60
_MIN_BPS = 50_000
FINEST_QUANTIZER = 18
"""Finer than this nobody sees, and a still picture would be polished for ever at the full rate."""
# Encoders whose rate can be changed while open: FFmpeg reads `bit_rate` anew before every frame for these.
_RETUNABLE = frozenset({"libx264", "h264_nvenc"})


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture: Annex B bytes; a keyframe carries its SPS and PPS. `index` counts pictures."""

    data: bytes
    keyframe: bool
    index: int


class H264Encoder:
    """Baseline H.264 for a live peer. Not thread-safe: use it from one thread at a time.

    fps: nominal, for the rate control; bitrate_bps: target and ceiling (VBV of a fifth of a second).
    threads: slices per picture; 1 is right when many avatars share a machine.
    finest_quantizer: H.264's QP, 18 to 51, that pictures never go below, however many bits there are.
    """

    def __init__(
        self,
        width: int,
        height: int,
        fps: Fraction | int,
        bitrate_bps: int,
        *,
        codec: str | None = None,
        threads: int = 1,
        finest_quantizer: int = FINEST_QUANTIZER,
    ) -> None:
        name = codec or choose_h264()
        if name is None:
            raise DeviceError(
                "video", "no working H.264 encoder", "let the room encode, or install a PyAV with libx264"
            )
        self.name: str = name
        self._size = (width, height)
        self._fps = Fraction(fps)
        self._threads = threads
        self._finest_quantizer = finest_quantizer
        self._converter = PictureConverter(width, height)
        self._index = 0
        self._held: list[AccessUnit] = []  # drained from an encoder that was opened anew
        self._opened_bps = 0.0
        self._bitrate_bps = max(_MIN_BPS, bitrate_bps)
        self._context = self._open()

    @property
    def bitrate_bps(self) -> int:
        return self._bitrate_bps

    def encode(self, image: Image | None, force_keyframe: bool = False) -> list[AccessUnit]:
        """One picture in, its access unit out (a hardware encoder may hand it over a call later).

        image: None repeats the previous picture. The first picture is a keyframe in any case.
        """
        frame = self._converter.convert(image, self._index, force_keyframe)
        frame.time_base = 1 / self._fps
        self._index += 1
        held, self._held = self._held, []
        return held + self._drain(frame)

    def set_bitrate(self, bitrate_bps: int) -> None:
        """Follow a new target from the next picture on; no keyframe unless it moved far from the old one."""
        target = max(_MIN_BPS, bitrate_bps)
        if target == self._bitrate_bps:
            return
        self._bitrate_bps = target
        near = self._opened_bps / _SPAN <= target <= self._opened_bps * _SPAN
        if self.name in _RETUNABLE and near:
            self._context.bit_rate = target
        else:
            self._held += self._drain(None)
            self._context = self._open()

    def close(self) -> list[AccessUnit]:
        """What the encoder still holds. The encoder cannot be used afterwards."""
        return self._drain(None)

    def _drain(self, frame: av.VideoFrame | None) -> list[AccessUnit]:
        try:
            packets = self._context.encode(frame)
        except FFmpegError as error:
            raise DeviceError(self.name, f"encoding failed: {error}", "restart the session") from error
        return [AccessUnit(bytes(p), bool(p.is_keyframe), p.pts or 0) for p in packets]

    def _open(self) -> av.VideoCodecContext:
        if self.name not in av.codecs_available:
            raise DeviceError(self.name, "is not part of this PyAV", "leave the choice to the engine")
        context = av.CodecContext.create(self.name, "w")
        context.width, context.height = self._size
        context.pix_fmt = "yuv420p"
        context.time_base, context.framerate = 1 / self._fps, self._fps
        context.gop_size = int(_KEYFRAME_EVERY_S * self._fps)
        context.max_b_frames = 0
        context.qmin = self._finest_quantizer
        context.thread_count = self._threads
        tag_bt709(context)
        # x264 cannot raise the rate above the maxrate it was opened with, but a stream opened as CBR stays
        # CBR when lowered. So: open at the top of the span, then lower before the first picture.
        ceiling = self._bitrate_bps
        if self.name in _RETUNABLE:
            ceiling = int(self._bitrate_bps * _SPAN)
        context.bit_rate = ceiling
        buffer_bits = int(self._bitrate_bps * _BUFFER_S)
        context.options = {
            "maxrate": str(ceiling),
            "bufsize": str(buffer_bits),
            **_OPTIONS.get(self.name, {}),
        }
        try:
            context.open()
        except FFmpegError as error:
            raise DeviceError(self.name, f"cannot be opened: {error}", "run avatar-engine doctor") from error
        context.bit_rate = self._bitrate_bps
        self._opened_bps = float(self._bitrate_bps)
        return context


_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {
        "preset": "ultrafast",  # with the two below: more dB of the face than superfast at the same bits, a third less CPU
        "tune": "zerolatency",
        "profile": "baseline",
        "forced-idr": "1",
        "sc_threshold": "0",  # a cut must not cost a keyframe nobody asked for
        "x264-params": "repeat-headers=1:annexb=1:no-deblock=0:subme=1:partitions=p8x8,i4x4",
    },
    "h264_nvenc": {
        "preset": "p4",
        "tune": "ull",
        "profile": "baseline",
        "rc": "cbr",
        "zerolatency": "1",
        "delay": "0",
        "forced-idr": "1",
        "no-scenecut": "1",
    },
    "h264_videotoolbox": {"profile": "baseline", "realtime": "1", "prio_speed": "1"},
    "h264_qsv": {"preset": "veryfast", "profile": "baseline", "async_depth": "1", "forced_idr": "1"},
    "libopenh264": {"profile": "constrained_baseline", "rc_mode": "bitrate", "allow_skip_frames": "1"},
}
