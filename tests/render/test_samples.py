"""Pictures with several samples per pixel stay as the first one was: strands must not turn solid on later frames."""

from __future__ import annotations

import numpy as np
import pytest

from avatar_engine.bundled import open_library
from avatar_engine.engine.render.base import Quality, RenderSnapshot
from avatar_engine.engine.render.panda.renderer import PandaRenderer
from avatar_engine.scenes.staging import camera_of, load_scene, stage_of

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("quality", ["medium", "high"])
def test_later_pictures_are_like_the_first(quality: Quality) -> None:
    avatar, scene = open_library().load("ada"), load_scene("studio")
    stage, camera = stage_of(scene), camera_of(scene, avatar.measures, 120, 160)
    renderer = PandaRenderer()
    try:
        view = renderer.open_view(avatar.model, 120, 160, quality)
        morphs = np.zeros(len(avatar.model.morph_names), np.float32)
        joints = np.zeros((len(avatar.model.joints), 6), np.float32)
        snapshot = RenderSnapshot(view, stage, camera, morphs, joints, 1)
        first, *later = [renderer.draw([snapshot])[0].pixels.astype(np.int16) for _ in range(3)]
        for picture in later:
            assert np.abs(picture - first).mean() < 0.2
    finally:
        renderer.close()
