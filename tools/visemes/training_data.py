"""Only turns recorded and synthetic speech into what the training reads: mel power and labels of every hop.

    python -m tools.visemes.training_data --synth DIR --real DIR --out DIR

`--synth` are folders of `synth_corpus`; `--real` is one of recordings with `manifest.jsonl` (file, speaker, phones).
Rooms, telephones and other throats are put on the waveform here; what can be done on mel power is done while training.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from avatar_engine.components.visemes import VISEME_INDEX
from avatar_engine.systems.log_mel import BANDS, HOP, LogMelFrontEnd
from avatar_engine.systems.phone_table import (
    CLASS_OF_SYMBOL,
    CLOSED,
    LABIODENTAL,
    ROUNDED,
    Segment,
    segments,
)
from tools.visemes.copies import coloured, other_voice, prompts, room, telephone

RATE = 16_000
Float = npt.NDArray[np.float32]
IGNORED = -1
# Label columns: phone class (or -1), viseme, openness * 200, closure, labiodental, rounding
LABEL_COLUMNS = 6
_ARTICULATION_COLUMN = {CLOSED: 3, LABIODENTAL: 4, ROUNDED: 5}
OPENNESS_SCALE = 200.0
SILENT_TAIL_S = 0.3


def labels(mouths: list[Segment], hops: int) -> npt.NDArray[np.int16]:
    """(hops, LABEL_COLUMNS); hop i is labelled with what is said at its middle."""
    out = np.zeros((hops, LABEL_COLUMNS), np.int16)
    openness = np.zeros(hops, np.float32)
    middle_s = (np.arange(hops) + 0.5) * 0.01
    closures: list[tuple[float, float]] = []
    for mouth in mouths:
        i, j = np.searchsorted(middle_s, (mouth.start_s, mouth.end_s))
        if mouth.symbol == "sil":
            continue
        openness[i:j] = mouth.phone.openness
        out[i:j, 0] = CLASS_OF_SYMBOL.get(mouth.symbol, IGNORED)
        out[i:j, 1] = VISEME_INDEX[mouth.phone.viseme] if mouth.phone.viseme else IGNORED
        if mouth.phone.articulation:
            out[i:j, _ARTICULATION_COLUMN[mouth.phone.articulation]] = 1
        if mouth.phone.articulation == CLOSED:
            closures.append((mouth.start_s, mouth.end_s))
    # Lips move smoothly: a Gaussian of 25 ms, pulled fully shut in the middle of p, b and m.
    kernel = np.exp(-0.5 * (np.arange(-8, 9) / 2.5) ** 2)
    smooth = np.convolve(np.pad(openness, 8, mode="edge"), kernel / kernel.sum(), "valid")
    for start_s, end_s in closures:
        half_s = max(0.03, (end_s - start_s) / 2 + 0.015)
        distance = np.abs(middle_s - (start_s + end_s) / 2) / half_s
        smooth = np.where(distance < 1, np.minimum(smooth, distance**2), smooth)
    out[:, 2] = np.round(smooth * OPENNESS_SCALE)
    return out


def power_of(samples: Float) -> npt.NDArray[np.float16]:
    hops = -(-len(samples) // HOP)
    padded = np.zeros((1, hops * HOP), np.float32)
    padded[0, : len(samples)] = samples
    power = LogMelFrontEnd(1).push(np.array([0]), padded)[0]
    return np.minimum(power, 6e4).astype(np.float16)


@dataclass
class _Bank:
    """Utterances end to end."""

    power: list[npt.NDArray[np.float16]] = field(default_factory=list)
    label: list[npt.NDArray[np.int16]] = field(default_factory=list)
    group: list[int] = field(default_factory=list)

    def add(self, samples: Float, mouths: list[Segment], group: int) -> None:
        samples = np.concatenate([samples, np.zeros(int(SILENT_TAIL_S * RATE), np.float32)])
        power = power_of(samples)
        self.power.append(power)
        self.label.append(labels(mouths, len(power)))
        self.group.append(group)

    def save(self, path: Path) -> None:
        lengths = np.array([len(p) for p in self.power], np.int64)
        np.save(path.with_suffix(".power.npy"), np.concatenate(self.power))
        np.save(path.with_suffix(".label.npy"), np.concatenate(self.label))
        np.savez(path.with_suffix(".index.npz"), length=lengths, group=np.array(self.group))
        print(f"{path.name}: {len(lengths)} utterances, {lengths.sum() / 360000:.2f} h", flush=True)


# Synthetic voices: sounds from a formula, put together from a person's recordings, the same in English.
FORMANTS, RECORDED, RECORDED_ENGLISH = range(3)
_THROATS = {FORMANTS: 0, RECORDED: 1, RECORDED_ENGLISH: 3}


def read_synth(folder: Path) -> Iterator[tuple[Float, list[Segment], int]]:
    """Samples, mouths, and what kind of voice it is."""
    audio = np.memmap(folder / "audio.i16", "<i2", "r")
    for line in (folder / "utterances.jsonl").read_text(encoding="utf8").splitlines():
        row = json.loads(line)
        part = audio[row["start_sample"] : row["start_sample"] + row["sample_count"]]
        recorded = RECORDED_ENGLISH if row["lang"] == "en" else RECORDED
        group = FORMANTS if row["source"] == "espeak-ng" else recorded
        yield part.astype(np.float32) / 32768, segments(row["phones"]), group


def read_real(folder: Path, table: Path | None = None) -> Iterator[tuple[Float, list[Segment], str]]:
    """Samples, mouths and speaker of every recording; `table` instead of the folder's own manifest."""
    for line in (table or folder / "manifest.jsonl").read_text(encoding="utf8").splitlines():
        row = json.loads(line)
        samples, rate = soundfile.read(folder / row["file"], dtype="float32")
        if rate != RATE:
            samples = resample_poly(samples, RATE, rate).astype(np.float32)
        samples = samples * np.float32(0.5 / (np.abs(samples).max() + 1e-6))
        yield samples, segments(row["phones"]), row["speaker"]


