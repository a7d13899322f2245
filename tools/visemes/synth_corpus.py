"""Only speaks the synthetic training corpus: packaged synthesisers with exact phone times, written as one folder.

    python -m tools.visemes.synth_corpus --out DIR [--hours 5] [--seed 11]

Layout of a corpus folder: `audio.i16` (mono 16 kHz samples of all utterances end to end) and `utterances.jsonl`
(start_sample, sample_count, lang, source, voice, phones [[start_s, end_s, IPA]]).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from tools.visemes.espeak_events import speak
from tools.visemes.sentences import SentenceMaker

RATE = 16000
Phones = list[tuple[float, float, str]]
Samples = npt.NDArray[np.float32]

LANGUAGE_SHARES = {
    "en": 30, "de": 11, "fr": 14, "es": 12, "it": 12, "pt": 8, "ru": 7, "cmn": 7, "pl": 4, "nl": 4, "sv": 3,
}  # fmt: skip
VOICES = {
    "en": ("en-us", "en-gb-x-rp", "en-gb-x-gbclan", "en-us-nyc"),
    "de": ("de",),
    "fr": ("fr", "fr-be", "fr-ch"),
    "es": ("es", "es-419"),
    "it": ("it",),
    "pt": ("pt", "pt-br"),
    "ru": ("ru",),
    "cmn": ("cmn-latn-pinyin",),
    "pl": ("pl",),
    "nl": ("nl",),
    "sv": ("sv",),
}
# Plain voices and these variants; the rest are kept for evaluation.
VARIANTS = ("", "+m4", "+m5", "+m6", "+f2", "+f3")

ARPABET = {
    "aa": "ɑ", "ae": "æ", "ah": "ʌ", "ao": "ɔ", "aw": "aʊ", "ax": "ə", "axr": "ɚ", "ay": "aɪ", "b": "b",
    "ch": "tʃ", "d": "d", "dh": "ð", "dx": "ɾ", "eh": "ɛ", "er": "ɚ", "ey": "eɪ", "f": "f", "g": "ɡ", "hh": "h",
    "ih": "ɪ", "iy": "i", "jh": "dʒ", "k": "k", "l": "l", "m": "m", "n": "n", "ng": "ŋ", "ow": "oʊ", "oy": "ɔɪ",
    "p": "p", "r": "ɹ", "s": "s", "sh": "ʃ", "t": "t", "th": "θ", "uh": "ʊ", "uw": "u", "v": "v", "w": "w",
    "y": "j", "z": "z", "zh": "ʒ", "pau": "sil", "h#": "sil", "brth": "sil", "em": "m", "en": "n", "el": "l",
}  # fmt: skip
ITALIAN = {
    "i": "i", "e": "e", "E": "ɛ", "a": "a", "o": "o", "O": "ɔ", "u": "u", "j": "j", "w": "w", "p": "p", "t": "t",
    "k": "k", "b": "b", "d": "d", "g": "ɡ", "f": "f", "s": "s", "S": "ʃ", "v": "v", "z": "z", "Z": "ʒ",
    "ts": "ts", "tS": "tʃ", "dz": "dz", "dZ": "dʒ", "m": "m", "n": "n", "J": "ɲ", "ng": "ŋ", "nf": "ɱ", "l": "l",
    "L": "ʎ", "r": "r", "#": "sil", "_": "sil",
}  # fmt: skip
CZECH = {
    "a": "a", "a:": "a", "b": "b", "c": "ts", "c~": "tʃ", "ch": "x", "d": "d", "d~": "ɟ", "dz": "dz", "dz~": "dʒ",
    "e": "ɛ", "e:": "ɛ", "f": "f", "g": "ɡ", "h": "ɦ", "i": "ɪ", "i:": "i", "j": "j", "k": "k", "l": "l", "m": "m",
    "n": "n", "n*": "ŋ", "n~": "ɲ", "o": "o", "o:": "o", "p": "p", "r": "r", "r~": "r", "r~*": "r", "s": "s",
    "s~": "ʃ", "t": "t", "t~": "c", "u": "u", "u:": "u", "v": "v", "z": "z", "z~": "ʒ", "#": "sil", "_": "sil",
}  # fmt: skip
FINNISH = {
    "a": "ɑ", "e": "e", "i": "i", "o": "o", "u": "u", "y": "y", "@": "ə", "7": "ø", "&": "æ", "p": "p", "t": "t",
    "k": "k", "b": "b", "d": "d", "g": "ɡ", "f": "f", "T": "θ", "D": "ð", "s": "s", "z": "z", "S": "ʃ", "Z": "ʒ",
    "h": "h", "v": "ʋ", "m": "m", "n": "n", "N": "ŋ", "l": "l", "L": "ʎ", "r": "r", "j": "j", "w": "w", "#": "sil",
    "##": "sil",
}  # fmt: skip
CATALAN = {
    "ax": "ə", "a": "a", "e": "e", "E": "ɛ", "i": "i", "o": "o", "O": "ɔ", "u": "u", "b": "b", "d": "d", "f": "f",
    "g": "ɡ", "j": "j", "J": "ɲ", "k": "k", "l": "l", "L": "ʎ", "m": "m", "n": "n", "p": "p", "r": "ɾ", "rr": "r",
    "s": "s", "S": "ʃ", "t": "t", "w": "w", "z": "z", "Z": "ʒ", "pau": "sil", "_": "sil", "#": "sil",
}  # fmt: skip
# Aspiration is part of the stop: the lips do the same.
HINDI = {
    "a": "ə", "aa": "a", "ih": "ɪ", "iy": "i", "uh": "ʊ", "uw": "u", "eh": "e", "ee": "e", "ay": "e", "oh": "o",
    "oo": "o", "aw": "o", "@": "ə", "f": "f", "v": "ʋ", "w": "w", "p": "p", "b": "b", "bh": "b", "m": "m", "th": "t",
    "tth": "t", "T": "t", "td": "t", "dh": "d", "ddh": "d", "D": "d", "n": "n", "N": "n", "k": "k", "kh": "k",
    "g": "ɡ", "gh": "ɡ", "ch": "tʃ", "j": "dʒ", "s": "s", "sh": "ʃ", "zh": "ʒ", "y": "j", "r": "r", "R": "r",
    "l": "l", "L": "l", "h": "h", "x": "x", "pau": "sil",
}  # fmt: skip
FESTIVAL_VOICES = (
    ("en", "voice_kal_diphone", ARPABET),
    ("en", "voice_ked_diphone", ARPABET),
    ("it", "voice_lp_diphone", ITALIAN),
    ("ca", "voice_upc_ca_ona_hts", CATALAN),
    ("cs", "voice_czech_ph", CZECH),
    ("cs", "voice_czech_dita", CZECH),
    ("cs", "voice_czech_machac", CZECH),
    ("cs", "voice_czech_krb", CZECH),
    ("fi", "voice_suo_fi_lj_diphone", FINNISH),
    ("fi", "voice_hy_fi_mv_diphone", FINNISH),
    ("hi", "voice_hindi_NSK_diphone", HINDI),
)

_VARIED = ("en", "it", "ca")
_IN_ONE_MANNER = 70  # sentences; a new manner means a new process


def at_16k(samples: Samples, rate: int) -> Samples:
    """Resampled to 16 kHz and brought to half of full scale."""
    if rate != RATE:
        divisor = int(np.gcd(rate, RATE))
        samples = resample_poly(samples, RATE // divisor, rate // divisor).astype(np.float32)
    peak = float(np.abs(samples).max(initial=0.0))
    return samples * np.float32(0.5 / (peak + 1e-6))


class CorpusWriter:
    """Appends utterances to a corpus folder; its table has its name only when all are said."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._audio = (folder / "audio.i16").open("wb")
        self._table = folder / "utterances.jsonl"
        self._rows: TextIO = self._table.with_suffix(".part").open("w", encoding="utf8")
        self._samples = 0

    @property
    def hours(self) -> float:
        return self._samples / RATE / 3600

    def add(self, samples: Samples, phones: Phones, **about: str) -> None:
        pcm = np.clip(np.round(samples * 32767), -32768, 32767).astype("<i2")
        row = {
            "start_sample": self._samples,
            "sample_count": len(pcm),
            **about,
            "phones": [[round(a, 4), round(b, 4), p] for a, b, p in phones],
        }
        self._audio.write(pcm.tobytes())
        self._rows.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._samples += len(pcm)

    def close(self) -> None:
        self._audio.close()
        self._rows.close()
        self._table.with_suffix(".part").rename(self._table)


