"""Only here are sound files opened: whatever PyAV reads comes out as finite mono float32 at one rate."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.error import FFmpegError
from av.error import InvalidDataError as BrokenPacketError
from numpy.typing import NDArray

from avatar_engine.engine.errors import InputError
from avatar_engine.engine.media.resample import StreamResampler
from avatar_engine.engine.messages import Notice

Samples = NDArray[np.float32]

_FORMATS = "give a wav, flac, mp3, m4a, ogg, opus or webm file"
# Full scale of FFmpeg's integer sample formats (packed and planar); u8 is unsigned around 128.
_FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0, "s64": 9223372036854775808.0}
# Down to one channel: the centre carries speech, the subwoofer carries none (weights as in ITU-R BS.775).
_CHANNEL_WEIGHT = {"FC": 1.0, "FL": 0.7071, "FR": 0.7071, "LFE": 0.0, "LFE2": 0.0}
_REAR_WEIGHT = 0.5
_SHORT = 0.9  # of the claimed duration; claims are estimates for some formats


def read_speech(path: str | os.PathLike[str], rate: int = 16000) -> Samples:
    """A whole recording as (n,) float32 mono in [-1, 1] at `rate` Hz. For short files, tests and tools."""
    with SpeechReader(path, rate) as reader:
        blocks = list(reader.blocks())
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)  # fewer samples than one at `rate`


class SpeechReader:
    """Streams a recording with bounded memory. Opening fails with an InputError if there is no sound in it.

    rate: of the samples handed out; source_rate, channels, codec: of the file.
    duration_s: what the file claims, if it does. on_notice: hears about repaired or missing parts, once each.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        rate: int = 48000,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        self.path = Path(path)
        self.rate = rate
        self._notify = on_notice
        self._noted: set[str] = set()
        self._container = _open(self.path)
        try:
            self._stream = _sound_stream(self._container, self.path)
            self.source_rate: int = self._stream.rate
            self.channels: int = self._stream.channels
            self.codec: str = self._stream.codec_context.name
            self.duration_s = self._claimed_duration()
            self._limit = self._claimed_samples()
            self._decoded_s = 0.0
            self._decoded = self._decode()
            # Opening means: at least one sample is really there.
            self._first: tuple[int, Samples] | None = next(self._decoded, None)
            if self._first is None:
                raise InputError(str(self.path), "holds no sound that can be decoded", _FORMATS)
        except BaseException:
            self._container.close()
            raise

    def blocks(self) -> Iterator[Samples]:
        """The recording from the start to the end, once, in blocks of a few hundredths of a second."""
        if self._first is None:
            return
        first, self._first = self._first, None
        rate, samples = first
        resampler = StreamResampler(rate, self.rate)
        yield from _filled(resampler.push(samples))
        for rate, samples in self._decoded:
            if rate != resampler.in_rate:  # chained streams may change their rate midway
                yield from _filled(resampler.flush())
                resampler = StreamResampler(rate, self.rate)
            yield from _filled(resampler.push(samples))
        yield from _filled(resampler.flush())
        if self.duration_s is not None and self._decoded_s < _SHORT * self.duration_s:
            text = f"it holds {self._decoded_s:.1f} s of the {self.duration_s:.1f} s it claims; is it cut off?"
            self._note("audio_short", text)

    def close(self) -> None:
        self._decoded.close()
        self._container.close()

    def __enter__(self) -> SpeechReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _decode(self) -> Generator[tuple[int, Samples], None, None]:
        """(rate, mono samples) of every decodable frame; damage is skipped and told once."""
        left = self._limit
        for packet in self._packets():
            try:
                frames = packet.decode()
            except BrokenPacketError:
                self._note("audio_damaged", "a part cannot be decoded and is left out; check the recording")
                continue
            except FFmpegError as error:
                raise InputError(str(self.path), f"cannot be decoded: {error.strerror}", _FORMATS) from error
            for frame in frames:
                names = [channel.name for channel in frame.layout.channels]
                samples = np.clip(_mixed(self._finite(_channels(frame)), names), -1.0, 1.0)
                self._decoded_s += len(samples) / frame.sample_rate
                if left is not None:
                    samples = samples[:left]
                    left -= len(samples)
                if len(samples):
                    yield frame.sample_rate, samples

    def _packets(self) -> Iterator[av.Packet]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except FFmpegError:
                self._note("audio_damaged", "the file breaks off; what is there is used")
                return
            yield packet

    def _finite(self, samples: Samples) -> Samples:
        if np.isfinite(samples).all():
            return samples
        self._note("audio_not_finite", "it holds samples that are no numbers; they are played as silence")
        return np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)

    def _note(self, code: str, text: str) -> None:
        if self._notify is not None and code not in self._noted:
            self._noted.add(code)
            self._notify(Notice(session="", level="warning", code=code, text=f"{self.path}: {text}"))

    def _claimed_duration(self) -> float | None:
        stream = self._stream
        claimed: float | None = None
        if stream.duration is not None and stream.time_base is not None:
            claimed = float(stream.duration * stream.time_base)
        elif self._container.duration is not None:
            claimed = float(self._container.duration) / 1e6  # AV_TIME_BASE
        return claimed

    def _claimed_samples(self) -> int | None:
        """MP4 alone states where its padded last frame really ends; elsewhere the decoder cuts by itself."""
        stream = self._stream
        if "mp4" not in self._container.format.name or stream.duration is None or stream.time_base is None:
            return None
        samples: int = round(stream.duration * stream.time_base * self.source_rate)
        return samples


