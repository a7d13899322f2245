"""Avatar workers: dispatched by LiveKit like any agent, many rooms in one process, one engine for all of them."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from livekit.agents import AgentServer, AutoSubscribe, JobContext, JobExecutorType, JobProcess, JobRequest
from livekit.agents.utils import shortuuid

from avatar_engine import signals
from avatar_engine.bundled import open_library
from avatar_engine.engine.errors import InputError, suggest
from avatar_engine.interrupts import GRACE_S, STOPPED, end_process
from avatar_engine.plugin import engine_host, metrics, wire
from avatar_engine.plugin.options import AvatarRequest, live_options
from avatar_engine.plugin.room_avatar import RoomAvatar

FULL = 0.9
"""Load from which on a worker takes no more rooms."""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """avatars: most rooms at a time. The rest is what a job that says nothing else gets."""

    avatars: int
    defaults: AvatarRequest
    agent_name: str = wire.WORKER_NAME
    url: str | None = None
    api_key: str | None = None
    api_secret: str | None = None
    port: int = 8081
    prometheus_port: int | None = None


@dataclass(frozen=True, slots=True)
class JobWish:
    """What a dispatch's metadata asks for; all of it may be missing."""

    agent_identity: str | None
    avatar_identity: str | None
    avatar: AvatarRequest


def read_metadata(metadata: str, defaults: AvatarRequest) -> JobWish:
    """Dispatch metadata: JSON with `agent_identity`, `avatar_identity` and `avatar` (options). Raises InputError."""
    try:
        told = json.loads(metadata) if metadata.strip() else {}
    except ValueError as error:
        raise InputError("dispatch metadata", f"is not JSON: {error}") from error
    if not isinstance(told, dict):
        raise InputError("dispatch metadata", "is not a JSON object")
    known = ("agent_identity", "avatar_identity", "avatar")
    for name in told:
        if name not in known:
            raise InputError(f"dispatch metadata: {name}", "no such field", suggest(name, known))
    wishes = asdict(defaults) | dict(told.get("avatar") or {})
    return JobWish(told.get("agent_identity"), told.get("avatar_identity"), AvatarRequest.of(wishes))


def make_server(options: WorkerOptions) -> AgentServer:
    """The agent server; `await server.run()` serves until SIGTERM, which drains it."""
    open_library().find(options.defaults.avatar_id)  # said now, not by every job
    defaults = live_options(options.defaults)
    runtime = defaults.runtime
    rooms: set[str] = set()
    if options.prometheus_port is not None:
        metrics.expose()

    def load() -> float:
        """1 when all rooms are taken; before that, their share or that of its time which the simulation spends."""
        if len(rooms) >= options.avatars:
            return 1.0
        return min(1.0, max(FULL * len(rooms) / options.avatars, engine_host.busy(runtime)))

    def prewarm(_: JobProcess) -> None:
        engine_host.prewarm(runtime, defaults.session)

    server = AgentServer(
        job_executor_type=JobExecutorType.THREAD,
        load_fnc=load,
        load_threshold=FULL,
        num_idle_processes=1,
        initialize_process_timeout=60.0,
        setup_fnc=prewarm,
        ws_url=options.url,
        api_key=options.api_key,
        api_secret=options.api_secret,
        port=options.port,
        prometheus_port=options.prometheus_port,
    )

    async def request(job: JobRequest) -> None:
        try:
            wish = read_metadata(job.job.metadata, options.defaults)
        except InputError:
            await job.reject()
            raise
        behalf = {wire.ATTRIBUTE_ON_BEHALF: wish.agent_identity} if wish.agent_identity else {}
        await job.accept(
            name=wish.avatar.avatar_id,
            identity=wish.avatar_identity or shortuuid("avatar-"),
            attributes=behalf,
        )

    async def serve(job: JobContext) -> None:
        wish = read_metadata(job.job.metadata, options.defaults)
        rooms.add(job.job.id)
        try:
            await job.connect(auto_subscribe=AutoSubscribe.SUBSCRIBE_NONE)
            await RoomAvatar(job.room, live_options(wish.avatar), wish.agent_identity).run()
        finally:
            rooms.discard(job.job.id)
            job.shutdown("the avatar has left")

    server.rtc_session(serve, agent_name=options.agent_name, on_request=request)
    return server


async def serve_until_told(server: AgentServer) -> None:
    """Serve; the first SIGTERM or SIGINT takes no more rooms and waits for those there are, a second one ends it.

    For a program of its own: with no rooms it ends within a second, whatever it is doing, as when a face is loaded.
    """
    loop = asyncio.get_running_loop()
    first, second = asyncio.Event(), asyncio.Event()

    def heard(count: int) -> None:
        loop.call_soon_threadsafe((first if count == 1 else second).set)
        if count > 1 or not server.active_jobs:
            time.sleep(GRACE_S)
            if count > 1 or not server.active_jobs:  # one may just have been on its way here
                end_process(STOPPED if count > 1 else 0)

    with signals.handled(signals.noted), signals.heard_aside(heard):
        running = asyncio.create_task(server.run())
        waiting = asyncio.create_task(first.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if first.is_set():
            draining, hurried = asyncio.create_task(server.drain()), asyncio.create_task(second.wait())
            await asyncio.wait({draining, hurried}, return_when=asyncio.FIRST_COMPLETED)
            for task in (draining, hurried):
                task.cancel()
            await server.aclose()
        await running


def dispatch_metadata(agent_identity: str, avatar_identity: str, avatar: dict[str, Any]) -> str:
    """What an agent writes into its dispatch."""
    return json.dumps({"agent_identity": agent_identity, "avatar_identity": avatar_identity, "avatar": avatar})
