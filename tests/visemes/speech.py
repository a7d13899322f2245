"""Speech for these tests: the bundled recordings, their phones, and the shapes audio may come in."""

from __future__ import annotations

import functools

import numpy as np
import yaml

from avatar_engine.engine.assets import asset_path
from avatar_engine.spoken_file import read_audio
from avatar_engine.systems.viseme_model import HOP, VisemeFrames, VisemeModel

Phones = list[tuple[float, float, str]]


@functools.cache
def row_of(file: str) -> dict:
    manifest = yaml.safe_load(asset_path("speech", "manifest.yaml").read_text(encoding="utf8"))
    return next(row for row in manifest["speech"] if row["file"] == file)


@functools.cache
def samples_of(file: str) -> np.ndarray:
    return read_audio(asset_path("speech", file))


def phones_of(file: str) -> Phones:
    return [(float(a), float(b), str(p)) for a, b, p in row_of(file)["phones"]]


def hops_of(samples: np.ndarray) -> np.ndarray:
    """Whole hops, (1, k * HOP)."""
    return samples[: len(samples) // HOP * HOP][None].astype(np.float32)


def run(model: VisemeModel, audio: np.ndarray, chunks: list[int] | None = None) -> VisemeFrames:
    """All frames of `audio` (n, k * HOP), pushed in chunks of so many hops (repeated as needed)."""
    slots = np.array([model.open() for _ in audio])
    total = audio.shape[1] // HOP
    parts, at, turn = [], 0, 0
    while at < total:
        hops = min(total - at, chunks[turn % len(chunks)] if chunks else total)
        parts.append(model.push(slots, audio[:, at * HOP : (at + hops) * HOP]))
        at, turn = at + hops, turn + 1
    for slot in slots:
        model.close(int(slot))
    names = ("weights", "openness", "closure", "labiodental", "rounding", "speech")
    return VisemeFrames(**{n: np.concatenate([getattr(p, n) for p in parts], axis=1) for n in names})


def same(a: VisemeFrames, b: VisemeFrames) -> bool:
    names = ("weights", "openness", "closure", "labiodental", "rounding", "speech")
    return all(np.array_equal(getattr(a, n), getattr(b, n)) for n in names)
