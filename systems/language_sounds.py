"""Only knows which languages have no th, what is heard there instead, and what to show where nobody says which it is.

A v that begins an Italian word, heard by itself, is much like the th of an English `the`, and who does not know the
language takes it for that. In a language without th there is nothing to confuse. Where the language is not known, lips
at the teeth are shown in doubt: a bite that is missed is seen, a tongue that is missed hardly.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL, PHONE_CLASSES

Float = NDArray[np.float32]

# Languages without dental fricatives, as espeak-ng and BCP 47 name them (WALS, chapter 19). Those that have them as a
# way to say d (Spanish, Catalan, Danish, the Portuguese of Portugal) are not here, nor is Chinese, whose s and z can be
# taken for them too, nor any of which little is known.
WITHOUT_TH = frozenset((
    "af", "az", "be", "bg", "bn", "bs", "cs", "de", "et", "eu", "fa", "fi", "fr", "fil", "gu", "he", "hi", "hr", "hu",
    "hy", "id", "it", "ja", "ka", "kk", "kn", "ko", "lb", "lt", "lv", "mk", "ml", "mr", "ms", "nb", "ne", "nl", "nn",
    "no", "pa", "pl", "pt-br", "ro", "ru", "si", "sk", "sl", "sr", "sv", "ta", "te", "th", "tl", "tr", "uk", "ur", "uz",
    "vi",
))  # fmt: skip

_TONGUE, _TEETH = VISEME_INDEX["TH"], VISEME_INDEX["FF"]
# What is taken for a voiceless or voiced th is the sound of the lower lip at the teeth with as much voice. In the table of
# phones both pairs stand side by side, the voiceless one first.
_TH = slice(len(VISEMES) + CLASS_OF_SYMBOL["θ"], len(VISEMES) + CLASS_OF_SYMBOL["ð"] + 1)
_LIP = slice(len(VISEMES) + CLASS_OF_SYMBOL["f"], len(VISEMES) + CLASS_OF_SYMBOL["v"] + 1)
_LABIODENTAL = len(VISEMES) + len(PHONE_CLASSES) + 2
# Share of what is believed of th that a v or f must have beside it to be shown instead, if the language is not known. Of
# English by voices no training has heard that costs half a point of LSQ, Italian gains three.
_DOUBT = 0.1
_HEARD = 0.02  # of th; where less is believed of it there is nothing to doubt, which is soon seen of most speech


class Th(IntEnum):
    """What a language has of th."""

    UNKNOWN = 0  # nobody says which language it is
    NONE = 1
    POSSIBLE = 2


def th_in(language: str) -> Th:
    """What a language has of th, named as espeak-ng or BCP 47 name it (`it`, `pt-br`; empty or `und`: not known). One that
    is none of those known may have it."""
    tag = language.replace("_", "-").lower()
    if tag in ("", "und"):
        return Th.UNKNOWN
    return Th.POSSIBLE if WITHOUT_TH.isdisjoint((tag, tag.split("-")[0])) else Th.NONE


def lips_for_th(every: Float, rows: NDArray[np.intp], known: bool) -> None:
    """Of the streams `rows`, what is believed of th is believed of v and f, in place: everywhere if it is `known` that
    there is none, else only where th is heard and these are likely too.

    every (n, k, 15 + classes + 5), as `Posteriors.every`.
    """
    if not len(rows):
        return
    # Slices of everything cost a third of what picking rows does.
    seen = every if len(rows) == len(every) else every[rows]
    tongue, heard = seen[..., _TONGUE], seen[..., _TH]
    if not known:
        believed = np.add.reduce(heard, axis=2)
        there = believed > np.float32(_HEARD)
        if not there.any():
            return
        there &= np.add.reduce(seen[..., _LIP], axis=2) >= np.float32(_DOUBT) * believed
        tongue, heard = tongue * there, heard * there[..., None]
    seen[..., _TEETH] += tongue
    seen[..., _LIP] += heard
    bites = seen[..., _LABIODENTAL]
    np.minimum(bites + np.add.reduce(heard, axis=2), np.float32(1.0), out=bites)
    seen[..., _TONGUE] -= tongue
    seen[..., _TH] -= heard
    if seen is not every:
        every[rows] = seen
