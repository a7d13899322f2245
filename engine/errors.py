"""Only here are the engine's errors defined: every one says where, what, and what to do next.

raise InputError("talk.mp3", "holds no audio", "give a file with a sound track")
-> talk.mp3: holds no audio; give a file with a sound track
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class EngineError(Exception):
    """Something went wrong at `where` (a file, file:line, a field, a device); `hint` says what to do next."""

    def __init__(self, where: str, what: str, hint: str = "") -> None:
        # Whatever the parts come from (a library's message, a file name), the error stays one line.
        self.where = _one_line(where)
        self.what = _one_line(what)
        self.hint = _one_line(hint)
        super().__init__(self.where, self.what, self.hint)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}; {self.hint}" if self.hint else text


class InputError(EngineError):
    """What the user gave cannot be used; the command line ends with exit code 2."""


class AssetError(InputError):
    """A model, texture, avatar profile or other asset cannot be used."""


class SceneError(InputError):
    """A scene or behaviour file cannot be used."""


class OutputError(InputError):
    """The result cannot be written where the user wants it."""


class DeviceError(EngineError):
    """The machine lacks something: a graphics driver, an encoder, an inference provider."""


def suggest(name: str, known: Iterable[str]) -> str:
    """A did-you-mean for a hint: the closest known name, or all of them when they are few, or ''."""
    names = sorted(set(known))
    by_lower = {n.lower(): n for n in names}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{by_lower[close[0]]}'?"
    if names and len(names) <= 12:
        return f"known: {', '.join(names)}"
    return ""


def _one_line(text: str) -> str:
    return " ".join(str(text).split())