def speak_espeak(writer: CorpusWriter, maker: SentenceMaker, hours: float) -> None:
    rng = maker.rng
    langs, shares = list(LANGUAGE_SHARES), list(LANGUAGE_SHARES.values())
    until = writer.hours + hours
    while writer.hours < until:
        lang = rng.choices(langs, shares)[0]
        voice = rng.choice(VOICES[lang]) + rng.choice(VARIANTS)
        spoken = speak(maker.sentence(lang), voice, rng.randint(120, 240), rng.randint(20, 80), rng.randint(20, 80))
        if len(spoken.samples) < spoken.rate // 2:
            continue
        samples = at_16k(spoken.samples, spoken.rate)
        writer.add(samples, list(spoken.phones), lang=lang, source="espeak-ng", voice=voice)


@dataclass(frozen=True, slots=True)
class Manner:
    """How a voice speaks: its pace against the usual, and its pitch."""

    stretch: float
    pitch_hz: int | None  # None: its own


def any_manner(rng: random.Random) -> Manner:
    return Manner(rng.uniform(0.8, 1.3), rng.randint(85, 220))


def speak_festival(
    voice: str, names: dict[str, str], texts: list[str], encoding: str = "latin-1", manner: Manner | None = None
) -> Iterator[tuple[Samples, Phones]]:
    """One festival process for all `texts`; a text it cannot speak is skipped."""
    with tempfile.TemporaryDirectory() as folder:
        script = [f"({voice})"]
        if manner is not None:
            script.append(f"(Parameter.set 'Duration_Stretch {manner.stretch:.2f})")
        if manner is not None and manner.pitch_hz is not None:
            # The model's figures are those the English voices come with.
            script.append(
                f"(set! int_lr_params '((target_f0_mean {manner.pitch_hz}) (target_f0_std {manner.pitch_hz * 0.13:.0f})"
                " (model_f0_mean 170) (model_f0_std 34)))"
            )
        for i, text in enumerate(texts):
            script.append(
                f'(set! u (utt.synth (Utterance Text "{text}")))\n'
                f'(utt.save.wave u "{folder}/{i}.wav" \'riff)\n'
                f'(set! f (fopen "{folder}/{i}.seg" "w"))\n'
                '(mapcar (lambda (s) (format f "%f %s\\n" (item.feat s "end") (item.name s)))'
                " (utt.relation.items u 'Segment))\n(fclose f)"
            )
        path = Path(folder) / "speak.scm"
        path.write_text("\n".join(script), encoding=encoding, errors="ignore")
        subprocess.run(["festival", "-b", str(path)], capture_output=True, timeout=1800, check=False)
        for i in range(len(texts)):
            wave, segments = Path(folder) / f"{i}.wav", Path(folder) / f"{i}.seg"
            if not wave.exists() or not segments.exists():
                continue
            samples, rate = soundfile.read(wave, dtype="float32")
            phones: Phones = []
            start = 0.0
            for line in segments.read_text().split("\n"):
                if not line:
                    continue
                end, name = float(line.split()[0]), line.split()[1]
                ipa = ipa_of(name, names)
                if end > start:
                    phones.append((start, end, ipa))
                    start = end
            yield at_16k(samples, rate), phones


