"""Coming and going: imports, many joins and leaves, a server that goes away."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions

from avatar_engine import AvatarSession
from avatar_engine.plugin import engine_host
from avatar_engine.plugin.options import AvatarRequest, live_options
from tests.livekit.conftest import ENGINE_THREADS
from tools import av_receiver, livekit_server

pytestmark = pytest.mark.livekit

SMALL = {"resolution": "320x180", "quality": "low", "lip_sync_model": "spectral"}
CYCLES = 7


def test_import_starts_no_thread_no_graphics_and_no_livekit_client() -> None:
    code = """
import sys, threading
import livekit.agents
before = set(threading.enumerate())
import avatar_engine
from avatar_engine import AvatarSession
from avatar_engine.plugin import engine_host
from avatar_engine.plugin.options import AvatarRequest, live_options
import avatar_engine.plugin.worker, avatar_engine.plugin.worker_session, avatar_engine.plugin.publisher
assert set(threading.enumerate()) == before, threading.enumerate()
assert not [name for name in sys.modules if name.startswith("panda3d")]
assert "onnxruntime" not in sys.modules
from livekit.rtc._ffi_client import FfiClient
assert FfiClient._instance is None
AvatarSession()
assert set(threading.enumerate()) == before
assert FfiClient._instance is None
print("pure")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "pure", done.stderr[-2000:]


def open_files() -> int:
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0


@pytest.mark.timeout(180)
async def test_joining_and_leaving_leaves_nothing_behind(house) -> None:
    await join_and_leave(house, CYCLES)


@pytest.mark.bench
@pytest.mark.timeout(1200)
async def test_a_hundred_joins_and_leaves_cost_no_memory(house) -> None:
    resident = await join_and_leave(house, 100)
    slope = np.polyfit(np.arange(len(resident) - 40), resident[40:], 1)[0]
    print(f"{slope:+.3f} MB a cycle, {resident[0]:.0f} MB after the first, {resident[-1]:.0f} MB after the last")
    assert slope <= 0.2


async def join_and_leave(house, cycles: int) -> list[float]:
    """With a warm engine, as in a worker. Resident memory in MB after every cycle."""
    files, resident = [], []
    visitor = await house.join("visitor")  # the server closes rooms in which there are only agents
    options = live_options(AvatarRequest(**SMALL))
    await asyncio.to_thread(engine_host.prewarm, options.runtime, options.session)
    try:
        for _ in range(cycles):
            room = await house.join("agent", kind="agent")
            avatar = AvatarSession(**SMALL)
            await avatar.start(AgentSession(), room=room)
            await avatar.wait_for_join(timeout=30.0)
            await avatar.aclose()
            await room.disconnect()
            left = {thread.name for thread in threading.enumerate() if thread.name.startswith("avatar-")}
            assert left == ENGINE_THREADS
            gc.collect()
            files.append(open_files())
            resident.append(resident_mb())
    finally:
        await engine_host.cool(options.runtime)
        await visitor.disconnect()
    # Sockets go a little later than their rooms; what leaks stays.
    for _ in range(100):
        if open_files() <= max(files[:4]):
            break
        await asyncio.sleep(0.1)
    assert open_files() <= max(files[:4]) + 2, files
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avatar-")]
    async with house.api() as server:
        present = 1
        for _ in range(100):  # the server's book-keeping follows a little later
            found = await server.room.list_rooms(api.ListRoomsRequest(names=[house.room]))
            present = sum(room.num_participants for room in found.rooms)
            if present == 0:
                break
            await asyncio.sleep(0.1)
        assert present == 0
    return resident


def resident_mb() -> float:
    """Of this process; 0 where /proc is missing."""
    status = Path("/proc/self/status")
    if not status.is_file():
        return 0.0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@pytest.mark.timeout(120)
