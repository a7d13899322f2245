"""What the training reads: copies of voices, and how often each kind of voice is heard."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from tools.visemes.augmentation import Bank
from tools.visemes.synth_corpus import CorpusWriter, Manner, any_manner, readable
from tools.visemes.training_data import FORMANTS, RECORDED, RECORDED_ENGLISH, _synth_bank, read_synth

pytestmark = pytest.mark.unit

VOICES = [("en", "espeak-ng"), *[("it", "espeak-ng")] * 9, ("it", "festival"), ("en", "festival"), ("en", "flite")]
KINDS = [*[FORMANTS] * 10, RECORDED, RECORDED_ENGLISH, RECORDED_ENGLISH]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    rng = np.random.default_rng(7)
    writer = CorpusWriter(tmp_path / "corpus")
    for lang, source in VOICES:
        samples = (0.1 * rng.standard_normal(9_600)).astype(np.float32)
        writer.add(
            samples, [(0.0, 0.2, "sil"), (0.2, 0.4, "a"), (0.4, 0.6, "sil")], lang=lang, source=source, voice="v"
        )
    writer.close()
    return tmp_path / "corpus"


def test_a_corpus_is_read_as_it_was_spoken(corpus: Path) -> None:
    rows = list(read_synth(corpus))
    assert [kind for *_, kind in rows] == KINDS
    for samples, mouths, _ in rows:
        assert samples.shape == (9_600,)
        assert 0.09 < samples.std() < 0.11
        assert [m.symbol for m in mouths] == ["sil", "a", "sil"]


def test_few_voices_become_many_and_every_kind_is_heard_as_often(corpus: Path) -> None:
    bank = _synth_bank([corpus], np.random.default_rng(3))[0]
    kinds = np.array(bank.group)
    # Itself, other throats, and for four of five one copy as the world changes it.
    assert (kinds == FORMANTS).sum() == 10 + 8
    assert (kinds == RECORDED).sum() == 3
    assert (kinds == RECORDED_ENGLISH).sum() == 2 * 4 + 2
    bank.save(corpus / "synth")
    marked = Bank(corpus / "synth", grouped=True)
    lengths = {kind: {len(p) for p, k in zip(bank.power, bank.group) if k == kind} for kind in range(3)}
    assert [sorted(set(kinds[pool])) for pool in marked.pools] == [[FORMANTS], [RECORDED], [RECORDED_ENGLISH]]
    rng = np.random.default_rng(1)
    drawn = [marked.draw(rng) for _ in range(300)]
    assert all(len(power) == len(label) for power, label in drawn)
    # Only other throats speak at another pace: lengths the formants never have come from the other two kinds.
    others = sum(len(power) not in lengths[FORMANTS] for power, _ in drawn)
    assert 0.2 < others / len(drawn) < 0.75


def test_manners_differ_and_stay_human() -> None:
    rng = random.Random(5)
    manners = [any_manner(rng) for _ in range(200)]
    assert len(set(manners)) == 200
    assert all(0.8 <= m.stretch <= 1.3 and 85 <= (m.pitch_hz or 0) <= 220 for m in manners)
    assert isinstance(manners[0], Manner)


def test_a_text_for_festival_has_no_brackets_or_quotes() -> None:
    assert readable('"say" (it), नमस्ते; now!') == "say it, नमस्ते now!"