def speak_varied(writer: CorpusWriter, maker: SentenceMaker, sentences: int) -> None:
    """Again the voices put together from recordings of languages that most users speak: quick and slow, the English ones
    low and high too."""
    for _ in range(sentences):
        samples, phones = speak_flite("kal16", maker.sentence("en"), any_manner(maker.rng))
        writer.add(samples, phones, lang="en", source="flite", voice="kal16")
    for lang, name, phone_names in FESTIVAL_VOICES:
        left = sentences if lang in _VARIED else 0
        while left > 0:
            texts = [readable(maker.sentence(lang)) for _ in range(min(left, _IN_ONE_MANNER))]
            left -= len(texts)
            manner = any_manner(maker.rng) if lang == "en" else replace(any_manner(maker.rng), pitch_hz=None)
            for samples, phones in speak_festival(name, phone_names, texts, manner=manner):
                writer.add(samples, phones, lang=lang, source="festival", voice=name)


def readable(text: str) -> str:
    """Without what Festival's reader stumbles over."""
    return re.sub(r"[^a-zA-Zäö0-9\u0900-\u097f ,.?!]", "", text)


def ipa_of(name: str, names: dict[str, str]) -> str:
    """IPA of a synthesiser's phone; stress marks and Finnish length are dropped, ARPAbet is read in any case."""
    for spelt in (name, name.lower(), name.rstrip("1"), name.rstrip(":")):
        if spelt in names:
            return names[spelt]
    raise KeyError(f"unknown phone {name!r}")


