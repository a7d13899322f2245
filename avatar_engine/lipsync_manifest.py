"""Only reads manifests of phone-aligned speech, and makes their recordings worse in agreed, seeded ways.

A manifest is JSON lines: id, file (beside the manifest), lang, kind, dur (s), phones [[start_s, end_s, IPA]], text.
"""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.errors import DeviceError, InputError
from avatar_engine.spoken_file import read_audio

Float = NDArray[np.float32]

CONDITIONS = ("clean", "n20", "n10", "tel", "quiet")
"""As recorded; pink noise or babble at 20 and 10 dB; a telephone line; 18 dB quieter."""
_RATE = 16_000


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording and what is said in it."""

    id: str
    path: Path
    lang: str
    kind: str
    duration_s: float
    phones: tuple[tuple[float, float, str], ...]
    text: str


def read_manifest(path: Path) -> list[Utterance]:
    """All rows. Raises InputError with the line of the first bad one."""
    try:
        lines = path.read_text(encoding="utf8").splitlines()
    except OSError as error:
        raise InputError(str(path), f"cannot be read ({error.strerror})") from None
    out = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            phones = tuple((float(a), float(b), str(p)) for a, b, p in row["phones"])
            file, duration_s = path.parent / row["file"], float(row["dur"])
        except (ValueError, KeyError, TypeError) as error:
            what = f"is no utterance ({type(error).__name__}: {error})"
            raise InputError(f"{path}:{number}", what, "give id, file, dur and phones in each line") from None
        out.append(
            Utterance(
                str(row.get("id", number)),
                file,
                str(row.get("lang", "")),
                str(row.get("kind", "")),
                duration_s,
                phones,
                str(row.get("text", "")),
            )
        )
    return out


def degraded(utterance: Utterance, condition: str, pool: Sequence[Utterance]) -> Float:
    """Samples at 16 kHz under a condition; the same for the same utterance, condition and pool."""
    x = read_audio(utterance.path)
    if condition == "clean":
        return x
    if condition == "quiet":
        return (x * 10 ** (-18 / 20)).astype(np.float32)
    rng = np.random.default_rng(zlib.crc32((utterance.id + condition).encode()))
    if condition == "tel":
        return _telephone(x, rng)
    loud = np.abs(x) > 0.02 * np.abs(x).max()
    level = np.sqrt((x[loud] ** 2).mean())
    if zlib.crc32(utterance.id.encode()) % 2:
        noise = _pink(len(x), rng)
    else:
        crowd = _babble(tuple(u.path for u in pool))
        noise = np.resize(np.roll(crowd, -int(rng.integers(0, len(crowd)))), len(x))
    gain = level * 10 ** (-int(condition[1:]) / 20)
    return np.clip(x + noise * gain, -1, 1).astype(np.float32)


def _pink(count: int, rng: np.random.Generator) -> Float:
    spectrum = np.fft.rfft(rng.standard_normal(count))
    bins = np.arange(len(spectrum))
    bins[0] = 1
    y = np.fft.irfft(spectrum / np.sqrt(bins), count)
    return (y / y.std()).astype(np.float32)


@functools.lru_cache(maxsize=2)
def _babble(paths: tuple[Path, ...]) -> Float:
    """Up to 24 of the voices at once, 20 s."""
    rng = np.random.default_rng(7)
    count = _RATE * 20
    out = np.zeros(count, np.float32)
    for index in rng.permutation(len(paths))[:24]:
        x = read_audio(paths[index])
        turn = rng.integers(0, count)
        out += np.roll(np.resize(x, count) / (x.std() + 1e-6), turn)
    return out / out.std()


def _telephone(x: Float, rng: np.random.Generator) -> Float:
    """300 to 3400 Hz at 8 kHz, 8-bit mu-law, line noise 35 dB down."""
    try:
        from scipy.signal import butter, resample_poly, sosfilt
    except ImportError:
        raise DeviceError("condition tel", "needs scipy", "pip install scipy") from None
    y = sosfilt(butter(4, [300, 3400], "bandpass", fs=8000, output="sos"), resample_poly(x, 1, 2))
    y = y / (np.abs(y).max() + 1e-6) * 0.7 + rng.standard_normal(len(y)) * 0.0012
    coded = np.sign(y) * np.log1p(255 * np.abs(np.clip(y, -1, 1))) / np.log(256)
    coded = np.round(coded * 127) / 127
    y = np.sign(coded) * (np.power(256.0, np.abs(coded)) - 1) / 255
    return np.asarray(resample_poly(y, 2, 1)[: len(x)], np.float32)
