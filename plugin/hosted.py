"""The runtime behind live rooms: it draws beside the simulation, and a picture that cannot be drawn costs its own
session, not the others.

Sound never waits for a drawing then; a picture comes a tick later than its sound, and has more time than that.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from avatar_engine.components.session import View
from avatar_engine.engine.messages import FramePacket, Notice
from avatar_engine.engine.render.aside import RendererAside
from avatar_engine.engine.render.base import Renderer
from avatar_engine.engine.render.contained import ContainedRenderer
from avatar_engine.engine.world import Identity
from avatar_engine.options import RuntimeOptions
from avatar_engine.plugin.stage import LOST
from avatar_engine.runtime import Runtime, open_library


class HostedRuntime(Runtime):
    """A session whose picture cannot be drawn gets a `LOST` notice and keeps its last picture until it is closed."""

    def __init__(self, options: RuntimeOptions, make: Callable[[], Renderer]) -> None:
        self._failures: deque[tuple[int, Exception]] = deque()
        renderer = RendererAside(lambda: ContainedRenderer(make(), self._failed))
        super().__init__(options, open_library(options.avatar_folders), renderer)

    def step(self, draw: bool = True, early: Callable[[list[FramePacket]], None] | None = None) -> list[FramePacket]:
        """As `Runtime.step`; the pictures are those of the tick before."""
        packets = super().step(draw, early)
        while self._failures:
            number, error = self._failures.popleft()
            told = f"its picture cannot be drawn: {type(error).__name__}: {error}"
            for _, (identity, view) in self.world.each2(Identity, View):
                if view.id == number:
                    self.notices.append(Notice(identity.session, "error", LOST, told))
        return packets

    def _failed(self, view: int, error: Exception) -> None:
        # On the thread that draws: the world belongs to the other one.
        self._failures.append((view, error))
