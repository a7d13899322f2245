"""Samples the keyframes of a clip, and says which parts of the face it moves."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import catalogue, unit_ids, unit_names
from avatar_engine.components.clips import CLIP_HZ, Clip
from avatar_engine.engine.errors import SceneError, suggest
from avatar_engine.scenes.behaviour_schema import ClipSpec

Fault = Callable[..., SceneError]
MAX_CLIP_S = 120.0
CHANNEL_OF = {
    "brow": "brows", "lid": "eyes", "eye": "eyes", "nose": "mouth", "cheek": "mouth", "corner": "mouth",
    "lip": "mouth", "jaw": "mouth", "tongue": "mouth", "neck": "mouth", "head": "head", "shoulder": "body",
    "chest": "body", "skin": "body", "face": "emotion",
}  # fmt: skip


def compile_clip(name: str, spec: ClipSpec, fault: Fault) -> Clip:
    """A clip at CLIP_HZ, eased between its keyframes; before its first keyframe a unit rests."""
    book = catalogue()
    tracks: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}
    for unit, keys in spec.units.items():
        ids = unit_ids(unit)
        if not ids:
            raise fault(f"there is no action unit '{unit}'", suggest(unit, unit_names()), ("units", unit))
        times = [float(time) for time, _ in keys]
        levels = [book.letters[value] if isinstance(value, str) else float(value) for _, value in keys]
        if times[0] > 0.0:
            times, levels = [0.0, *times], [0.0, *levels]
        for each in ids:
            if book.index[each] in tracks:
                raise fault(f"unit {each} stands here twice", "name a code or its sides, not both", ("units", unit))
            tracks[book.index[each]] = (np.array(times, np.float32), np.array(levels, np.float32))
    end = max(float(times[-1]) for times, _ in tracks.values())
    if end > MAX_CLIP_S:
        raise fault(f"lasts {end:g} s", f"a clip lasts at most {MAX_CLIP_S:g} s", ("units",))
    at = (np.arange(max(round(end * CLIP_HZ), 1) + 1) / CLIP_HZ).astype(np.float32)
    values = np.stack([_eased(at, *track) for track in tracks.values()], axis=1)
    return Clip(name, np.array(list(tracks), np.intp), values.astype(np.float32), spec.loop)


def clip_channels(clip: Clip) -> set[str]:
    """The channels a clip moves."""
    units = catalogue().units
    return {CHANNEL_OF[units[index].region] for index in clip.units.tolist()}


def _eased(at: NDArray[np.float32], times: NDArray[np.float32], levels: NDArray[np.float32]) -> NDArray[np.float32]:
    k = np.clip(np.searchsorted(times, at, "right") - 1, 0, len(times) - 2)
    share = np.clip((at - times[k]) / (times[k + 1] - times[k]), 0.0, 1.0)
    share = share * share * (3.0 - 2.0 * share)
    return np.asarray(levels[k] + (levels[k + 1] - levels[k]) * share, np.float32)
