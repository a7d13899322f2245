"""Only makes random sentences to be spoken: words of the system's word lists, Mandarin syllables, numbers."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from pathlib import Path

WORD_LISTS = {
    "en": "american-english",
    "de": "ngerman",
    "fr": "french",
    "es": "spanish",
    "it": "italian",
    "pt": "portuguese",
    "pl": "polish",
    "nl": "dutch",
    "sv": "swedish",
    # No Russian word list is packaged; Bulgarian words share the letters and most of the sounds.
    "ru": "bulgarian",
    "ca": "catalan",
}
DICTIONARIES = Path("/usr/share/dict")
LATIN1_LISTS = frozenset(("swedish",))

# Frequent little words hold speech together; without them every sentence would be a list of nouns.
LITTLE_WORDS = {
    "en": "the a of to and in is you that it he was for on are with as I they be at one have this from or had by "
    "but some what there we can out other were all your when up use how said an each she my not do now about "
    "would could will if so make them more go no way people over them even move before five pay be me two "
    "who few view love give very above off follow help please keep open put both",
    "fr": "le la les un une de des du et à il elle on nous vous je tu ne pas que qui où mais pour par avec sur dans "
    "est sont ce cette au aux plus fait tout bien peu deux vous même beaucoup",
    "es": "el la los las un una de del y a en que no se por con para su lo como más pero le ya o este sí porque "
    "muy sin sobre también me hasta hay donde uno dos bien vivo poco",
    "it": "il la i le un una di del della e a in che non si per con su lo come più ma gli ho sono era questo quello "
    "anche molto tutto bene poi due uno sette otto nove prima dopo buono",
    "de": "der die das ein eine und in zu den von mit sich auf für ist im dem nicht es an werden aus er hat dass "
    "sie nach wird bei einer um am sind noch wie über vom wir vor aber bitte wo",
}
_INITIALS = [
    "b",
    "p",
    "m",
    "f",
    "d",
    "t",
    "n",
    "l",
    "g",
    "k",
    "h",
    "j",
    "q",
    "x",
    "zh",
    "ch",
    "sh",
    "r",
    "z",
    "c",
    "s",
    "y",
    "w",
]
_FINALS = {
    "": "a o e ai ei ao ou an en ang eng",
    "b": "a o ai ei ao an en ang eng i ie iao ian in ing u",
    "f": "a o ei ou an en ang eng u",
    "d": "a e ai ei ao ou an ang eng ong i ie iao iu ian ing u uo ui uan un",
    "j": "i ia ie iao iu ian in iang ing iong u ue uan un",
    "zh": "a e i ai ao ou an en ang eng ong u ua uo uai ui uan un uang",
    "y": "a e ao ou an ang in ing ong u ue uan un",
    "w": "a o ai ei an en ang u",
}
_FINALS_LIKE = {
    "p": "b", "m": "b", "t": "d", "n": "d", "l": "d", "g": "zh", "k": "zh", "h": "zh", "q": "j", "x": "j",
    "ch": "zh", "sh": "zh", "r": "zh", "z": "zh", "c": "zh", "s": "zh",
}  # fmt: skip
# No word lists of these are packaged; their spelling is regular, so invented words sound right.
_SYLLABLES = {
    "cs": ("b c d f h j k l m n p r s t v z ch pr st kr vl m p b v f", "a e i o u y a e o ou", "m n l r s k t v b p"),
    "hi": (
        "क ख ग घ च ज ट ड त थ द ध न फ भ य र ल व श स ह प ब म फ़ प ब म व फ़",
        "ा ि ी ु ू े ै ो ौ ा े ो",
        "म न ब प व र त स ल",
    ),
    "fi": ("h j k l m n p r s t v m p v", "a e i o u y ä ö aa ee ii oo uu ai ei uo ie yö", "n s l r t mm pp nn kk"),
}
_TONES = {"a": "āáǎà", "e": "ēéěè", "i": "īíǐì", "o": "ōóǒò", "u": "ūúǔù"}


@functools.cache
def words_of(lang: str) -> tuple[str, ...]:
    """Lower-case words of 2 to 11 letters of one language's packaged list."""
    name = WORD_LISTS[lang]
    raw = (DICTIONARIES / name).read_bytes().decode("latin-1" if name in LATIN1_LISTS else "utf8", "ignore")
    words = (line.strip() for line in raw.splitlines())
    kept = tuple(w for w in words if 2 <= len(w) <= 11 and w.isalpha() and w.islower())
    if not kept:
        raise FileNotFoundError(f"{DICTIONARIES / name} holds no words; install the package of that word list")
    return kept


def _pinyin(rng: random.Random) -> str:
    initial = rng.choice(["", *_INITIALS])
    final = rng.choice(_FINALS[_FINALS_LIKE.get(initial, initial)].split())
    at = next(i for vowel in "aoeiu" if (i := final.find(vowel)) >= 0)
    if final.endswith(("iu", "ui")):
        at = len(final) - 1
    tone = rng.randrange(5)
    if tone == 4:
        return initial + final
    return initial + final[:at] + _TONES[final[at]][tone] + final[at + 1 :]


@dataclass(frozen=True, slots=True)
class SentenceMaker:
    """Random sentences of 3 to 10 words; the same seed gives the same sentences."""

    rng: random.Random

    def sentence(self, lang: str) -> str:
        rng = self.rng
        count = rng.randint(3, 10)
        if lang == "cmn":
            groups = ["".join(_pinyin(rng) for _ in range(rng.randint(1, 3))) for _ in range(count)]
            return self._joined(groups)
        little = LITTLE_WORDS.get(lang, "").split()
        # Numbers are read aloud by every synthesiser and bring the language's own frequent sounds.
        if lang in _SYLLABLES:
            return self._joined([self._invented(*_SYLLABLES[lang]) for _ in range(count)])
        picked = []
        for _ in range(count):
            roll = rng.random()
            if little and roll < 0.42:
                picked.append(rng.choice(little))
            elif roll < 0.48:
                picked.append(str(rng.choice((rng.randint(0, 100), rng.randint(100, 3000)))))
            else:
                picked.append(rng.choice(words_of(lang)))
        return self._joined(picked)

    def _invented(self, onsets: str, vowels: str, codas: str) -> str:
        rng = self.rng
        syllables = (
            rng.choice(onsets.split())
            + rng.choice(vowels.split())
            + (rng.choice(codas.split()) if rng.random() < 0.3 else "")
            for _ in range(rng.randint(1, 4))
        )
        return "".join(syllables)

    def _joined(self, words: list[str]) -> str:
        out = [w + "," if self.rng.random() < 0.12 else w for w in words]
        return " ".join(out).rstrip(",") + self.rng.choice("....?!")
