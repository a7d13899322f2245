"""Only speaks the bundled speech of `assets/speech`, with word and phone times, and writes its manifest.

    python -m tools.visemes.demo_speech --out assets/speech

Needs Debian's flite and espeak-ng. Nothing here is used for training.
"""

from __future__ import annotations

import argparse
import itertools
import re
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import yaml
from scipy.signal import resample_poly

from tools.visemes.espeak_events import speak
from tools.visemes.synth_corpus import Phones, Samples, speak_flite

RATE = 24_000
PEAK = 0.7
ENGLISH = (
    "Hello, and welcome! I am your voice assistant. Before we move forward, may I have your full name, please? "
    "Take your time, I will be happy to help you book a visit."
)
ITALIAN = (
    "Ciao, e benvenuto! Sono il tuo assistente vocale. Prima di parlare con il medico, "
    "ho bisogno di poche informazioni. Vuoi provare?"
)
LEAD_S, TAIL_S = 0.25, 0.4


def _padded(samples: Samples, rate: int, phones: Phones) -> tuple[Samples, Phones]:
    up, down = RATE // int(np.gcd(rate, RATE)), rate // int(np.gcd(rate, RATE))
    out = resample_poly(samples, up, down).astype(np.float32)
    lead, tail = np.zeros(int(LEAD_S * RATE), np.float32), np.zeros(int(TAIL_S * RATE), np.float32)
    out = np.concatenate([lead, out * (PEAK / float(np.abs(out).max())), tail])
    moved = [(a + LEAD_S, b + LEAD_S, p) for a, b, p in phones]
    return out, [(0.0, moved[0][0], "sil"), *moved, (moved[-1][1], len(out) / RATE, "sil")]


def _phones_of_word(word: str) -> int:
    with tempfile.TemporaryDirectory() as folder:
        said = subprocess.run(
            ["flite", "-voice", "slt", "-t", word, "-psdur", "-o", f"{folder}/word.wav"],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
    return sum(name != "pau" for name in re.findall(r"(\S+):[\d.]+", said.stdout))


def _word_times(words: list[str], counts: list[int], phones: Phones) -> list[list[float | str]]:
    spoken = [p for p in phones if p[2] != "sil"]
    if sum(counts) != len(spoken):
        raise RuntimeError(f"{sum(counts)} phones in the words, {len(spoken)} in the speech")
    rows: list[list[float | str]] = []
    at = 0
    for word, count in zip(words, counts):
        rows.append([round(spoken[at][0], 3), round(spoken[at + count - 1][1], 3), word])
        at += count
    return rows


def _row(file: str, lang: str, text: str, about: dict[str, str], words: list, phones: Phones) -> dict:  # type: ignore[type-arg]
    return {
        "file": file,
        "lang": lang,
        "text": text,
        **about,
        "words": words,
        "phones": [[round(a, 3), round(b, 3), p] for a, b, p in phones],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out: Path = parser.parse_args().out
    rows = []

    samples, phones = speak_flite("slt", ENGLISH)
    speech, phones = _padded(samples, 16_000, phones)
    soundfile.write(out / "demo_en.flac", speech, RATE, subtype="PCM_16")
    words = re.findall(r"[A-Za-z']+", ENGLISH)
    about = {
        "voice": "flite cmu_us_slt",
        "licence": "Flite licence (Carnegie Mellon University, MIT-like: free to use, modify, distribute, sell)",
        "origin": "synthesised with Debian flite 2.2-5; text written for this project",
        "command": "python -m tools.visemes.demo_speech --out assets/speech",
    }
    counts = [_phones_of_word(w) for w in words]
    rows.append(_row("demo_en.flac", "en", ENGLISH, about, _word_times(words, counts, phones), phones))

    said = speak(ITALIAN, "it+f2", words_per_minute=150, pitch=42, pitch_range=60)
    word_of = [*list(said.word_starts), len(said.phones)]
    speech, phones = _padded(said.samples, said.rate, list(said.phones))
    soundfile.write(out / "demo_it.flac", speech, RATE, subtype="PCM_16")
    words = re.findall(r"[^\W\d_]+", ITALIAN)
    counts = [sum(p[2] != "sil" for p in said.phones[a:b]) for a, b in itertools.pairwise(word_of)]
    about = {
        "voice": "espeak-ng it+f2",
        "licence": "no restriction (output of espeak-ng is not covered by its GPL; text is ours, MIT)",
        "origin": "synthesised with Debian espeak-ng 1.51; text written for this project",
        "command": "python -m tools.visemes.demo_speech --out assets/speech",
    }
    rows.append(_row("demo_it.flac", "it", ITALIAN, about, _word_times(words, counts, phones), phones))

    head = "# Bundled speech. Times in seconds; words and phones are [start, end, text or IPA].\n"
    body = yaml.safe_dump({"speech": rows}, allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
    (out / "manifest.yaml").write_text(head + body, encoding="utf8")


if __name__ == "__main__":
    main()
