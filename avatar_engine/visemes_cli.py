"""`avatar-engine visemes` and `avatar-engine lipsync-score`: the lips without the avatar, as files and as figures."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from avatar_engine.engine.errors import InputError
from avatar_engine.lipsync_manifest import CONDITIONS, Utterance, degraded, read_manifest
from avatar_engine.lipsync_score import Report, report, shown_of, truth_of
from avatar_engine.options import LANGUAGE_HELP
from avatar_engine.rhubarb_program import PROGRAM_MODEL, rhubarb_file
from avatar_engine.spoken_file import analyse, read_audio
from avatar_engine.viseme_formats import FORMATS, check_output, write
from avatar_engine.viseme_models import default_viseme_model, make_viseme_model
from avatar_engine.wording import text_of

_HEAD = (
    f"{'model':<12}{'cond':<7}{'group':<8}{'utt':>4}{'LSQ':>7}{'95 % interval':>15}{'live':>7}{'shape':>7}"
    f"{'vis15':>7}{'B-F1':>6}{'F-F1':>6}{'R-F1':>6}{'open r':>8}{'sil mv':>8}{'flick':>7}{'lag ms':>8}"
)


def export_visemes(args: argparse.Namespace) -> int:
    """Write the mouth of one recording as JSON, TSV, CSV or NPZ."""
    check_output(args.format, args.out)
    text = text_of(args.text, args.text_file)
    samples = read_audio(args.speech)
    name = args.model or default_viseme_model()
    if name == PROGRAM_MODEL:
        spoken = rhubarb_file(samples, text)
    else:
        spoken = analyse(make_viseme_model(name), samples, text=text, lang=args.lang)
    write(spoken, name, args.speech, args.format, args.out)
    return 0


def lipsync_score(args: argparse.Namespace) -> int:
    """Run a model over manifests and print the table, one row per group and condition."""
    # The babble of the noisy conditions is made of all voices, whichever of them are scored.
    everyone = [u for path in args.manifest for u in read_manifest(path)]
    utterances = [u for u in everyone if not args.kind or u.kind == args.kind]
    if not utterances:
        raise InputError(str(args.manifest[0]), "lists no utterances", "give a JSON-lines manifest with phones")
    name = args.model or default_viseme_model()
    model = make_viseme_model(name)
    print(_HEAD)
    for condition in args.cond or ["clean"]:
        pairs = []
        for utterance in utterances:
            truth = truth_of(utterance.phones, utterance.duration_s)
            samples = degraded(utterance, condition, everyone)
            text = utterance.text if args.text else None
            lang = utterance.lang if args.text or args.language else ""
            spoken = analyse(model, samples, text, lang, args.ahead)
            pairs.append((utterance, truth, shown_of(spoken.as_displayed(), len(truth.viseme))))
        for group, members in _groups(utterances, args.by):
            chosen = [(truth, shown) for u, truth, shown in pairs if u in members]
            print(_line(name, condition, group, report(chosen)), flush=True)
    return 0


def _groups(utterances: list[Utterance], by: str) -> Iterable[tuple[str, list[Utterance]]]:
    if by == "none":
        yield "all", utterances
        return
    names = sorted({getattr(u, by) for u in utterances})
    for name in names:
        yield name, [u for u in utterances if getattr(u, by) == name]
    if len(names) > 1:
        yield "all", utterances


def _line(name: str, condition: str, group: str, r: Report) -> str:
    b = r.best
    interval = f"[{r.low_lsq:.1f}, {r.high_lsq:.1f}]"
    return (
        f"{name:<12}{condition:<7}{group:<8}{r.utterances:>4}{b.lsq:>7.1f}{interval:>15}{r.live.lsq:>7.1f}"
        f"{100 * b.shape:>7.1f}{100 * b.viseme:>7.1f}{100 * b.closed_f1:>6.1f}{100 * b.labiodental_f1:>6.1f}"
        f"{100 * b.rounded_f1:>6.1f}{b.openness_r:>8.3f}{100 * b.moves_in_silence:>7.1f}%{b.flicker:>7.2f}"
        f"{r.lag_ms:>8d}"
    )


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `visemes` and `lipsync-score`."""
    one = commands.add_parser("visemes", help="speech in, mouth shapes out, as JSON, TSV, CSV or NPZ")
    one.add_argument("speech", type=Path, metavar="SPEECH", help="any sound file")
    words = one.add_mutually_exclusive_group()
    words.add_argument("--text", help="what is said: repairs closures that the sound alone hides")
    words.add_argument("--text-file", type=Path, metavar="FILE", help="the same, from a file")
    one.add_argument("--lang", default="", help=LANGUAGE_HELP)
    one.add_argument("--format", choices=FORMATS, default="json")
    one.add_argument(
        "--model",
        help=f"neural, rhubarb, spectral or an installed one; {PROGRAM_MODEL} runs Rhubarb Lip Sync's own program",
    )
    one.add_argument("--out", type=Path, metavar="FILE", help="instead of the standard output")
    one.set_defaults(run=export_visemes)
    many = commands.add_parser("lipsync-score", help="measure a lip-sync model on phone-aligned speech")
    many.add_argument("manifest", type=Path, nargs="+", metavar="MANIFEST", help="JSON lines; see docs")
    many.add_argument("--model", help="neural, rhubarb, spectral or an installed one")
    many.add_argument("--cond", action="append", choices=CONDITIONS, help="may be repeated; default clean")
    many.add_argument("--kind", help="only rows of this kind, such as real")
    many.add_argument("--by", choices=("none", "lang", "kind"), default="lang", help="rows of the table")
    many.add_argument("--text", action="store_true", help="let the model know the text and language of each row")
    many.add_argument("--language", action="store_true", help="let the model know the language of each row, no text")
    many.add_argument(
        "--ahead",
        action="store_true",
        help="as in files and with a voice that comes before it is heard; without, as with one in real time",
    )
    many.set_defaults(run=lipsync_score)


def main() -> int:
    """Both commands without the rest of the program."""
    parser = argparse.ArgumentParser(prog="avatar-engine")
    add_parser(parser.add_subparsers(required=True))
    args = parser.parse_args()
    return int(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
