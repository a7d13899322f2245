"""The demo agent's mind and voice: a script and the bundled recordings, so nothing is asked of any other machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from livekit import rtc
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString

from avatar_engine.engine.media.reader import read_speech

RATE = 24_000
CHUNK_S = 0.1
SPEECH = Path(__file__).resolve().parents[2] / "assets" / "speech"


@dataclass(frozen=True, slots=True)
class Line:
    """Something to say: its text, its sound (int16 at RATE), its words with their times."""

    text: str
    samples: np.ndarray
    words: tuple[tuple[float, float, str], ...]
    emotion: str = "friendly"

    async def frames(self) -> AsyncIterator[rtc.AudioFrame]:
        """As a TTS would give it: in pieces, faster than real time, word times along."""
        step = int(CHUNK_S * RATE)
        for start in range(0, len(self.samples), step):
            part = self.samples[start : start + step]
            frame = rtc.AudioFrame(part.tobytes(), RATE, 1, len(part))
            low, high = start / RATE, (start + len(part)) / RATE
            said = [
                TimedString(text, start_time=begin, end_time=end)
                for begin, end, text in self.words
                if low <= begin < high
            ]
            if said:
                frame.userdata[USERDATA_TIMED_TRANSCRIPT] = said
            yield frame


def lines() -> list[Line]:
    """The bundled speech, cut at pauses longer than a breath so that there are turns to take."""
    manifest = yaml.safe_load((SPEECH / "manifest.yaml").read_text("utf-8"))
    found: list[Line] = []
    for entry in manifest["speech"]:
        samples = (np.asarray(read_speech(SPEECH / entry["file"], RATE)) * 32767).astype(np.int16)
        words = tuple((float(start), float(end), str(text)) for start, end, text in entry["words"])
        found.append(Line(entry["text"], samples, words))
    return found
