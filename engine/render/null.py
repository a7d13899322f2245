"""Only the renderer that draws nothing: every picture is black and of the right size (simulation without a GPU)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from avatar_engine.engine.errors import EngineError
from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import HandOver, Quality, RendererInfo, RenderSnapshot, Show, nobody_waits


class NullRenderer:
    """Implements `Renderer` without any graphics library."""

    def __init__(self) -> None:
        self.info = RendererInfo("null", "none", "none", "0", software=True)
        self._views: dict[int, tuple[int, int, PixelFormat]] = {}
        self._next = 1

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "bgra") -> int:
        """A picture of a given size; the model is not looked at."""
        number = self._next
        self._next += 1
        self._views[number] = (width, height, pixels)
        return number

    def prepare(self, show: Show, hand_over: HandOver) -> object:
        """Nothing is to be made ready."""
        return None

    def close_view(self, view: int) -> None:
        """Forget the view."""
        self._shape(view)
        del self._views[view]

    def pose(self, snapshots: Sequence[RenderSnapshot]) -> None:
        """Nothing moves."""

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        """Black pictures, one per snapshot."""
        taken()
        return [black_picture(*self._shape(snapshot.view)) for snapshot in snapshots]

    def close(self) -> None:
        """Forget every view."""
        self._views.clear()

    def _shape(self, view: int) -> tuple[int, int, PixelFormat]:
        if view not in self._views:
            raise EngineError(f"view {view}", "is not open", "open_view() gives the number to draw")
        return self._views[view]


def black_picture(width: int, height: int, pixels: PixelFormat) -> Image:
    """One even black picture."""
    if pixels == "bgra":
        data = np.zeros((height, width, 4), np.uint8)
        data[..., 3] = 255
    else:
        data = np.full((height * 3 // 2, width), 128, np.uint8)
        data[:height] = 16  # BT.709 limited range black
    return Image(width, height, pixels, data)
