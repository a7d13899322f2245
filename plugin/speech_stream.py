"""The receiving end of LiveKit's remote-avatar protocol: byte streams in, playback reports out. One per room.

Handlers belong to one room and one sender: several rooms in one process do not disturb each other.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from typing import Any

from livekit import rtc
from livekit.agents.voice.io import PlaybackFinishedEvent, PlaybackStartedEvent

from avatar_engine.plugin import wire
from avatar_engine.plugin.audio_output import AvatarAudioOutput
from avatar_engine.plugin.log import logger

IDLE_S = 10.0
"""A stream that is silent for this long has lost its end; the sender's own limit."""
RATES, MOST_CHANNELS = (8_000, 192_000), 8
RETRIES = 3
RETRY_S = 0.1
NOTHING = rtc.AudioFrame(b"", 48_000, 1, 0)


class SpeechStream:
    """Feeds an `AvatarAudioOutput` from an agent's `DataStreamAudioOutput` and reports back to it."""

    def __init__(self, room: rtc.Room, sender: str, output: AvatarAudioOutput) -> None:
        self._room = room
        self._sender = sender
        self._output = output
        self._readers: deque[rtc.ByteStreamReader] = deque()
        self._came = asyncio.Event()
        self._cut = asyncio.Event()
        self._reports: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self._wants_started = True
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Register the room's handlers and begin."""
        participant = self._room.local_participant
        self._room.register_byte_stream_handler(wire.AUDIO_TOPIC, self._stream_came)
        participant.register_rpc_method(wire.RPC_CLEAR, self._clear)
        participant.register_rpc_method(wire.RPC_PAUSE, self._pause)
        participant.register_rpc_method(wire.RPC_RESUME, self._resume)
        self._output.on("playback_started", self._started)
        self._output.on("playback_finished", self._finished)
        self._tasks = [asyncio.create_task(self._receive()), asyncio.create_task(self._report())]

    async def aclose(self) -> None:
        """Unregister everything."""
        self._room.unregister_byte_stream_handler(wire.AUDIO_TOPIC)
        if self._room.isconnected():
            for method in (wire.RPC_CLEAR, wire.RPC_PAUSE, wire.RPC_RESUME):
                self._room.local_participant.unregister_rpc_method(method)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        while self._readers:
            self._readers.popleft().close()

    def _stream_came(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        if sender != self._sender:
            reader.close()
            return
        self._readers.append(reader)
        self._came.set()

    async def _clear(self, call: rtc.RpcInvocationData) -> str:
        if call.caller_identity != self._sender:
            return "reject"
        self._cut.set()
        self._output.flush()
        # Streams announced before the clear hold nothing that is still wanted, but each is owed a report.
        while self._readers:
            self._readers.popleft().close()
            await self._output.capture_frame(NOTHING)
            self._output.flush()
        self._output.clear_buffer()
        return "ok"

    def _pause(self, call: rtc.RpcInvocationData) -> str:
        if call.caller_identity != self._sender:
            return "reject"
        self._output.pause()
        return "ok"

    def _resume(self, call: rtc.RpcInvocationData) -> str:
        if call.caller_identity != self._sender:
            return "reject"
        self._output.resume()
        return "ok"

    def _started(self, _: PlaybackStartedEvent) -> None:
        self._reports.put_nowait((wire.RPC_STARTED, ""))

    def _finished(self, event: PlaybackFinishedEvent) -> None:
        payload = {
            "playback_position": event.playback_position,
            "interrupted": event.interrupted,
            "synchronized_transcript": None,
        }
        self._reports.put_nowait((wire.RPC_FINISHED, json.dumps(payload)))

    async def _receive(self) -> None:
        while True:
            await self._came.wait()
            while self._readers:
                self._cut.clear()
                reader = self._readers.popleft()
                try:
                    await self._play(reader)
                except Exception:  # noqa: BLE001  (the next one may be better, and somebody waits for it)
                    logger.exception("a speech stream could not be played")
                    reader.close()
            self._came.clear()

    async def _play(self, reader: rtc.ByteStreamReader) -> None:
        rate = _whole(reader.info.attributes.get("sample_rate", ""))
        channels = _whole(reader.info.attributes.get("num_channels", ""))
        if not (RATES[0] <= rate <= RATES[1] and 1 <= channels <= MOST_CHANNELS):
            logger.error("a speech stream of %d Hz and %d channels was left out", rate, channels)
            reader.close()
            return
        await self._output.capture_frame(NOTHING)  # the segment is open from its announcement on
        rest = b""
        cut = asyncio.ensure_future(self._cut.wait())
        try:
            while True:
                data = await self._next(reader, cut)
                if data is None or self._cut.is_set():
                    break
                data = rest + data
                whole = len(data) // (2 * channels) * (2 * channels)
                data, rest = data[:whole], data[whole:]
                if data:
                    frame = rtc.AudioFrame(data, rate, channels, len(data) // (2 * channels))
                    await self._output.capture_frame(frame)
        finally:
            cut.cancel()
            reader.close()
        if not self._cut.is_set():
            self._output.flush()

    async def _next(self, reader: rtc.ByteStreamReader, cut: asyncio.Future[Any]) -> bytes | None:
        """The next piece; None at the end, at a clear, and when the end was lost."""
        piece = asyncio.ensure_future(_piece(reader))
        superseded = asyncio.ensure_future(self._another())
        try:
            await asyncio.wait({piece, cut, superseded}, timeout=IDLE_S, return_when=asyncio.FIRST_COMPLETED)
            if cut.done():
                return None
            if not piece.done() and superseded.done():
                # The sender never has two streams open, so this one's end is overdue: give it a moment.
                await asyncio.wait({piece, cut}, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
            return piece.result() if piece.done() and not cut.done() else None
        finally:
            piece.cancel()
            superseded.cancel()

    async def _another(self) -> None:
        while not self._readers:
            self._came.clear()
            await self._came.wait()

    async def _report(self) -> None:
        while True:
            method, payload = await self._reports.get()
            if method == wire.RPC_STARTED and not self._wants_started:
                continue
            for attempt in range(RETRIES):
                try:
                    await self._room.local_participant.perform_rpc(
                        destination_identity=self._sender, method=method, payload=payload
                    )
                    break
                except rtc.RpcError as error:
                    if error.code == rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD:
                        self._wants_started = self._wants_started and method != wire.RPC_STARTED
                        break
                    if attempt == RETRIES - 1:
                        logger.warning("%s did not reach %s: %s", method, self._sender, error.message)
                    await asyncio.sleep(RETRY_S)


def _whole(text: str) -> int:
    """-1 for what is no whole number."""
    return int(text) if text.isdecimal() else -1


async def _piece(reader: rtc.ByteStreamReader) -> bytes | None:
    try:
        return await anext(reader)
    except (StopAsyncIteration, rtc.StreamError):
        return None
