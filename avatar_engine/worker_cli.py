"""`avatar-engine worker`: an avatar worker that LiveKit dispatches into rooms."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os

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
    parser.add_argument("--visemes", default=None, metavar="MODEL", help="viseme model, for jobs that name none")
    parser.add_argument("--port", type=int, default=8081, help="health check (default: %(default)s)")
    parser.add_argument("--prometheus-port", type=int, default=None, help="figures for Prometheus")
    parser.add_argument("--url", default=os.environ.get("LIVEKIT_URL"), help="instead of LIVEKIT_URL")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; running rooms are let finish."""
    try:
        from avatar_engine.plugin.options import AvatarRequest
        from avatar_engine.plugin.worker import WorkerOptions, make_server, serve_until_told
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
    try:
        asyncio.run(serve_until_told(server))
    except OSError as error:
        problem = f"cannot serve health checks: {error.strerror}"
        raise DeviceError(f"port {options.port}", problem, "choose another with --port") from error
    except RuntimeError as error:  # LiveKit's own, after 16 attempts
        raise DeviceError(options.url, str(error), "see that the server runs and may be reached") from error
    return 0
