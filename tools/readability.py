"""Measures how readable speech stays under emotions: LSQ of the mouth that each bundled avatar's mesh shows.

python -m tools.readability [--avatar ID ...] [--emotion NAME ...] [--demo] [--write]

Every emotion speaks the same sentences at full intensity, at the default 30 ticks a second. Lips are read from the mesh
(tools/shown_mouth.py) and scored as `avatar-engine lipsync-score` scores viseme models.
--demo: the bundled recordings only; otherwise espeak-ng (libespeak-ng) speaks twelve sentences more. --write: put the
table into docs/behaviours.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from avatar_engine.bundled import open_library
from avatar_engine.components.emotions import emotion_book
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.resample import resample
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.lipsync_score import Report, Shown, Truth, report, truth_of
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime
from avatar_engine.scenes.library import Avatar
from avatar_engine.spoken_file import read_audio
from tools.shown_mouth import mouth_reader, shown_by

Float = NDArray[np.float32]
RATE, HZ, FRAME_S = 16_000, 30, 0.01
SETTLE_S, GAP_S = 3.0, 0.6  # until the emotion is there; between two sentences
EMOTIONS = emotion_book().names[:16]
PAGE = Path(__file__).resolve().parents[1] / "docs" / "behaviours.md"
BEGIN, END = "<!-- readability: `python -m tools.readability --write` -->", "<!-- end of readability -->"
# Rich in what lips alone show: shut, at the teeth, rounded.
SENTENCES = (
    ("en-us", "My brother bought a pair of brown boots before the film began."),
    ("en-us", "We would love to move your visit, but five people have been waiting for a room."),
    ("en-gb-scotland", "Put the papers by the blue vase and phone me when you have found the form."),
    ("en-gb-scotland", "Both of them saw the boat move off, full of food and woollen blankets."),
    ("de", "Möchten Sie am Montag oder am Mittwoch vorbeikommen? Ich suche Ihnen einen passenden Platz."),
    ("de", "Bitte vergessen Sie Ihre Papiere nicht, wir brauchen auch Ihre Nummer."),
    ("it", "Buongiorno, posso avere il suo nome e il numero di telefono, per favore?"),
    ("it", "Abbiamo due posti liberi domani pomeriggio, uno prima e uno dopo pranzo."),
    ("es", "Buenos días, puede venir mañana por la mañana o prefiere una visita más tarde."),
    ("es", "Por favor, espere un momento, voy a buscar su nombre y su número."),
    ("fr", "Bonjour, vous pouvez venir vendredi matin ou préférez-vous un autre moment?"),
    ("fr", "Veuillez patienter un peu, je vais trouver votre nom et vous rappeler bientôt."),
)


@dataclass(frozen=True, slots=True)
class Sentence:
    """Mono samples at 16 kHz, and the truth of what lips do in them."""

    samples: Float
    truth: Truth


def bundled_speech() -> list[Sentence]:
    """The recordings that come with the engine."""
    manifest = yaml.safe_load(asset_path("speech", "manifest.yaml").read_text("utf-8"))
    return [
        Sentence(samples, truth_of([(a, b, str(p)) for a, b, p in row["phones"]], len(samples) / RATE))
        for row in manifest["speech"]
        for samples in [read_audio(asset_path("speech", row["file"]))]
    ]


def spoken_sentences() -> Iterator[Sentence]:
    """Twelve sentences in five languages, with the exact times of their phones. Needs libespeak-ng."""
    from tools.visemes.espeak_events import speak

    for number, (voice, text) in enumerate(SENTENCES):
        spoken = speak(text, voice, words_per_minute=150 + 5 * (number % 4), pitch=35 + 10 * (number % 4))
        samples = resample(spoken.samples, spoken.rate, RATE)
        yield Sentence(samples, truth_of(spoken.phones, len(samples) / RATE))


def read_faces(avatar: Avatar, emotions: Sequence[str], sentences: Sequence[Sentence]) -> dict[str, list[Shown]]:
    """What the mouth of an avatar shows of each sentence under each emotion at full intensity."""
    runtime = make_runtime(RuntimeOptions(hz=HZ, audio_rate=RATE, draw=False))
    try:
        sessions = [
            runtime.open_session(SessionOptions(avatar=avatar.id, style="playful", seed=5, emotion=name), name)
            for name in emotions
        ]
        morphs, starts = _perform(runtime, sessions, sentences, len(avatar.rig.morph_names))
    finally:
        runtime.close()
    reader = mouth_reader(avatar)
    middles_s = (np.arange(len(morphs)) + 0.5) / HZ
    seen: dict[str, list[Shown]] = {}
    for column, name in enumerate(emotions):
        seen[name] = [
            shown_by(
                reader,
                _at(
                    morphs[:, column],
                    middles_s,
                    start + FRAME_S * np.arange(len(sentence.truth.viseme), dtype=np.float64),
                ),
            )
            for start, sentence in zip(starts, sentences, strict=True)
        ]
    return seen


def _perform(
    runtime: Runtime, sessions: Sequence[str], sentences: Sequence[Sentence], targets: int
) -> tuple[Float, list[float]]:
    """Target weights (ticks, sessions, T), and the second in which each sentence was first heard."""
    shown: list[Float] = []
    starts: list[float] = []
    for _ in range(round(SETTLE_S * HZ)):
        runtime.step()
        shown.append(runtime.world.batch["morphs"][:, :targets].copy())
    for number, sentence in enumerate(sentences):
        for name in sessions:
            runtime.push_audio(name, AudioChunk(sentence.samples, RATE, segment=number, last=True))
        ended, after = False, 0
        while not ended or after < GAP_S * HZ:
            packet = runtime.step()[0]
            shown.append(runtime.world.batch["morphs"][:, :targets].copy())
            for span in packet.spans:
                if span.position == 0 and span.segment == number and len(starts) == number:
                    starts.append((packet.start_sample + span.offset) / RATE)
                ended = ended or span.final
            after += ended
    return np.array(shown), starts


def _at(values: Float, times_s: NDArray[np.float64], wanted_s: NDArray[np.float64]) -> Float:
    """Rows of `values` at other times, as pictures between two ticks are made."""
    place = np.clip(np.interp(wanted_s, times_s, np.arange(len(times_s))), 0, len(times_s) - 1.001)
    low = place.astype(int)
    share = (place - low).astype(np.float32)[:, None]
    return np.asarray(values[low] * (1.0 - share) + values[low + 1] * share, np.float32)


def scores(seen: Mapping[str, Sequence[Shown]], sentences: Sequence[Sentence]) -> dict[str, Report]:
    """One report per emotion, all at the lag that is best without emotion."""
    truths = [sentence.truth for sentence in sentences]
    calm = report(list(zip(truths, seen["neutral"], strict=True)), resamples=0)
    lag = calm.lag_ms // 10
    return {name: report(list(zip(truths, shown, strict=True)), resamples=0, lag=lag) for name, shown in seen.items()}


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatar", nargs="*", default=(), metavar="ID")
    parser.add_argument("--emotion", nargs="*", default=EMOTIONS, metavar="NAME")
    parser.add_argument("--demo", action="store_true", help="the bundled recordings only")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    options = parser.parse_args()
    library = open_library()
    sentences = bundled_speech() + ([] if options.demo else list(spoken_sentences()))
    emotions = list(dict.fromkeys(("neutral", *options.emotion)))
    found: dict[str, dict[str, Report]] = {}
    for name in options.avatar or library.ids():
        found[name] = scores(read_faces(library.load(name), emotions, sentences), sentences)
        print(table({name: found[name]}), flush=True)
    text = table(found)
    print(text)
    if options.write:
        before, rest = PAGE.read_text("utf-8").split(BEGIN)
        PAGE.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", "utf-8")
    return 0


def table(found: Mapping[str, Mapping[str, Report]]) -> str:
    """Markdown: mean figures over the avatars, and the largest drop of any of them."""
    lines = [
        "| emotion at 1.0 | LSQ | drop | largest drop | shapes | lips shut F1 | at the teeth F1 | rounded F1 | openness r |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for emotion in next(iter(found.values())):
        rows = [reports[emotion].best for reports in found.values()]
        drops = {avatar: reports["neutral"].best.lsq - reports[emotion].best.lsq for avatar, reports in found.items()}
        worst = max(drops, key=drops.__getitem__)
        parts = [
            float(np.mean([getattr(row, part) for row in rows]))
            for part in ("lsq", "shape", "closed_f1", "labiodental_f1", "rounded_f1", "openness_r")
        ]
        mean_drop = float(np.mean(list(drops.values())))
        lines.append(
            f"| {emotion} | {parts[0]:.1f} | {mean_drop:.1f} | {drops[worst]:.1f} ({worst}) "
            + "".join(f"| {100 * part:.1f} " for part in parts[1:5])
            + f"| {parts[5]:.3f} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
