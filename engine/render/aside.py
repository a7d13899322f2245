"""Only drawing beside the simulation: any renderer in a thread of its own, pictures one tick late or at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import HandOver, Quality, Renderer, RenderSnapshot, Show


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pictures in the order of their snapshots, and the seconds they took."""

    images: list[Image]
    took_s: float


class RendererAside:
    """Implements `Renderer` for the thread that simulates; the real one lives in a second thread.

    Everything is carried out in the order it was asked for. Native drawing lets go of the interpreter, so that the
    next tick is simulated meanwhile.
    """

    def __init__(self, make: Callable[[], Renderer]) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="renderer")
        try:
            self._renderer = self._thread.submit(make).result()
        except BaseException:
            self._thread.shutdown()
            raise
        self.info = self._renderer.info

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "bgra") -> int:
        """As `Renderer.open_view`."""
        return self._thread.submit(self._renderer.open_view, model, width, height, quality, pixels).result()

    def prepare(self, show: Show, hand_over: HandOver) -> object:
        """As `Renderer.prepare`; pieces are done between pictures."""

        def between(piece: Callable[[], None]) -> None:
            hand_over(lambda: self._thread.submit(piece).result())

        return self._renderer.prepare(show, between)

    def resize_view(self, view: int, width: int, height: int, quality: Quality) -> None:
        """As `Renderer.resize_view`."""
        self._thread.submit(self._renderer.resize_view, view, width, height, quality).result()

    def close_view(self, view: int) -> None:
        """As `Renderer.close_view`."""
        self._thread.submit(self._renderer.close_view, view).result()

    def draw(self, snapshots: Sequence[RenderSnapshot]) -> list[Image]:
        """As `Renderer.draw`."""
        return self.draw_soon(snapshots).result().images

    def draw_soon(self, snapshots: Sequence[RenderSnapshot]) -> Future[Drawn]:
        """The same, without waiting."""
        return self._thread.submit(self._timed, list(snapshots))

    def close(self) -> None:
        """Close the renderer and end its thread."""
        try:
            self._thread.submit(self._renderer.close).result()
        finally:
            self._thread.shutdown()

    def _timed(self, snapshots: list[RenderSnapshot]) -> Drawn:
        began = time.perf_counter()
        images = self._renderer.draw(snapshots)
        return Drawn(images, time.perf_counter() - began)
