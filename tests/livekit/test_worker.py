"""Avatar workers: dispatched by the server, fed by stock `DataStreamAudioOutput`, many rooms in one process."""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import threading
import time
import urllib.request
import uuid
from contextlib import asynccontextmanager
from dataclasses import replace

import aiohttp
import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import AgentSession, UserStateChangedEvent
from livekit.agents.voice.avatar import DataStreamAudioOutput

from avatar_engine.components.mind import TURN
from avatar_engine.engine.errors import InputError, SceneError
from avatar_engine.plugin import engine_host, room_avatar, wire, worker_session
from avatar_engine.plugin.options import AvatarRequest, live_options
from avatar_engine.plugin.worker import FULL, WorkerOptions, dispatch_metadata, make_server, read_metadata
from avatar_engine.plugin.worker_session import WorkerAvatarSession
from tools import livekit_server

pytestmark = pytest.mark.livekit

RATE = 24_000
SMALL = AvatarRequest(resolution="320x180", quality="low", lip_sync_model="spectral")


@asynccontextmanager
async def serving(server, name: str, prometheus_port: int | None = None):
    """A worker in this process."""
    keys = (livekit_server.API_KEY, livekit_server.API_SECRET)
    options = WorkerOptions(4, SMALL, name, server.url, *keys, port=0, prometheus_port=prometheus_port)
    worker = make_server(options)
    registered = asyncio.Event()
    worker.on("worker_registered", lambda *_: registered.set())
    task = asyncio.create_task(worker.run(devmode=True))
    try:
        await asyncio.wait_for(registered.wait(), 60.0)
        yield worker
    finally:
        await worker.aclose()
        await asyncio.wait_for(task, 20.0)
        await engine_host.cool(live_options(SMALL).runtime)


async def dispatch(house, name: str, identity: str) -> None:
    """Ask the server for an avatar of that identity for the participant `agent`."""
    wish = {"agent_identity": "agent", "avatar_identity": identity}
    async with house.api() as server:
        await server.agent_dispatch.create_dispatch(
            api.CreateAgentDispatchRequest(agent_name=name, room=house.room, metadata=json.dumps(wish))
        )


async def third_party(house, name: str):
    """An agent that knows nothing of us: dispatches by API, sends with LiveKit's stock output."""
    room = rtc.Room()
    await room.connect(house.server.url, house.token("agent", kind="agent"), rtc.RoomOptions(auto_subscribe=False))
    identity = f"avatar-{uuid.uuid4().hex[:8]}"
    await dispatch(house, name, identity)
    output = DataStreamAudioOutput(
        room,
        destination_identity=identity,
        wait_remote_track=rtc.TrackKind.KIND_VIDEO,
        clear_buffer_timeout=2.0,
        wait_playback_start=True,
    )
    return room, output, identity


async def there(room: rtc.Room, identity: str) -> None:
    """Until that participant shows itself."""
    while not any(track.kind == rtc.TrackKind.KIND_VIDEO for track in published(room, identity)):
        await asyncio.sleep(0.05)


def published(room: rtc.Room, identity: str) -> list[rtc.RemoteTrackPublication]:
    participant = room.remote_participants.get(identity)
    return [] if participant is None else list(participant.track_publications.values())


