"""Only here is it said what the lips do for each phone: viseme, what also passes, openness, articulation.

The classes, the accepted neighbours and the openness of each phone are facts agreed with the lip-sync score
(see `avatar_engine/lipsync_score.py`); changing one changes every published figure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CLOSED, LABIODENTAL, ROUNDED = "B", "F", "R"
SILENCE = "sil"


@dataclass(frozen=True, slots=True)
class Phone:
    """What a mouth shows for one phone. `viseme` None: any mouth is right; openness 0 (shut) to 1 (wide)."""

    viseme: str | None
    accepted: tuple[str, ...]
    openness: float
    articulation: str = ""
    """'B' lips shut, 'F' lower lip at the upper teeth, 'R' lips rounded, '' none of these."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of speech with one mouth; `symbol` is the base IPA symbol or 'sil'."""

    start_s: float
    end_s: float
    symbol: str
    phone: Phone


# symbols | viseme, other accepted visemes | openness | articulation
_ROWS: tuple[tuple[str, str, float, str], ...] = (
    # lips
    ("p b m ɓ", "PP", 0.0, CLOSED),
    ("β", "PP FF", 0.10, ""),
    ("f v ɱ", "FF", 0.10, LABIODENTAL),
    ("ʋ", "FF U", 0.15, ""),
    ("w ʍ", "U O", 0.20, ROUNDED),
    ("ɥ", "U I", 0.22, ROUNDED),
    # tongue tip
    ("θ ð", "TH DD SS", 0.22, ""),
    ("t d ʈ ɖ ɗ", "DD nn", 0.22, ""),
    ("ɾ", "DD RR nn", 0.27, ""),
    ("s z", "SS", 0.15, ""),
    ("ʃ ʒ ʂ ʐ ɕ ʑ", "CH SS", 0.22, ""),
    ("n l ɲ ʎ ɭ ɫ ɳ ɬ", "nn DD", 0.25, ""),
    ("ɹ ɻ", "RR", 0.30, ""),
    ("r ʀ ʁ ɽ ɺ", "RR DD kk", 0.30, ""),
    # palate and throat
    ("ɟ", "DD kk I", 0.25, ""),
    ("c", "kk DD I", 0.25, ""),
    ("k g ɡ q", "kk", 0.30, ""),
    ("x ɣ χ ħ ɰ", "kk RR", 0.32, ""),
    ("ç ʝ", "kk CH I", 0.27, ""),
    ("ŋ ɴ", "nn kk", 0.30, ""),
    ("j", "I E", 0.30, ""),
    # vowels, from close to open
    ("i", "I", 0.33, ""),
    ("ɪ ɨ ᵻ", "I E", 0.38, ""),
    ("ɯ", "I U E", 0.35, ""),
    ("e", "E I", 0.50, ""),
    ("ə ɘ", "E aa I RR", 0.42, ""),
    ("ɚ ɝ", "RR E", 0.42, ""),
    ("ɤ", "E aa O", 0.45, ""),
    ("ɜ", "E RR aa", 0.50, ""),
    ("ɛ", "E", 0.60, ""),
    ("ʌ ɐ", "aa E", 0.62, ""),
    ("æ", "aa E", 0.80, ""),
    ("a", "aa", 0.90, ""),
    ("ɑ", "aa O", 0.92, ""),
    ("y ʏ", "U I", 0.28, ROUNDED),
    ("u ʉ", "U O", 0.28, ROUNDED),
    ("ʊ", "U O", 0.34, ROUNDED),
    ("ø", "O E U", 0.48, ROUNDED),
    ("o ɵ", "O U", 0.52, ROUNDED),
    ("œ", "O E", 0.58, ROUNDED),
    ("ɔ", "O aa", 0.65, ROUNDED),
    ("ɒ", "O aa", 0.78, ""),
)


def _table() -> dict[str, Phone]:
    table: dict[str, Phone] = {}
    for symbols, visemes, openness, articulation in _ROWS:
        accepted = tuple(visemes.split())
        for symbol in symbols.split():
            table[symbol] = Phone(accepted[0], accepted, openness, articulation)
    return table


PHONES: dict[str, Phone] = _table()
# h takes the mouth of the vowel it runs into; a glottal stop shows nothing.
ASPIRATES = frozenset("hɦ")
GLOTTAL = "ʔ"
NOTHING = Phone(None, (), 0.3)
REST = Phone(SILENCE, (SILENCE, "PP"), 0.0)
# The lips of an affricate stand forward from its start.
AFFRICATE_CLOSURE = Phone("CH", ("CH", "DD"), 0.22)

_KNOWN = frozenset(PHONES) | ASPIRATES | {GLOTTAL}
_STOPS_OF_AFFRICATES = frozenset("tdp")
_POSTALVEOLAR = frozenset("ʃʒɕʑʂʐ")
_CEDILLA = "\u0327"
_VOWEL_VISEMES = frozenset(("aa", "E", "I", "O", "U", "RR"))
_LIGATURES = {"ʦ": "ts", "ʧ": "tʃ", "ʤ": "dʒ", "ɝ": "ɚ"}


