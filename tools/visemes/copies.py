"""Only changes recordings the way the world does: by telephone, in a room, cut into prompts, by another voice."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.ndimage import uniform_filter1d
from scipy.signal import ShortTimeFFT, butter, fftconvolve, get_window, resample_poly, sosfilt

from avatar_engine.systems.phone_table import REST, SILENCE, Segment

RATE = 16_000
_LINE_RATE = RATE // 2
# What prompts and calls are kept and sent as; None: 16 bits.
_LINE_CODECS = (None, "ULAW", "GSM610", "GSM610", "G721_32", "IMA_ADPCM")
_PAUSE_S = 0.12
_WINDOW = 512
_ENVELOPE = 30  # coefficients of the cepstrum: under 2 ms, shorter than any voice's period
_MOST_GAIN = 3.5
_BLURRED = 0.3  # of other voices

Float = npt.NDArray[np.float32]


def narrow(samples: Float, rng: np.random.Generator) -> Float:
    """Through 8 kHz and one of the codecs of telephone systems."""
    line = resample_poly(samples.astype(np.float64), 1, 2)
    line = line / (np.abs(line).max() + 1e-6) * rng.uniform(0.3, 0.9)
    codec = _LINE_CODECS[rng.integers(len(_LINE_CODECS))]
    if codec is not None:
        file = io.BytesIO()
        soundfile.write(file, line, _LINE_RATE, format="WAV", subtype=codec)
        file.seek(0)
        line = soundfile.read(file)[0]
    heard = resample_poly(line, 2, 1)[: len(samples)]
    return np.pad(heard, (0, len(samples) - len(heard))).astype(np.float32)


def telephone(samples: Float, rng: np.random.Generator) -> Float:
    """A narrow line with its own ends: 300 to 3400 Hz give or take, line noise, a codec."""
    low, high = rng.uniform(180, 350), rng.uniform(3200, 3700)
    band = butter(int(rng.integers(2, 5)), [low, high], "bandpass", fs=RATE, output="sos")
    line = sosfilt(band, samples)
    line = line / (np.abs(line).max() + 1e-6) * 0.5
    line = line + rng.standard_normal(len(line)) * 10 ** rng.uniform(-4.0, -2.6)
    return narrow(line.astype(np.float32), rng)


def room(samples: Float, rng: np.random.Generator) -> Float:
    """A small room: exponentially dying noise after the direct sound (T60 0.15 to 0.6 s)."""
    t60_s = rng.uniform(0.15, 0.6)
    t = np.arange(int(0.5 * RATE)) / RATE
    tail = rng.standard_normal(len(t)) * 10 ** (-3 * t / t60_s)
    tail[: int(rng.uniform(0.002, 0.012) * RATE)] = 0
    tail *= 10 ** (-rng.uniform(4, 16) / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1.0
    wet = fftconvolve(samples, tail)[: len(samples)]
    return np.asarray(wet / (np.abs(wet).max() + 1e-6) * 0.5, np.float32)


def other_voice(samples: Float, mouths: list[Segment], rng: np.random.Generator) -> tuple[Float, list[Segment]]:
    """The same words from another throat: pitch and vocal tract changed apart, pace with the pitch.

    Resampled, which moves pitch and formants alike; then the spectral envelope (the first milliseconds of the cepstrum)
    is moved to where it is wanted and the harmonics are left where they are.
    """
    pitch = 2 ** rng.uniform(-0.45, 0.45)
    percent = round(100 / pitch)
    x = resample_poly(samples, percent, 100)
    later = percent / 100
    moved = [replace(m, start_s=m.start_s * later, end_s=m.end_s * later) for m in mouths]
    frames = ShortTimeFFT(get_window("hann", _WINDOW), _WINDOW // 4, RATE, fft_mode="onesided")
    seen = frames.stft(x)
    level = np.log(np.abs(seen) + 1e-5)
    cepstrum = np.fft.irfft(level, axis=0)
    cepstrum[_ENVELOPE : -_ENVELOPE + 1] = 0
    envelope = np.fft.rfft(cepstrum, axis=0).real
    bins = np.arange(len(envelope))
    # Over 1 the formants fall, as in a longer tract; the resampling has raised them by `pitch` already.
    read = np.minimum(bins * pitch * 2 ** rng.uniform(-0.2, 0.2), bins[-1])
    low = np.minimum(read.astype(int), bins[-1] - 1)
    share = (read - low)[:, None]
    wanted = envelope[low] * (1 - share) + envelope[low + 1] * share
    if rng.random() < _BLURRED:
        # As statistical synthesizers and packet loss concealment draw it: one mouth runs into the next.
        wanted = uniform_filter1d(wanted, int(rng.integers(2, 6)), axis=1, mode="nearest")
    said = frames.istft(seen * np.exp(np.clip(wanted - envelope, -_MOST_GAIN, _MOST_GAIN)), k1=len(x))
    return (said / (np.abs(said).max() + 1e-6) * 0.5).astype(np.float32), moved


def coloured(count: int, slope: float, rng: np.random.Generator) -> Float:
    """Noise (count,) whose power falls with the frequency to the `slope`: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hz = np.maximum(np.fft.rfftfreq(count, 1 / RATE), 30.0)
    return np.fft.irfft(spectrum * hz ** (-slope / 2), count).astype(np.float32)


