"""Only knows which languages have no th, and what is heard there instead.

A v that begins an Italian word, heard by itself, is much like the th of an English `the`, and who does not know the
language takes it for that. In a language without th there is nothing to confuse.
"""

from __future__ import annotations

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
# What is taken for a voiced or voiceless th is the sound of the lower lip at the teeth with as much voice.
_TAKEN = tuple(
    (len(VISEMES) + CLASS_OF_SYMBOL[th], len(VISEMES) + CLASS_OF_SYMBOL[lip]) for th, lip in (("ð", "v"), ("θ", "f"))
)
_LABIODENTAL = len(VISEMES) + len(PHONE_CLASSES) + 2


def may_have_th(language: str) -> bool:
    """Whether a language, named as espeak-ng or BCP 47 name it (`it`, `pt-br`), has a th, or is none that is known."""
    tag = language.replace("_", "-").lower()
    return WITHOUT_TH.isdisjoint((tag, tag.split("-")[0]))


def without_th(every: Float, rows: NDArray[np.intp]) -> None:
    """Of the streams `rows`, what is believed of th is believed of v and f, in place; every (n, k, 15 + classes + 5), as
    `Posteriors.every`."""
    for row in rows.tolist():
        seen = every[row]
        seen[:, _TEETH] += seen[:, _TONGUE]
        seen[:, _TONGUE] = 0.0
        for th, lip in _TAKEN:
            heard = seen[:, th]
            seen[:, lip] += heard
            seen[:, _LABIODENTAL] += heard
            seen[:, th] = 0.0
        np.minimum(seen[:, _LABIODENTAL], 1.0, out=seen[:, _LABIODENTAL])
