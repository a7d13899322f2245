"""`avatar-engine worker`: an avatar worker that LiveKit dispatches into rooms."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal

from avatar_engine.engine.errors import DeviceError, InputError
from avatar_engine.options import QUALITIES

DEFAULT_AVATARS = 8


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `worker`."""
    parser = commands.add_parser(
        "worker",
        help="serve avatars to LiveKit rooms",
        description="Registers with a LiveKit server as an agent worker and gives a face to agents in its rooms. "
        "LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET are read from the environment.",
    )
    parser.add_argument("--agent-name", default="avatar-engine", help="name for dispatch (default: %(default)s)")
    parser.add_argument("--avatars", type=int, default=DEFAULT_AVATARS, help="most rooms at a time (%(default)s)")
    parser.add_argument("--avatar", default="ada", metavar="ID|FILE", help="for jobs that name none")
    parser.add_argument("--resolution", default="720p", metavar="R", help="for jobs that name none")
    parser.add_argument("--fps", type=int, default=30, help="for jobs that name none")
    parser.add_argument("--quality", default="high", metavar="Q", help=", ".join(QUALITIES))
    parser.add_argument("--visemes", default=None, metavar="MODEL", help="viseme model of all rooms")
    parser.add_argument("--port", type=int, default=8081, help="health check (default: %(default)s)")
    parser.add_argument("--prometheus-port", type=int, default=None, help="figures for Prometheus")
    parser.add_argument("--url", default=os.environ.get("LIVEKIT_URL"), help="instead of LIVEKIT_URL")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; running rooms are let finish."""
    try:
        from avatar_engine.plugin.options import AvatarRequest
        from avatar_engine.plugin.worker import WorkerOptions, make_server
    except ImportError as error:
        raise DeviceError("worker", f"{error.name} is missing", "pip install 'avatar-engine[livekit]'") from error
    keys = ((name, os.environ.get(name)) for name in ("LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"))
    for name, value in (("LIVEKIT_URL", options.url), *keys):
        if not value:
            raise InputError(name, "is not set", "see `avatar-engine worker --help`")
    if options.avatars < 1:
        raise InputError(f"--avatars {options.avatars}", "is too few", "1 or more")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    request = AvatarRequest(
        options.avatar,
        resolution=options.resolution,
        fps=options.fps,
        quality=options.quality,
        lip_sync_model=options.visemes,
    )
    server = make_server(
        WorkerOptions(
            options.avatars,
            request,
            options.agent_name,
            options.url,
            api_key=os.environ["LIVEKIT_API_KEY"],
            api_secret=os.environ["LIVEKIT_API_SECRET"],
            port=options.port,
            prometheus_port=options.prometheus_port,
        )
    )
    asyncio.run(_serve(server))
    return 0


async def _serve(server: object) -> None:
    from livekit.agents import AgentServer

    assert isinstance(server, AgentServer)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for which in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(which, stop.set)
    running = asyncio.create_task(server.run())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if stop.is_set():
        stop.clear()
        draining = asyncio.create_task(server.drain())
        impatient = asyncio.create_task(stop.wait())  # a second signal
        await asyncio.wait({draining, impatient}, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, impatient):
            task.cancel()
        await server.aclose()
    stopping.cancel()
    await running
