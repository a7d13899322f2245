"""The real engine with a renderer that paints how far the mouth is open as one even grey: 16 closed, 235 wide open."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from avatar_engine.engine.image import Image, PixelFormat
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import Quality, RenderSnapshot, nobody_waits
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.plugin.hosted import HostedRuntime
from avatar_engine.runtime import Runtime

CLOSED_LUMA, WIDE_LUMA = 16, 235
WIDE = 0.5
"""Weight of `jawOpen` less that of `mouthClose` that counts as wide open; speech rarely goes beyond."""


class MouthRenderer(NullRenderer):
    """Pictures whose brightness is the mouth of the simulation."""

    def __init__(self) -> None:
        super().__init__()
        self._opens: dict[int, tuple[int, int]] = {}

    def open_view(self, model: Model, width: int, height: int, quality: Quality, pixels: PixelFormat = "i420") -> int:
        """Remembers where the model keeps its jaw and its lips."""
        view = super().open_view(model, width, height, quality, "i420")
        self._opens[view] = model.morph_names.index("jawOpen"), model.morph_names.index("mouthClose")
        return view

    def draw(self, snapshots: Sequence[RenderSnapshot], taken: Callable[[], None] = nobody_waits) -> list[Image]:
        """One grey each."""
        images = super().draw(snapshots, taken)
        for snapshot, image in zip(snapshots, images):
            jaw, lips = self._opens[snapshot.view]
            open_share = min(max(float(snapshot.morphs[jaw] - snapshot.morphs[lips]) / WIDE, 0.0), 1.0)
            image.pixels[: image.height] = round(CLOSED_LUMA + open_share * (WIDE_LUMA - CLOSED_LUMA))
        return images


OPTIONS = RuntimeOptions(hz=60, audio_rate=24_000, viseme_model="spectral")


def mouth_runtime() -> Runtime:
    """The whole engine but for its pictures."""
    return HostedRuntime(OPTIONS, MouthRenderer)


def mouth_session(width: int, height: int) -> SessionOptions:
    """A person with nothing but speech on the mouth."""
    return SessionOptions("ada", width=width, height=height, quality="low", facial_expressions=False)


def openness(image: Image) -> float:
    """0..1, of a picture painted here."""
    return float(np.clip((float(image.pixels[0, 0]) - CLOSED_LUMA) / (WIDE_LUMA - CLOSED_LUMA), 0.0, 1.0))