def _open(path: Path) -> av.container.InputContainer:
    where = str(path)
    if path.is_dir():
        raise InputError(where, "is a folder", _FORMATS)
    try:
        with path.open("rb") as file:
            empty = path.is_file() and not file.read(1)
    except FileNotFoundError as error:
        raise InputError(where, "no such file", "check the path") from error
    except PermissionError as error:
        raise InputError(where, "may not be read", "check the file's permissions") from error
    except OSError as error:
        raise InputError(where, f"cannot be opened: {error.strerror}", "check the path") from error
    if empty:
        raise InputError(where, "is empty", _FORMATS)
    try:
        # Named as a file and held to it: a path is never taken for an address, and a playlist opens nothing.
        return av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except FFmpegError as error:
        raise InputError(where, "is not a sound file that can be read, or has no sound in it", _FORMATS) from error


def _sound_stream(container: av.container.InputContainer, path: Path) -> av.AudioStream:
    stream = container.streams.best("audio")
    if stream is not None and stream.rate:
        return stream
    if container.streams.video and not container.streams.audio:
        raise InputError(str(path), "has pictures but no sound", "give a file with a sound track")
    raise InputError(str(path), "holds no sound that can be decoded", _FORMATS)


def _channels(frame: av.AudioFrame) -> Samples:
    """(channels, n) float32 of one decoded frame; full scale is 1."""
    array = frame.to_ndarray()
    if frame.format.is_packed:
        array = array.reshape(-1, len(frame.layout.channels)).T
    kind = frame.format.name.removesuffix("p")
    with np.errstate(over="ignore", invalid="ignore"):  # doubles beyond float32 become infinite, repaired later
        floats: Samples = array.astype(np.float32)
    if kind == "u8":
        floats -= np.float32(128.0)
    if kind in _FULL_SCALE:
        floats /= np.float32(_FULL_SCALE[kind])
    return floats


def _mixed(channels: Samples, names: list[str]) -> Samples:
    """(n,) the weighted mean of all channels."""
    if len(channels) == 1:
        return np.ascontiguousarray(channels[0])
    weights = [_CHANNEL_WEIGHT.get(name, _REAR_WEIGHT) for name in names]
    if not any(weights):
        weights = [1.0] * len(weights)
    mono = np.zeros(channels.shape[1], np.float32)
    for weight, channel in zip(weights, channels, strict=True):  # in order: sums of products are not portable
        mono += np.float32(weight / sum(weights)) * channel
    return mono


def _filled(samples: Samples) -> Iterator[Samples]:
    if len(samples):
        yield samples
