"""A test signal instead of a person: white pictures while the speech at their middle is loud, black otherwise.

Speaks the runtime's language, so the whole publishing path can be measured from outside: when the receiver hears a
tone begin it must see white begin.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.audio import SpeechTimeline
from avatar_engine.engine.clock import first_sample, frames_in_tick
from avatar_engine.engine.image import Image
from avatar_engine.engine.messages import (
    AudioChunk,
    ClearSpeech,
    Command,
    FramePacket,
    Notice,
    PauseSpeech,
    ResumeSpeech,
    VideoFrame,
)

LOUD = 0.02
QUIET_LUMA = 60  # not black: black is what a source shows that has no picture yet
LOUD_WINDOW_S = 0.005


@dataclass(frozen=True, slots=True)
class SignalOptions:
    """Picture size and audio rate of a session. busy: a drifting texture that needs its bitrate, instead of flat; clip:
    these pictures to and fro."""

    width: int = 320
    height: int = 180
    rate: int = 24_000
    busy: bool = False
    clip: tuple[Image, ...] = ()


@dataclass(slots=True)
class _Signal:
    options: SignalOptions
    timeline: SpeechTimeline
    inbox: deque[AudioChunk | Command]
    before: NDArray[np.float32]  # samples of the previous tick
    tick: int = 0
    generation: int = 0


class SignalRuntime:
    """Sessions whose picture is the loudness of their sound. Same calls as the engine's runtime."""

    def __init__(self, hz: int = 60, fps: int = 30) -> None:
        self.hz = hz
        self.fps = fps
        self._sessions: dict[str, _Signal] = {}
        self.notices: deque[Notice] = deque()
        self._opened = 0
        self._cloth: NDArray[np.uint8] | None = None
        self._pictures: dict[tuple[int, int, bool], Image] = {}

    def open_session(self, options: SignalOptions) -> str:
        self._opened += 1
        name = f"signal-{self._opened}"
        self._sessions[name] = _Signal(options, SpeechTimeline(options.rate, 0.0), deque(), np.zeros(0, np.float32))
        return name

    def open_session_soon(self, options: SignalOptions) -> Future[str]:
        """There is nothing to load."""
        opened: Future[str] = Future()
        opened.set_result(self.open_session(options))
        return opened

    def make_ready(self, until_s: float) -> None:
        """Nothing is ever being made ready."""

    def close_session(self, session: str) -> None:
        del self._sessions[session]

    def push_audio(self, session: str, chunk: AudioChunk) -> None:
        self._sessions[session].inbox.append(chunk)

    def send(self, session: str, command: Command) -> None:
        self._sessions[session].inbox.append(command)

    def close(self) -> None:
        self._sessions.clear()

    def step(self, draw: bool = True, early: Callable[[list[FramePacket]], None] | None = None) -> list[FramePacket]:
        packets = [self._step(name, signal, draw) for name, signal in self._sessions.items()]
        if early is not None:
            early(packets)
        return packets

    def _step(self, name: str, signal: _Signal, draw: bool) -> FramePacket:
        rate = signal.options.rate
        start, end = (first_sample(signal.tick + more, rate, self.hz) for more in (0, 1))
        while signal.inbox:
            self._apply(signal, signal.inbox.popleft(), start)
        signal.timeline.plan(start, end)
        samples, spans = signal.timeline.play(start, end)
        known = np.concatenate([signal.before, samples])
        frames = []
        for index in frames_in_tick(signal.tick, self.fps, self.hz):
            middle = round((index + 0.5) / self.fps * rate) - start + len(signal.before)
            image = None
            if draw and signal.options.clip:
                image = to_and_fro(signal.options.clip, index)
            elif draw and signal.options.busy:
                image = self._texture(signal.options, index)
            elif draw:
                image = self._picture(signal.options, loud_at(known, middle, rate))
            frames.append(VideoFrame(index, image))
        signal.before = samples
        packet = FramePacket(
            name,
            signal.tick,
            signal.generation,
            rate,
            start,
            samples,
            spans,
            tuple(frames),
            any(span.count for span in spans),
        )
        signal.tick += 1
        return packet

    def _apply(self, signal: _Signal, item: AudioChunk | Command, now: int) -> None:
        match item:
            case AudioChunk():
                samples = resampled(item.samples, item.rate, signal.options.rate)
                signal.timeline.push(item.segment, samples, samples, item.last)
            case ClearSpeech():
                signal.timeline.clear(now)
                signal.generation += 1
            case PauseSpeech():
                signal.timeline.pause(now, item.segment, item.position)
            case ResumeSpeech():
                signal.timeline.resume()

    def _picture(self, options: SignalOptions, white: bool) -> Image:
        key = (options.width, options.height, white)
        if key not in self._pictures:
            rows = options.height * 3 // 2
            pixels = np.full((rows, options.width), 128, np.uint8)
            pixels[: options.height] = 235 if white else QUIET_LUMA
            self._pictures[key] = Image(options.width, options.height, "i420", pixels)
        return self._pictures[key]

    def _texture(self, options: SignalOptions, index: int) -> Image:
        if self._cloth is None:
            coarse = np.random.default_rng(1).integers(40, 200, (options.height // 4 + 64, options.width // 4 + 64))
            self._cloth = coarse.astype(np.uint8).repeat(4, 0).repeat(4, 1)
        pixels = np.full((options.height * 3 // 2, options.width), 128, np.uint8)
        down, right = (round(120 + 100 * f(index / 20)) for f in (np.sin, np.cos))
        pixels[: options.height] = self._cloth[down : down + options.height, right : right + options.width]
        return Image(options.width, options.height, "i420", pixels)


def to_and_fro(clip: tuple[Image, ...], index: int) -> Image:
    """The picture of a frame; at the ends the clip turns back."""
    turn = 2 * len(clip) - 2
    at = index % turn if turn else 0
    return clip[min(at, turn - at)]


def loud_at(samples: NDArray[np.float32], middle: int, rate: int) -> bool:
    """Whether the few milliseconds around a sample are loud."""
    half = max(1, int(LOUD_WINDOW_S * rate / 2))
    part = samples[max(0, middle - half) : middle + half]
    return bool(len(part)) and float(np.sqrt(np.mean(np.square(part)))) > LOUD


def resampled(samples: NDArray[np.float32], rate: int, wanted: int) -> NDArray[np.float32]:
    """Linear; good enough for tones."""
    if rate == wanted or not len(samples):
        return samples
    at = np.arange(round(len(samples) * wanted / rate)) * rate / wanted
    return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def beeps(count: int, rate: int, on_s: float = 0.2, off_s: float = 0.3, hz: float = 800.0) -> NDArray[np.float32]:
    """(n,) `count` tones, each preceded by silence of varying length (so that onsets meet all frame phases)."""
    parts: list[NDArray[np.float32]] = []
    tone = 0.5 * np.sin(2 * np.pi * hz * np.arange(int(on_s * rate)) / rate)
    for index in range(count):
        gap = off_s + 0.0077 * (index % 13)
        parts += [np.zeros(int(gap * rate), np.float32), tone.astype(np.float32)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def onsets(times_s: NDArray[np.float64], levels: NDArray[np.float64], threshold: float) -> list[float]:
    """Times at which a level rises through the threshold after having been below it for 100 ms or more."""
    found: list[float] = []
    below_since: float | None = None
    for at, level in zip(times_s, levels):
        if level < threshold:
            below_since = at if below_since is None else below_since
        else:
            if below_since is not None and at - below_since >= 0.1:
                found.append(float(at))
            below_since = None
    return found


def pair(first: list[float], second: list[float], within_s: float = 0.25) -> list[float]:
    """second - first for every onset that has a partner."""
    differences = []
    for at in first:
        nearest = min(second, key=lambda other: abs(other - at), default=None)
        if nearest is not None and abs(nearest - at) <= within_s:
            differences.append(nearest - at)
    return differences


def meets(heard: list[float], seen: list[float], least: int = 20) -> bool:
    """The bar: median within 20 ms, 95 % within 45 ms, of at least so many."""
    skew_ms = 1000 * np.abs(pair(heard, seen))
    if len(skew_ms) < least:
        return False
    signed = abs(float(np.median(pair(heard, seen)))) * 1000
    return signed <= 20.0 and float(np.quantile(skew_ms, 0.95)) <= 45.0
