"""Only measures lips: mouth frames against timed phones, as one figure (LSQ) and the parts it is made of.

LSQ = 100 x mean(mouth-shape accuracy, F1 of shut lips, of lip on teeth, of rounded lips, correlation of openness,
1 - movement in silence), at the model's best constant lag, which is reported as its latency.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.systems.phone_table import CLOSED, LABIODENTAL, ROUNDED, SILENCE, Segment, segments

Float = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
_Item = TypeVar("_Item", bound=np.generic)

RATE_HZ = 100
SHAPES = "ABCDEFGHX"
"""The nine shapes of the published animation practice that Rhubarb Lip Sync follows."""
SHAPE_INDEX = {name: index for index, name in enumerate(SHAPES)}
SHAPE_OF_VISEME = dict(  # noqa: C408
    sil="X", PP="A", FF="G", TH="B", DD="B", kk="B", CH="B", SS="B", nn="H", RR="E", aa="D", E="C", I="B", O="E", U="F"
)  # fmt: skip
SHAPES_FOR_VISEME = dict(  # noqa: C408
    sil="XA", PP="A", FF="G", TH="BH", DD="BH", kk="BC", CH="BFE", SS="B", nn="HB", RR="EFB",
    aa="DC", E="CB", I="B", O="ED", U="FE",
)  # fmt: skip
OPENNESS_OF_VISEME = dict(  # noqa: C408
    sil=0.0, PP=0.0, FF=0.12, TH=0.25, DD=0.25, kk=0.30, CH=0.22, SS=0.18, nn=0.25, RR=0.30,
    aa=0.95, E=0.60, I=0.35, O=0.60, U=0.30,
)  # fmt: skip
OPENNESS = np.array([OPENNESS_OF_VISEME[v] for v in VISEMES], np.float32)
_SHAPE_OF = np.array([SHAPE_INDEX[SHAPE_OF_VISEME[v]] for v in VISEMES])
LAGS = np.arange(-15, 41)
"""Lags tried, in frames; positive: the model is late."""
_KERNEL = np.exp(-0.5 * (np.arange(-8, 9) / 2.5) ** 2)
_KERNEL /= _KERNEL.sum()
_TOO_FAINT = 0.08
_MOVES = 0.12
_ARTICULATIONS = (CLOSED, LABIODENTAL, ROUNDED)
_TOLERANCE = {CLOSED: 5, LABIODENTAL: 5, ROUNDED: 3}


@dataclass(frozen=True, slots=True)
class Truth:
    """What a mouth should do, per frame of 10 ms; frame i is the instant i / 100 s."""

    viseme: Ints
    viseme_passes: Bools  # (n, 15)
    shape_passes: Bools  # (n, 9)
    openness: Float
    silent: Bools
    near_silence: Bools
    deep_silence: Bools
    counted: Bools
    events: dict[str, list[tuple[float, float]]]
    """Stretches (start_s, end_s) of shut, labiodental and rounded lips."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a mouth did: viseme label and openness per frame."""

    label: Ints
    openness: Float


