"""An avatar with a connection of its own: speaks what one agent in the room streams to it, until that agent leaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any, TypeVar

from livekit import rtc
from livekit.agents import utils

from avatar_engine.components.emotions import check_emotion
from avatar_engine.engine.errors import EngineError, InputError
from avatar_engine.engine.messages import (
    Command,
    PlayGesture,
    SetAgentState,
    SetBackground,
    SetEmotion,
    SetGaze,
    SetLanguage,
    Trigger,
)
from avatar_engine.plugin import codec_choice, engine_host, wire
from avatar_engine.plugin.agent_ear import emotion_of
from avatar_engine.plugin.log import logger
from avatar_engine.plugin.options import LiveOptions, check_background
from avatar_engine.plugin.speech_stream import SpeechStream
from avatar_engine.plugin.stage import EngineStage

T = TypeVar("T")
AGENT_COMES_S = 60.0
AGENT_RETURNS_S = 30.0
"""An agent that drops out may come back within this time; the avatar lives on meanwhile."""


class AgentMissingError(EngineError):
    """Nobody to speak for came into the room."""


class RoomAvatar:
    """One room, one agent, one avatar. `run` returns when the agent or the room is gone."""

    def __init__(self, room: rtc.Room, options: LiveOptions, agent_identity: str | None = None) -> None:
        self._room = room
        self._options = options
        self._agent = agent_identity
        self._over = asyncio.Event()
        self._back = asyncio.Event()
        self._leaving: asyncio.Task[None] | None = None
        self.stage: EngineStage | None = None
        self._readers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Publish at once, find the agent, speak for it. Raises EngineError when the engine gives up."""
        room = self._room
        await codec_choice.ready(self._options.publish)
        driver = await engine_host.acquire(self._options.runtime)
        failure: list[BaseException] = []
        stream: SpeechStream | None = None

        def lost(error: BaseException) -> None:
            failure.append(error)
            self._over.set()

        try:
            stage = self.stage = EngineStage(driver, self._options.publish, lost)
        except BaseException:
            await engine_host.release(driver)
            raise
        room.on("disconnected", self._disconnected)
        room.on("participant_disconnected", self._left)
        room.on("participant_connected", self._came)
        room.on("participant_attributes_changed", self._attributes_changed)
        room.register_text_stream_handler(wire.TRANSCRIPTION_TOPIC, self._text_came)
        try:
            await stage.open(self._options.session)
            await self._unless_over(stage.publisher.publish(room.local_participant))
            stage.output.let_through()
            agent = await self._unless_over(self._find_agent())
            if agent is not None:
                stream = SpeechStream(room, agent.identity, stage.output)
                stream.start()
                room.local_participant.register_rpc_method(wire.RPC_COMMAND, self._command)
                self._take_state(agent.attributes)
                await room.local_participant.publish_data(
                    b"", topic=wire.WARM_TOPIC, destination_identities=[agent.identity]
                )
            await self._over.wait()
        finally:
            room.off("disconnected", self._disconnected)
            room.off("participant_disconnected", self._left)
            room.off("participant_connected", self._came)
            room.off("participant_attributes_changed", self._attributes_changed)
            room.unregister_text_stream_handler(wire.TRANSCRIPTION_TOPIC)
            await utils.aio.cancel_and_wait(*self._readers, *([self._leaving] if self._leaving else []))
            if stream is not None:
                await stream.aclose()
            await stage.aclose(room.local_participant if room.isconnected() else None)
            await engine_host.release(driver)
        if failure:
            raise failure[0]

    async def _unless_over(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What it returns, or None as soon as the room or the engine is gone: what it waits for may never come."""
        working, over = asyncio.ensure_future(work), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait({working, over}, return_when=asyncio.FIRST_COMPLETED)
            return working.result() if working.done() else None
        finally:
            await utils.aio.cancel_and_wait(working, over)

    async def _find_agent(self) -> rtc.RemoteParticipant:
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        try:
            async with asyncio.timeout(AGENT_COMES_S):
                found = await utils.wait_for_participant(
                    self._room, identity=self._agent, kind=None if self._agent else kind
                )
        except TimeoutError as error:
            who = self._agent or "an agent"
            raise AgentMissingError(
                f"room {self._room.name}", f"{who} did not come within {AGENT_COMES_S:.0f} s"
            ) from error
        self._agent = found.identity
        on_behalf = self._room.local_participant.attributes.get(wire.ATTRIBUTE_ON_BEHALF)
        if on_behalf != found.identity:
            await self._room.local_participant.set_attributes({wire.ATTRIBUTE_ON_BEHALF: found.identity})
        return found

    def _disconnected(self, _: object) -> None:
        self._over.set()

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity != self._agent:
            return
        if participant.disconnect_reason == rtc.DisconnectReason.CLIENT_INITIATED:
            self._over.set()  # it left on purpose
        elif self._leaving is None:
            self._back.clear()
            self._leaving = asyncio.create_task(self._wait_for_return())

    def _came(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._agent:
            self._back.set()

    async def _wait_for_return(self) -> None:
        if self.stage is not None:
            self.stage.output.clear_buffer()
        try:
            async with asyncio.timeout(AGENT_RETURNS_S):
                await self._back.wait()
                while self._agent not in self._room.remote_participants:  # back, and gone again
                    self._back.clear()
                    await self._back.wait()
        except TimeoutError:
            self._over.set()
        self._leaving = None

    def _attributes_changed(self, _: dict[str, str], participant: rtc.Participant) -> None:
        if participant.identity == self._agent:
            self._take_state(participant.attributes)

    def _take_state(self, attributes: dict[str, str]) -> None:
        state = attributes.get(wire.ATTRIBUTE_STATE)
        if state:
            self._send(SetAgentState(state))

    def _text_came(self, reader: rtc.TextStreamReader, sender: str) -> None:
        if sender == self._agent and self._options.session.emotion_enabled:
            self._take_expression(reader.info.attributes)
        task = asyncio.create_task(_drain(reader))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    def _take_expression(self, attributes: dict[str, str] | None) -> None:
        told = (attributes or {}).get(wire.ATTRIBUTE_EXPRESSION)
        if not told:
            return
        try:
            value = json.loads(told)
        except ValueError:
            return
        if isinstance(value, dict):
            expression = str(value.get("expression") or value.get("value") or "")
            command = emotion_of(expression, str(value.get("mood") or ""))
            if command is not None:
                self._send(command)

    def _command(self, call: rtc.RpcInvocationData) -> str:
        if call.caller_identity != self._agent:
            return "reject"
        try:
            self._send(command_of(json.loads(call.payload, parse_constant=_no_number)))
        except (InputError, ValueError, KeyError, TypeError) as error:
            raise rtc.RpcError(rtc.RpcError.ErrorCode.APPLICATION_ERROR, str(error)) from error
        return "ok"

    def _send(self, command: Command) -> None:
        if self.stage is not None:
            self.stage.send(command)


async def _drain(reader: rtc.TextStreamReader) -> None:
    # Read to the end, or its subscription would live for the rest of the process.
    try:
        async for _ in reader:
            pass
    except rtc.StreamError:
        logger.debug("a transcript ended early")


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def command_of(told: dict[str, Any]) -> Command:
    """The command in a JSON object. Raises InputError, KeyError, TypeError or ValueError for anything else."""
    match told["do"]:
        case "emotion":
            check_emotion(told["emotion"])
            hold_s = told.get("hold_s")
            return SetEmotion(
                told["emotion"], float(told.get("intensity", 1.0)), None if hold_s is None else float(hold_s)
            )
        case "gesture":
            return PlayGesture(str(told["gesture"]), float(told.get("strength", 1.0)))
        case "background":
            check_background(str(told["background"]))
            return SetBackground(str(told["background"]))
        case "language":
            return SetLanguage(str(told["language"]))
        case "gaze":
            point = told.get("point_m")
            x, y, z = point if point is not None else (0.0, 0.0, 0.0)
            hold_s = told.get("hold_s")
            return SetGaze(
                None if point is None else (float(x), float(y), float(z)), None if hold_s is None else float(hold_s)
            )
        case "trigger":
            return Trigger(str(told["event"]), float(told.get("value", 1.0)))
    raise ValueError(f"no such command: {told['do']}")
