"""The only door to a pronouncing program: words in, IPA phones out, by espeak-ng where it is installed.

espeak-ng runs as a separate program; nothing of it is linked or shipped.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess

from avatar_engine.engine.errors import DeviceError, InputError

PROGRAM = "espeak-ng"
_VOICE = {"en": "en-us", "cmn": "cmn-latn-pinyin", "zh": "cmn", "fr": "fr"}
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
    words = []
    for word in _STRESS.sub("", done.stdout).replace("\n", " ").split(" "):
        phones = tuple(p for p in word.split("_") if p and not p.startswith("("))
        if phones:
            words.append(phones)
    return tuple(words)