def base_symbols(ipa: str) -> tuple[str, ...]:
    """The base symbols of one IPA phone: () for a pause, 2 or 3 for diphthongs and affricates.

    Length, stress, tone and secondary articulation are dropped; a palatalisation on its own is a glide.
    """
    if ipa == "ʲ":
        return ("j",)
    if "?" in ipa:
        return (GLOTTAL,)
    for ligature, spelt in _LIGATURES.items():
        ipa = ipa.replace(ligature, spelt)
    if ipa in ("", "_", "#", "(en)", SILENCE):
        return ()
    decomposed = unicodedata.normalize("NFD", ipa)
    if "c" + _CEDILLA in decomposed:
        return ("ç",)
    kept = tuple(ch for ch in decomposed if ch in _KNOWN)
    return kept[:3]


def _split(start_s: float, end_s: float, symbols: Sequence[str]) -> Iterable[tuple[float, float, str, bool]]:
    """Parts of one phone as (start, end, symbol, is the closure of an affricate)."""
    length_s = end_s - start_s
    if len(symbols) == 1:
        yield start_s, end_s, symbols[0], False
    elif symbols[0] in "td" and symbols[1] in _POSTALVEOLAR:
        middle_s = start_s + length_s * 0.35
        yield start_s, middle_s, symbols[1], True
        yield middle_s, end_s, symbols[1], False
    elif symbols[0] in _STOPS_OF_AFFRICATES:
        middle_s = start_s + length_s * 0.45
        yield start_s, middle_s, symbols[0], False
        yield middle_s, end_s, symbols[1], False
    else:
        # A diphthong rests longer on its first half.
        shares = (0.55, 0.45) if len(symbols) == 2 else (0.4, 0.3, 0.3)
        at_s = start_s
        for i, (symbol, share) in enumerate(zip(symbols, shares)):
            stop_s = end_s if i == len(symbols) - 1 else at_s + length_s * share
            yield at_s, stop_s, symbol, False
            at_s += length_s * share


def segments(phones: Iterable[tuple[float, float, str]]) -> list[Segment]:
    """Timed IPA phones [(start_s, end_s, ipa)] as mouth segments; pauses become 'sil' segments."""
    parts: list[tuple[float, float, str, bool]] = []
    for start_s, end_s, ipa in phones:
        symbols = base_symbols(ipa)
        if symbols:
            parts.extend(_split(start_s, end_s, symbols))
        else:
            parts.append((start_s, end_s, SILENCE, False))
    out: list[Segment] = []
    for i, (start_s, end_s, symbol, is_closure) in enumerate(parts):
        if symbol == SILENCE:
            phone = REST
        elif is_closure:
            phone = AFFRICATE_CLOSURE
        elif symbol in ASPIRATES:
            ahead = (s for _, _, s, closure in parts[i + 1 : i + 3] if s in PHONES and not closure)
            vowel = next((s for s in ahead if PHONES[s].viseme in _VOWEL_VISEMES), "ə")
            next_phone = PHONES[vowel]
            phone = Phone(next_phone.viseme, (*next_phone.accepted, "kk", SILENCE, "E"), next_phone.openness * 0.8)
        elif symbol == GLOTTAL:
            phone = NOTHING
        else:
            phone = PHONES[symbol]
        out.append(Segment(start_s, end_s, symbol, phone))
    return out


# What the network tells apart, in the order of its output. Members of a class share lips well enough.
PHONE_CLASSES: tuple[str, ...] = (
    "sil", "p", "b ɓ", "m", "f", "v ɱ", "β ʋ", "w ʍ ɥ", "θ", "ð", "t ʈ", "d ɖ ɗ", "ɾ", "s", "z",
    "ʃ ɕ ʂ", "ʒ ʑ ʐ", "n ɳ", "ɲ ʎ", "l ɭ ɫ ɬ", "ɹ ɻ", "r ʀ ʁ ɽ ɺ", "k q c", "ɡ g ɟ", "x χ ħ ç ɣ ɰ ʝ", "h ɦ",
    "ŋ ɴ", "j", "i", "ɪ ɨ ᵻ ɯ", "e", "ɛ", "ə ɘ ɤ ɜ", "ɚ ɝ", "ʌ ɐ", "æ", "a", "ɑ", "ɒ", "ɔ", "o ɵ", "ø œ",
    "u ʉ", "ʊ", "y ʏ",
)  # fmt: skip
CLASS_OF_SYMBOL: dict[str, int] = {
    symbol: index for index, symbols in enumerate(PHONE_CLASSES) for symbol in symbols.split()
}
"""Index of the class of every base symbol but the glottal stop, which has none."""


def phone_of_class(index: int) -> Phone:
    """The mouth of a phone class: that of its first symbol; h has that of a neutral vowel."""
    symbol = PHONE_CLASSES[index].split()[0]
    if symbol == SILENCE:
        return REST
    return PHONES["ə" if symbol in ASPIRATES else symbol]
