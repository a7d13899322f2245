"""What a runtime and a session can be asked for; plain data with the defaults people meet first."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from avatar_engine.engine.errors import InputError, suggest
from avatar_engine.engine.render.base import Quality

QUALITIES: tuple[Quality, ...] = ("low", "medium", "high", "ultra")
RESOLUTIONS = {"360p": (640, 360), "480p": (854, 480), "540p": (960, 540), "720p": (1280, 720),
               "1080p": (1920, 1080), "1440p": (2560, 1440), "4k": (3840, 2160)}  # fmt: skip
RATES = (24, 30, 60)
LANGUAGE_HELP = "language of the speech and its text, as espeak-ng names it (default: not known, and a text English)"


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """One engine: its tick, sound and models."""

    hz: int = 30
    audio_rate: int = 48_000
    viseme_model: str = "neural"
    look_ahead_s: float | None = None  # None: what the viseme model asks for
    spare_s: float = 0.1  # speech that is there already is analysed so much earlier still, in larger pieces
    draw: bool = True
    journal: Path | None = None
    watch_files: bool = False  # reload scenes and behaviours when their files change
    avatar_folders: tuple[Path, ...] = ()


JOURNALLED = ("hz", "audio_rate", "viseme_model", "look_ahead_s", "spare_s")
"""Of a runtime's options those that a replay needs to be the same."""


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """One avatar on one stage."""

    avatar: str = "ada"
    scene: str | None = None
    background: str | None = None
    width: int = 1280
    height: int = 720
    fps: int = 30
    quality: Quality = "medium"
    seed: int = 0
    style: str = "professional"
    facial_expressions: bool = True
    head_movements: bool = True
    emotion_enabled: bool = True
    behaviour: str | None = None
    policy: str | None = None
    # Of the speech and of words that come with it, as espeak-ng or BCP 47 name it; empty: not known, and the words English.
    language: str = ""
    framing: str | None = None
    emotion: str | None = None  # held from the start
    emotion_intensity: float = 1.0
    extras: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parse_seed(self.seed)


def parse_resolution(text: str) -> tuple[int, int]:
    """`720p`, `1080p`, `4k` or `WIDTHxHEIGHT` (64 to 4096, even). Raises InputError."""
    known = RESOLUTIONS.get(text.lower())
    if known is not None:
        return known
    match = re.fullmatch(r"(\d+)[xX×](\d+)", text)
    if match is None:
        hint = suggest(text, RESOLUTIONS) or "use 720p, 1080p, 4k or WIDTHxHEIGHT"
        raise InputError(f"--resolution {text}", "is not a resolution", hint)
    width, height = int(match[1]), int(match[2])
    if not (64 <= width <= 4096 and 64 <= height <= 4096):
        raise InputError(f"--resolution {text}", "is out of range", "each side from 64 to 4096")
    if width % 2 or height % 2:
        raise InputError(f"--resolution {text}", "has an odd side", "video needs even sides")
    return width, height


def parse_quality(text: str) -> Quality:
    """One of the four qualities. Raises InputError."""
    for quality in QUALITIES:
        if quality == text.lower():
            return quality
    raise InputError(f"--quality {text}", "no such quality", suggest(text, QUALITIES))


def parse_fps(value: int) -> int:
    """24, 30 or 60. Raises InputError."""
    if value not in RATES:
        raise InputError(f"--fps {value}", "is not supported", "use 24, 30 or 60")
    return value


def parse_seed(value: int) -> int:
    """A whole number, 0 or more. Raises InputError."""
    if not isinstance(value, int) or value < 0:
        raise InputError(f"--seed {value}", "is no seed", "give a whole number, 0 or more")
    return value
