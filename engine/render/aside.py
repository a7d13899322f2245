"""Only drawing beside the simulation: any renderer in a thread of its own, pictures one tick late or at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import HandOver, Quality, Renderer, RenderSnapshot, Show, nobody_waits

Draw = Callable[[Sequence[RenderSnapshot], Callable[[], None]], list[Image]]


@dataclass(frozen=True, slots=True)
class Drawn:
    """Pictures in the order of their snapshots, and the seconds they took."""

    images: list[Image]
    took_s: float


class Asked:
    """Pictures under way."""

    def __init__(self, thread: ThreadPoolExecutor, draw: Draw, snapshots: Sequence[RenderSnapshot]) -> None:
        self._taken = threading.Event()
        self._done = thread.submit(self._draw, draw, list(snapshots))

    def wait_taken(self) -> None:
        """Until the driver is at it alone. Whoever simulates meanwhile fights with drawing for the interpreter: every
        array operation lets go of it and waits to get it back, and a picture takes half as long again."""
        self._taken.wait()

    def result(self) -> Drawn:
        """The pictures, when they are there. Raises what drawing raised."""
        return self._done.result()

    def _draw(self, draw: Draw, snapshots: list[RenderSnapshot]) -> Drawn:
        began = time.perf_counter()
        try:
            images = draw(snapshots, self._taken.set)
        finally:
            self._taken.set()
        return Drawn(images, time.perf_counter() - began)


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
        self._asked: Asked | None = None

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "bgra") -> int:
        """As `Renderer.open_view`."""
        return self._thread.submit(self._renderer.open_view, model, width, height, quality, pixels).result()

    def prepare(self, show: Show, hand_over: HandOver) -> object:
        """As `Renderer.prepare`; pieces are done between pictures."""

        def between(piece: Callable[[], None]) -> None:
            hand_over(lambda: self._thread.submit(piece).result())

        return self._renderer.prepare(show, between)

    def close_view(self, view: int) -> None:
        """As `Renderer.close_view`."""
        self._thread.submit(self._renderer.close_view, view).result()

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        """As `Renderer.draw`."""
        asked = self.draw_soon(snapshots)
        asked.wait_taken()
        taken()
        return asked.result().images

    def pose(self, snapshots: Sequence[RenderSnapshot]) -> None:
        """As `Renderer.pose`, in the caller's thread: it has time while the driver draws."""
        if self._asked is not None:
            self._asked.wait_taken()
        self._renderer.pose(snapshots)

    def draw_soon(self, snapshots: Sequence[RenderSnapshot]) -> Asked:
        """The same as `draw`, without waiting."""
        self.pose(snapshots)
        self._asked = Asked(self._thread, self._renderer.draw, snapshots)
        return self._asked

    def close(self) -> None:
        """Close the renderer and end its thread."""
        try:
            self._thread.submit(self._renderer.close).result()
        finally:
            self._thread.shutdown()
