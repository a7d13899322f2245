"""Only what of a picture is arithmetic: where bones, vertices and silhouettes are and which rows must be drawn. Any
thread may do it while the driver still draws the picture before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.render.base import Camera, RenderSnapshot
from avatar_engine.engine.render.panda.camera import view_projection
from avatar_engine.engine.render.panda.geometry import ViewMesh, ViewOutline
from avatar_engine.engine.render.panda.shared import SharedModel
from avatar_engine.engine.render.panda.skeleton import bone_rows
from avatar_engine.engine.render.panda.steady import Drawn

Float = NDArray[np.float32]
Lens = tuple[NDArray[np.float64], tuple[float, float, float]]


@dataclass(frozen=True, slots=True)
class Pose:
    """One picture before it is drawn.

    bones: (P, 3, 4) palette; lens: (4, 4) to clip space and the eye point; rows: how many from the top must be drawn;
    bands: (BANDS, 2) where in clip space the avatar can be.
    """

    snapshot: RenderSnapshot
    kept: bool
    bones: Float
    lens: Lens
    rows: int
    bands: NDArray[np.float64]


class Poser:
    """Poses the parts of one view at one level, one picture after the other."""

    def __init__(
        self,
        shared: SharedModel,
        level: int,
        size: tuple[int, int],
        parts: Sequence[ViewMesh],
        outlines: Sequence[ViewOutline],
    ) -> None:
        self._shared, self._level, self._size = shared, level, size
        self._parts, self._outlines = parts, outlines
        self._drawn = Drawn()
        self._camera: Camera | None = None
        self._lens: Lens
        self._last: Pose | None = None

    def pose(self, snapshot: RenderSnapshot, kept: bool, whole: bool) -> Pose:
        """The pose of a snapshot, worked out once.

        kept: the frame buffer will still hold this view's last picture; whole: draw all rows nevertheless.
        """
        if self._last is not None and self._last.snapshot is snapshot and self._last.kept == kept:
            return self._last
        for part in self._parts:
            part.pose(snapshot.morphs)
        bones = bone_rows(self._shared.model.joints, snapshot.joints)[self._shared.palette.joints]
        width, height = self._size
        if snapshot.camera is not self._camera:
            self._camera, self._lens = snapshot.camera, view_projection(snapshot.camera, width / height)
        matrix, eye = self._lens
        if self._outlines:
            # Rotations only: the transpose is the inverse.
            eyes = np.einsum("pji,pj->pi", bones[:, :, :3], np.array(eye, np.float32) - bones[:, :, 3])
            for outline in self._outlines:
                outline.pose(eyes)
        if whole or not kept:
            self._drawn = Drawn()
        rows = height
        if not whole:
            rows = self._shared.steady(self._level).rows(bones, matrix, self._size, self._drawn)
        bands = self._shared.extent(self._level).bands(bones, matrix)
        self._last = Pose(snapshot, kept, bones, self._lens, rows, bands)
        return self._last