def frames(seconds: float):
    data = (0.4 * np.sin(2 * np.pi * 500 * np.arange(int(seconds * RATE)) / RATE) * 32767).astype(np.int16)
    for at in range(0, len(data), RATE // 20):
        part = data[at : at + RATE // 20]
        yield rtc.AudioFrame(part.tobytes(), RATE, 1, len(part))


@pytest.mark.timeout(180)
async def test_a_stock_agent_speaks_through_a_dispatched_avatar(house) -> None:
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    async with serving(house.server, name):
        room, output, identity = await third_party(house, name)
        for attributes in ({"sample_rate": "24000.0", "num_channels": "1"}, {"sample_rate": "7" * 9}, {}):
            # What is no speech is left out, and what comes after it is not.
            await asyncio.wait_for(there(room, identity), 30.0)
            odd = await room.local_participant.stream_bytes(
                "odd", topic=wire.AUDIO_TOPIC, destination_identities=[identity], attributes=attributes
            )
            await odd.write(bytes(4800))
            await odd.aclose()
        finished = []
        started = []
        output.on("playback_finished", finished.append)
        output.on("playback_started", started.append)
        try:
            async with house.watching() as receiver:
                for frame in frames(1.0):
                    await asyncio.wait_for(output.capture_frame(frame), 30.0)
                output.flush()
                event = await asyncio.wait_for(output.wait_for_playout(), 20.0)
                assert event.playback_position == pytest.approx(1.0, abs=1e-6)
                assert not event.interrupted
                assert len(started) == 1
                avatar = room.remote_participants[identity]
                assert avatar.attributes["lk.publish_on_behalf"] == "agent"
                assert avatar.kind == rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
                await receiver.first_picture()
                await asyncio.sleep(0.4)
                _, levels = receiver.loudness()
                assert 0.8 < np.count_nonzero(levels > 0.1) * 0.0025 < 1.2

            rng = random.Random(2)
            waits_ms = []
            for turn in range(15):
                began_s, before = time.time(), len(started)
                for frame in frames(rng.uniform(0.1, 1.5)):
                    await output.capture_frame(frame)
                output.flush()
                await asyncio.sleep(rng.uniform(0.0, 0.4))
                if rng.random() < 0.8:
                    output.clear_buffer()
                event = await asyncio.wait_for(output.wait_for_playout(), 4.0)
                assert len(finished) == turn + 2
                if len(started) > before:
                    waits_ms.append(1000 * (started[-1].created_at - began_s))
            print(f"captured -> playback_started: median {np.median(waits_ms):.0f} ms, most {max(waits_ms):.0f} ms")
        finally:
            await room.disconnect()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avatar-")]


@pytest.mark.timeout(180)
async def test_two_rooms_share_one_engine_and_do_not_hear_each_other(house, server) -> None:
    other = type(house)(server, f"{house.room}-other")
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    port = livekit_server.free_ports(1)[0]
    async with serving(server, name, port):
        sessions = []
        try:
            for place in (house, other):
                room = await place.join("agent", kind="agent")
                session = AgentSession()
                avatar = WorkerAvatarSession(SMALL, worker=name)
                await avatar.start(
                    session,
                    room,
                    livekit_url=server.url.replace("ws", "http"),
                    livekit_api_key=livekit_server.API_KEY,
                    livekit_api_secret=livekit_server.API_SECRET,
                )
                sessions.append((room, session, avatar))
            for _, _, avatar in sessions:
                await avatar.wait_for_join(timeout=30.0)
            async with house.watching() as here, other.watching() as there:
                output = sessions[0][1].output.audio
                for frame in frames(0.8):
                    await output.capture_frame(frame)
                output.flush()
                event = await asyncio.wait_for(output.wait_for_playout(), 15.0)
                assert event.playback_position == pytest.approx(0.8, abs=1e-6)
                (runtime,) = engine_host._runtimes.values()
                sessions[1][1].emit(
                    "user_state_changed", UserStateChangedEvent(old_state="listening", new_state="speaking")
                )
                users = TURN.index("user")
                while runtime.world.batch["turn"][:, users].tolist() != [0.0, 1.0]:  # the user of that room speaks
                    await asyncio.sleep(0.02)
                await sessions[1][2].update_emotion("happy", 0.5)
                with pytest.raises(rtc.RpcError, match="hapy"):
                    await sessions[1][2].update_emotion("hapy")
                await asyncio.sleep(0.4)
                assert np.count_nonzero(here.loudness()[1] > 0.1) * 0.0025 > 0.5
                assert np.count_nonzero(there.loudness()[1] > 0.02) == 0
                assert len([thread for thread in threading.enumerate() if thread.name == "avatar-simulation"]) == 1
            page = urllib.request.Request(f"http://127.0.0.1:{port}/metrics")
            told = await asyncio.to_thread(lambda: urllib.request.urlopen(page).read().decode())
            assert len(re.findall(r'^avatar_frames_sent\{session="[^"]+"\} [1-9]', told, re.MULTILINE)) == 2
        finally:
            for room, _, _ in sessions:
                await room.disconnect()


def test_what_is_not_asked_for_is_as_the_worker_was_told() -> None:
    told = AvatarRequest("ben", resolution="360p", fps=24, quality="low", lip_sync_model="spectral")
    for avatar, expected in (
        (WorkerAvatarSession(), told),
        (WorkerAvatarSession("ada", fps=60), replace(told, avatar_id="ada", fps=60)),
        (WorkerAvatarSession(resolution="720p"), replace(told, resolution="720p")),
        (WorkerAvatarSession(AvatarRequest("kenji", style="warm")), replace(told, avatar_id="kenji", style="warm")),
    ):
        metadata = dispatch_metadata("agent", "avatar", avatar._wishes)
        assert read_metadata(metadata, told).avatar == expected


@pytest.mark.parametrize("most", [1, 3, 10, 20])
def test_a_worker_takes_as_many_rooms_as_it_was_told(most: int, monkeypatch) -> None:
    server = make_server(WorkerOptions(most, SMALL, "w", "ws://127.0.0.1:9", "key", "secret", port=0))
    rooms = next(cell for cell in _cells(server._load_fnc) if isinstance(cell, set))
    for taken in range(most):
        assert server._load_fnc() < FULL, taken
        rooms.add(taken)
    assert server._load_fnc() >= FULL


def _cells(function) -> list[object]:
    return [cell.cell_contents for cell in function.__closure__ or ()]


def test_a_worker_without_its_avatar_does_not_begin() -> None:
    with pytest.raises(SceneError, match="nosuch"):
        make_server(WorkerOptions(1, replace(SMALL, avatar_id="nosuch"), "w", "ws://127.0.0.1:9", "key", "secret"))


async def test_an_avatar_that_comes_too_late_is_sent_away(house, monkeypatch) -> None:
    monkeypatch.setattr(worker_session, "JOIN_S", 0.3)
    room = await house.join("agent", kind="agent")
    avatar = WorkerAvatarSession(SMALL, worker="nobody")
    await avatar.start(
        AgentSession(),
        room,
        livekit_url=house.http_url,
        livekit_api_key=livekit_server.API_KEY,
        livekit_api_secret=livekit_server.API_SECRET,
    )
    expected = avatar.avatar_identity
    while avatar.avatar_identity == expected:
        await asyncio.sleep(0.02)
    gone = asyncio.Event()
    late = await house.join(expected)
    late.on("disconnected", lambda _: gone.set())
    await asyncio.wait_for(gone.wait(), 10.0)
    await avatar.aclose()
    await room.disconnect()


async def test_where_no_worker_can_be_asked_the_agent_keeps_its_voice(house) -> None:
    room = await house.join("agent", kind="agent")
    session = AgentSession()
    before = session.output.audio
    port = livekit_server.free_ports(1)[0]
    with pytest.raises(aiohttp.ClientError):
        await WorkerAvatarSession(SMALL).start(
            session,
            room,
            livekit_url=f"http://127.0.0.1:{port}",
            livekit_api_key=livekit_server.API_KEY,
            livekit_api_secret=livekit_server.API_SECRET,
        )
    assert session.output.audio is before
    await room.disconnect()


AGENT = """
import asyncio, sys
from livekit import rtc

async def stay():
    room = rtc.Room()
    await room.connect(sys.argv[1], sys.argv[2], rtc.RoomOptions(auto_subscribe=False))
    print("there", flush=True)
    await asyncio.sleep(600)

asyncio.run(stay())
"""


@pytest.mark.timeout(180)
async def test_an_agent_that_is_killed_is_waited_for_and_then_left(house, server, monkeypatch) -> None:
    """Its avatar goes on living, gives up after a while and leaves; nothing of the engine stays behind."""
    monkeypatch.setattr(room_avatar, "AGENT_RETURNS_S", 2.0)
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    async with serving(server, name):
        agent = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AGENT, server.url, house.token("agent", "agent"), stdout=asyncio.subprocess.PIPE
        )
        try:
            assert agent.stdout is not None
            assert await asyncio.wait_for(agent.stdout.readline(), 30.0) == b"there\n"
            await dispatch(house, name, "avatar-7")
            async with house.watching() as receiver:
                await receiver.first_picture(30.0)
                agent.kill()
                await asyncio.sleep(1.0)
                seen = len(receiver.pictures)
                began_s = time.monotonic()
                while "avatar-7" in receiver.room.remote_participants:
                    await asyncio.sleep(0.1)
                    assert time.monotonic() - began_s < 60.0
                print(f"avatar left {time.monotonic() - began_s:.0f} s after its agent was killed")
                assert len(receiver.pictures) > seen + 30  # it lived meanwhile
        finally:
            if agent.returncode is None:
                agent.kill()
            await agent.wait()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avatar-")]


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"agent": "x"}', "agent_identity"),
        ('{"avatar": {"fsp": 3}}', "fps"),
    ],
)
def test_wrong_dispatch_metadata_is_refused(metadata, told) -> None:
    with pytest.raises(InputError, match=told):
        read_metadata(metadata, SMALL)
