"""Decides the level of detail and draws the pictures that fall into this tick."""

from __future__ import annotations

import time

import numpy as np

from avatar_engine.components.session import Float, View
from avatar_engine.engine.clock import frame_blend, frames_in_tick
from avatar_engine.engine.image import Image
from avatar_engine.engine.messages import VideoFrame
from avatar_engine.engine.render.aside import Asked, RendererAside
from avatar_engine.engine.render.base import Quality, Renderer, RenderSnapshot
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World

STILL = 5e-4  # a weight or radian that moves less is not worth a new picture


Pose = tuple[Float, Float]
"""Morphs and joints of a picture."""
Job = tuple[View, int, RenderSnapshot]
"""Whose picture, the number of its frame, and what to draw."""


class Studio:
    """The one renderer of a runtime, as a resource; one that draws aside is given a tick's time to do it."""

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer
        self.took_s = 0.0  # what drawing the pictures handed out last took
        self._late: list[tuple[View, VideoFrame]] = []
        self._asked: list[tuple[list[Job], Asked]] = []

    def pictures(self, still: list[tuple[View, VideoFrame]], rounds: list[list[Job]]) -> list[tuple[View, VideoFrame]]:
        """Frames to hand out now: this tick's, or the last tick's where the renderer draws aside."""
        if not isinstance(self.renderer, RendererAside):
            began = time.perf_counter()
            drawn = [(jobs, self.renderer.draw([snapshot for _, _, snapshot in jobs])) for jobs in rounds]
            self.took_s = time.perf_counter() - began
            return still + _frames(drawn)
        asked = [(jobs, self.renderer.draw_soon([snapshot for _, _, snapshot in jobs])) for jobs in rounds]
        still, self._late = self._late, still
        asked, self._asked = self._asked, asked
        done = [(jobs, before.result()) for jobs, before in asked]
        for _, now in self._asked[:1]:  # the first of them draws while the next tick is simulated
            now.wait_taken()
        self.took_s = sum(result.took_s for _, result in done)
        return still + _frames([(jobs, result.images) for jobs, result in done])


def _frames(drawn: list[tuple[list[Job], list[Image]]]) -> list[tuple[View, VideoFrame]]:
    return [
        (view, VideoFrame(frame, image))
        for jobs, images in drawn
        for (view, frame, _), image in zip(jobs, images, strict=True)
    ]


def level_for(quality: Quality, height: int, software: bool) -> int:
    """0 finest. A GPU shows level 1, and 0 from `high` up; software GL shows level 0 only for `ultra`, and level 2
    where the picture is small or `low` asks for speed."""
    fine = ("ultra",) if software else ("high", "ultra")
    if quality in fine and height > 400:
        return 0
    coarse_up_to = {"low": 720, "medium": 400}.get(quality, 0) if software else 0
    return 2 if height <= coarse_up_to else 1


class Lod:
    """Picks the mesh: software GL pays per triangle, and small pictures do not show them."""

    name = "lod"
    phase = Phase.PRESENT
    reads = ("clock",)
    writes = ("level",)

    def run(self, world: World) -> None:
        """By what draws, the quality asked for and the picture's height."""
        software = world.resource(Studio).renderer.info.software
        for _, view in world.each(View):
            view.level = level_for(view.quality, view.height, software)


class Render:
    """Draws every view's frames of this tick, interpolated between the two states around each frame's middle."""

    name = "render"
    phase = Phase.PRESENT
    reads = ("morphs", "joints", "level", "clock")
    writes = ("pictures",)

    def run(self, world: World) -> None:
        """Fill `View.pictures`; a picture nothing changed in is not drawn again."""
        rounds: list[list[Job]] = []
        still: list[tuple[View, VideoFrame]] = []
        drawn: list[tuple[View, Pose]] = []
        for _, (row, view) in world.each2(Row, View):
            view.pictures.clear()
            shown = None if view.dirty else view.shown
            if view.id < 0:
                continue
            for turn, frame in enumerate(frames_in_tick(world.tick, view.fps, world.hz)):
                if view.frozen:
                    still.append((view, VideoFrame(frame, None)))
                    continue
                blend = frame_blend(frame, world.tick, view.fps, world.hz)
                morphs, joints = _state(world, row.index, view, blend)
                if shown is not None and _still(shown, morphs, joints):
                    still.append((view, VideoFrame(frame, None)))
                    continue
                shown = (morphs, joints)
                drawn.append((view, shown))
                snapshot = RenderSnapshot(view.id, view.stage, view.camera, morphs, joints.reshape(-1, 6), view.level)
                while len(rounds) <= turn:
                    rounds.append([])
                rounds[turn].append((view, frame, snapshot))
        finished = world.resource(Studio).pictures(still, rounds)
        # Not before: what was not drawn, as a picture beside it failed, is drawn when the others are tried again.
        for view, pose in drawn:
            view.dirty, view.shown = False, pose
        for view, picture in finished:
            view.pictures.append(picture)
        for _, view in world.each(View):
            view.pictures.sort(key=lambda picture: picture.index)


def _state(world: World, row: int, view: View, blend: float) -> tuple[Float, Float]:
    batch = world.batch
    morphs = batch["morphs"][row, : view.morph_count]
    joints = batch["joints"][row, : view.joint_count * 6]
    if blend >= 1.0 or view.shown is None:  # before a session's first picture lies nothing
        return morphs.copy(), joints.copy()
    share = np.float32(blend)
    before = batch["morphs_before"][row, : view.morph_count]
    joints_before = batch["joints_before"][row, : view.joint_count * 6]
    return before + (morphs - before) * share, joints_before + (joints - joints_before) * share


def _still(shown: Pose, morphs: Float, joints: Float) -> bool:
    return bool(
        np.max(np.abs(morphs - shown[0]), initial=0) < STILL
        and np.max(np.abs(joints - shown[1]), initial=0) < STILL / 5
    )
