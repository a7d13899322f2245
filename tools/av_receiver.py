"""A second participant that watches and listens: when each picture and each 10 ms of sound arrived, and how bright
and loud they were.

Times are those of the media's own clocks, laid over the arrivals: a receiver that this machine wakes late still knows
when a picture was meant to be seen and a sample to be heard.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
from livekit import api, rtc
from numpy.typing import NDArray

BLOCK_S = 0.0025
"""Loudness is taken over blocks this long."""
STRETCH_S = 2.0
OPUS_RATE = 48_000
"""What WebRTC counts samples in."""
PUNCTUAL = 0.2
"""The share of arrivals within a stretch that came no later than the media's clock says."""


def on_clock(media_s: NDArray[np.float64], arrived_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) media times as steady-clock times: every stretch is laid where its punctual items arrived."""
    if not len(media_s):
        return arrived_s
    stretch = ((media_s - media_s[0]) / STRETCH_S).astype(np.int64)
    late_s = arrived_s - media_s
    middles, offsets = [], []
    for number in np.unique(stretch):
        inside = stretch == number
        if np.count_nonzero(inside) >= 10 or not middles:
            middles.append(float(media_s[inside].mean()))
            offsets.append(float(np.quantile(late_s[inside], PUNCTUAL)))
    return np.asarray(media_s + np.interp(media_s, middles, offsets))


def token(key: str, secret: str, room: str, identity: str, *, kind: str = "standard") -> str:
    """A join token for one room."""
    grants = api.VideoGrants(room_join=True, room=room)
    return api.AccessToken(key, secret).with_identity(identity).with_kind(kind).with_grants(grants).to_jwt()


@dataclass(slots=True)
class Seen:
    """One picture: arrival (steady clock), its time on the stream's own clock, mean luma 0..255, its number and
    heard-time if the sender told them."""

    at_s: float
    media_s: float
    luma: float
    width: int
    height: int
    number: int
    heard_unix_us: int


@dataclass(frozen=True, slots=True)
class SoundLosses:
    """Since the sound began: packets that never came, and sound that WebRTC made up for want of samples."""

    packets: int
    made_up_s: float


@dataclass(slots=True)
class Receiver:
    """Joins a room and records. Sound is kept as int16 with the arrival time of every frame."""

    rate: int = 24_000
    room: rtc.Room = field(default_factory=rtc.Room)
    pictures: list[Seen] = field(default_factory=list)
    sound: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)
    last_picture: rtc.VideoFrame | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _heard: rtc.Track | None = None

    async def join(self, url: str, join_token: str) -> None:
        self.room.on("track_subscribed", self._subscribed)
        await self.room.connect(url, join_token)

    async def leave(self) -> None:
        await self.room.disconnect()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self) -> None:
        """Start recording anew."""
        self.pictures.clear()
        self.sound.clear()

    async def first_picture(self, timeout_s: float = 10.0) -> Seen:
        """Waits for the first picture."""
        async with asyncio.timeout(timeout_s):
            while not self.pictures:
                await asyncio.sleep(0.005)
        return self.pictures[0]

    def luma(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(times_s, luma) of all pictures."""
        shown = list(self.pictures)
        times_s = on_clock(np.array([p.media_s for p in shown]), np.array([p.at_s for p in shown]))
        return times_s, np.array([p.luma for p in shown])

    def loudness(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(times_s, rms 0..1) in blocks of `BLOCK_S`, a block heard from its frame's arrival on."""
        heard = list(self.sound)
        if not heard:
            return np.zeros(0), np.zeros(0)
        block = max(1, round(BLOCK_S * self.rate))
        starts = np.cumsum([0] + [len(samples) for _, samples in heard])[:-1] / self.rate
        begin_s = on_clock(starts, np.array([at_s for at_s, _ in heard]))
        times: list[NDArray[np.float64]] = []
        levels: list[NDArray[np.float64]] = []
        for at_s, (_, samples) in zip(begin_s, heard):
            count = len(samples) // block
            parts = samples[: count * block].reshape(count, block).astype(np.float64) / 32768.0
            times.append(at_s + np.arange(count) * BLOCK_S)
            levels.append(np.sqrt(np.mean(parts**2, axis=1)))
        return np.concatenate(times), np.concatenate(levels)

    def samples(self) -> NDArray[np.int16]:
        """All sound, one array."""
        return np.concatenate([part for _, part in self.sound]) if self.sound else np.zeros(0, np.int16)

    async def sound_losses(self) -> SoundLosses:
        """What WebRTC counted of the sound. Raises LookupError before it has counted any."""
        assert self._heard is not None
        for entry in await self._heard.get_stats():
            if entry.HasField("inbound_rtp"):
                heard = entry.inbound_rtp
                return SoundLosses(heard.received.packets_lost, heard.inbound.concealed_samples / OPUS_RATE)
        raise LookupError("WebRTC counts no sound received")

    def _subscribed(self, track: rtc.Track, _: object, __: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._heard = track
        watch = self._watch if track.kind == rtc.TrackKind.KIND_VIDEO else self._listen
        self._tasks.append(asyncio.create_task(watch(track)))

    async def _watch(self, track: rtc.Track) -> None:
        stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420)
        try:
            async for event in stream:
                at_s = time.monotonic()
                frame = event.frame
                if frame.width <= 2:
                    continue  # the stream's end
                luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
                told = event.metadata
                number = told.frame_id if told is not None and told.HasField("frame_id") else -1
                heard = told.user_timestamp if told is not None and told.HasField("user_timestamp") else -1
                level = float(luma[::7].mean())
                media_s = event.timestamp_us / 1e6
                self.pictures.append(Seen(at_s, media_s, level, frame.width, frame.height, number, heard))
                self.last_picture = frame
        finally:
            await stream.aclose()

    async def _listen(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=self.rate, num_channels=1)
        try:
            async for event in stream:
                at_s = time.monotonic()
                self.sound.append((at_s, np.frombuffer(event.frame.data, np.int16).copy()))
        finally:
            await stream.aclose()
