"""Only the renderer's door as Panda3D opens it: views in, pictures out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from weakref import WeakValueDictionary

from panda3d import core

from avatar_engine.engine.errors import EngineError
from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.memory import give_back, give_back_code
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import HandOver, Quality, RendererInfo, RenderSnapshot, Show, nobody_waits
from avatar_engine.engine.render.panda.context import Context
from avatar_engine.engine.render.panda.curtain import Backdrops
from avatar_engine.engine.render.panda.occlusion import DepthBuffers
from avatar_engine.engine.render.panda.preparing import prepare
from avatar_engine.engine.render.panda.shadow import ShadowMap
from avatar_engine.engine.render.panda.shared import SharedModel, detailed, texture_side
from avatar_engine.engine.render.panda.target import Pixels, Target
from avatar_engine.engine.render.panda.view import Means, View, key_direction

SHADOW_TAPS: dict[Quality, int] = {"low": 0, "medium": 0, "high": 5, "ultra": 7}
SETTLED = 3
"""After so many pictures all shaders of the first view are compiled: the compiler may leave memory."""
QUALITIES: tuple[Quality, ...] = ("low", "medium", "high", "ultra")


class PandaRenderer:
    """Implements `Renderer`. One per process, used from one thread; raises `DeviceError` without a driver."""

    info: RendererInfo

    def __init__(self) -> None:
        self._context = Context()
        self.info = self._context.info()
        self._models: dict[int, SharedModel] = {}
        self._prepared: WeakValueDictionary[int, SharedModel] = WeakValueDictionary()
        self._views: dict[int, View] = {}
        self._targets: dict[tuple[int, int, int], Target] = {}
        self._depths = DepthBuffers(self._context)
        self._backdrops = Backdrops()
        self._shadow_map: ShadowMap | None = None
        self._next = 1
        self._settling = SETTLED

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "bgra") -> int:
        """A picture of one avatar; geometry and textures of one Model object are shared between views."""
        _check(width, height, quality, pixels)
        shared = self._models.get(id(model))
        if shared is None:
            shared = self._prepared.get(id(model)) or SharedModel(model, self._depths)
            self._models[id(model)] = shared
        shared.views += 1
        number = self._next
        self._next += 1
        self._views[number] = self._view_of(shared, width, height, quality)
        return number

    def close_view(self, view: int) -> None:
        """Let go of a view; a model nobody shows any more leaves the card."""
        old = self._view(view)
        del self._views[view]
        old.close()
        old.shared.views -= 1
        if old.shared.views == 0:
            del self._models[id(old.shared.model)]
            self._context.forget_states()
        for target in self._targets.values():
            target.forget(old)
        self._drop_unused()

    def pose(self, snapshots: Sequence[RenderSnapshot]) -> None:
        """As `Renderer.pose`."""
        holders: dict[int, View | None] = {}
        for snapshot in snapshots:
            view = self._view(snapshot.view)
            target = self._targets.get((view.width, view.height, view.samples))
            if target is not None:
                view.pose(snapshot, kept=holders.get(id(target), target.holds) is view)
                holders[id(target)] = view

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        """Bring all scenes to their snapshots, then draw them in order."""
        views = [self._view(snapshot.view) for snapshot in snapshots]
        targets = [self._target(view) for view in views]
        images = []
        try:
            for snapshot, view, target in zip(snapshots, views, targets):
                view.update(snapshot, kept=target.holds is view)
                target.holds = view
            taken()
            for view, target in zip(views, targets):
                images.append(Image(view.width, view.height, "bgra", self._draw(view, target)))
        except BaseException:
            for target in targets:
                target.holds = None  # not drawn, whatever it was meant to hold
            raise
        self._context.sweep()
        if images and self._settling:
            self._settling -= 1
            if not self._settling:
                give_back()
                give_back_code()
        return images

    def prepare(self, show: Show, hand_over: HandOver) -> object:
        """Make a level of a model ready before it is shown; see `Renderer`."""
        shared = self._models.get(id(show.model)) or self._prepared.get(id(show.model))
        if shared is None:
            shared = self._prepared[id(show.model)] = SharedModel(show.model, self._depths)
        lines = self.info.software and samples(show.quality, True) == 0 and show.quality != "low"
        way = key_direction(show.stage)
        there = shared.level(show.level)
        side = texture_side(there, show.height)
        detail = detailed(show.quality, there)
        prepare(shared, there, side, way, lines, detail, self._context, self._depths, hand_over)
        return shared, self._backdrops.get(show.stage.background, show.width, show.height)

    def resources(self) -> tuple[int, int]:
        """How many textures and vertex buffers the card holds."""
        return self._context.resources()

    def close(self) -> None:
        """Close every view and the context."""
        for view in self._views.values():
            view.close()
        self._views.clear()
        self._models.clear()
        for target in self._targets.values():
            target.close()
        self._targets.clear()
        if self._shadow_map is not None:
            self._shadow_map.close()
        self._depths.close()
        self._context.close()

    def _draw(self, view: View, target: Target) -> Pixels:
        light = view.light_camera
        if light is None or self._shadow_map is None:
            return target.draw(view.camera)
        self._shadow_map.region.set_camera(light)
        self._shadow_map.buffer.set_active(True)
        pixels = target.draw(view.camera)
        self._shadow_map.buffer.set_active(False)
        self._shadow_map.region.set_camera(core.NodePath())  # it would keep the scene of a view that is closed
        return pixels

    def _view_of(self, shared: SharedModel, width: int, height: int, quality: Quality) -> View:
        software = self.info.software
        taps = SHADOW_TAPS[quality]
        if taps and self._shadow_map is None:
            self._shadow_map = ShadowMap(self._context)
        means = Means(samples(quality, software), software, taps)
        return View(shared, (width, height), quality, means, self._backdrops, self._shadow_map)

    def _view(self, number: int) -> View:
        view = self._views.get(number)
        if view is None:
            raise EngineError(f"view {number}", "is not open", "open_view() gives the number to draw")
        return view

    def _target(self, view: View) -> Target:
        key = (view.width, view.height, view.samples)
        if key not in self._targets:
            self._targets[key] = Target(self._context, *key)
        return self._targets[key]

    def _drop_unused(self) -> None:
        used = {(view.width, view.height, view.samples) for view in self._views.values()}
        for key in [key for key in self._targets if key not in used]:
            self._targets.pop(key).close()


def samples(quality: Quality, software: bool) -> int:
    """Samples per pixel. Software drivers resolve them so slowly that `medium` softens edges in other ways."""
    if software:
        return {"low": 0, "medium": 0, "high": 4, "ultra": 4}[quality]
    return {"low": 0, "medium": 4, "high": 4, "ultra": 8}[quality]


def _check(width: int, height: int, quality: str, pixels: str) -> None:
    if not (16 <= width <= 8192 and 16 <= height <= 8192):
        raise EngineError(f"{width}x{height}", "is not a size this renderer draws", "16 to 8192 pixels a side")
    if quality not in QUALITIES:
        raise EngineError(f"quality '{quality}'", "is unknown", f"one of {', '.join(QUALITIES)}")
    if pixels != "bgra":
        raise EngineError(f"pixels '{pixels}'", "is not drawn by this renderer", "use bgra")
