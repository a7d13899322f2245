"""`AvatarSession`: three lines that give a LiveKit agent a face. Translates between LiveKit and the engine only."""

from __future__ import annotations

import asyncio
from typing import Any, Literal, Unpack

from livekit import rtc
from livekit.agents import NOT_GIVEN, AgentSession, NotGivenOr, get_job_context
from livekit.agents.llm import FunctionTool, RawFunctionTool
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.rtc.participant import PublishTrackError

from avatar_engine.components.emotions import check_emotion
from avatar_engine.engine.errors import EngineError
from avatar_engine.engine.messages import (
    Command,
    PlayGesture,
    SetBackground,
    SetEmotion,
    SetGaze,
    SetLanguage,
    Trigger,
)
from avatar_engine.live import LiveDriver
from avatar_engine.plugin import codec_choice, engine_host
from avatar_engine.plugin.agent_ear import AgentEar
from avatar_engine.plugin.log import logger
from avatar_engine.plugin.metrics import SessionFigures
from avatar_engine.plugin.options import AvatarOptions, AvatarRequest, check_background, live_options
from avatar_engine.plugin.stage import EngineStage

FIRST_LISTENER_S = 3.0
"""So long speech waits for somebody to be subscribed; then it is spoken to whoever comes."""


class AvatarSession(BaseAvatarSession[Literal["avatar_lost", "avatar_notice"]]):
    """A 3D person for an agent, rendered inside the agent's process; no service, no key, no other network.

        avatar = AvatarSession(avatar_id="ada")
        await avatar.start(session, room=ctx.room)
        await session.start(agent=..., room=ctx.room)

    avatar_id: a bundled id or a GLB/VRM/avatar.yaml file, or a whole `AvatarRequest`, which also says what the
    options mean. Emits `metrics_collected`, `avatar_notice` (something it could not do as asked), and `avatar_lost`
    with the error when the engine cannot go on (the agent then speaks into the void rather than hang).
    """

    _agent_session: AgentSession[Any] | None
    _room: rtc.Room | None
    _wait_avatar_join_task: asyncio.Task[None] | None

    def __init__(self, avatar_id: str | AvatarRequest = "ada", **options: Unpack[AvatarOptions]) -> None:
        super().__init__()
        self._options = live_options(AvatarRequest.asked(avatar_id, options))
        self._stage: EngineStage | None = None
        self._driver: LiveDriver | None = None
        self._ear: AgentEar | None = None
        self._live_task: asyncio.Task[None] | None = None
        self._started = False

    @property
    def avatar_identity(self) -> str:
        """The agent's own: it publishes the avatar itself."""
        job = get_job_context(required=False)
        if job is not None:
            return job.local_participant_identity
        return self._room.local_participant.identity if self._room is not None else ""

    @property
    def provider(self) -> str:
        return "avatar-engine"

    @property
    def figures(self) -> SessionFigures:
        """What this session measures of itself (latency, skew, drops, ...)."""
        return self._running().figures

    async def start(
        self,
        agent_session: AgentSession[Any],
        room: rtc.Room,
        *,
        livekit_url: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_key: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_secret: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Open the avatar and take over the session's audio output; call it before `agent_session.start`.

        The tracks are published as soon as the room is connected. The livekit_* arguments are accepted for
        compatibility with other avatars: in this mode the agent's own connection is used.
        """
        if self._started:
            raise RuntimeError("this AvatarSession was started already; make a new one")
        self._started = True
        await super().start(agent_session, room)
        await codec_choice.ready(self._options.publish)
        driver = self._driver = await engine_host.acquire(self._options.runtime)
        try:
            stage = self._stage = EngineStage(
                driver, self._options.publish, self._lost, lambda told: self.emit("avatar_notice", told)
            )
            await stage.open(self._options.session)
        except BaseException:
            await self._close_stage()
            raise
        if self._stage is not stage:  # closed while it was being opened
            await stage.aclose()
            raise RuntimeError("the avatar was closed before it had started")
        self._ear = AgentEar(agent_session, stage.send, emotions=self._options.session.emotion_enabled)
        agent_session.output.replace_audio_tail(stage.output)
        self._live_task = asyncio.create_task(self._go_live(stage, room), name="avatar-go-live")

    async def stop(self) -> None:
        """End the avatar; the agent stays in the room."""
        await self.aclose()

    async def aclose(self) -> None:
        """End the avatar and free what it held. Safe to call twice, before `start`, and while it speaks."""
        # Not the base class's way: it removes `avatar_identity` from the room, and that is the agent itself.
        agent_session, self._agent_session = self._agent_session, None
        room, self._room = self._room, None
        if agent_session is not None:
            agent_session.off("conversation_item_added", self._on_conversation_item_added)
        if room is not None:
            room.off("connection_state_changed", self._on_connection_state_changed)
        if self._ear is not None:
            self._ear.detach()
            self._ear = None
        for task in (self._live_task, self._wait_avatar_join_task):
            if task is not None:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        self._live_task = self._wait_avatar_join_task = None
        await self._close_stage(room)

    def update_emotion(self, emotion: str, intensity: float = 1.0, *, hold_s: float | None = None) -> None:
        """Aim for an emotion, intensity 0..1. Raises InputError for a name the engine does not know."""
        check_emotion(emotion)
        self._send(SetEmotion(emotion, min(max(intensity, 0.0), 1.0), hold_s))

    def set_background(self, background: str) -> None:
        """A bundled background's id, a picture file, or `#rrggbb`. Raises SceneError when there is none such."""
        check_background(background)
        self._send(SetBackground(background))

    def set_language(self, language: str) -> None:
        """The voice speaks another language from now on, as espeak-ng or BCP 47 name it: `it`, `pt-br`; empty: not known."""
        self._send(SetLanguage(language))

    def play_gesture(self, gesture: str, strength: float = 1.0) -> None:
        """nod, shake, tilt, shrug, ... as the behaviours define them."""
        self._send(PlayGesture(gesture, strength))

    def set_gaze(self, point_m: tuple[float, float, float] | None, *, hold_s: float | None = None) -> None:
        """Look at a point in metres from between the eyes (left, up, forward); None: the persona's own gaze."""
        self._send(SetGaze(point_m, hold_s))

    def trigger(self, event: str, value: float = 1.0) -> None:
        """A named event for the behaviours."""
        self._send(Trigger(event, value))

    def tools(self) -> list[FunctionTool | RawFunctionTool]:
        """Function tools for the agent's LLM: emotion, gesture, background."""
        from avatar_engine.plugin.tools import avatar_tools

        return avatar_tools(self)

    def _send(self, command: Command) -> None:
        self._running().send(command)

    def _running(self) -> EngineStage:
        if self._stage is None:
            raise RuntimeError("the avatar is not running; call start() first")
        return self._stage

    async def _go_live(self, stage: EngineStage, room: rtc.Room) -> None:
        await connected(room)
        try:
            await stage.publisher.publish(room.local_participant)
        except (PublishTrackError, EngineError) as error:
            self._lost(error)
            return
        await stage.publisher.somebody_listens(FIRST_LISTENER_S)
        stage.output.let_through()

    def _lost(self, error: BaseException) -> None:
        logger.error("the avatar is lost: %s", error)
        if self._stage is not None:
            self._stage.output.lose()
        self.emit("avatar_lost", error)

    async def _close_stage(self, room: rtc.Room | None = None) -> None:
        stage, self._stage = self._stage, None
        driver, self._driver = self._driver, None
        if stage is not None:
            still_there = room.local_participant if room is not None and room.isconnected() else None
            await stage.aclose(still_there)
        if driver is not None:
            await engine_host.release(driver)


async def connected(room: rtc.Room) -> None:
    """Returns as soon as the room is connected."""
    if room.isconnected():
        return
    there = asyncio.Event()

    def changed(state: rtc.ConnectionState.ValueType) -> None:
        if state == rtc.ConnectionState.CONN_CONNECTED:
            there.set()

    room.on("connection_state_changed", changed)
    try:
        while not room.isconnected():
            await there.wait()
            there.clear()
    finally:
        room.off("connection_state_changed", changed)