# ---------------------------------------------------------------- sounds that are not the speaker
def _music(seconds: float, rng: np.random.Generator) -> Float:
    """Chords of a few decaying harmonics with a drum: enough to teach that a tune is no speech."""
    out = np.zeros(int(seconds * RATE), np.float32)
    beat_s = rng.uniform(0.2, 0.7)
    for k in range(int(seconds / beat_s)):
        start = int(k * beat_s * RATE)
        t = np.arange(min(int(rng.uniform(0.3, 1.5) * RATE), len(out) - start)) / RATE
        if not len(t):
            continue
        root_hz = 55.0 * 2 ** (rng.integers(0, 36) / 12)
        for step in rng.choice([0, 3, 4, 7, 10, 12], size=rng.integers(1, 5), replace=False):
            hz = root_hz * 2 ** (step / 12)
            for h in range(1, int(rng.integers(3, 9))):
                if h * hz < 7800:
                    phase = 2 * np.pi * h * hz * t + rng.uniform(0, 6.28)
                    out[start : start + len(t)] += np.sin(phase) * np.exp(-t * rng.uniform(1, 5)) / h
        if rng.random() < 0.6:
            hit = rng.standard_normal(len(t)) * np.exp(-t * rng.uniform(15, 60)) * rng.uniform(0.5, 3)
            out[start : start + len(t)] += hit.astype(np.float32)
    return out


def _held_tones(seconds: float, rng: np.random.Generator) -> Float:
    """Beeps, dial tones, sirens and held organ chords, with silence or a little noise between them."""
    out = np.zeros(int(seconds * RATE), np.float32)
    at = 0
    while at < len(out):
        count = min(int(rng.uniform(0.08, 4.0) * RATE), len(out) - at)
        t = np.arange(count) / RATE
        for _ in range(int(rng.integers(1, 4))):
            hz = 10 ** rng.uniform(1.6, 3.8)
            bend = rng.choice([0.0, 0.0, rng.uniform(-0.3, 0.3)])
            for h in range(1, int(rng.integers(2, 6)) if rng.random() < 0.4 else 2):
                phase = 2 * np.pi * h * hz * t * (1 + bend * t / 4)
                out[at : at + count] += (np.sin(phase) * (h * hz < 7800) / h).astype(np.float32)
        at += count + (int(rng.uniform(0.05, 1.0) * RATE) if rng.random() < 0.7 else 0)
    return out + (rng.standard_normal(len(out)) * 10 ** rng.uniform(-5, -2)).astype(np.float32)


