"""The only door to a pronouncing program: words in, IPA phones out, by espeak-ng where it is installed.

espeak-ng runs as a separate program; nothing of it is linked or shipped.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from collections.abc import Iterator

from avatar_engine.engine.errors import DeviceError, InputError

PROGRAM = "espeak-ng"
_VOICE = {"": "en-us", "und": "en-us", "en": "en-us", "cmn": "cmn-latn-pinyin", "zh": "cmn", "fr": "fr"}
_STRESS = re.compile("[ˈˌ]")
_TIMEOUT_S = 10.0


def can_pronounce() -> bool:
    """Whether a pronouncing program is installed."""
    return shutil.which(PROGRAM) is not None


@functools.lru_cache(maxsize=512)
def pronounced(text: str, lang: str = "en") -> tuple[tuple[str, ...], ...]:
    """IPA phones of every word of `text`.

    Takes some 20 ms the first time: not for the simulation thread. Raises DeviceError without the program and
    InputError for a language it does not know.
    """
    return tuple(_words(_spelled(text, lang).replace("\n", " ")))


def _spelled(text: str, lang: str) -> str:
    """What the program says: words apart by spaces, phones by `_`, a line for each clause."""
    program = shutil.which(PROGRAM)
    if program is None:
        raise DeviceError("text guidance", f"{PROGRAM} is not installed", f"install {PROGRAM} or leave the text out")
    voice = _VOICE.get(lang, lang)
    try:
        done = subprocess.run(
            [program, "-q", "-v", voice, "--ipa", "--sep=_", "--stdin"],
            input=text, capture_output=True, text=True, encoding="utf8", timeout=_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DeviceError("text guidance", f"{PROGRAM} did not answer", "give a shorter text") from None
    if done.returncode != 0:
        raise InputError("text guidance", f"{PROGRAM} has no voice for '{lang}'", "give another --lang")
    return done.stdout


@functools.lru_cache(maxsize=512)
def pronounced_words(words: tuple[str, ...], lang: str = "en") -> tuple[tuple[str, ...], ...]:
    """IPA phones of each of these words; nothing for what is no word. Slow and raising as `pronounced`."""
    spoken = [" ".join(word.split()) if any(map(str.isalnum, word)) else "" for word in words]
    asked = [word for word in spoken if word]
    # A paragraph each comes out as a line each, but for what the program takes for several clauses.
    lines = [line for line in _spelled("\n\n".join(f"{word}," for word in asked), lang).splitlines() if line.strip()]
    if len(lines) != len(asked):
        lines = [_spelled(word, lang).replace("\n", " ") for word in asked]
    said = iter([tuple(phone for word in _words(line) for phone in word) for line in lines])
    return tuple(next(said) if word else () for word in spoken)


def _words(line: str) -> Iterator[tuple[str, ...]]:
    for word in _STRESS.sub("", line).split(" "):
        phones = tuple(p for p in word.split("_") if p and not p.startswith("("))
        if phones:
            yield phones