def speak_flite(voice: str, text: str, manner: Manner | None = None) -> tuple[Samples, Phones]:
    settings: list[str] = []
    if manner is not None:
        settings += ["--setf", f"duration_stretch={manner.stretch:.2f}"]
        settings += ["--setf", f"int_f0_target_mean={manner.pitch_hz}"] if manner.pitch_hz is not None else []
    with tempfile.TemporaryDirectory() as folder:
        wave = f"{folder}/speech.wav"
        said = subprocess.run(
            ["flite", *settings, "-voice", voice, "-t", text, "-psdur", "-o", wave],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        samples, rate = soundfile.read(wave, dtype="float32")
    phones: Phones = []
    start = 0.0
    for name, end_s in re.findall(r"(\S+):([\d.]+)", said.stdout):
        phones.append((start, float(end_s), ARPABET[name.lower()]))
        start = float(end_s)
    return at_16k(samples, rate), phones


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=5.0, help="hours of espeak-ng speech")
    parser.add_argument("--festival", type=int, default=300, help="sentences per festival voice")
    parser.add_argument("--festival-voices", default=".", metavar="REGEX", help="only these voices")
    parser.add_argument("--flite", type=int, default=300, help="sentences of flite's kal")
    parser.add_argument(
        "--varied",
        type=int,
        default=700,
        help="more sentences of each English, Italian and Catalan voice of recordings",
    )
    parser.add_argument("--seed", type=int, default=11)
    args = parser.parse_args()
    maker = SentenceMaker(random.Random(args.seed))
    writer = CorpusWriter(args.out)
    for i in range(args.flite):
        voice = ("kal", "kal16")[i % 2]
        samples, phones = speak_flite(voice, maker.sentence("en"))
        writer.add(samples, phones, lang="en", source="flite", voice=voice)
    print(f"flite: {writer.hours:.2f} h", flush=True)
    for lang, name, phone_names in FESTIVAL_VOICES:
        if not re.search(args.festival_voices, name):
            continue
        texts = [readable(maker.sentence(lang)) for _ in range(args.festival)]
        for samples, phones in speak_festival(name, phone_names, texts, "utf8" if lang == "hi" else "latin-1"):
            writer.add(samples, phones, lang=lang, source="festival", voice=name)
        print(f"{name}: {writer.hours:.2f} h", flush=True)
    speak_varied(writer, maker, args.varied)
    print(f"varied: {writer.hours:.2f} h", flush=True)
    speak_espeak(writer, maker, args.hours)
    writer.close()
    print(f"all: {writer.hours:.2f} h", flush=True)


if __name__ == "__main__":
    main()