def studio(samples: Float, rng: np.random.Generator) -> Float:
    """As prompts are recorded and made loud: brightened, and with the noise of the microphone and its line."""
    bright = np.diff(samples, prepend=np.float32(0.0)) + rng.uniform(0.02, 0.6) * samples
    bright = bright / (np.abs(bright).max() + 1e-6) * 0.5
    noise = coloured(len(samples), rng.uniform(-0.3, 1.2), rng)
    noise *= bright.std() / (noise.std() + 1e-9) * 10 ** (-rng.uniform(10, 36) / 20)
    return np.asarray(bright + noise, np.float32)


def prompts(samples: Float, mouths: list[Segment], rng: np.random.Generator) -> tuple[Float, list[Segment]]:
    """Cut at its pauses into prompts, put end to end with comfort noise between: nothing fades in, nothing fades out.

    Every piece keeps up to 60 ms before and 150 ms after its speech, or as much as there is; three of four went through
    8 kHz, the comfort noise did not. Where a piece begins and ends there may be a click.
    """
    pieces = _between_pauses(mouths)
    if not pieces:
        return samples, mouths
    if rng.random() < 0.6:
        samples = studio(samples, rng)
    if rng.random() < 0.75:
        samples = narrow(samples, rng)
    before_most_s, after_most_s = (0.06, 0.15) if rng.random() < 0.6 else (0.3, 0.4)
    click = 10 ** rng.uniform(-3.0, -0.7) if rng.random() < 0.5 else 0.0
    level = 10 ** (rng.uniform(-80, -50) / 20)
    heard: list[Float] = []
    moved: list[Segment] = []
    at_s = 0.0

    def pause(seconds: float) -> None:
        nonlocal at_s
        heard.append((rng.standard_normal(round(seconds * RATE)) * level).astype(np.float32))
        at_s += len(heard[-1]) / RATE

    pause(rng.uniform(0.1, 0.7))
    for before_s, piece, after_s in pieces:
        first = max(before_s, piece[0].start_s - rng.uniform(0, before_most_s))
        last = min(after_s, piece[-1].end_s + rng.uniform(0, after_most_s))
        cut = samples[round(first * RATE) : round(last * RATE)].copy()
        if len(cut):
            cut[0] += click
            cut[-1] -= click
        shift = at_s - round(first * RATE) / RATE
        moved += [replace(m, start_s=m.start_s + shift, end_s=m.end_s + shift) for m in piece]
        heard.append(cut)
        at_s += len(cut) / RATE
        pause(rng.uniform(0.12, 0.7))
    return np.concatenate(heard), _with_silence(moved, at_s)


def _between_pauses(mouths: list[Segment]) -> list[tuple[float, list[Segment], float]]:
    """Runs of speech, each with the time where the silence before it begins and the one after it ends."""
    out: list[tuple[float, list[Segment], float]] = []
    run: list[Segment] = []
    before_s = mouths[0].start_s
    for mouth in mouths:
        silent = mouth.symbol == SILENCE
        if silent and mouth.end_s - mouth.start_s >= _PAUSE_S:
            if run:
                out.append((before_s, run, mouth.end_s))
            run, before_s = [], mouth.start_s
        elif run or not silent:
            run.append(mouth)
    if run:
        out.append((before_s, run, run[-1].end_s))
    return out


def _with_silence(moved: list[Segment], end_s: float) -> list[Segment]:
    """Silence wherever nothing is said."""
    out: list[Segment] = []
    at_s = 0.0
    for mouth in moved:
        if mouth.start_s > at_s + 1e-6:
            out.append(Segment(at_s, mouth.start_s, SILENCE, REST))
        out.append(mouth)
        at_s = mouth.end_s
    if end_s > at_s:
        out.append(Segment(at_s, end_s, SILENCE, REST))
    return out
