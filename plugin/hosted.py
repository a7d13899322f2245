"""The runtime behind live rooms: it draws beside the simulation, and a picture that cannot be drawn costs its own
session, not the others.

Sound never waits for a drawing then; a picture comes a tick later than its sound, and has more time than that.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from avatar_engine.bundled import open_library
from avatar_engine.components.session import View
from avatar_engine.engine.messages import FramePacket, Notice
from avatar_engine.engine.render.aside import RendererAside
from avatar_engine.engine.render.base import Renderer
from avatar_engine.engine.render.contained import ContainedRenderer
from avatar_engine.engine.world import Identity
from avatar_engine.options import RuntimeOptions
from avatar_engine.plugin.stage import LOST
from avatar_engine.runtime import Runtime
from avatar_engine.scenes.library import Avatar
from avatar_engine.systems.present import Studio

SMOOTHING = 0.01
"""Share of the last tick in the smoothed figure: a memory of about two seconds."""
MOST = 2.0
"""Half of the ticks have a picture; drawing is at its limit when those take two ticks each."""


class HostedRuntime(Runtime):
    """A session whose picture cannot be drawn gets a `LOST` notice and keeps its last picture until it is closed."""

    def __init__(self, options: RuntimeOptions, make: Callable[[], Renderer]) -> None:
        self.kept: Avatar | None = None  # at hand for the next session: the library forgets what nobody holds
        self.busy = 0.0  # smoothed share of its time that the simulation or the drawing works, whichever is more
        self._shares = [0.0, 0.0]
        self._failures: deque[tuple[int, Exception]] = deque()
        renderer = RendererAside(lambda: ContainedRenderer(make(), self._failed))
        super().__init__(options, open_library(options.avatar_folders), renderer)

    def step(self, draw: bool = True, early: Callable[[list[FramePacket]], None] | None = None) -> list[FramePacket]:
        """As `Runtime.step`; the pictures are those of the tick before."""
        began_s = time.perf_counter()
        packets = super().step(draw, early)
        for place, took_s in enumerate((time.perf_counter() - began_s, self.world.resource(Studio).took_s)):
            share = min(took_s * self.options.hz, MOST)  # one long tick, as when a face is loaded, says little
            self._shares[place] += SMOOTHING * (share - self._shares[place])
        self.busy = max(self._shares)
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
