"""Only moves the phone boundaries of recordings to where a trained network hears them, within a small reach.

    python -m tools.visemes.realignment --real DIR --model FILE.onnx --out FILE.jsonl

Forced alignments are often a few hops off and sometimes squeeze a phone into 15 ms. The best path through the same
phones, no boundary further than REACH_HOPS from its old place, makes cleaner labels for the training that follows.
Writes a manifest with those for `training_data`.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL, base_symbols
from avatar_engine.systems.viseme_posteriors import PosteriorStreams
from tools.visemes.hearing import heard
from tools.visemes.training_data import read_real

HOP_S = 0.01
REACH_HOPS = 6
OLD_PLACE = 0.8  # log odds for staying with the old label
SHARPNESS = 0.7  # neighbouring hops are no independent witnesses
PRIOR_POWER = 0.5
_NEVER = -1e9

Phones = list[tuple[float, float, str]]
Float = npt.NDArray[np.float64]


def realigned(phones: Phones, belief: Float, prior: Float) -> Phones:
    """The same phones with better boundaries; unchanged where no path exists."""
    hops = len(belief)
    evidence = SHARPNESS * (np.log(belief + 1e-4) - PRIOR_POWER * np.log(prior))
    neutral = evidence.mean(axis=1)
    middle = np.arange(hops) + 0.5
    owner: list[int] = []
    rows: list[Float] = []
    for i, (start_s, end_s, ipa) in enumerate(phones):
        first, last = start_s / HOP_S, end_s / HOP_S
        for symbol in base_symbols(ipa) or ("sil",):
            klass = CLASS_OF_SYMBOL.get(symbol)
            row = (neutral if klass is None else evidence[:, klass]).copy()
            row[(middle >= first) & (middle < last)] += OLD_PLACE
            row[(middle < first - REACH_HOPS) | (middle > last + REACH_HOPS)] = _NEVER
            owner.append(i)
            rows.append(row)
    score = np.stack(rows)
    count = len(score)
    best = np.full(count, _NEVER)
    best[0] = score[0, 0]
    came = np.zeros((hops, count), np.bool_)
    for t in range(1, hops):
        entered = np.concatenate([[_NEVER], best[:-1]])
        came[t] = entered > best
        best = np.maximum(best, entered) + score[:, t]
    if best[-1] < _NEVER / 2:
        return phones
    begins = np.zeros(len(phones), np.int64)
    state = count - 1
    for t in range(hops - 1, 0, -1):
        if came[t, state]:
            if owner[state] != owner[state - 1]:
                begins[owner[state]] = t
            state -= 1
    edges = [phones[0][0], *(b * HOP_S for b in begins[1:].tolist()), phones[-1][1]]
    return [(round(edges[i], 3), round(edges[i + 1], 3), p[2]) for i, p in enumerate(phones)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    streams = PosteriorStreams(model=args.model)
    rows = [json.loads(line) for line in (args.real / "manifest.jsonl").read_text(encoding="utf8").splitlines()]
    beliefs = [
        heard(streams, samples, ahead=True).phone[0, streams.delay_frames :].astype(np.float64)
        for samples, _, _ in read_real(args.real)
    ]
    prior = np.concatenate(beliefs).mean(axis=0)
    moved: list[float] = []
    for row, belief in zip(rows, beliefs):
        old = [(a, b, p) for a, b, p in row["phones"]]
        new = realigned(old, belief, prior)
        moved += [abs(a[0] - b[0]) for a, b in zip(old[1:], new[1:])]
        row["phones"] = new
    args.out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf8")
    far = np.array(moved)
    mean_ms, share = far.mean() * 1e3, float(np.mean(far > 0.02))
    print(f"{len(rows)} recordings; boundaries moved {mean_ms:.1f} ms on average, {share:.0%} by more than 20 ms")


if __name__ == "__main__":
    main()
