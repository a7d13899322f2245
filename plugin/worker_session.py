"""`WorkerAvatarSession`: the agent's side of an avatar that runs in an avatar worker, dispatched by LiveKit."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import deque
from collections.abc import Coroutine, Mapping
from dataclasses import asdict
from typing import Any, Literal, Unpack

from livekit import rtc
from livekit.agents import NOT_GIVEN, AgentSession, NotGivenOr
from livekit.agents.llm import FunctionTool, RawFunctionTool
from livekit.agents.utils import is_given, shortuuid, wait_for_track_publication
from livekit.agents.utils.aio import cancel_and_wait
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.agents.voice.avatar import DataStreamAudioOutput
from livekit.agents.voice.io import AgentOutput, AudioOutput, AudioOutputCapabilities

from avatar_engine.engine.errors import DeviceError, InputError
from avatar_engine.engine.messages import Command, Trigger
from avatar_engine.plugin import wire
from avatar_engine.plugin.agent_ear import AgentEar
from avatar_engine.plugin.dispatch import FAILURES, AvatarDispatch
from avatar_engine.plugin.log import logger
from avatar_engine.plugin.options import AvatarOptions, AvatarRequest, live_options
from avatar_engine.plugin.session import connected

ATTEMPTS = 2
JOIN_S = 30.0
LOSSES, LOSSES_S = 3, 180.0
"""One more avatar lost than this within so long, and no other is asked for: what breaks it breaks the next one too."""
FREED_S = 3.0
"""Workers tell the server every 2.5 s how full they are: the one that lost this avatar still counts it before that."""


class WorkerAvatarSession(BaseAvatarSession[Literal["avatar_lost"]]):
    """Same three lines and options as `AvatarSession`; the picture is made on another machine
    (`avatar-engine worker`), so what changes the avatar is awaited. What is not asked for is as the worker was told at
    its start. worker: agent name of the workers.
    """

    def __init__(
        self,
        avatar_id: str | AvatarRequest | None = None,
        *,
        worker: str = wire.WORKER_NAME,
        **options: Unpack[AvatarOptions],
    ) -> None:
        super().__init__()
        self._wishes = _wishes(avatar_id, options)
        live_options(AvatarRequest.of(self._wishes))  # says now what the worker would say later
        self._worker = worker
        self._identity = shortuuid("avatar-")
        self._connection: rtc.Room | None = None
        self._output: AgentOutput | None = None
        self._dispatch: AvatarDispatch | None = None
        self._attending: asyncio.Task[None] | None = None
        self._sink: PatientOutput | None = None
        self._losses: deque[float] = deque(maxlen=LOSSES + 1)
        self._ear: AgentEar | None = None
        self._telling: set[asyncio.Task[None]] = set()  # and sending away
        self._abandoned: set[str] = set()  # identities nobody waits for any more

    @property
    def avatar_identity(self) -> str:
        return self._identity

    @property
    def provider(self) -> str:
        return "avatar-engine"

    async def start(
        self,
        agent_session: AgentSession[Any],
        room: rtc.Room,
        *,
        livekit_url: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_key: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_secret: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Take over the audio output and ask LiveKit for a worker. Raises InputError without URL and keys."""
        await super().start(agent_session, room)
        access = (
            _given(livekit_url, "LIVEKIT_URL"),
            _given(livekit_api_key, "LIVEKIT_API_KEY"),
            _given(livekit_api_secret, "LIVEKIT_API_SECRET"),
        )
        self._connection, self._output = room, agent_session.output
        self._dispatch = AvatarDispatch(room, self._worker, access, self._wishes)
        await self._dispatch.ask(self._identity)  # first: where nobody can be asked, the agent keeps its own voice
        self._expect_avatar()
        room.on("participant_disconnected", self._left)
        room.on("participant_connected", self._came)
        self._ear = AgentEar(agent_session, self._heard, emotions=False)
        self._attending = asyncio.create_task(self._attend(), name="avatar-arrival")

    async def stop(self) -> None:
        """End the avatar; the agent stays in the room."""
        await self.aclose()

    async def aclose(self) -> None:
        """Send the avatar away."""
        if self._connection is not None:
            self._connection.off("participant_disconnected", self._left)
            self._connection.off("participant_connected", self._came)
        if self._ear is not None:
            self._ear.detach()
            self._ear = None
        await cancel_and_wait(*self._telling)
        if self._attending is not None:
            self._attending.cancel()
            await asyncio.gather(self._attending, return_exceptions=True)
            self._attending = None
        if self._sink is not None:
            self._sink.give_up()
        await super().aclose()

    def _expect_avatar(self) -> None:
        """From now on speech waits for the avatar of this identity."""
        room, output = self._connection, self._output
        assert room is not None
        assert output is not None
        if self._sink is not None:
            self._sink.give_up()
        self._sink = PatientOutput(
            room,
            destination_identity=self._identity,
            wait_remote_track=rtc.TrackKind.KIND_VIDEO,
            clear_buffer_timeout=2.0,
            wait_playback_start=True,
        )
        output.replace_audio_tail(self._sink)

    def _left(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity == self._identity and (self._attending is None or self._attending.done()):
            self._abandoned.add(self._identity)
            self._attending = asyncio.create_task(self._recover(), name="avatar-recovery")

    def _came(self, participant: rtc.RemoteParticipant) -> None:
        if participant.identity in self._abandoned:
            assert self._dispatch is not None
            self._aside(self._dispatch.send_away(participant.identity))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _recover(self) -> None:
        """The worker is gone: ask for another one, unless they come and go."""
        assert self._output is not None
        self._losses.append(time.monotonic())
        if self._output.audio is not None:
            # What it still owed is over: the clear cannot reach it, and the output then closes its own books.
            self._output.audio.flush()
            self._output.audio.clear_buffer()
        if len(self._losses) > LOSSES and self._losses[-1] - self._losses[0] < LOSSES_S:
            self._go_on_unseen(
                f"left the room {len(self._losses)} times in a row", "see the worker's log for what broke it"
            )
            return
        logger.warning("the avatar left the room; asking for another one")
        self._identity = shortuuid("avatar-")
        self._expect_avatar()
        await asyncio.sleep(FREED_S)
        await self._attend(called=False)

    async def _attend(self, called: bool = True) -> None:
        """Until an avatar shows itself; without any, let the agent go on unseen."""
        room, dispatch = self._connection, self._dispatch
        assert room is not None
        assert dispatch is not None
        error: Exception | None = None
        for attempt in range(ATTEMPTS):
            try:
                async with asyncio.timeout(JOIN_S):
                    if attempt:
                        self._identity = shortuuid("avatar-")
                        self._expect_avatar()
                    if attempt or not called:
                        await dispatch.ask(self._identity)
                    await connected(room)
                    await self._arrival(room, dispatch)
            except (TimeoutError, RuntimeError, *FAILURES) as failed:
                error = failed
                self._abandon(room, dispatch)
                logger.warning("no avatar came: %s", str(failed) or f"nothing seen of it for {JOIN_S:.0f} s")
                continue
            if self._sink is not None:
                self._sink.go_on()
            return
        came = isinstance(error, RuntimeError)
        self._go_on_unseen(
            f"did not come: {error!r}",
            "see the worker's log for what broke it" if came else "start one: avatar-engine worker",
        )

    async def _arrival(self, room: rtc.Room, dispatch: AvatarDispatch) -> None:
        asking = asyncio.create_task(dispatch.ask_until_taken(self._identity), name="avatar-asking")
        try:
            await wait_for_track_publication(room, identity=self._identity, kind=rtc.TrackKind.KIND_VIDEO)
        finally:
            await cancel_and_wait(asking)
        if self._identity not in room.remote_participants:
            raise RuntimeError("the avatar left at once")

    def _abandon(self, room: rtc.Room, dispatch: AvatarDispatch) -> None:
        """Wait for this avatar no longer, whether it is still to come or stands there without a picture."""
        self._abandoned.add(self._identity)
        if self._identity in room.remote_participants:
            self._aside(dispatch.send_away(self._identity))

    def _go_on_unseen(self, problem: str, advice: str) -> None:
        assert self._output is not None
        if self._sink is not None:
            self._sink.give_up()
        self._output.replace_audio_tail(UnheardOutput())
        lost = DeviceError(f"avatar worker '{self._worker}'", problem, advice)
        logger.error("%s", lost)
        self.emit("avatar_lost", lost)

    async def update_emotion(self, emotion: str, intensity: float = 1.0, *, hold_s: float | None = None) -> None:
        """Aim for an emotion, intensity 0..1."""
        await self._tell({"do": "emotion", "emotion": emotion, "intensity": intensity, "hold_s": hold_s})

    async def set_background(self, background: str) -> None:
        """A bundled background's id or `#rrggbb`."""
        await self._tell({"do": "background", "background": background})
        self._keep("background", background)

    async def set_language(self, language: str) -> None:
        """The voice speaks another language from now on, as espeak-ng or BCP 47 name it: `it`, `pt-br`; empty: not known."""
        await self._tell({"do": "language", "language": language})
        self._keep("language", language)

    async def play_gesture(self, gesture: str, strength: float = 1.0) -> None:
        """As the behaviours define them."""
        await self._tell({"do": "gesture", "gesture": gesture, "strength": strength})

    async def set_gaze(self, point_m: tuple[float, float, float] | None, *, hold_s: float | None = None) -> None:
        """Look at a point in metres from between the eyes (left, up, forward); None: the persona's own gaze."""
        await self._tell({"do": "gaze", "point_m": point_m, "hold_s": hold_s})

    async def trigger(self, event: str, value: float = 1.0) -> None:
        """A named event for the behaviours."""
        await self._tell({"do": "trigger", "event": event, "value": value})

    def tools(self) -> list[FunctionTool | RawFunctionTool]:
        """Function tools for the agent's LLM: emotion, gesture, background."""
        from avatar_engine.plugin.tools import avatar_tools

        return avatar_tools(self)

    def _heard(self, command: Command) -> None:
        """The user's turns and the tools; the agent's state and words reach the avatar by themselves."""
        if isinstance(command, Trigger) and self._attending is not None and self._attending.done():
            self._aside(self._pass_on(command))

    async def _pass_on(self, command: Trigger) -> None:
        try:
            await self.trigger(command.event, command.value)
        except (rtc.RpcError, RuntimeError) as error:  # a nod less
            logger.debug("%s did not reach the avatar: %s", command.event, error)

    def _keep(self, option: str, value: str) -> None:
        """The avatar that takes this one's place gets it too, whatever the configuration said at the start."""
        self._wishes[option] = value
        if config := self._wishes.get("avatar_config"):
            self._wishes["avatar_config"] = {name: was for name, was in config.items() if name != option}

    async def _tell(self, command: dict[str, Any]) -> None:
        if self._connection is None:
            raise RuntimeError("the avatar is not running; call start() first")
        await self._connection.local_participant.perform_rpc(
            destination_identity=self._identity, method=wire.RPC_COMMAND, payload=json.dumps(command)
        )


class PatientOutput(DataStreamAudioOutput):
    """LiveKit's own sender, whose captures wait for the avatar, but no longer than somebody expects it."""

    def __init__(self, room: rtc.Room, **more: Any) -> None:
        super().__init__(room, **more)
        self._decided = asyncio.Event()
        self._given_up = False

    def go_on(self) -> None:
        """The avatar is there."""
        self._decided.set()

    def give_up(self) -> None:
        """It is not coming: what is captured here goes nowhere."""
        self._given_up = True
        self._decided.set()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await self._decided.wait()
        if not self._given_up:
            await super().capture_frame(frame)


class UnheardOutput(AudioOutput):
    """Takes speech that nobody can speak any more: every segment is over at once, with nothing of it heard."""

    def __init__(self) -> None:
        super().__init__(label="AvatarLost", capabilities=AudioOutputCapabilities(pause=False))
        self._capturing = False

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._capturing = True

    def flush(self) -> None:
        super().flush()
        if self._capturing:
            self._capturing = False
            self.on_playback_finished(playback_position=0.0, interrupted=True)

    def clear_buffer(self) -> None:
        """Nothing is buffered."""


def _given(value: NotGivenOr[str], variable: str) -> str:
    found = value if is_given(value) else os.environ.get(variable, "")
    if not found:
        raise InputError(variable, "is missing", "set it, or give it to start()")
    return found


def _wishes(avatar: AvatarRequest | str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for, and nothing else: the rest is the worker's to say."""
    told: dict[str, Any] = {}
    if isinstance(avatar, AvatarRequest):
        usual = asdict(AvatarRequest())
        told = {name: value for name, value in asdict(avatar).items() if value != usual[name]}
    elif avatar is not None:
        told["avatar_id"] = avatar
    told |= options
    if told.get("avatar_config") is not None and not isinstance(told["avatar_config"], dict):
        raise InputError("avatar_config", "a file of this machine means nothing to a worker", "give a mapping")
    return told
