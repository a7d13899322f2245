"""Only measures a trained model for its card: per language, kind and condition, alone and with the text known.

python -m tools.visemes.evaluate --manifest FILE... [--speak LANG...] [--model FILE.onnx] [--card assets/models/visemes.md]

--speak adds sentences of languages the manifests lack, spoken by espeak-ng voices that no training has heard.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile

from avatar_engine.lipsync_manifest import Utterance, degraded, read_manifest
from avatar_engine.lipsync_score import Report, Shown, Truth, report, shown_of, truth_of
from avatar_engine.spoken_file import analyse
from avatar_engine.systems.language_sounds import Th, th_in
from avatar_engine.systems.neural_visemes import NeuralVisemes
from avatar_engine.systems.rhubarb import RhubarbVisemes
from avatar_engine.systems.spectral import SpectralVisemes
from avatar_engine.systems.viseme_model import VisemeModel
from tools.visemes.espeak_events import speak
from tools.visemes.sentences import SentenceMaker

# Variants of espeak-ng's voices that `synth_corpus` leaves out.
UNHEARD = ("m1", "m2", "m3", "f1")
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"
HEAD = (
    "| speech | condition | utterances | LSQ [95 %] | shapes | B F1 | F F1 | R F1 | open r | moves in silence "
    "| flicker | lag |\n|---|---|---|---|---|---|---|---|---|---|---|---|"
)


def _row(what: str, condition: str, r: Report) -> str:
    b = r.best
    return (
        f"| {what} | {condition} | {r.utterances} | {b.lsq:.1f} [{r.low_lsq:.1f}, {r.high_lsq:.1f}] | {100 * b.shape:.1f} "
        f"| {100 * b.closed_f1:.1f} | {100 * b.labiodental_f1:.1f} | {100 * b.rounded_f1:.1f} | {b.openness_r:.3f} "
        f"| {100 * b.moves_in_silence:.1f} % | {b.flicker:.2f} | {r.lag_ms} ms |"
    )


def spoken(langs: Sequence[str], folder: Path) -> Iterator[Utterance]:
    """Two sentences by every unheard voice of each language, written to `folder`."""
    for lang in langs:
        maker = SentenceMaker(random.Random(f"evaluate {lang}"))
        for number, variant in enumerate(UNHEARD * 2):
            text = maker.sentence(lang)
            said = speak(
                text, f"{lang}+{variant}", words_per_minute=140 + 10 * (number % 4), pitch=35 + 8 * (number % 5)
            )
            path = folder / f"{lang}{number}.wav"
            soundfile.write(path, said.samples, said.rate)
            yield Utterance(path.stem, path, lang, "synth", len(said.samples) / said.rate, said.phones, text)


class Evaluation:
    """Runs models over one set of utterances."""

    def __init__(self, utterances: list[Utterance]) -> None:
        self.utterances = utterances
        self._truth = {u.id: truth_of(u.phones, u.duration_s) for u in utterances}

    def pairs(
        self,
        model: VisemeModel,
        condition: str,
        with_text: bool = False,
        ahead: bool = False,
        with_language: bool = False,
    ) -> dict[str, tuple[Truth, Shown]]:
        found = {}
        for u in self.utterances:
            samples = degraded(u, condition, self.utterances)
            lang = u.lang if with_text or with_language else ""
            spoken = analyse(model, samples, u.text if with_text else None, lang, ahead)
            truth = self._truth[u.id]
            found[u.id] = truth, shown_of(spoken.as_displayed(), len(truth.viseme))
        return found

    def chosen(self, kind: str, lang: str | None = None) -> list[str]:
        return [u.id for u in self.utterances if u.kind == kind and lang in (None, u.lang)]


def table(model_path: Path | None, utterances: list[Utterance]) -> str:
    """The figures as Markdown."""
    lines = [HEAD]
    evaluation = Evaluation(utterances)
    real = evaluation.chosen("real")
    model = NeuralVisemes(model=model_path)
    for ahead in (False, True):
        how = ", voice ahead" if ahead else ""
        clean = evaluation.pairs(model, "clean", ahead=ahead)
        for kind in ("real", "synth"):
            ids = evaluation.chosen(kind)
            if not ids:
                continue
            lines.append(_row(f"{kind}, all", f"clean{how}", report([clean[i] for i in ids])))
            for lang in sorted({u.lang for u in utterances if u.kind == kind}):
                chosen = evaluation.chosen(kind, lang)
                lines.append(_row(f"{kind}, {lang}", f"clean{how}", report([clean[i] for i in chosen])))
        for condition, name in (("n20", "20 dB noise"), ("n10", "10 dB noise"), ("tel", "telephone")):
            seen = evaluation.pairs(model, condition, ahead=ahead)
            lines.append(_row("real, all", f"{name}{how}", report([seen[i] for i in real])))
        known = evaluation.pairs(model, "clean", ahead=ahead, with_language=True)
        lines.append(_row("real, all", f"clean, language known{how}", report([known[i] for i in real])))
        for lang in sorted({u.lang for u in utterances if u.kind == "real" and th_in(u.lang) is Th.NONE}):
            chosen = evaluation.chosen("real", lang)
            lines.append(_row(f"real, {lang}", f"clean, language known{how}", report([known[i] for i in chosen])))
        guided = evaluation.pairs(model, "clean", with_text=True, ahead=ahead)
        lines.append(_row("real, all", f"clean, text known{how}", report([guided[i] for i in real])))
    quick = evaluation.pairs(NeuralVisemes(delay_frames=3, model=model_path), "clean")
    lines.append(_row("real, all", "clean, 30 ms look-ahead", report([quick[i] for i in real])))
    shapes = evaluation.pairs(RhubarbVisemes(model_path), "clean")
    lines.append(_row("real, all", "clean, nine shapes (`rhubarb`)", report([shapes[i] for i in real])))
    plain = evaluation.pairs(SpectralVisemes(), "clean")
    lines.append(_row("real, all", "clean, spectral model", report([plain[i] for i in real])))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, nargs="+", required=True)
    parser.add_argument("--speak", nargs="*", default=[], metavar="LANG")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--card", type=Path, help="model card whose figures are replaced")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        utterances = [u for path in args.manifest for u in read_manifest(path)]
        made = table(args.model, [*utterances, *spoken(args.speak, Path(folder))])
    print(made)
    if args.card:
        text = args.card.read_text(encoding="utf8")
        before, rest = text.split(BEGIN)
        after = rest.split(END)[1]
        args.card.write_text(f"{before}{BEGIN}\n{made}\n{END}{after}", encoding="utf8")


if __name__ == "__main__":
    main()
