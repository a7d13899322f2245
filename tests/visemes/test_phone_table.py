"""The table of phones: spelling, splitting, timing."""

from __future__ import annotations

import itertools

import pytest

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.phone_table import (
    ASPIRATES,
    CLASS_OF_SYMBOL,
    PHONE_CLASSES,
    PHONES,
    base_symbols,
    phone_of_class,
    segments,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("ipa", "symbols"),
    [
        ("p", ("p",)), ("pʰ", ("p",)), ("tː", ("t",)), ("ˈaː", ("a",)), ("ɑ̃", ("ɑ",)), ("aɪ", ("a", "ɪ")),
        ("tʃ", ("t", "ʃ")), ("t͡ʃ", ("t", "ʃ")), ("ʧ", ("t", "ʃ")), ("ç", ("ç",)), ("c\u0327", ("ç",)), ("ʲ", ("j",)),
        ("ɝ", ("ɚ",)), ("sil", ()), ("_", ()), ("", ()), ("?", ("ʔ",)), ("əl", ("ə", "l")),
    ],
)  # fmt: skip
def test_base_symbols(ipa: str, symbols: tuple[str, ...]) -> None:
    assert base_symbols(ipa) == symbols


def test_parts_fill_their_phone() -> None:
    phones = [(0.0, 0.1, "sil"), (0.1, 0.3, "aɪ"), (0.3, 0.5, "tʃ"), (0.5, 0.6, "ts"), (0.6, 0.9, "iao")]
    parts = segments(phones)
    assert parts[0].symbol == "sil"
    for a, b in itertools.pairwise(parts):
        assert a.end_s == pytest.approx(b.start_s)
    assert parts[-1].end_s == pytest.approx(0.9)
    assert parts[3].phone.viseme == "CH"  # lips stand forward through the whole affricate


def test_h_takes_the_next_vowel() -> None:
    assert segments([(0, 0.1, "h"), (0.1, 0.3, "u")])[0].phone.viseme == "U"
    assert segments([(0, 0.1, "h"), (0.1, 0.3, "a")])[0].phone.openness == pytest.approx(0.72)


def test_classes_share_their_lips() -> None:
    assert set(CLASS_OF_SYMBOL) == set(PHONES) | ASPIRATES | {"sil"}
    for index, symbols in enumerate(PHONE_CLASSES):
        kinds = {PHONES[s].articulation for s in symbols.split() if s in PHONES}
        assert len(kinds) <= 1 or symbols == "β ʋ", symbols
        assert phone_of_class(index).viseme in VISEME_INDEX
