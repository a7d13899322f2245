"""Where pictures leave for WebRTC: raw I420/BGRA through its own encoder, or our H.264 as it is."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from livekit import rtc

from avatar_engine.engine.image import Image
from avatar_engine.engine.media.h264 import FINEST_QUANTIZER, AccessUnit, H264Encoder
from avatar_engine.plugin.adaptation import RUNGS, Ladder, Rung, enough_quantizer, reached_bps, shrunk
from avatar_engine.plugin.line import BRAKE_WINDOW_S, Brake, Caution, Flow
from avatar_engine.plugin.metrics import SessionFigures
from avatar_engine.plugin.publish_options import PublishOptions

AUDIO_BITRATE_BPS = 32_000
"""Opus carries a voice's whole band in this. With every packet sent twice (RED) 90 kbit/s on the wire; 64,000 took 154."""
STREAM = "avatar"
"""Name of the media stream both tracks belong to: receivers that synchronise do so within a stream."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Rides on a frame: when its sound is heard (unix microseconds) and its number."""

    heard_unix_us: int
    frame: int

    def metadata(self) -> rtc.FrameMetadata:
        return rtc.FrameMetadata(user_timestamp=self.heard_unix_us, frame_id=self.frame & 0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Encoded:
    """One picture's access units and the size they are coded at."""

    width: int
    height: int
    units: list[AccessUnit]


class Outlet(Protocol):
    """`prepare` runs in the encoder pool, one call at a time; `submit` on the media loop, in the same order."""

    @property
    def source(self) -> Any: ...
    def publish_options(self) -> rtc.TrackPublishOptions: ...
    def prepare(self, image: Image) -> Any: ...
    def submit(self, prepared: Any, stamp: Stamp) -> bool: ...
    def wants(self, frame: int) -> bool: ...
    def follow_feedback(self) -> None: ...
    async def aclose(self) -> None: ...


class RawOutlet:
    """Pictures as they are; WebRTC encodes and adapts by itself."""

    def __init__(self, options: PublishOptions, figures: SessionFigures) -> None:
        self.source = rtc.VideoSource(options.width, options.height)
        self._options, self._figures = options, figures

    def publish_options(self) -> rtc.TrackPublishOptions:
        auto, adapts = rtc.VideoEncoderBackend.ENCODER_BACKEND_AUTO, rtc.DegradationPreference.BALANCED
        return _video_options(self._options, auto, adapts)

    def prepare(self, image: Image) -> rtc.VideoFrame:
        kind = rtc.VideoBufferType.I420 if image.format == "i420" else rtc.VideoBufferType.BGRA
        pixels = image.pixels if image.pixels.flags.writeable else image.pixels.copy()
        return rtc.VideoFrame(image.width, image.height, kind, pixels.reshape(-1).data)

    def submit(self, prepared: rtc.VideoFrame, stamp: Stamp) -> bool:
        self.source.capture_frame(prepared, metadata=stamp.metadata() if self._options.frame_timestamps else None)
        self._figures.sent_bytes += len(prepared.data)
        return True

    def wants(self, frame: int) -> bool:
        return True

    def follow_feedback(self) -> None:
        """WebRTC adapts its own encoder."""

    async def aclose(self) -> None:
        await self.source.aclose()


class H264Outlet:
    """Our own encoder. Follows WebRTC's wishes: keyframes for those who join, and the bitrate the line carries;
    where that is too little for the whole picture, fewer frames, then a smaller picture."""

    def __init__(self, options: PublishOptions, figures: SessionFigures) -> None:
        self.source = rtc.EncodedVideoSource(options.width, options.height)
        self._options, self._figures = options, figures
        self._ladder: Ladder | None = None  # until WebRTC has said something of the line
        self._enough = enough_quantizer(options.width, options.height, options.fps, options.bitrate_bps)
        self._flow, self._caution, self._brake = Flow(), Caution(options.bitrate_bps), Brake()
        self._braked = False
        self._encoder: H264Encoder | None = None
        self._last: Image | None = None  # converted already; the same picture again costs next to nothing
        self._encoded = (0, 0, Rung(1, 1))
        self._keyframe_wanted = True
        self._told_bps = self._target_bps = float(options.bitrate_bps)
        self._last_us = 0

    def publish_options(self) -> rtc.TrackPublishOptions:
        ours = rtc.VideoEncoderBackend.ENCODER_BACKEND_PRE_ENCODED
        return _video_options(self._options, ours, rtc.DegradationPreference.MAINTAIN_FRAMERATE_AND_RESOLUTION)

    def wants(self, frame: int) -> bool:
        """Whether this frame is to be sent."""
        return not self._braked and frame % self._rung.divisor == 0

    def prepare(self, image: Image) -> Encoded:
        wanted, self._keyframe_wanted = self._keyframe_wanted, False
        rung = self._rung
        repeated = image is self._last and self._encoder is not None and rung == self._encoded[2]
        if repeated:
            width, height, _ = self._encoded
            small = None
        else:
            self._last = image
            small = shrunk(image, rung.shrink)
            width, height = small.width, small.height
        if self._encoder is None or self._encoded != (width, height, rung):
            self._encoded = (width, height, rung)
            fps = Fraction(self._options.fps).limit_denominator(1001) / rung.divisor
            self._encoder = H264Encoder(
                width, height, fps, self._asked_bps, finest_quantizer=self._finest_quantizer(rung)
            )
        self._encoder.set_bitrate(self._encode_bps)
        return Encoded(width, height, self._encoder.encode(small, wanted))

    def submit(self, prepared: Encoded, stamp: Stamp) -> bool:
        accepted = True
        for unit in prepared.units:
            self._last_us = max(self._last_us + 1, time.monotonic_ns() // 1000)
            kinds = rtc.EncodedFrameType
            kind = kinds.ENCODED_FRAME_KEY if unit.keyframe else kinds.ENCODED_FRAME_DELTA
            frame = rtc.EncodedVideoFrame(
                unit.data,
                prepared.width,
                prepared.height,
                rtc.VideoCodec.H264,
                kind,
                self._last_us,
                stamp.metadata() if self._options.frame_timestamps else None,
            )
            if self.source.capture_frame(frame):
                self._flow.sent(len(unit.data), time.monotonic())
            else:
                accepted = False
            self._figures.sent_bytes += len(unit.data)
        if not accepted:
            self._keyframe_wanted = True
        return accepted

    def follow_feedback(self) -> None:
        """Take in what WebRTC asked for since the last call."""
        feedback, now_s = self.source.take_feedback(), time.monotonic()
        if feedback.keyframe_requested:
            self._keyframe_wanted = True
            self._figures.keyframe_requests += 1
        if feedback.rate_control is not None and feedback.rate_control.target_bitrate_bps > 0:
            self._told_bps = min(feedback.rate_control.target_bitrate_bps, self._options.bitrate_bps)
            if self._ladder is None:
                self._ladder = Ladder(self._options.width, self._options.height, self._options.fps, now_s)
        if self._ladder is None:
            return
        self._target_bps = self._caution.follow(self._told_bps, self._flow.bps(1.0, now_s), now_s)
        self._braked = self._brake.follow(self._target_bps, self._flow.bps(BRAKE_WINDOW_S, now_s), now_s)
        rung = self._ladder.follow(self._target_bps, now_s)
        self._figures.target_bitrate_bps = round(self._target_bps)
        self._figures.frame_divisor, self._figures.picture_shrink = rung.divisor, rung.shrink

    @property
    def _rung(self) -> Rung:
        return RUNGS[0] if self._ladder is None else self._ladder.rung

    def _finest_quantizer(self, rung: Rung) -> int:
        # On the way back up WebRTC's estimate only grows where all of it is used.
        return self._enough if rung == RUNGS[0] else FINEST_QUANTIZER

    @property
    def _asked_bps(self) -> int:
        return min(reached_bps(self._target_bps), self._options.bitrate_bps)

    @property
    def _encode_bps(self) -> int:
        fps = self._options.fps / self._encoded[2].divisor
        share = round(fps / max(fps, self._flow.fps(time.monotonic())), 1)
        # Less than half, and the encoder would be opened anew on the way back, with a keyframe.
        return round(self._asked_bps * max(0.5, share))

    async def aclose(self) -> None:
        await self.source.aclose()


def audio_options() -> rtc.TrackPublishOptions:
    """Mono speech, always sent: gaps of silence would move the receiver's idea of the clock."""
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, stream=STREAM, dtx=False, red=True)
    options.audio_encoding.max_bitrate = AUDIO_BITRATE_BPS
    return options


def _video_options(options: PublishOptions, backend: Any, degradation: Any) -> rtc.TrackPublishOptions:
    published = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA,
        stream=STREAM,
        simulcast=False,
        video_codec=rtc.VideoCodec.H264,
        video_encoding=rtc.VideoEncoding(max_bitrate=options.bitrate_bps, max_framerate=options.fps),
        video_encoder=backend,
        degradation_preference=degradation,
    )
    if options.frame_timestamps:
        features = rtc.FrameMetadataFeature
        published.frame_metadata_features.extend([features.FMF_USER_TIMESTAMP, features.FMF_FRAME_ID])
    return published