def _clicks_and_hum(seconds: float, rng: np.random.Generator) -> Float:
    out = coloured(int(seconds * RATE), rng.uniform(0, 2), rng)
    out *= 0.1 / out.std()
    t = np.arange(len(out)) / RATE
    hum_hz = rng.choice([50.0, 60.0, 100.0, 120.0])
    for h in range(1, 6):
        out += (rng.uniform(0, 0.3) / h * np.sin(2 * np.pi * hum_hz * h * t)).astype(np.float32)
    for _ in range(int(seconds * rng.uniform(0.5, 6))):
        at, length = rng.integers(0, len(out) - 2000), int(rng.integers(40, 1600))
        burst = rng.standard_normal(length) * np.exp(-np.arange(length) / (length / 4)) * rng.uniform(0.2, 3)
        out[at : at + length] += burst
    return out


def noise_bank(voices: list[Float], rng: np.random.Generator) -> tuple[Float, npt.NDArray[np.int64]]:
    """Mel power of noises end to end, each of mean power 1, and the first hop of every kind plus the end."""
    kinds: list[list[Float]] = [[], [], [], []]
    for slope in np.linspace(0.0, 2.2, 12):
        kinds[0].append(coloured(20 * RATE, float(slope), rng))
    for _ in range(30):
        mix = np.zeros(20 * RATE, np.float32)
        for _ in range(int(rng.integers(3, 25))):
            voice = np.resize(voices[rng.integers(len(voices))], len(mix))
            mix += np.roll(voice / (voice.std() + 1e-6), rng.integers(len(mix)))
        kinds[1].append(mix)
    for _ in range(12):
        kinds[2].append(_clicks_and_hum(20, rng))
    for i in range(30):
        kinds[3].append((_music, _held_tones)[i % 2](20, rng))
    powers, starts = [], [0]
    for kind in kinds:
        for samples in kind:
            power = power_of(samples / (samples.std() + 1e-9) * 0.1).astype(np.float32)
            powers.append(power / power.sum(1).mean())
        starts.append(sum(len(p) for p in powers))
    return np.concatenate(powers), np.array(starts)


COPIES = 6
"""Of every recording, one after the other; the first is as it was recorded."""


def _real_bank(folder: Path, table: Path | None, rng: np.random.Generator) -> tuple[_Bank, list[Float]]:
    """COPIES of every recording, and some of them for the noise of other people."""
    bank = _Bank()
    voices: list[Float] = []
    speakers: dict[str, int] = {}
    for i, (samples, mouths, speaker) in enumerate(read_real(folder, table)):
        group = speakers.setdefault(speaker, len(speakers))
        bank.add(samples, mouths, group)
        bank.add(telephone(samples, rng), mouths, group)
        bank.add(room(samples, rng), mouths, group)
        bank.add(*prompts(samples, mouths, rng), group)
        bank.add(*other_voice(samples, mouths, rng), group)
        bank.add(*prompts(*other_voice(samples, mouths, rng), rng), group)
        if i % 8 == 0:
            voices.append(samples)
    return bank, voices


def _synth_bank(folders: list[Path], rng: np.random.Generator) -> tuple[_Bank, list[Float]]:
    """One more copy of most utterances; voices of few people are given other throats too, the English ones three."""
    bank = _Bank()
    voices: list[Float] = []
    spoken = (row for folder in folders for row in read_synth(folder))
    for i, (samples, mouths, group) in enumerate(spoken):
        bank.add(samples, mouths, group)
        # Of another throat where there is one.
        heard = samples, mouths
        for _ in range(_THROATS[group]):
            heard = other_voice(samples, mouths, rng)
            bank.add(*heard, group)
        match i % 5:
            case 0:
                bank.add(telephone(heard[0], rng), heard[1], group)
            case 1:
                bank.add(room(heard[0], rng), heard[1], group)
            case 2 | 3:
                bank.add(*prompts(*heard, rng), group)
        if i % 40 == 0:
            voices.append(samples)
    return bank, voices


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--synth", type=Path, nargs="*", default=[], help="none: only the recordings are prepared")
    parser.add_argument("--real", type=Path, required=True)
    parser.add_argument("--alignment", type=Path, help="manifest of `realignment` instead of the one in --real")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(args.seed)
    real, people = _real_bank(args.real, args.alignment, rng)
    real.save(args.out / "real")
    if not args.synth:
        return
    synth, voices = _synth_bank(args.synth, rng)
    synth.save(args.out / "synth")
    power, starts = noise_bank(people + voices, rng)
    np.savez(args.out / "noise.npz", power=power.astype(np.float16), starts=starts)
    print(f"noise: {len(power) / 6000:.1f} min; {BANDS} bands", flush=True)


if __name__ == "__main__":
    main()
