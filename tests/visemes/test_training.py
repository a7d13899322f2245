"""Labels of the training stay true: phones that last longer, boundaries that move to where they are heard."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.engine.assets import asset_path
from avatar_engine.lipsync_manifest import Utterance
from avatar_engine.systems.log_mel import BANDS
from avatar_engine.systems.phone_table import CLASS_OF_SYMBOL, PHONE_CLASSES
from avatar_engine.systems.viseme_decoding import Decoding
from tests.visemes.speech import phones_of
from tools.visemes.augmentation import (
    _LONG_STOP_HOPS,
    _VOICED_STOP_HOPS,
    _bend,
    _compressed,
    _sharpened,
    _uneven,
    _warp,
)
from tools.visemes.realignment import REACH_HOPS, realigned
from tools.visemes.train import write_whole
from tools.visemes.tuning import Beliefs, tuned

pytestmark = pytest.mark.property


def beliefs(symbols: list[str], sure: float = 0.9) -> np.ndarray:
    """(hops, classes) of a network that hears one symbol per hop."""
    out = np.full((len(symbols), len(PHONE_CLASSES)), (1 - sure) / (len(PHONE_CLASSES) - 1))
    out[np.arange(len(symbols)), [CLASS_OF_SYMBOL[s] for s in symbols]] = sure
    return out


EVEN = np.full(len(PHONE_CLASSES), 1 / len(PHONE_CLASSES))


@pytest.mark.parametrize("late_hops", [-5, -2, 0, 3, 5])
def test_a_boundary_moves_to_where_it_is_heard(late_hops: int) -> None:
    heard = beliefs(["sil"] * 10 + ["a"] * (20 + late_hops) + ["m"] * (20 - late_hops) + ["sil"] * 10)
    old = [(0.0, 0.1, "sil"), (0.1, 0.3, "a"), (0.3, 0.5, "m"), (0.5, 0.6, "sil")]
    new = realigned(old, heard, EVEN)
    assert [p for _, _, p in new] == [p for _, _, p in old]
    assert new[2][0] == pytest.approx(0.3 + 0.01 * late_hops, abs=0.011)
    assert (new[0][0], new[-1][1]) == (0.0, 0.6)
    assert all(a[1] == b[0] for a, b in itertools.pairwise(new))


def test_no_boundary_leaves_its_neighbourhood() -> None:
    heard = beliefs(["a"] * 5 + ["m"] * 55)
    new = realigned([(0.0, 0.4, "a"), (0.4, 0.6, "m")], heard, EVEN)
    assert abs(new[1][0] - 0.4) <= 0.01 * REACH_HOPS + 1e-9


def test_diphthongs_and_glottal_stops_are_one_phone_each() -> None:
    old = [(0.0, 0.1, "h"), (0.1, 0.3, "aɪ"), (0.3, 0.35, "ʔ"), (0.35, 0.6, "b")]
    heard = beliefs(["h"] * 10 + ["a"] * 12 + ["ɪ"] * 8 + ["ə"] * 5 + ["b"] * 25)
    new = realigned(old, heard, EVEN)
    assert [p for _, _, p in new] == ["h", "aɪ", "ʔ", "b"]
    assert new[1][:2] == pytest.approx((0.1, 0.3), abs=0.011)


@pytest.mark.parametrize("seed", range(8))
def test_silence_keeps_its_length_and_speech_stays_within_bounds(seed: int) -> None:
    said = ["sil"] * 30 + ["t"] * 6 + ["a"] * 12 + ["m"] * 7 + ["o"] * 10 + ["sil"] * 30
    phone = np.array([CLASS_OF_SYMBOL[s] for s in said], np.int16)
    hops, _ = _uneven(phone, np.ones((len(phone), BANDS), np.float16), np.random.default_rng(seed))
    assert hops.shape == phone.shape
    assert (hops[phone == 0] == 1).all()
    assert hops.min() >= 0.4
    assert hops.max() <= 8


def stop(symbol: str, before: str = "a", after: str = "a", closure: float = 1e-3) -> tuple[np.ndarray, np.ndarray]:
    """Classes (30,) and power (30, BANDS) of a stop of 10 hops, 6 of them closed, between two others."""
    phone = np.array([CLASS_OF_SYMBOL[s] for s in [before] * 10 + [symbol] * 10 + [after] * 10], np.int16)
    power = np.full((30, BANDS), 1.0, np.float16)
    power[11:16] = closure
    power[13:15] = closure / 2
    power[16:20] = 0.3
    return phone, power


@pytest.mark.parametrize(("symbol", "most"), [("t", _LONG_STOP_HOPS[1]), ("d", _VOICED_STOP_HOPS[1])])
def test_the_silence_of_some_stops_is_long_while_they_close_and_burst_as_ever(symbol: str, most: int) -> None:
    phone, power = stop(symbol)
    rng = np.random.default_rng(1)
    drawn = [_uneven(phone, power, rng) for _ in range(600)]
    hops = np.array([density for density, _ in drawn])
    long = hops[:, 14] > 3.5
    assert 0.1 < long.mean() < 0.3
    assert 0.8 * most < hops[long].max() <= most
    assert np.delete(hops, 14, axis=1).max() < 3.5
    # Only where no voice goes on may it be as silent as nothing.
    dead = [held for _, held in drawn if held]
    assert (len(dead) == long.sum()) if symbol == "t" else not dead


@pytest.mark.parametrize("unheard", [stop("t", closure=0.5), stop("t", before="sil"), stop("t", after="sil")])
def test_a_stop_that_does_not_close_or_ends_in_a_pause_is_not_held(unheard: tuple[np.ndarray, np.ndarray]) -> None:
    rng = np.random.default_rng(2)
    assert not any(held for _, held in (_uneven(*unheard, rng) for _ in range(200)))


def test_decisions_are_tuned_until_no_step_helps(capsys: pytest.CaptureFixture[str]) -> None:
    said = [
        Utterance(f, asset_path("speech", f), f[5:7], "real", phones_of(f)[-1][1], tuple(phones_of(f)), "")
        for f in ("demo_en.flac", "demo_it.flac")
    ]
    beliefs = Beliefs(said, None)
    # Lips that seldom shut, often bite and hardly change.
    wrong = Decoding(close_over=0.8, bite_over=0.2, stay=0.95)
    found = tuned(beliefs, wrong, rounds=1)
    assert beliefs.worth(found) > beliefs.worth(wrong) + 2
    worth = [float(line.split()[0]) for line in capsys.readouterr().out.splitlines()]
    assert worth == sorted(worth)
    assert beliefs.score("synth", "clean", found) is None


def test_a_training_that_is_stopped_while_it_saves_keeps_what_it_had(tmp_path: Path) -> None:
    state = tmp_path / "weights.state.npz"
    write_whole(state, lambda part: np.savez(part, count=1))

    def stopped(part: Path) -> None:
        part.write_bytes(b"half of it")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_whole(state, stopped)
    assert int(np.load(state)["count"]) == 1
    write_whole(state, lambda part: np.savez(part, count=2))
    assert int(np.load(state)["count"]) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["weights.state.npz"]


def formants() -> np.ndarray:
    """Two seconds of two formants that come and go, (200, BANDS)."""
    bands = np.arange(BANDS)
    shape = np.exp(-0.5 * ((bands - 10) / 1.5) ** 2) + 0.3 * np.exp(-0.5 * ((bands - 22) / 1.5) ** 2) + 1e-3
    loud = 10 ** np.interp(np.arange(200), [0, 50, 100, 150, 199], [-3, 0, -2, 0, -3])
    return (loud[:, None] * shape).astype(np.float32)


def test_formants_stand_out_more_or_less() -> None:
    def depth(power: np.ndarray) -> float:
        return float(np.mean(np.log(power[50:150, 10] / power[50:150, 16])))

    power = formants()
    assert depth(_sharpened(power, 0.7)) < 0.9 * depth(power)
    assert depth(_sharpened(power, 1.3)) > 1.1 * depth(power)
    assert _sharpened(power, 1.0) == pytest.approx(power, abs=1e-4)
    assert not _sharpened(np.zeros((20, BANDS), np.float32), 0.7).any()


def test_the_faint_becomes_louder_and_the_loud_stays() -> None:
    power = formants()
    heard = _compressed(power, 0.4)
    assert heard[50].sum() == pytest.approx(power[50].sum(), rel=0.35)
    assert heard[100].sum() > 2 * power[100].sum()
    assert heard[100] / power[100] == pytest.approx(np.full(BANDS, heard[100, 0] / power[100, 0]))
    assert not _compressed(np.zeros((20, BANDS), np.float32), 0.4).any()


def test_a_bent_throat_moves_formants_apart() -> None:
    rng = np.random.default_rng(4)
    moved = []
    for _ in range(40):
        heard = formants()[50] @ _warp(1.0, _bend(rng))
        moved.append((heard[4:16].argmax() + 4, heard[17:28].argmax() + 17))
    first, second = np.array(moved).T
    assert abs(first.mean() - 10) < 1
    assert abs(second.mean() - 22) < 1
    assert np.std(second - first) > 0.5
