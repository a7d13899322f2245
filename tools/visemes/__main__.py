"""Trains the viseme model from nothing: `python -m tools.visemes --real DIR`.

Speaks the synthetic corpora, prepares the data, trains, moves the boundaries of the recordings to where the network
hears them, trains on, exports and measures. Every step is a module of its own that can be run alone; finished steps are
kept in `--work` and not repeated, and an interrupted training goes on where it was: run the same command again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.visemes import network


@dataclass(frozen=True, slots=True)
class Stage:
    """One more training from the weights before.

    share: of the time; rate: peak learning rate; kept: share of the weights it began with that its result keeps. What a
    stage learns of the recordings' language it forgets of others: the mean of what it began and ended with knows most of
    both.
    """

    share: float
    rate: float
    kept: float = 0.0


STAGES = (
    Stage(0.11, 2e-3), Stage(0.13, 2e-3, kept=0.5), Stage(0.12, 2e-3), Stage(0.13, 2e-3), Stage(0.10, 1e-3, kept=0.5),
    Stage(0.22, 1e-3, kept=0.4), Stage(0.19, 1e-3, kept=1 / 3),
)  # fmt: skip
# glibc gives the large arrays of every step back to the system and asks for them again: a fifth of the time.
_KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**31 - 1), "MALLOC_TRIM_THRESHOLD_": str(2**33)}


def _run(module: str, *arguments: str | Path) -> None:
    command = [sys.executable, "-m", f"tools.visemes.{module}", *map(str, arguments)]
    print("+", " ".join(command[2:]), flush=True)
    subprocess.run(command, check=True, env=_KEEP_MEMORY | os.environ)


def _realign(real: Path, model: Path, data: Path, aligned: Path, seed: int) -> None:
    if not aligned.exists():
        new = aligned.with_suffix(".part")
        _run("realignment", "--real", real, "--model", model, "--out", new)
        _run("training_data", "--real", real, "--alignment", new, "--out", data, "--seed", str(seed))
        new.rename(aligned)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--real", type=Path, required=True, help="folder of aligned recordings: manifest.jsonl and audio"
    )
    parser.add_argument("--dev", type=Path, nargs="*", default=[], help="manifests to measure on, never trained on")
    parser.add_argument("--work", type=Path, default=Path("out/visemes"))
    parser.add_argument("--out", type=Path, default=Path("assets/models/visemes.onnx"))
    parser.add_argument("--minutes", type=float, default=410.0, help="training time")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--share", type=float, default=1.0, help="share of the synthetic speech, to try the whole out")
    args = parser.parse_args()
    synth, data = args.work / "synth", args.work / "data"
    if not (synth / "utterances.jsonl").exists():
        few, many = (str(max(2, round(count * args.share))) for count in (300, 700))
        sentences = ("--festival", few, "--flite", few, "--varied", many)
        _run("synth_corpus", "--out", synth, "--hours", str(5.0 * args.share), *sentences)
    if not (data / "noise.npz").exists():
        _run("training_data", "--synth", synth, "--real", args.real, "--out", data)
    begin: tuple[str | Path, ...] = ()
    for stage, plan in enumerate(STAGES, 1):
        trained, result = args.work / f"trained{stage}.npz", args.work / f"stage{stage}.npz"
        model = result.with_suffix(".onnx")
        if not model.exists():
            if begin:
                before = args.work / f"stage{stage - 1}.onnx"
                _realign(args.real, before, data, args.work / f"aligned{stage}.jsonl", stage)
            if not trained.exists() or trained.with_suffix(".state.npz").exists():
                minutes = str(args.minutes * plan.share)
                how = ("--minutes", minutes, "--rate", str(plan.rate), "--threads", str(args.threads))
                _run("train", "--data", data, "--out", trained, *begin, *how)
            params, shape = network.load(trained)
            if begin:
                params = network.mixed(network.load(args.work / f"stage{stage - 1}.npz")[0], params, plan.kept)
            network.save(result, params, shape)
            _run("export", "--weights", result, "--out", model)
        begin = ("--begin", result)
    shutil.copyfile(model, args.out)
    if args.dev:
        _run("evaluate", "--model", args.out, "--manifest", *args.dev)


if __name__ == "__main__":
    main()
