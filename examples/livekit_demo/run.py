"""A talking avatar in your browser, all on this machine: LiveKit server, agent, avatar, web page.

python examples/livekit_demo/run.py            # prints the address to open
python examples/livekit_demo/run.py --worker   # the avatar in a worker of its own, dispatched by the server
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from brain import Line, lines  # noqa: E402
from livekit import rtc  # noqa: E402
from livekit.agents import Agent, AgentSession  # noqa: E402
from livekit.agents.voice.room_io import RoomOptions  # noqa: E402

from avatar_engine import AvatarSession  # noqa: E402
from avatar_engine.engine.errors import EngineError  # noqa: E402
from avatar_engine.plugin.options import AvatarRequest  # noqa: E402
from avatar_engine.plugin.worker import WorkerOptions, make_server  # noqa: E402
from avatar_engine.plugin.worker_session import WorkerAvatarSession  # noqa: E402
from tools import browser, livekit_server  # noqa: E402
from tools.av_receiver import token  # noqa: E402
from tools.npm_package import NoPackageError  # noqa: E402

ROOM = "avatar-demo"
PAUSE_S = 3.0
EMOTIONS = ("friendly", "happy", "interested", "reassuring")


class Scripted(Agent):
    """Says what the script says."""

    def __init__(self) -> None:
        super().__init__(instructions="")


async def converse(room: rtc.Room, session: AgentSession, avatar: AvatarSession | WorkerAvatarSession) -> None:
    """Speak whenever somebody watches; a click on Interrupt cuts in."""
    said: list[Line] = lines()
    somebody = asyncio.Event()
    room.on("participant_connected", lambda _: somebody.set())
    if any(
        person.kind == rtc.ParticipantKind.PARTICIPANT_KIND_STANDARD for person in room.remote_participants.values()
    ):
        somebody.set()

    def interrupt(_: rtc.RpcInvocationData) -> str:
        session.interrupt()
        return "ok"

    room.local_participant.register_rpc_method("demo.interrupt", interrupt)
    await somebody.wait()
    turn = 0
    while True:
        line = said[turn % len(said)]
        told = avatar.update_emotion(EMOTIONS[turn % len(EMOTIONS)], 0.6)
        if told is not None:
            await told
        speech = session.say(line.text, audio=line.frames(), add_to_chat_ctx=False)
        await speech.wait_for_playout()
        turn += 1
        await asyncio.sleep(PAUSE_S)


async def main(given: argparse.Namespace) -> None:
    """Start everything, print the address, run until Ctrl-C (or `--seconds`)."""
    keys = (livekit_server.API_KEY, livekit_server.API_SECRET)
    log = Path(tempfile.mkdtemp(prefix="avatar-demo-")) / "livekit-server.log"
    async with contextlib.AsyncExitStack() as stack:
        server = await asyncio.to_thread(livekit_server.start, log)
        stack.callback(livekit_server.stop, server)
        room = rtc.Room()
        await room.connect(server.url, token(*keys, ROOM, "agent", kind="agent"))
        stack.push_async_callback(room.disconnect)
        session: AgentSession = AgentSession()
        stack.push_async_callback(session.aclose)
        wish = AvatarRequest(given.avatar, resolution=given.resolution, quality=given.quality)
        avatar = await start_avatar(stack, session, room, server.url, wish, given.worker)
        await session.start(Scripted(), room=room, room_options=RoomOptions(audio_input=False))
        await avatar.wait_for_join(timeout=60.0)
        join = json.dumps({"url": server.url, "token": token(*keys, ROOM, "visitor")})
        site = await stack.enter_async_context(browser.site(port=given.port, answers={"/join.json": join}))
        print(f"open {site.url} in a browser; Ctrl-C ends it", flush=True)
        talking = asyncio.create_task(converse(room, session, avatar))
        stop = asyncio.Event()
        for which in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError):  # Windows, where Ctrl-C is an exception
                asyncio.get_running_loop().add_signal_handler(which, stop.set)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({talking, stopping}, timeout=given.seconds, return_when=asyncio.FIRST_COMPLETED)
        if talking.done():
            talking.result()
        for task in (talking, stopping):
            task.cancel()


async def start_avatar(
    stack: contextlib.AsyncExitStack,
    session: AgentSession,
    room: rtc.Room,
    url: str,
    wish: AvatarRequest,
    in_worker: bool,
) -> AvatarSession | WorkerAvatarSession:
    """The avatar in this process, or in a worker that the server dispatches."""
    keys = {"livekit_api_key": livekit_server.API_KEY, "livekit_api_secret": livekit_server.API_SECRET}
    if not in_worker:
        avatar = AvatarSession(wish)
        stack.push_async_callback(avatar.aclose)
        await avatar.start(session, room)
        return avatar
    worker = make_server(
        WorkerOptions(1, wish, url=url, api_key=livekit_server.API_KEY, api_secret=livekit_server.API_SECRET, port=0)
    )
    registered = asyncio.Event()
    worker.on("worker_registered", lambda *_: registered.set())
    running = asyncio.create_task(worker.run(devmode=True))

    async def end() -> None:
        await worker.aclose()
        await running

    stack.push_async_callback(end)
    await registered.wait()
    remote = WorkerAvatarSession(wish)
    await remote.start(session, room, livekit_url=url.replace("ws", "http", 1), **keys)
    return remote


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--avatar", default="ada")
    parser.add_argument("--resolution", default="640x360", help="without a GPU, 640x360 suits two cores")
    parser.add_argument("--quality", default="medium")
    parser.add_argument("--port", type=int, default=0, help="of the web page (default: a free one)")
    parser.add_argument("--seconds", type=float, default=None, help="end by itself after so long")
    parser.add_argument("--worker", action="store_true", help="the avatar in a worker of its own")
    try:
        asyncio.run(main(parser.parse_args()))
    except (livekit_server.NoServerError, browser.NoBrowserError, NoPackageError, EngineError) as error:
        sys.exit(str(error))
