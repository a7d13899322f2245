"""Only runs a viseme model over a whole recording and writes what it saw: JSON, TSV, CSV or NPZ."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.errors import InputError, OutputError
from avatar_engine.lipsync_score import SHAPE_OF_VISEME
from avatar_engine.systems.viseme_model import HOP, RATE, VisemeFrames, VisemeModel

Float = NDArray[np.float32]

FRAME_S = HOP / RATE
_CUES = ("openness", "closure", "labiodental", "rounding", "speech")
# Memory stays bounded for hour-long files.
_PUSH_HOPS = 3000


@dataclass(frozen=True, slots=True)
class SpokenFile:
    """Mouth frames of one recording; row i of every array belongs to the 10 ms that start at i / 100 s."""

    frames: VisemeFrames
    delay_frames: int
    duration_s: float

    def as_displayed(self) -> Float:
        """Weights (T, 15) as a live listener would see them: delayed by the model's look-ahead and one hop."""
        weights = self.frames.weights[0]
        before = np.zeros((self.delay_frames + 1, len(VISEMES)), np.float32)
        before[:, 0] = 1.0
        return np.concatenate([before, weights])


def read_audio(path: Path) -> Float:
    """Any sound file as mono float32 at 16 kHz."""
    from avatar_engine.engine.media.reader import read_speech

    samples = read_speech(path, RATE)
    if not len(samples):
        raise InputError(str(path), "holds no sound", "give a recording of speech")
    return samples


def analyse(model: VisemeModel, samples: Float, text: str | None = None, lang: str = "en") -> SpokenFile:
    """All frames of mono 16 kHz samples, the model's delay taken out. With a text the model may be guided by it."""
    hops = -(-len(samples) // HOP)
    padded = np.zeros((hops + model.delay_frames) * HOP, np.float32)
    padded[: len(samples)] = samples
    slot = model.open()
    try:
        if text:
            _guide(model, slot, text, lang)
        parts = [
            model.push(np.array([slot]), padded[None, at : at + _PUSH_HOPS * HOP])
            for at in range(0, len(padded), _PUSH_HOPS * HOP)
        ]
    finally:
        model.close(slot)
    names = ("weights", *_CUES)
    joined = {n: np.concatenate([getattr(p, n) for p in parts], axis=1) for n in names}
    frames = VisemeFrames(**{n: v[:, model.delay_frames :] for n, v in joined.items()})
    return SpokenFile(frames, model.delay_frames, len(samples) / RATE)


def _guide(model: VisemeModel, slot: int, text: str, lang: str) -> None:
    expect = getattr(model, "expect_text", None)
    if expect is None:
        raise InputError(f"viseme model {model.name}", "cannot be guided by a text", "leave --text out")
    expect(slot, text, lang)


def write(spoken: SpokenFile, model: str, form: str, out: Path | None) -> None:
    """Write to `out`, or to the standard output."""
    if form == "npz":
        if out is None:
            raise OutputError("--format npz", "is binary", "give a file with --out")
        arrays = {name: getattr(spoken.frames, name)[0] for name in _CUES}
        try:
            with out.open("wb") as file:
                np.savez_compressed(file, w=spoken.frames.weights[0], **arrays)
        except OSError as error:
            raise OutputError(str(out), f"cannot be written ({error.strerror})") from None
        return
    made = {"json": _json, "tsv": _tsv, "csv": _csv}[form](spoken, model)
    if out is None:
        sys.stdout.write(made)
        return
    try:
        out.write_text(made, encoding="utf8")
    except OSError as error:
        raise OutputError(str(out), f"cannot be written ({error.strerror})") from None


def cues_of(spoken: SpokenFile) -> list[tuple[float, float, str]]:
    """Stretches (start_s, end_s, viseme) of the strongest viseme."""
    label = spoken.frames.weights[0].argmax(1)
    edges = [0, *(np.flatnonzero(np.diff(label)) + 1).tolist(), len(label)]
    cues = []
    for first, last in itertools.pairwise(edges):
        if last > first:
            cues.append((first * FRAME_S, min(last * FRAME_S, spoken.duration_s), VISEMES[label[first]]))
    return cues


def _json(spoken: SpokenFile, model: str) -> str:
    weights = spoken.frames.weights[0]
    about = {
        "model": model,
        "duration_s": round(spoken.duration_s, 3),
        "visemes": list(VISEMES),
        "frame_s": FRAME_S,
        "cues": [
            {"start": round(a, 2), "end": round(b, 2), "viseme": v, "shape": SHAPE_OF_VISEME[v]}
            for a, b, v in cues_of(spoken)
        ],
    }
    head = json.dumps(about, ensure_ascii=False, indent=1)[:-2]
    rows = ",\n  ".join(json.dumps([round(float(x), 3) for x in row]) for row in weights)
    opened = json.dumps([round(float(x), 3) for x in spoken.frames.openness[0]])
    return f'{head},\n "weights": [\n  {rows}\n ],\n "openness": {opened}\n}}\n'


def _tsv(spoken: SpokenFile, model: str) -> str:
    """Start and shape A to X per change, as Rhubarb Lip Sync writes it, for the rhubarb model; visemes otherwise."""
    shapes = model == "rhubarb"
    lines: list[str] = []
    last = ""
    for start_s, _, viseme in cues_of(spoken):
        name = SHAPE_OF_VISEME[viseme] if shapes else viseme
        if name != last:
            lines.append(f"{start_s:.2f}\t{name}")
        last = name
    lines.append(f"{spoken.duration_s:.2f}\t{'X' if shapes else 'sil'}")
    return "\n".join(lines) + "\n"


def _csv(spoken: SpokenFile, model: str) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time_s", *VISEMES, *_CUES])
    cues = np.stack([getattr(spoken.frames, name)[0] for name in _CUES], axis=1)
    for i, (row, cue) in enumerate(zip(spoken.frames.weights[0], cues)):
        writer.writerow([f"{i * FRAME_S:.2f}", *(f"{x:.4f}" for x in row), *(f"{x:.4f}" for x in cue)])
    return out.getvalue()
