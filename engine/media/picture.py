"""Only here does a picture become an encoder's frame: BGRA or I420 in, BT.709 limited yuv420p out."""

from __future__ import annotations

import av
from av.video.frame import PictureType
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.image import Image


class PictureConverter:
    """Converts with swscale (it releases the interpreter lock) and keeps the last frame for repeats.

    One converter per encoder: it belongs to the thread that encodes.
    """

    def __init__(self, width: int, height: int) -> None:
        if width < 2 or height < 2 or width % 2 or height % 2:
            raise OutputError(f"{width}x{height}", "H.264 needs an even width and height", "round them to even numbers")
        self._width = width
        self._height = height
        self._scaler = VideoReformatter()
        self._last: av.VideoFrame | None = None

    def convert(self, image: Image | None, pts: int, keyframe: bool = False) -> av.VideoFrame:
        """The frame to encode at `pts`; None sends the previous picture again at no cost."""
        if image is not None:
            self._last = self._convert(image)
        elif self._last is None:
            raise OutputError("video", "the first picture is missing", "the first frame must carry an image")
        frame = self._last
        frame.pts = pts
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        return frame

    def planes(self, image: Image) -> Image:
        """The picture as I420."""
        if image.format == "i420":
            return image
        return Image(image.width, image.height, "i420", self._convert(image).to_ndarray())

    def _convert(self, image: Image) -> av.VideoFrame:
        if (image.width, image.height) != (self._width, self._height):
            raise OutputError(
                "video",
                f"got a {image.width}x{image.height} picture for a {self._width}x{self._height} video",
                "draw at the size the output was opened with",
            )
        if image.format == "i420":
            frame = av.VideoFrame.from_numpy_buffer(image.pixels, "yuv420p")
        else:
            frame = self._scaler.reformat(
                av.VideoFrame.from_numpy_buffer(image.pixels, "bgra"),
                format="yuv420p",
                dst_colorspace=Colorspace.ITU709,
                dst_color_range=ColorRange.MPEG,
                interpolation=Interpolation.BILINEAR,
                threads=1,  # a second thread gains nothing up to 1080p and takes the renderer's core
            )
        frame.colorspace = Colorspace.ITU709
        frame.color_range = ColorRange.MPEG
        frame.color_primaries = ColorPrimaries.BT709
        frame.color_trc = ColorTrc.BT709
        return frame


def tag_bt709(context: av.VideoCodecContext) -> None:
    """Write BT.709 limited range into the stream's own headers."""
    context.colorspace = Colorspace.ITU709
    context.color_range = ColorRange.MPEG
    context.color_primaries = ColorPrimaries.BT709
    context.color_trc = ColorTrc.BT709