def _smooth(x: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.convolve(np.pad(x, 8, mode="edge"), _KERNEL, "valid")


def _frames_of(mouth: Segment, count: int) -> tuple[int, int]:
    first = int(np.ceil(mouth.start_s * RATE_HZ - 1e-6))
    last = int(np.ceil(mouth.end_s * RATE_HZ - 1e-6))
    return max(first, 0), min(last, count)


def truth_of(phones: Sequence[tuple[float, float, str]], duration_s: float) -> Truth:
    """Ground truth from timed IPA phones [(start_s, end_s, ipa)]."""
    count = round(duration_s * RATE_HZ) + 1
    viseme = np.zeros(count, np.int64)
    viseme_passes = np.zeros((count, len(VISEMES)), np.bool_)
    viseme_passes[:, [VISEME_INDEX["sil"], VISEME_INDEX["PP"]]] = True
    shape_passes = np.zeros((count, len(SHAPES)), np.bool_)
    shape_passes[:, [SHAPE_INDEX["X"], SHAPE_INDEX["A"]]] = True
    openness = np.zeros(count, np.float32)
    silent = np.ones(count, np.bool_)
    known = np.ones(count, np.bool_)
    events: dict[str, list[tuple[float, float]]] = {a: [] for a in _ARTICULATIONS}
    for mouth in segments(phones):
        if mouth.symbol == SILENCE:
            continue
        i, j = _frames_of(mouth, count)
        if i < j:
            silent[i:j] = False
            openness[i:j] = mouth.phone.openness
            if mouth.phone.viseme is None:
                known[i:j] = False
                viseme[i:j] = 0
                viseme_passes[i:j] = True
                shape_passes[i:j] = True
            else:
                viseme[i:j] = VISEME_INDEX[mouth.phone.viseme]
                viseme_passes[i:j] = False
                shape_passes[i:j] = False
                for name in mouth.phone.accepted:
                    viseme_passes[i:j, VISEME_INDEX[name]] = True
                    shape_passes[i:j, [SHAPE_INDEX[s] for s in SHAPES_FOR_VISEME[name]]] = True
        if mouth.phone.articulation:
            stretches = events[mouth.phone.articulation]
            if stretches and mouth.start_s - stretches[-1][1] < 1e-3:
                stretches[-1] = (stretches[-1][0], mouth.end_s)
            else:
                stretches.append((mouth.start_s, mouth.end_s))
    near, deep = _around_silence(silent)
    spoken = np.flatnonzero(~silent)
    counted = np.zeros(count, np.bool_)
    if len(spoken):
        counted[max(0, spoken[0] - 20) : min(count, spoken[-1] + 21)] = True
    return Truth(
        viseme,
        viseme_passes,
        shape_passes,
        _with_closures(openness, events[CLOSED]),
        silent,
        near,
        deep,
        counted & known,
        events,
    )


def _with_closures(openness: Float, closures: Sequence[tuple[float, float]]) -> Float:
    """Lips move smoothly, and a closure pulls them fully shut at its middle."""
    t = np.arange(len(openness)) / RATE_HZ
    out = _smooth(openness)
    for start_s, end_s in closures:
        half_s = max(0.03, (end_s - start_s) / 2 + 0.015)
        away = np.abs(t - (start_s + end_s) / 2)
        pulled = np.clip(away / half_s, 0, 1) ** 2 + np.where(away > half_s, 9, 0)
        out = np.minimum(out, pulled)
    return out.astype(np.float32)


def _around_silence(silent: Bools) -> tuple[Bools, Bools]:
    """Frames within 60 ms of a silence of at least 80 ms, and frames 150 ms deep in one."""
    count = len(silent)
    edges = np.diff(np.concatenate([[0], silent.astype(int), [0]]))
    near = np.zeros(count, np.bool_)
    deep = np.zeros(count, np.bool_)
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)):
        if end - start < 8:
            continue
        near[max(0, start - 6) : min(count, end + 6)] = True
        low = start + 15 if start > 0 else start
        high = end - 15 if end < count else end
        if high > low:
            deep[low:high] = True
    return near, deep


def shown_of(weights: Float, count: int) -> Shown:
    """Viseme weights (T, 15) at 100 Hz, as displayed, cut or held to `count` frames."""
    w = np.asarray(weights, np.float32)[:count]
    if len(w) < count:
        w = np.concatenate([w, np.repeat(w[-1:], count - len(w), 0)])
    total = w.sum(1)
    label = w.argmax(1)
    label[total < _TOO_FAINT] = 0
    open_part = w.copy()
    open_part[:, 0] = 0
    return Shown(label, (open_part @ OPENNESS) / np.maximum(1.0, total))


def _shifted(x: NDArray[_Item], lag: int) -> NDArray[_Item]:
    if lag == 0:
        return x
    if lag > 0:
        return np.concatenate([x[lag:], np.repeat(x[-1:], lag, 0)])
    return np.concatenate([np.repeat(x[:1], -lag, 0), x[:lag]])


# One row of sums per utterance, so that resampling utterances only adds rows.
_SUMS = (
    "frames", "viseme_right", "shape_right", "corr", "corr_n", "moved", "deep", "changes", "true_changes",
    *(f"{a}_{part}" for a in _ARTICULATIONS for part in ("hit", "events", "true", "shown")),
)  # fmt: skip
_AT = {name: index for index, name in enumerate(_SUMS)}


