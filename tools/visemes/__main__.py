"""Trains the viseme model from nothing: `python -m tools.visemes --real DIR`.

Speaks the synthetic corpora, prepares the data, trains, moves the boundaries of the recordings to where the network
hears them, trains on, exports and measures. Every step is a module of its own that can be run alone; finished steps are
kept in `--work` and not repeated, and an interrupted training goes on where it was: run the same command again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

# Share of the time that is trained on the labels as they came.
FIRST_SHARE = 0.4


def _run(module: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", f"tools.visemes.{module}", *map(str, arguments)]
    print("+", " ".join(command[2:]), flush=True)
    subprocess.run(command, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--real", type=Path, required=True, help="folder of aligned recordings: manifest.jsonl and audio"
    )
    parser.add_argument("--dev", type=Path, nargs="*", default=[], help="manifests to measure on, never trained on")
    parser.add_argument("--work", type=Path, default=Path("out/visemes"))
    parser.add_argument("--out", type=Path, default=Path("assets/models/visemes.onnx"))
    parser.add_argument("--minutes", type=float, default=150.0, help="training time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="share of the synthetic speech, to try the whole out")
    args = parser.parse_args()
    synth, data = args.work / "synth", args.work / "data"
    first, model, weights = args.work / "first.npz", args.work / "first.onnx", args.work / "weights.npz"
    threads = ("--threads", str(args.threads))
    if not (synth / "utterances.jsonl").exists():
        hours, sentences = 5.0 * args.share, str(max(2, round(300 * args.share)))
        _run("synth_corpus", "--out", synth, "--hours", str(hours), "--festival", sentences, "--flite", sentences)
    if not (data / "noise.npz").exists():
        _run("training_data", "--synth", synth, "--real", args.real, "--out", data)
    if not model.exists():
        _run("train", "--data", data, "--out", first, "--minutes", str(args.minutes * FIRST_SHARE), *threads)
        _run("export", "--weights", first, "--out", model)
    _run("realignment", "--real", args.real, "--model", model, "--data", data)
    if not weights.exists() or weights.with_suffix(".state.npz").exists():
        more = args.minutes * (1 - FIRST_SHARE)
        _run("train", "--data", data, "--out", weights, "--begin", first, "--minutes", str(more), *threads)
    # The second stage knows the language of the recordings better, the first one others: the mean has most of both.
    _run("export", "--weights", first, weights, "--out", args.out)
    if args.dev:
        _run("evaluate", "--model", args.out, "--manifest", *args.dev)


if __name__ == "__main__":
    main()
