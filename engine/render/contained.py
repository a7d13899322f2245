"""Only here is a view that cannot be drawn kept from the others: it keeps its last picture, and somebody is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress

from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import HandOver, Quality, Renderer, RenderSnapshot, Show, nobody_waits
from avatar_engine.engine.render.null import black_picture


class ContainedRenderer:
    """A renderer around another one. What raises while one view is drawn ends the drawing of that view alone.

    on_failure: told once for each such view, on the drawing thread, with its number and what was raised.
    """

    def __init__(self, renderer: Renderer, on_failure: Callable[[int, Exception], None]) -> None:
        self.info = renderer.info
        self._renderer = renderer
        self._on_failure = on_failure
        self._last: dict[int, Image] = {}
        self._failed: set[int] = set()
        self._one_by_one = False  # as drawing together raised when it was too late to draw again

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "bgra") -> int:
        """As the renderer does."""
        view = self._renderer.open_view(model, width, height, quality, pixels)
        self._last[view] = black_picture(width, height, pixels)
        return view

    def prepare(self, show: Show, hand_over: HandOver) -> object:
        """As the renderer does."""
        return self._renderer.prepare(show, hand_over)

    def close_view(self, view: int) -> None:
        """As the renderer does."""
        self._last.pop(view, None)
        self._failed.discard(view)
        self._renderer.close_view(view)

    def pose(self, snapshots: Sequence[RenderSnapshot]) -> None:
        """As the renderer does; what raises here raises when it is drawn."""
        with suppress(Exception):
            self._renderer.pose([snapshot for snapshot in snapshots if snapshot.view not in self._failed])

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        """All of them together; one by one as soon as something raises.

        After `taken` the next pictures may be posed already: what raises then leaves the last pictures, and the next
        ones are drawn one by one.
        """
        alive = [snapshot for snapshot in snapshots if snapshot.view not in self._failed]
        late = False

        def take() -> None:
            nonlocal late
            late = True
            taken()

        if self._one_by_one:
            self._one_by_one = False
            self._draw_each(alive)
        else:
            try:
                drawn = self._renderer.draw(alive, take)
            except Exception:  # noqa: BLE001  (drawn again one by one: the one that raises again is named)
                if late:
                    self._one_by_one = True
                else:
                    self._draw_each(alive)
            else:
                for snapshot, image in zip(alive, drawn, strict=True):
                    self._last[snapshot.view] = image
        return [self._last[snapshot.view] for snapshot in snapshots]

    def close(self) -> None:
        """As the renderer does."""
        self._last.clear()
        self._renderer.close()

    def _draw_each(self, snapshots: Sequence[RenderSnapshot]) -> None:
        for snapshot in snapshots:
            try:
                self._last[snapshot.view] = self._renderer.draw([snapshot])[0]
            except Exception as error:  # noqa: BLE001  (handed on; the view is not drawn any more)
                self._failed.add(snapshot.view)
                self._on_failure(snapshot.view, error)
