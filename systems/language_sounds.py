"""Only knows which languages have a th, and what is heard where they have none.

A v that begins an Italian word, heard by itself, is much like the th of an English `the`, and who does not know the
language takes it for that. In a language without th there is nothing to confuse.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL, PHONE_CLASSES

Float = NDArray[np.float32]

# Languages with dental fricatives (WALS, chapter 19, and Danish, whose d is one): ISO 639-1.
WITH_TH = frozenset(("ar", "ba", "ca", "cy", "da", "el", "en", "es", "gl", "is", "my", "sq", "sw", "tk"))

_TONGUE, _TEETH = VISEME_INDEX["TH"], VISEME_INDEX["FF"]
# What is taken for a voiced or voiceless th is the sound of the lower lip at the teeth with as much voice.
_TAKEN = tuple(
    (len(VISEMES) + CLASS_OF_SYMBOL[th], len(VISEMES) + CLASS_OF_SYMBOL[lip]) for th, lip in (("ð", "v"), ("θ", "f"))
)
_LABIODENTAL = len(VISEMES) + len(PHONE_CLASSES) + 2


def has_th(language: str) -> bool:
    """Whether a language, named as espeak-ng or BCP 47 name it (`it`, `pt-br`), has a th."""
    return language.replace("_", "-").split("-")[0].lower() in WITH_TH


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
