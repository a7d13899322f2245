"""Only writes mouths of a recording to files that other programs read: JSON, TSV, CSV, NPZ, Rhubarb's JSON and TSV."""

from __future__ import annotations

import csv
import io
import itertools
import json
import sys
from pathlib import Path

import numpy as np

from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.media.output import try_output, write_error
from avatar_engine.lipsync_score import SHAPE_OF_VISEME
from avatar_engine.spoken_file import CUES, FRAME_S, SpokenFile

FORMATS = ("json", "tsv", "csv", "npz")


def check_output(form: str, out: Path | None) -> None:
    """Raises OutputError for what `write` would refuse; leaves everything as it is."""
    if out is None:
        if form == "npz":
            raise OutputError("--format npz", "is binary", "give a file with --out")
        return
    try_output(out)


def write(spoken: SpokenFile, model: str, source: Path, form: str, out: Path | None) -> None:
    """Write to `out`, or to the standard output."""
    if form == "npz":
        assert out is not None, "see check_output"
        arrays = {name: getattr(spoken.frames, name)[0] for name in CUES}
        try:
            with out.open("wb") as file:
                np.savez_compressed(file, w=spoken.frames.weights[0], **arrays)
        except OSError as error:
            raise write_error(out, error) from None
        return
    made = {"json": _json, "tsv": _tsv, "csv": _csv}[form](spoken, model, source)
    if out is None:
        sys.stdout.write(made)
        return
    try:
        out.write_text(made, encoding="utf8")
    except OSError as error:
        raise write_error(out, error) from None


def cues_of(spoken: SpokenFile) -> list[tuple[float, float, str]]:
    """Stretches (start_s, end_s, viseme) of the strongest viseme."""
    label = spoken.frames.weights[0].argmax(1)
    edges = [0, *(np.flatnonzero(np.diff(label)) + 1).tolist(), len(label)]
    cues = []
    for first, last in itertools.pairwise(edges):
        if last > first:
            cues.append((first * FRAME_S, min(last * FRAME_S, spoken.duration_s), VISEMES[label[first]]))
    return cues


def _shapes(spoken: SpokenFile) -> list[tuple[float, float, str]]:
    """Stretches (start_s, end_s, shape A to X)."""
    merged: list[tuple[float, float, str]] = []
    for start_s, end_s, viseme in cues_of(spoken):
        shape = SHAPE_OF_VISEME[viseme]
        if merged and merged[-1][2] == shape:
            merged[-1] = (merged[-1][0], end_s, shape)
        else:
            merged.append((start_s, end_s, shape))
    return merged


def _json(spoken: SpokenFile, model: str, source: Path) -> str:
    if model.startswith("rhubarb"):
        cues = [{"start": round(a, 2), "end": round(b, 2), "value": s} for a, b, s in _shapes(spoken)]
        about = {"soundFile": str(source), "duration": round(spoken.duration_s, 2)}
        return json.dumps({"metadata": about, "mouthCues": cues}, ensure_ascii=False, indent=1) + "\n"
    head = {
        "model": model,
        "duration_s": round(spoken.duration_s, 3),
        "visemes": list(VISEMES),
        "frame_s": FRAME_S,
        "cues": [
            {"start": round(a, 2), "end": round(b, 2), "viseme": v, "shape": SHAPE_OF_VISEME[v]}
            for a, b, v in cues_of(spoken)
        ],
    }
    rows = ",\n  ".join(json.dumps([round(float(x), 3) for x in row]) for row in spoken.frames.weights[0])
    opened = json.dumps([round(float(x), 3) for x in spoken.frames.openness[0]])
    start = json.dumps(head, ensure_ascii=False, indent=1)[:-2]
    return f'{start},\n "weights": [\n  {rows}\n ],\n "openness": {opened}\n}}\n'


def _tsv(spoken: SpokenFile, model: str, source: Path) -> str:
    """Start and name per change; shapes A to X, as Rhubarb Lip Sync writes them, for its models."""
    shapes = model.startswith("rhubarb")
    lines = [f"{a:.2f}\t{name}" for a, _, name in (_shapes(spoken) if shapes else cues_of(spoken))]
    lines.append(f"{spoken.duration_s:.2f}\t{'X' if shapes else 'sil'}")
    return "\n".join(lines) + "\n"


def _csv(spoken: SpokenFile, model: str, source: Path) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["time_s", *VISEMES, *CUES])
    cues = np.stack([getattr(spoken.frames, name)[0] for name in CUES], axis=1)
    for i, (row, cue) in enumerate(zip(spoken.frames.weights[0], cues)):
        writer.writerow([f"{i * FRAME_S:.2f}", *(f"{x:.4f}" for x in row), *(f"{x:.4f}" for x in cue)])
    return out.getvalue()
