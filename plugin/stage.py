"""Binds one engine session to one room: the engine's packets to a publisher, speech and commands to the engine."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from livekit import rtc
from livekit.agents import utils

from avatar_engine.engine.errors import DeviceError, EngineError
from avatar_engine.engine.messages import AudioChunk, Command, Notice, SetBackground
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.plugin import metrics
from avatar_engine.plugin.audio_output import AvatarAudioOutput
from avatar_engine.plugin.log import logger
from avatar_engine.plugin.playout import Heard
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.publisher import Publisher
from avatar_engine.scenes.staging import load_background

LOST = "lost"
"""Code of the engine's notice that ends a session."""
LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class EngineStage:
    """What `AvatarAudioOutput` talks to. Made by `open_stage`, ended by `aclose`."""

    def __init__(
        self,
        driver: LiveDriver,
        options: PublishOptions,
        on_lost: Callable[[BaseException], None] | None = None,
        on_notice: Callable[[Notice], None] | None = None,
    ) -> None:
        self.rate = options.rate
        self.figures = metrics.SessionFigures()
        self.session = ""
        self._driver = driver
        self._loop = asyncio.get_running_loop()
        self._on_lost, self._on_notice = on_lost, on_notice
        self._lost = False
        self._changing: set[asyncio.Task[None]] = set()
        self.output = AvatarAudioOutput(self, self.figures, loop=self._loop)
        self.publisher = Publisher(options, self, self.figures)

    async def open(self, session_options: Any) -> None:
        """Open the engine's session; pictures begin to come."""
        opened = self._driver.open_session(session_options, self._deliver, self._engine_lost, self._notice)
        self.session = await asyncio.wrap_future(opened)
        metrics.register(self.figures)

    async def aclose(self, participant: rtc.LocalParticipant | None = None) -> None:
        """End the session and take its tracks out of the room."""
        await utils.aio.cancel_and_wait(*self._changing)
        if self.session and self._driver.alive:
            await asyncio.wrap_future(self._driver.close_session(self.session))
        metrics.unregister(self.figures)
        await self.publisher.aclose(participant)
        self.output.lose()

    def push_audio(self, chunk: AudioChunk) -> None:
        self._driver.push_audio(self.session, chunk)

    def send(self, command: Command) -> int:
        """From any thread. Returns the command's number (see `LiveDriver.send`), 0 for a background."""
        if isinstance(command, SetBackground):
            self._loop.call_soon_threadsafe(self._begin_change, command)
            return 0
        return self._driver.send(self.session, command)

    def _begin_change(self, command: SetBackground) -> None:
        changing = self._loop.create_task(self._change_background(command))
        self._changing.add(changing)
        changing.add_done_callback(self._changing.discard)

    async def _change_background(self, command: SetBackground) -> None:
        # The simulation finds the picture decoded: doing that itself it would hold up every room.
        with suppress(EngineError):  # it tells that itself
            await asyncio.to_thread(load_background, command.background)
        self._driver.send(self.session, command)

    def cut(self, command: Callable[[list[Heard]], int]) -> list[Heard]:
        return self.publisher.cut(command)

    def hold(self, command: Callable[[list[Heard]], int]) -> None:
        self.publisher.hold(command)

    def speech_arrived(self, segment: int, at_s: float) -> None:
        self.publisher.speech_arrived(segment, at_s)

    def close_segment(self, segment: int) -> None:
        self.publisher.close_segment(segment)

    def segment_started(self, segment: int) -> None:
        self.output.segment_started(segment)

    def segment_ended(self, segment: int, position: int) -> None:
        self.output.segment_ended(segment, position)

    def publishing_failed(self, error: BaseException) -> None:
        self._engine_lost(error)

    def _deliver(self, delivery: Delivery) -> None:
        self.publisher.feed(delivery)

    def _notice(self, notice: Notice) -> None:
        if notice.code == LOST:
            self._engine_lost(DeviceError("avatar", notice.text, "start it again"))
            return
        self._loop.call_soon_threadsafe(self._tell, notice)

    def _tell(self, notice: Notice) -> None:
        logger.log(LEVELS.get(notice.level, logging.INFO), "%s: %s", notice.code, notice.text)
        if self._on_notice is not None:
            self._on_notice(notice)

    def _engine_lost(self, error: BaseException) -> None:
        self._loop.call_soon_threadsafe(self._lose, error)

    def _lose(self, error: BaseException) -> None:
        if self._lost:
            return
        self._lost = True
        self.output.lose()
        if self._on_lost is not None:
            self._on_lost(error)
