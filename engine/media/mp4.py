"""Only here are movies written: H.264 and AAC in an MP4 that appears complete or not at all."""

from __future__ import annotations

import os
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from avatar_engine.engine.errors import DeviceError, OutputError, suggest
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.background import Background
from avatar_engine.engine.media.encoders import LAST_RESORT, choose_video
from avatar_engine.engine.media.output import check_output_file, claim_part, is_disk_error, write_error
from avatar_engine.engine.media.part_sink import PartSink
from avatar_engine.engine.media.picture import PictureConverter, tag_bt709
from avatar_engine.engine.media.sinks import MOVIE_SUFFIXES, OnNotice
from avatar_engine.engine.messages import Notice

Samples = NDArray[np.float32]

_KEYFRAME_EVERY_S = 4  # how finely a player can seek
_AUDIO_BPS = 128_000

# Preset, constant rate factor, B frames and further settings of x264 by quality. A 720p talking head, CPU ms a frame
# without conversion (1.3 more), PSNR of the face at 3 s: superfast 21: 4.3, 47.4 dB, 930 kB; ultrafast 21: 2.0, 48.0 dB,
# 888 kB; ultrafast 20 with deblocking and sub-pixel search: 2.4, 49.0 dB, 858 kB. Rendered faces have no noise to hide.
_X264 = {
    "low": ("ultrafast", 24, 0, ""),
    "medium": ("ultrafast", 20, 0, "no-deblock=0:subme=1"),
    "high": ("faster", 19, 2, ""),
    "ultra": ("medium", 17, 3, ""),
}
_THREADS = {"low": 1, "medium": 1, "high": 2, "ultra": 2}
# bits per pixel for encoders that know no constant quality
_BITS_PER_PIXEL = {"low": 0.06, "medium": 0.10, "high": 0.15, "ultra": 0.25}


class Mp4Sink(PartSink):
    """A movie file."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        quality: str = "medium",
        codec: str | None = None,
        on_notice: OnNotice | None = None,
    ) -> None:
        super().__init__(path)
        if quality not in _X264:
            raise OutputError(f"quality '{quality}'", "is not known", suggest(quality, _X264))
        self._quality = quality
        self._codec = codec
        self._notify = on_notice
        self._converter: PictureConverter

    def open(self, width: int, height: int, fps: Fraction | int, audio_rate: int) -> None:
        check_output_file(self._path, MOVIE_SUFFIXES)
        codec = self._codec or choose_video()
        if codec == LAST_RESORT and self._notify is not None:
            text = "no H.264 encoder works here, so the movie is MPEG-4 part 2; install a PyAV with libx264"
            self._notify(Notice(session="", level="warning", code="no_h264", text=text))
        self._part = claim_part(self._path)
        try:
            writer = _MovieWriter(self._part, self._path, codec, self._quality, width, height, fps, audio_rate)
        except BaseException:
            self.abort()
            raise
        self._converter = PictureConverter(width, height)
        self._background = Background(writer, width, height, "movie-encoder")

    def write_video(self, image: Image | None) -> None:
        # Converted here: what waits for the encoder is less than half as large, and the caller has time while it draws.
        self._opened.picture(None if image is None else self._converter.planes(image))

    def _keep(self, part: Path) -> None:
        part.replace(self._path)

    def _remove(self, part: Path) -> None:
        with suppress(OSError):
            part.unlink(missing_ok=True)


class _MovieWriter:
    """Background's writer for one container."""

    def __init__(
        self,
        part: Path,
        target: Path,
        codec: str,
        quality: str,
        width: int,
        height: int,
        fps: Fraction | int,
        audio_rate: int,
    ) -> None:
        self._target = target
        self._rate = audio_rate
        self._time_base = 1 / Fraction(fps)
        self._converter = PictureConverter(width, height)
        self._picture_index = 0
        self._sample_index = 0
        kind = "mov" if target.suffix.lower() == ".mov" else "mp4"
        try:
            self._container = av.open(f"file:{part}", "w", format=kind, options={"movflags": "+faststart"})
        except (FFmpegError, OSError) as error:
            raise write_error(target, error) from error
        try:
            options = encoder_options(codec, quality)
            self._video = self._container.add_stream(codec, rate=Fraction(fps), options=options)
            self._video.width, self._video.height, self._video.pix_fmt = width, height, "yuv420p"
            context = self._video.codec_context
            context.gop_size = round(_KEYFRAME_EVERY_S * Fraction(fps))
            # Encoding has a thread beside the drawing already; every further one costs memory and the renderer's time.
            context.thread_count = _THREADS[quality]
            if codec != "libx264":
                context.bit_rate = int(width * height * fps * _BITS_PER_PIXEL[quality])
            tag_bt709(context)
            self._audio = self._container.add_stream(
                "aac", rate=audio_rate, layout="mono", options={"aac_coder": "fast"}
            )
            self._audio.codec_context.bit_rate = _AUDIO_BPS
            self._container.start_encoding()
        except (FFmpegError, OSError) as error:
            self.discard()
            if is_disk_error(error):
                raise write_error(target, error) from error
            raise DeviceError(codec, f"cannot be opened: {error}", "run avatar-engine doctor") from error
        except BaseException:
            self.discard()
            raise

    def picture(self, image: Image | None) -> None:
        frame = self._converter.convert(image, self._picture_index)
        frame.time_base = self._time_base
        self._picture_index += 1
        self._put(self._video, frame)

    def sound(self, samples: Samples) -> None:
        if len(samples) == 0:
            return
        block = np.ascontiguousarray(samples, np.float32)[None, :]
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        frame.sample_rate = self._rate
        frame.pts, frame.time_base = self._sample_index, Fraction(1, self._rate)
        self._sample_index += len(samples)
        self._put(self._audio, frame)

    def finish(self) -> None:
        self._put(self._video, None)
        self._put(self._audio, None)
        try:
            self._container.close()
        except (FFmpegError, OSError) as error:
            raise write_error(self._target, error) from error

    def discard(self) -> None:
        with suppress(FFmpegError, OSError):
            self._container.close()

    def _put(self, stream: av.VideoStream | av.AudioStream, frame: av.VideoFrame | av.AudioFrame | None) -> None:
        try:
            self._container.mux(stream.encode(frame))
        except (FFmpegError, OSError) as error:
            raise write_error(self._target, error) from error


def encoder_options(codec: str, quality: str) -> dict[str, str]:
    """Options of a file encoder for one of the four qualities."""
    preset, crf, between, further = _X264[quality]
    if codec == "libx264":
        options = {"preset": preset, "crf": str(crf), "bf": str(between), "profile": "high"}
        return options | ({"x264-params": further} if further else {})
    if codec == "h264_nvenc":
        return {"preset": "p5", "tune": "hq", "rc": "vbr", "cq": str(crf + 2), "profile": "high"}
    return {}