def _sums(truth: Truth, shown: Shown, lag: int) -> NDArray[np.float64]:
    out = np.zeros(len(_SUMS))
    label, opened = _shifted(shown.label, lag), _shifted(shown.openness, lag)
    shape = _SHAPE_OF[label]
    count = len(label)
    frames = np.arange(count)
    out[_AT["frames"]] = truth.counted.sum()
    out[_AT["viseme_right"]] = (truth.viseme_passes[frames, label] & truth.counted).sum()
    out[_AT["shape_right"]] = (truth.shape_passes[frames, shape] & truth.counted).sum()
    out[_AT["changes"]] = ((np.diff(shape) != 0) & ~truth.silent[1:]).sum()
    out[_AT["true_changes"]] = ((np.diff(_SHAPE_OF[truth.viseme]) != 0) & ~truth.silent[1:]).sum()
    flags = {
        CLOSED: (label == VISEME_INDEX["sil"]) | (label == VISEME_INDEX["PP"]),
        LABIODENTAL: label == VISEME_INDEX["FF"],
        ROUNDED: (label == VISEME_INDEX["O"]) | (label == VISEME_INDEX["U"]),
    }
    inside = ~truth.silent & ~truth.near_silence
    for kind, flag in flags.items():
        zone = np.zeros(count, np.bool_)
        reach = _TOLERANCE[kind]
        for start_s, end_s in truth.events[kind]:
            first, last = int(start_s * RATE_HZ), int(np.ceil(end_s * RATE_HZ))
            zone[max(0, first - 5) : min(count, last + 5)] = True
            if kind == CLOSED and truth.near_silence[first : max(first + 1, int(end_s * RATE_HZ))].any():
                continue
            out[_AT[f"{kind}_events"]] += 1
            out[_AT[f"{kind}_hit"]] += flag[max(0, first - reach) : min(count, last + reach)].any()
        out[_AT[f"{kind}_shown"]] += (flag & inside).sum()
        out[_AT[f"{kind}_true"]] += (flag & inside & zone).sum()
    spoken = np.flatnonzero(~truth.silent)
    if len(spoken) > 20:
        a, b = max(0, spoken[0] - 20), min(count, spoken[-1] + 21)
        x, y = _smooth(opened)[a:b], truth.openness[a:b]
        out[_AT["corr"]] = np.corrcoef(x, y)[0, 1] if x.std() > 1e-6 else 0.0
        out[_AT["corr_n"]] = 1
    out[_AT["moved"]] = (truth.deep_silence & (opened > _MOVES)).sum()
    out[_AT["deep"]] = truth.deep_silence.sum()
    return out


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of one model; shares between 0 and 1, LSQ of 100."""

    lsq: float
    shape: float
    viseme: float
    closed_f1: float
    labiodental_f1: float
    rounded_f1: float
    openness_r: float
    moves_in_silence: float
    flicker: float
    """Shape changes shown per change spoken."""


def _score(sums: NDArray[np.float64]) -> Score:
    def ratio(part: str, whole: str) -> float:
        return float(sums[_AT[part]] / max(sums[_AT[whole]], 1e-9))

    def f1(kind: str) -> float:
        recall, precision = ratio(f"{kind}_hit", f"{kind}_events"), ratio(f"{kind}_true", f"{kind}_shown")
        return 2 * recall * precision / max(recall + precision, 1e-9)

    shape = ratio("shape_right", "frames")
    closed, labiodental, rounded = (f1(kind) for kind in _ARTICULATIONS)
    openness_r, moves = ratio("corr", "corr_n"), ratio("moved", "deep")
    lsq = 100 * float(np.mean([shape, closed, labiodental, rounded, max(0.0, openness_r), 1 - moves]))
    return Score(
        lsq,
        shape,
        ratio("viseme_right", "frames"),
        closed,
        labiodental,
        rounded,
        openness_r,
        moves,
        ratio("changes", "true_changes"),
    )


@dataclass(frozen=True, slots=True)
class Report:
    """Score at the best lag, its 95 % interval, and the score without compensating the lag."""

    best: Score
    low_lsq: float
    high_lsq: float
    live: Score
    lag_ms: int
    utterances: int


def report(pairs: Sequence[tuple[Truth, Shown]], resamples: int = 400, lag: int | None = None) -> Report:
    """Score utterances together; `lag` in frames fixes the compensated lag."""
    if lag is None:

        def agreement(frames: int) -> int:
            total = 0
            for truth, shown in pairs:
                shape = _SHAPE_OF[_shifted(shown.label, frames)]
                total += int((truth.shape_passes[np.arange(len(shape)), shape] & truth.counted).sum())
            return total

        lag = int(LAGS[int(np.argmax([agreement(int(d)) for d in LAGS]))])
    rows = np.array([_sums(truth, shown, lag) for truth, shown in pairs])
    live = np.array([_sums(truth, shown, 0) for truth, shown in pairs])
    rng = np.random.default_rng(0)
    picks = [rng.integers(0, len(rows), len(rows)) for _ in range(resamples)]
    spread = [_score(rows[pick].sum(0)).lsq for pick in picks] or [float("nan")]
    low, high = np.percentile(spread, (2.5, 97.5))
    return Report(_score(rows.sum(0)), float(low), float(high), _score(live.sum(0)), lag * 1000 // RATE_HZ, len(pairs))
