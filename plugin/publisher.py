"""The pacer: puts a session's samples and pictures into a LiveKit room so that they are perceived together.

Samples go into the audio queue as soon as they are there. A picture is handed over when the middle of the audio it
was made for leaves that queue, plus `HOLD_S`. Both happen on the media loop; the agent's own loop only publishes.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

from livekit import rtc
from livekit.rtc.participant import UnpublishTrackError

from avatar_engine.engine.image import Image
from avatar_engine.live import Delivery
from avatar_engine.plugin import codec_choice, media_loop
from avatar_engine.plugin.metrics import SessionFigures
from avatar_engine.plugin.outlets import H264Outlet, Outlet, RawOutlet, Stamp, audio_options
from avatar_engine.plugin.playout import Heard, Playout
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.sound_queue import SoundQueue

QUEUE_MS = 200
"""Size of the native audio queue; it accepts pushes without waiting up to here."""
RELIEF_DECAY = 0.10
"""After an interruption pictures go out at once; each following frame gets this share of a frame time later again."""


class PlaybackEvents(Protocol):
    """Told on the media loop; must return at once."""

    def segment_started(self, segment: int) -> None: ...
    def segment_ended(self, segment: int, position: int) -> None: ...
    def publishing_failed(self, error: BaseException) -> None: ...


@dataclass(slots=True)
class _Due:
    """A picture waiting for its time; `image` None repeats the last one."""

    image: Image | None
    heard_s: float
    index: int
    segment: int | None  # the segment whose first sample it shows
    due_s: float = 0.0


class Publisher:
    """One session's two tracks. `feed` may be called from any thread."""

    def __init__(self, options: PublishOptions, events: PlaybackEvents, figures: SessionFigures) -> None:
        self.options = options
        self._events = events
        self._figures = figures
        self._media = media_loop.acquire()
        self._lock = threading.Lock()
        self._playout = Playout(options.rate, options.fps, options.lead_s)
        self._audio = SoundQueue(options.rate, 1, QUEUE_MS, loop=self._media.loop)
        self._audio.clear_queue()  # the native queue is born full of silence
        self._outlet = make_outlet(options, figures)
        self._packets: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._coming: dict[int, tuple[float | None, int | None]] = {}  # by a frame's number: when, whose first
        self._frames: deque[_Due] = deque()
        self._frame_came = asyncio.Event()
        self._image: Image | None = None
        self._cut_s = 0.0
        self._rush = False
        self._relief_s = 0.0
        self._last_due_s = 0.0
        self._arrivals: dict[int, float] = {}
        self._first_picture: Future[None] = Future()
        self._publications: list[rtc.LocalTrackPublication] = []
        self._closed = False
        self._pumping: asyncio.Task[None] | None = None
        self._pumps = self._media.spawn(self._pump())
        self._pumps.add_done_callback(self._pumps_ended)

    def feed(self, delivery: Delivery) -> None:
        """The sound of the session's next packet, or the pictures of one whose sound came before."""
        if not self._closed:
            self._media.loop.call_soon_threadsafe(self._packets.put_nowait, delivery)

    def speech_arrived(self, segment: int, at_s: float) -> None:
        """The first sample of a segment came at this steady-clock time, with nothing waiting before it."""
        self._arrivals[segment] = at_s

    async def publish(self, participant: rtc.LocalParticipant) -> None:
        """Publish both tracks, with a real picture from the first frame on, without waiting for subscribers."""
        await asyncio.wrap_future(self._first_picture)
        video = rtc.LocalVideoTrack.create_video_track(self.options.video_name, self._outlet.source)
        audio = rtc.LocalAudioTrack.create_audio_track(self.options.audio_name, self._audio)
        self._publications = [
            await participant.publish_track(audio, audio_options()),
            await participant.publish_track(video, self._outlet.publish_options()),
        ]

    async def somebody_listens(self, timeout_s: float) -> bool:
        """Waits until a participant is subscribed to the sound, at most so long; says whether one is."""
        try:
            await asyncio.wait_for(self._publications[0].wait_for_subscription(), timeout_s)
        except TimeoutError:
            return False
        return True

    def cut(self, command: Callable[[list[Heard]], int]) -> list[Heard]:
        """Silence now. `command` gets what was heard of every begun segment, sends the engine its command and
        returns that command's number; packets made before it are heard as silence and their pictures left out."""
        with self._lock:
            self._cut_s = time.monotonic()
            heard = self._playout.cut(self._cut_s)
            self._playout.mute_below(command(heard))
        # At once, on the caller's thread: the media loop may not get the processor for some tens of milliseconds. It
        # empties the queue again, against a packet that was on its way there meanwhile.
        if not self._closed:
            self._audio.clear_queue()
        self._media.loop.call_soon_threadsafe(self._drop_pictures)
        self._media.loop.call_soon_threadsafe(self._packets.put_nowait, None)
        return heard

    def hold(self, command: Callable[[list[Heard]], int]) -> None:
        """Stop after the audio that is already queued (some tens of milliseconds); `command` as for `cut`, with
        what will have been heard by then."""
        with self._lock:
            self._playout.mute_below(command(self._playout.hold()))

    def close_segment(self, segment: int) -> None:
        """Nobody waits for this segment any more."""
        self._arrivals.pop(segment, None)
        with self._lock:
            self._playout.close_segment(segment)

    async def aclose(self, participant: rtc.LocalParticipant | None = None) -> None:
        """Take the tracks out of the room (with a participant that is still connected) and free everything."""
        if self._closed:
            return
        self._closed = True
        await asyncio.wrap_future(self._media.spawn(self._stop_pumps()))
        if not self._first_picture.done():
            self._first_picture.cancel()
        for publication in self._publications:
            if participant is not None and publication.sid in participant.track_publications:
                try:
                    await participant.unpublish_track(publication.sid)
                except UnpublishTrackError:
                    continue  # the room is going away by itself
        await self._outlet.aclose()
        await self._audio.aclose()
        await asyncio.get_running_loop().run_in_executor(None, media_loop.release)

    async def _stop_pumps(self) -> None:
        if self._pumping is not None:
            self._pumping.cancel()
            await asyncio.wait({self._pumping})

    async def _pump(self) -> None:
        self._pumping = asyncio.current_task()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump_audio())
                group.create_task(self._pump_video())
        finally:
            self._frames.clear()

    def _end(self, segment: int, position: int, admitted_s: float, at_s: float) -> None:
        with self._lock:
            if admitted_s <= self._cut_s < at_s:
                return  # cut off before it was heard
        self._events.segment_ended(segment, position)

    def _pumps_ended(self, pumps: Future[None]) -> None:
        if not pumps.cancelled() and (error := pumps.exception()) is not None:
            if not self._first_picture.done():
                self._first_picture.set_exception(error)
            self._events.publishing_failed(error)

    async def _pump_audio(self) -> None:
        starting: int | None = None
        while True:
            delivery = await self._packets.get()
            if delivery is None:
                await self._silence_queue()
                continue
            packet = delivery.packet
            if delivery.drawn:
                for frame in packet.frames:  # drawn beside the simulation they come with a later tick
                    self._enqueue(frame.image, *self._coming.pop(frame.index, (None, None)), frame.index)
                continue
            now_s = time.monotonic()
            late_s = now_s - delivery.due_s
            self._figures.packet_late_s.add(late_s)
            with self._lock:
                entry = self._playout.admit(packet, delivery.stamp, now_s, late_s)
                self._figures.audio_queue_s = self._playout.queued_s(now_s)
            self._figures.audio_underruns += entry.underrun
            if len(entry.samples):
                await self._audio.capture_frame(
                    rtc.AudioFrame(entry.samples.tobytes(), self.options.rate, 1, len(entry.samples))
                )
            for segment in entry.starts:
                self._figures.segments_started += 1
                arrived_s = self._arrivals.get(segment)  # another thread may forget it at any time
                if arrived_s is not None:
                    self._figures.playback_start_s.add(time.monotonic() - arrived_s)
                self._events.segment_started(segment)
            for segment, position, at_s in entry.ends:
                delay_s = max(0.0, at_s - time.monotonic())
                self._media.loop.call_later(delay_s, self._end, segment, position, now_s, at_s)
            starting = entry.starts[0] if entry.starts else starting
            for frame, heard_s in zip(packet.frames, entry.frame_heard_s):
                self._coming[frame.index] = heard_s, starting
                starting = None

    def _enqueue(self, image: Image | None, heard_s: float | None, segment: int | None, index: int) -> None:
        if heard_s is None:  # made before a cut: its mouth belongs to speech nobody hears
            self._figures.frames_dropped += 1
            self._image = image or self._image  # later frames may repeat it
            return
        now_s = time.monotonic()
        if self._rush:
            self._rush = False
            self._relief_s = max(0.0, heard_s + self.options.hold_s - now_s)
        due_s = heard_s + self.options.hold_s - self._relief_s
        self._relief_s = max(0.0, self._relief_s - RELIEF_DECAY / self.options.fps)
        due_s = max(due_s, self._last_due_s + 0.25 / self.options.fps)
        self._last_due_s = due_s
        self._frames.append(_Due(image, heard_s, index, segment, due_s))
        self._figures.video_queue = len(self._frames)
        self._frame_came.set()

    async def _silence_queue(self) -> None:
        # What was queued is replaced by as much silence: the timeline, and with it every later time, stays.
        self._audio.clear_queue()
        now_s = time.monotonic()
        with self._lock:
            count = round(self._playout.queued_s(now_s) * self.options.rate)
        if count:
            await self._audio.capture_frame(rtc.AudioFrame(bytes(2 * count), self.options.rate, 1, count))

    def _drop_pictures(self) -> None:
        self._figures.frames_dropped += len(self._frames)
        for waiting in self._frames:  # a dropped picture may be the one that later frames repeat
            self._image = waiting.image or self._image
        self._frames.clear()
        for index, (_, segment) in self._coming.items():  # not drawn yet; what it was to show is not heard any more
            self._coming[index] = None, segment
        self._rush = True
        self._last_due_s = 0.0

    async def _pump_video(self) -> None:
        loop = asyncio.get_running_loop()
        encode_s = 0.005
        frame_s = 1.0 / self.options.fps
        while True:
            item = await self._next_frame()
            await _sleep_until(item.due_s - encode_s)
            if not self._frames or self._frames[0] is not item:
                continue  # a cut took it
            self._frames.popleft()
            repeated = item.image is None
            self._image = item.image or self._image
            if self._image is None:
                continue
            if self._frames and time.monotonic() > item.due_s + 1.5 * frame_s:
                self._figures.frames_dropped += 1
                continue
            self._outlet.follow_feedback()
            if not self._outlet.wants(item.index):
                self._figures.frames_skipped += 1
                continue
            began_s = time.monotonic()
            prepared = await loop.run_in_executor(self._media.encoders, self._outlet.prepare, self._image)
            took_s = time.monotonic() - began_s
            self._figures.encode_s.add(took_s)
            encode_s += 0.1 * (min(took_s, frame_s) - encode_s)
            await _sleep_until(item.due_s)
            heard_unix_us = int((time.time() + item.heard_s - time.monotonic()) * 1e6)
            accepted = self._outlet.submit(prepared, Stamp(heard_unix_us, item.index))
            self._note_sent(item, accepted, repeated)

    async def _next_frame(self) -> _Due:
        while not self._frames:
            self._frame_came.clear()
            await self._frame_came.wait()
        return self._frames[0]

    def _note_sent(self, item: _Due, accepted: bool, repeated: bool) -> None:
        now_s = time.monotonic()
        figures = self._figures
        figures.frames_sent += accepted
        figures.frames_refused += not accepted
        figures.frames_repeated += repeated
        figures.video_queue = len(self._frames)
        figures.video_offset_s.add(now_s - item.due_s)
        arrived_s = self._arrivals.pop(item.segment, None) if item.segment is not None else None
        if arrived_s is not None:
            figures.added_latency_s.add(now_s - arrived_s)
        if not self._first_picture.done():
            self._first_picture.set_result(None)


def make_outlet(options: PublishOptions, figures: SessionFigures) -> Outlet:
    """Our own H.264 where it is wanted and was measured to be quick enough, else raw pictures."""
    if options.codec == "h264":
        choice = codec_choice.choose(options.width, options.height, options.fps)
        figures.encoder_trial_s = choice.trial_s
        if choice.encoder is not None:
            figures.own_encoder = 1
            return H264Outlet(options, figures)
    return RawOutlet(options, figures)


async def _sleep_until(at_s: float) -> None:
    wait_s = at_s - time.monotonic()
    if wait_s > 0:
        await asyncio.sleep(wait_s)
