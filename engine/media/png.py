"""Only here are PNG pictures written: single ones, and folders of numbered frames with their sound."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.background import Background
from avatar_engine.engine.media.output import check_output_file, part_name, write_error
from avatar_engine.engine.media.part_sink import PartSink

Samples = NDArray[np.float32]

AUDIO_NAME = "audio.wav"
_QUICK = 1  # zlib level of frames in a sequence: speed before size
_SMALL = 6


def encode_png(image: Image, level: int = _SMALL) -> bytes:
    """One picture as a PNG file's bytes (RGB, no alpha)."""
    if image.format == "i420":
        source = av.VideoFrame.from_numpy_buffer(image.pixels, "yuv420p")
        source.colorspace, source.color_range = Colorspace.ITU709, ColorRange.MPEG
    else:
        source = av.VideoFrame.from_numpy_buffer(image.pixels, "bgra")
    frame = VideoReformatter().reformat(
        source,
        format="rgb24",
        src_colorspace=Colorspace.ITU709 if image.format == "i420" else None,
        src_color_range=ColorRange.MPEG if image.format == "i420" else None,
        interpolation=Interpolation.BILINEAR,
        threads=1,
    )
    frame.pts, frame.time_base = 0, Fraction(1, 1)
    context = av.CodecContext.create("png", "w")
    context.width, context.height, context.pix_fmt = image.width, image.height, "rgb24"
    context.time_base = Fraction(1, 1)
    context.thread_count = 1
    context.options = {"compression_level": str(level), "pred": "sub"}
    return b"".join(bytes(packet) for packet in (*context.encode(frame), *context.encode(None)))


def write_png(path: str | os.PathLike[str], image: Image) -> None:
    """A single PNG file, complete or not there at all."""
    target = Path(path)
    check_output_file(target, (".png",))
    part = part_name(target)
    try:
        part.write_bytes(encode_png(image))
        part.replace(target)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise write_error(target, error) from error


class PngSink(PartSink):
    """A folder `000000.png, 000001.png, ...` and `audio.wav`; the folder appears when all is written."""

    def open(self, width: int, height: int, fps: Fraction | int, audio_rate: int) -> None:
        folder = self._path
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputError(str(folder), "holds files already", "name a new or an empty folder")
        if folder.exists() and not folder.is_dir():
            raise OutputError(str(folder), "is a file", "name a new or an empty folder")
        self._part = part_name(folder)
        try:
            self._part.mkdir(parents=True)
            writer = _FrameWriter(self._part, folder, audio_rate)
        except OSError as error:
            self.abort()
            raise write_error(folder, error) from error
        except BaseException:
            self.abort()
            raise
        self._background = Background(writer, width, height, "png-encoder")

    def _keep(self, part: Path) -> None:
        if self._path.is_dir():
            self._path.rmdir()
        part.rename(self._path)

    def _remove(self, part: Path) -> None:
        shutil.rmtree(part, ignore_errors=True)


class _FrameWriter:
    """Background's writer for one folder."""

    def __init__(self, part: Path, target: Path, audio_rate: int) -> None:
        self._part = part
        self._target = target
        self._rate = audio_rate
        self._index = 0
        self._sample_index = 0
        self._last = b""
        self._container = av.open(f"file:{part / AUDIO_NAME}", "w", format="wav")
        self._stream = self._container.add_stream("pcm_s16le", rate=audio_rate, layout="mono")

    def picture(self, image: Image | None) -> None:
        if image is not None:
            self._last = encode_png(image, _QUICK)
        if not self._last:
            raise OutputError("video", "the first picture is missing", "the first frame must carry an image")
        try:
            (self._part / f"{self._index:06d}.png").write_bytes(self._last)
        except OSError as error:
            raise write_error(self._target, error) from error
        self._index += 1

    def sound(self, samples: Samples) -> None:
        if len(samples) == 0:
            return
        pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32767.0).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None, :], format="s16", layout="mono")
        frame.sample_rate = self._rate
        frame.pts, frame.time_base = self._sample_index, Fraction(1, self._rate)
        self._sample_index += len(samples)
        self._mux(frame)

    def finish(self) -> None:
        self._mux(None)
        try:
            self._container.close()
        except (FFmpegError, OSError) as error:
            raise write_error(self._target, error) from error

    def discard(self) -> None:
        with suppress(FFmpegError, OSError):
            self._container.close()

    def _mux(self, frame: av.AudioFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (FFmpegError, OSError) as error:
            raise write_error(self._target, error) from error
