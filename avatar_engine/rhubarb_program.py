"""The only door to Rhubarb Lip Sync's own program: a recording in, its nine shapes out, where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.errors import DeviceError
from avatar_engine.spoken_file import SpokenFile
from avatar_engine.systems.rhubarb import SHAPES, VISEME_OF_SHAPE
from avatar_engine.systems.viseme_decoding import VISEME_OPENNESS
from avatar_engine.systems.viseme_model import HOP, RATE, VisemeFrames

PROGRAM = "rhubarb"
PROGRAM_MODEL = "rhubarb-program"
_TIMEOUT_S = 3600.0


def rhubarb_file(samples: NDArray[np.float32], text: str | None = None) -> SpokenFile:
    """Run the program over mono 16 kHz samples; a text is handed to it as the dialog."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise DeviceError(
            PROGRAM_MODEL, f"no program {PROGRAM!r} is installed", "use --model rhubarb, which needs none"
        )
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / "speech.wav"
        with wave.open(str(sound), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(np.round(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        command = [program, "-q", "-f", "json"]
        if text:
            dialog = Path(folder) / "dialog.txt"
            dialog.write_text(text, encoding="utf8")
            command += ["-d", str(dialog)]
        done = subprocess.run([*command, str(sound)], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    if done.returncode != 0:
        raise DeviceError(PROGRAM_MODEL, f"failed ({done.stderr.strip()[-200:]})", "try --model rhubarb")
    return _spoken(json.loads(done.stdout)["mouthCues"], len(samples))


def _spoken(cues: list[dict[str, float | str]], sample_count: int) -> SpokenFile:
    hops = -(-sample_count // HOP)
    weights = np.zeros((1, hops, len(VISEMES)), np.float32)
    middle_s = (np.arange(hops) + 0.5) * HOP / RATE
    label = np.zeros(hops, np.int64)
    for cue in cues:
        inside = (middle_s >= float(cue["start"])) & (middle_s < float(cue["end"]))
        shape = str(cue["value"])
        label[inside] = VISEMES.index(VISEME_OF_SHAPE[shape if shape in SHAPES else "X"])
    weights[0, np.arange(hops), label] = 1.0
    nothing = np.zeros((1, hops), np.float32)
    frames = VisemeFrames(
        weights=weights,
        openness=weights @ VISEME_OPENNESS,
        closure=nothing + (label == VISEMES.index("PP")),
        labiodental=nothing + (label == VISEMES.index("FF")),
        rounding=nothing + np.isin(label, [VISEMES.index("O"), VISEMES.index("U")]),
        speech=nothing + (label != 0),
    )
    return SpokenFile(frames, 0, sample_count / RATE)
