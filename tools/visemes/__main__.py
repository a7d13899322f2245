"""Trains the viseme model from nothing: `python -m tools.visemes --real DIR`.

Speaks the synthetic corpora, prepares the data, trains, exports and measures. Every step is a module of its own that
can be run alone; finished steps are kept in `--work` and not repeated.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path


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
    args = parser.parse_args()
    synth, data, weights = args.work / "synth", args.work / "data", args.work / "weights.npz"
    if not (synth / "utterances.jsonl").exists():
        _run("synth_corpus", "--out", synth)
    if not (data / "noise.npz").exists():
        _run("training_data", "--synth", synth, "--real", args.real, "--out", data)
    _run("train", "--data", data, "--out", weights, "--minutes", str(args.minutes), "--threads", str(args.threads))
    _run("export", "--weights", weights, "--out", args.out)
    if args.dev:
        _run("evaluate", "--model", args.out, "--manifest", *args.dev)


if __name__ == "__main__":
    main()
