"""Only finds how to decide (`Decoding`) for a trained model: one setting after the other, as long as one helps.

    python -m tools.visemes.tuning --manifest FILE... [--model FILE.onnx] [--rounds 2]

Prints what to write into `systems/viseme_decoding.py`. What counts is LSQ on real speech, clean (.4), in noise (.25), by
telephone (.15), and on synthetic speech (.2), less what flickers, moves in silence or comes late.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from avatar_engine.engine.errors import InputError
from avatar_engine.lipsync_manifest import Utterance, degraded, read_manifest
from avatar_engine.lipsync_score import Report, Truth, report, shown_of, truth_of
from avatar_engine.systems.viseme_decoding import Decoding, VisemeDecoder
from avatar_engine.systems.viseme_posteriors import Posteriors, PosteriorStreams
from tools.visemes.hearing import heard

SHARES = {
    ("real", "clean"): 0.4,
    ("real", "n20"): 0.15,
    ("real", "n10"): 0.1,
    ("real", "tel"): 0.15,
    ("synth", "clean"): 0.2,
}
# Lips that shut stay so for 40 ms, whatever a score would gain from less.
STEPS: dict[str, float] = {
    "stay": 0.1, "close_over": 0.04, "bite_over": 0.04, "rounded_bias": 0.25, "speech_over": 0.08, "gate_falls": 0.04,
    "bite_hops": 1, "focus": 0.1,
}  # fmt: skip
LEAST_GAIN = 0.03
MOST_FLICKER, MOST_MOVES, MOST_LAG_MS = 1.19, 0.028, 80


class Beliefs:
    """What the network believes of every utterance, worked out once."""

    def __init__(self, utterances: Sequence[Utterance], model: Path | None, ahead: bool = False) -> None:
        streams = PosteriorStreams(model=model)
        if not any(u.kind == kind for u in utterances for kind, _ in SHARES):
            raise InputError("manifest", "has no utterance of kind 'real' or 'synth'", "say the kind in each line")
        self._every: dict[tuple[str, str], tuple[list[Truth], np.ndarray]] = {}
        for kind, condition in SHARES:
            chosen = [u for u in utterances if u.kind == kind]
            rows = [heard(streams, degraded(u, condition, utterances), ahead).every[0] for u in chosen]
            longest = max((len(row) for row in rows), default=0)
            held = [np.concatenate([row, np.repeat(row[-1:], longest - len(row), 0)]) for row in rows]
            self._every[kind, condition] = [truth_of(u.phones, u.duration_s) for u in chosen], np.array(held)

    def score(self, kind: str, condition: str, decoding: Decoding) -> Report | None:
        """None where there is no utterance of that kind."""
        truths, every = self._every[kind, condition]
        if not truths:
            return None
        decoder = VisemeDecoder(decoding)
        for slot in range(len(truths)):
            decoder.reset(slot)
        weights = decoder.push(np.arange(len(truths)), Posteriors(every)).weights
        at_rest = np.zeros((len(truths), 1, weights.shape[2]), np.float32)
        at_rest[..., 0] = 1.0
        shown = np.concatenate([at_rest, weights], axis=1)  # as a live listener sees it: a hop later
        pairs = [(truth, shown_of(mouth, len(truth.viseme))) for truth, mouth in zip(truths, shown)]
        return report(pairs, resamples=0)

    def worth(self, decoding: Decoding) -> float:
        """What is made as large as it gets."""
        total = shares = 0.0
        for (kind, condition), share in SHARES.items():
            found = self.score(kind, condition, decoding)
            if found is None:
                continue
            shares += share
            total += share * found.best.lsq
            if (kind, condition) == ("real", "clean"):
                total -= 20 * max(0.0, found.best.flicker - MOST_FLICKER)
                total -= 100 * max(0.0, found.best.moves_in_silence - MOST_MOVES)
                total -= 0.1 * max(0, found.lag_ms - MOST_LAG_MS)
        return total / shares


def tuned(beliefs: Beliefs, decoding: Decoding, rounds: int) -> Decoding:
    """The best of single steps from `decoding`, with smaller steps in every round."""
    best = beliefs.worth(decoding)
    print(f"{best:.2f}  as it is", flush=True)
    for round_ in range(rounds):
        for name, step in STEPS.items():
            for sign in (1, -1):
                while (value := _moved(decoding, name, sign * step / 2**round_)) is not None:
                    tried = replace(decoding, **{name: value})
                    if not _in_order(tried):
                        break
                    worth = beliefs.worth(tried)
                    if worth < best + LEAST_GAIN:
                        break
                    decoding, best = tried, worth
                    print(f"{best:.2f}  {name} {value:g}", flush=True)
    return decoding


def _moved(decoding: Decoding, name: str, step: float) -> float | int | None:
    value = getattr(decoding, name)
    if isinstance(value, int):
        moved = value + (1 if step > 0 else -1)
        return moved if 1 <= moved <= 7 else None
    moved = round(value + step, 4)
    return moved if 0 < moved < (4 if name == "rounded_bias" else 1) else None


def _in_order(d: Decoding) -> bool:
    """Whether lips rest only where nobody speaks."""
    return d.rest_under <= d.speech_over


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, nargs="+", required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--ahead", action="store_true", help="as with a voice that comes before it is heard")
    args = parser.parse_args()
    beliefs = Beliefs([u for path in args.manifest for u in read_manifest(path)], args.model, args.ahead)
    found = tuned(beliefs, Decoding(), args.rounds)
    print(found)
    for kind, condition in SHARES:
        seen = beliefs.score(kind, condition, found)
        if seen is not None:
            b = seen.best
            print(
                f"{kind} {condition}: LSQ {b.lsq:.1f}, B {100 * b.closed_f1:.1f}, F {100 * b.labiodental_f1:.1f}, "
                f"R {100 * b.rounded_f1:.1f}, open {b.openness_r:.3f}, moves {100 * b.moves_in_silence:.1f} %, "
                f"flicker {b.flicker:.2f}, lag {seen.lag_ms} ms"
            )


if __name__ == "__main__":
    main()