async def test_a_server_that_restarts_finds_the_avatar_back(tmp_path) -> None:
    port = livekit_server.free_ports(1)[0]
    first = livekit_server.start(tmp_path / "first.log", port=port)
    keys = (livekit_server.API_KEY, livekit_server.API_SECRET)
    room = rtc.Room()
    avatar = AvatarSession(**SMALL)
    second = None
    try:
        await room.connect(first.url, av_receiver.token(*keys, "restart", "agent", kind="agent"))
        session = AgentSession()
        await avatar.start(session, room=room)
        await avatar.wait_for_join(timeout=30.0)
        livekit_server.stop(first)
        await asyncio.sleep(0.5)
        # the agent does not hang meanwhile
        output = session.output.audio
        await output.capture_frame(rtc.AudioFrame(bytes(2 * 4800), 24_000, 1, 4800))
        output.flush()
        event = await asyncio.wait_for(output.wait_for_playout(), 8.0)
        assert event.playback_position == pytest.approx(0.2, abs=1e-6)
        second = livekit_server.start(tmp_path / "second.log", port=port)
        receiver = av_receiver.Receiver()
        await receiver.join(second.url, av_receiver.token(*keys, "restart", "watcher"))
        try:
            await receiver.first_picture(30.0)
        finally:
            await receiver.leave()
    finally:
        await avatar.aclose()
        await room.disconnect()
        for server in (first, second):
            if server is not None:
                livekit_server.stop(server)


@pytest.mark.timeout(120)
async def test_one_avatar_after_another_in_the_same_call(house) -> None:
    room = await house.join("agent", kind="agent")
    session = AgentSession()
    first, second = AvatarSession(**SMALL), AvatarSession(**SMALL, style="warm")
    await first.start(session, room=room)
    await session.start(Agent(instructions=""), room=room, room_options=RoomOptions(audio_input=False))
    try:
        await first.wait_for_join(timeout=30.0)
        speech = session.say("one", audio=hum(5.0), add_to_chat_ctx=False)
        await asyncio.sleep(1.5)
        await first.aclose()
        await asyncio.wait_for(speech.wait_for_playout(), 5.0)
        await second.start(session, room=room)
        await second.wait_for_join(timeout=30.0)
        speech = session.say("two", audio=hum(0.5), add_to_chat_ctx=False)
        await asyncio.wait_for(speech.wait_for_playout(), 10.0)
        assert second.figures.segments_finished == 1
        assert len(room.local_participant.track_publications) == 2
    finally:
        await session.aclose()
        await first.aclose()
        await second.aclose()
        await room.disconnect()


async def hum(seconds: float) -> AsyncIterator[rtc.AudioFrame]:
    data = (8000 * np.sin(2 * np.pi * 200 * np.arange(int(seconds * 24_000)) / 24_000)).astype(np.int16)
    for at in range(0, len(data), 1200):
        part = data[at : at + 1200]
        yield rtc.AudioFrame(part.tobytes(), 24_000, 1, len(part))


@pytest.mark.bench
@pytest.mark.timeout(240)
@pytest.mark.parametrize("seconds", [10, 60])
async def test_a_network_that_is_cut_comes_back(tmp_path, seconds) -> None:
    """The server stands still for so long; what is said meanwhile is said, and afterwards it is seen again."""
    with livekit_server.running(tmp_path / "server.log") as server:
        keys = (livekit_server.API_KEY, livekit_server.API_SECRET)
        room = rtc.Room()
        await room.connect(server.url, av_receiver.token(*keys, "cut", "agent", kind="agent"))
        avatar = AvatarSession(**SMALL)
        session = AgentSession()
        try:
            await avatar.start(session, room=room)
            await avatar.wait_for_join(timeout=30.0)
            server.process.send_signal(signal.SIGSTOP)
            try:
                output = session.output.audio
                for _ in range(seconds // 5):
                    async for frame in hum(1.0):
                        await output.capture_frame(frame)
                    output.flush()
                    event = await asyncio.wait_for(output.wait_for_playout(), 8.0)
                    assert event.playback_position == pytest.approx(1.0, abs=1e-6)
                    await asyncio.sleep(4.0)
            finally:
                server.process.send_signal(signal.SIGCONT)
            began_s = time.monotonic()
            receiver = av_receiver.Receiver()
            await receiver.join(server.url, av_receiver.token(*keys, "cut", "watcher"))
            await receiver.first_picture(60.0)
            print(f"cut for {seconds} s: seen again {time.monotonic() - began_s:.1f} s after the line came back")
            await receiver.leave()
        finally:
            await avatar.aclose()
            await room.disconnect()
