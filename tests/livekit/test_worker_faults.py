"""Workers that die and workers that are asked to go, as processes of their own."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
import uuid
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from livekit import api, rtc
from livekit.agents import AgentSession

from avatar_engine.plugin import dispatch, worker_session
from avatar_engine.plugin.options import AvatarRequest
from avatar_engine.plugin.worker_session import UnheardOutput, WorkerAvatarSession
from tests.livekit.conftest import House
from tools import livekit_server

pytestmark = pytest.mark.livekit

RATE = 24_000
SMALL = AvatarRequest(resolution="320x180", quality="low", lip_sync_model="spectral")


LOSES_A_FRAME_BUFFER = """
import sys, threading
from avatar_engine.plugin import engine_host

def lose():
    # What a driver does that takes a surface away: the next picture of that size cannot be read back.
    sys.stdin.readline()
    for runtime in engine_host._runtimes.values():
        aside = runtime.renderer
        panda = aside._renderer._renderer
        for size, target in panda._targets.items():
            if size[:2] == (320, 180):
                aside._thread.submit(panda._context.engine.remove_window, target.buffer)

threading.Thread(target=lose, daemon=True).start()
"""


@asynccontextmanager
async def worker(server, name: str, until: str = "registered worker", more: str = ""):
    """`avatar-engine worker` as a process; yields once it has said so. more: Python it begins with."""
    environment = {
        **os.environ,
        "LIVEKIT_URL": server.url,
        "LIVEKIT_API_KEY": livekit_server.API_KEY,
        "LIVEKIT_API_SECRET": livekit_server.API_SECRET,
    }
    arguments = ["worker", "--agent-name", name, "--avatars", "2", "--visemes", "spectral", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "ignore",
        "-c",
        f"{more}\nimport sys; from avatar_engine.cli import main; sys.exit(main({arguments!r}))",
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stderr is not None
    seen = []
    try:
        async with asyncio.timeout(60):
            async for line in process.stderr:
                seen.append(line.decode(errors="replace"))
                if until in seen[-1]:
                    break
        assert process.returncode is None, "".join(seen[-20:])
        reading = asyncio.create_task(process.stderr.read())
        yield process
        reading.cancel()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@dataclass(slots=True)
class Agent:
    """An agent in a room, the avatar that workers of one name make for it, and what it was told of avatars lost."""

    house: House
    room: rtc.Room
    session: AgentSession
    avatar: WorkerAvatarSession
    lost: list[Exception] = field(default_factory=list)

    @classmethod
    async def joined(cls, house: House, worker: str, request: AvatarRequest = SMALL) -> Agent:
        room = await house.join("agent", kind="agent")
        agent = cls(house, room, AgentSession(), WorkerAvatarSession(request, worker=worker))
        agent.avatar.on("avatar_lost", agent.lost.append)
        return agent

    @property
    def output(self):
        return self.session.output.audio

    def sees(self, identity: str) -> bool:
        """Whether that avatar shows a picture."""
        avatar = self.room.remote_participants.get(identity)
        shown = avatar.track_publications.values() if avatar is not None else ()
        return any(track.kind == rtc.TrackKind.KIND_VIDEO for track in shown)

    async def start(self) -> None:
        keys = {"livekit_api_key": livekit_server.API_KEY, "livekit_api_secret": livekit_server.API_SECRET}
        await self.avatar.start(self.session, self.room, livekit_url=self.house.http_url, **keys)

    async def leave(self) -> None:
        await self.avatar.aclose()
        await self.room.disconnect()


async def speak(output, seconds: float) -> None:
    data = (0.4 * np.sin(2 * np.pi * 500 * np.arange(int(seconds * RATE)) / RATE) * 32767).astype(np.int16)
    for at in range(0, len(data), RATE // 20):
        part = data[at : at + RATE // 20]
        await asyncio.wait_for(output.capture_frame(rtc.AudioFrame(part.tobytes(), RATE, 1, len(part))), 60.0)
    output.flush()


@pytest.mark.timeout(240)
async def test_a_killed_worker_is_replaced_and_a_terminated_one_finishes_its_rooms(house) -> None:
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    agent = await Agent.joined(house, name)
    avatar = agent.avatar
    async with worker(house.server, name) as first:
        await agent.start()
        await avatar.wait_for_join(timeout=60.0)
        async with worker(house.server, name) as second:
            await speak(agent.output, 30.0)
            await asyncio.sleep(1.0)
            waiting = asyncio.create_task(agent.output.wait_for_playout())
            first.kill()
            killed_s = time.monotonic()
            old = avatar.avatar_identity
            while avatar.avatar_identity == old:
                await asyncio.sleep(0.1)
                assert time.monotonic() - killed_s < 40.0  # the server's own patience with a silent participant
            event = await asyncio.wait_for(waiting, 10.0)
            assert event.interrupted
            output = agent.output
            await speak(output, 0.5)
            event = await asyncio.wait_for(output.wait_for_playout(), 40.0)
            assert event.playback_position == pytest.approx(0.5, abs=1e-6)
            assert not agent.lost
            second.send_signal(signal.SIGTERM)
            await asyncio.sleep(1.0)
            await speak(output, 0.5)
            event = await asyncio.wait_for(output.wait_for_playout(), 20.0)
            assert event.playback_position == pytest.approx(0.5, abs=1e-6)
            assert second.returncode is None
            await agent.leave()
            assert await asyncio.wait_for(second.wait(), 40.0) == 0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("until", ["initializing job runner", "registered worker"])
async def test_a_worker_without_rooms_ends_at_once(house, number, until) -> None:
    """Also while it still loads its first face."""
    async with worker(house.server, f"avatars-{uuid.uuid4().hex[:6]}", until) as idle:
        began_s = time.monotonic()
        idle.send_signal(number)
        assert await asyncio.wait_for(idle.wait(), 10.0) == 0
        assert time.monotonic() - began_s < 5.0  # a fraction of a second, and much for a busy machine


@pytest.mark.timeout(120)
async def test_a_second_signal_does_not_wait_for_rooms(house) -> None:
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    agent = await Agent.joined(house, name)
    async with worker(house.server, name) as serving:
        await agent.start()
        await agent.avatar.wait_for_join(timeout=60.0)
        serving.send_signal(signal.SIGINT)
        await asyncio.sleep(2.0)
        assert serving.returncode is None
        serving.send_signal(signal.SIGINT)
        await asyncio.wait_for(serving.wait(), 3.0)
    await agent.leave()


@pytest.mark.timeout(180)
async def test_a_picture_that_cannot_be_drawn_costs_its_room_an_avatar_and_the_others_nothing(house) -> None:
    """The real renderer loses its frame buffer in a serving worker: the agent there gets a new avatar and speaks on."""
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    other = type(house)(house.server, f"{house.room}-other")
    agents = []
    async with worker(house.server, name, more=LOSES_A_FRAME_BUFFER) as serving:
        for place, resolution in zip((house, other), ("320x180", "256x144")):
            agents.append(await Agent.joined(place, name, replace(SMALL, resolution=resolution)))
            await agents[-1].start()
            await agents[-1].avatar.wait_for_join(timeout=60.0)
        hurt = agents[0]
        outputs = [agent.output for agent in agents]
        async with house.watching() as hit, other.watching() as spared:
            await hit.first_picture()
            await spared.first_picture()
            for output in outputs:
                await speak(output, 6.0)
            await asyncio.sleep(1.0)
            old = hurt.avatar.avatar_identity
            serving.stdin.write(b"now\n")
            event = await asyncio.wait_for(outputs[0].wait_for_playout(), 5.0)
            assert event.interrupted  # at once: the agent does not wait for a face that is gone
            while hurt.avatar.avatar_identity == old:
                await asyncio.sleep(0.1)
            await hurt.avatar.wait_for_join(timeout=30.0)
            event = await asyncio.wait_for(outputs[1].wait_for_playout(), 10.0)
            assert not event.interrupted
            assert event.playback_position == pytest.approx(6.0, abs=1e-6)
            hit.forget()
            spared.forget()
            await speak(hurt.output, 0.5)
            event = await asyncio.wait_for(hurt.output.wait_for_playout(), 20.0)
            assert event.playback_position == pytest.approx(0.5, abs=1e-6)
            await asyncio.sleep(1.0)
            for receiver, size in ((hit, (320, 180)), (spared, (256, 144))):
                assert len(receiver.pictures) >= 15
                assert {(seen.width, seen.height) for seen in receiver.pictures} == {size}
        assert [agent.lost for agent in agents] == [[], []]
        assert serving.returncode is None
        for agent in agents:
            await agent.leave()


@pytest.mark.timeout(120)
async def test_an_agent_whose_avatar_never_comes_is_told_once_and_goes_on(house, monkeypatch) -> None:
    monkeypatch.setattr(worker_session, "JOIN_S", 1.0)
    agent = await Agent.joined(house, "nobody-of-this-name")
    await agent.start()
    for _ in range(10):
        if agent.lost:
            break
        await asyncio.wait_for(speak(agent.output, 0.2), 5.0)  # waits until it is given up
        await asyncio.wait_for(agent.output.wait_for_playout(), 5.0)
        await asyncio.sleep(0.1)
    await speak(agent.output, 0.2)
    event = await asyncio.wait_for(agent.output.wait_for_playout(), 1.0)
    assert event.interrupted
    assert len(agent.lost) == 1
    assert "nobody-of-this-name" in str(agent.lost[0])
    await agent.leave()


@pytest.mark.timeout(120)
async def test_a_worker_that_comes_later_is_asked_again_and_speaks_what_waited(house, monkeypatch) -> None:
    monkeypatch.setattr(worker_session, "JOIN_S", 90.0)
    monkeypatch.setattr(dispatch, "ASK_AGAIN_S", 3.0)
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    agent = await Agent.joined(house, name)
    await agent.start()
    first = agent.avatar.avatar_identity
    speaking = asyncio.create_task(speak(agent.output, 0.5))
    await asyncio.sleep(1.5)
    async with worker(house.server, name):
        await agent.avatar.wait_for_join(timeout=60.0)
        await speaking
        event = await asyncio.wait_for(agent.output.wait_for_playout(), 20.0)
        assert event.playback_position == pytest.approx(0.5, abs=1e-6)
        assert agent.avatar.avatar_identity == first
        await asyncio.sleep(4.0)  # one avatar, however often it was asked for
        assert [other for other in agent.room.remote_participants if other.startswith("avatar-")] == [first]
    assert not agent.lost
    await agent.leave()


@pytest.mark.timeout(120)
async def test_speech_before_the_next_avatar_comes_waits_for_it(house) -> None:
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    agent = await Agent.joined(house, name, replace(SMALL, avatar_config={"language": "fr", "seed": 7}))
    avatar = agent.avatar
    async with worker(house.server, name), house.watching(), house.api() as server:
        await agent.start()
        await avatar.wait_for_join(timeout=60.0)
        first = avatar.avatar_identity
        await avatar.set_background("#203040")
        await avatar.set_language("it")
        await server.room.remove_participant(api.RoomParticipantIdentity(room=house.room, identity=first))
        async with asyncio.timeout(10):
            while avatar.avatar_identity == first:
                await asyncio.sleep(0.02)
        for _ in range(2):
            await speak(agent.output, 0.4)
            event = await asyncio.wait_for(agent.output.wait_for_playout(), 40.0)
            assert not event.interrupted
            assert event.playback_position == pytest.approx(0.4, abs=1e-6)
        asked = await server.agent_dispatch.list_dispatch(house.room)
        told = [json.loads(each.metadata) for each in asked if each.agent_name == name]
        wish = {each["avatar_identity"]: each["avatar"] for each in told}[avatar.avatar_identity]
        assert wish["background"] == "#203040"  # as the one before was told
        assert wish["language"] == "it"
        assert wish["avatar_config"] == {"seed": 7}
        await agent.leave()


@pytest.mark.timeout(180)
async def test_avatars_that_come_and_go_are_not_asked_for_without_end(house, monkeypatch) -> None:
    monkeypatch.setattr(worker_session, "FREED_S", 0.5)
    name = f"avatars-{uuid.uuid4().hex[:6]}"
    agent = await Agent.joined(house, name)
    gone = set()
    async with worker(house.server, name):
        await agent.start()
        async with house.api() as server, asyncio.timeout(120):
            while not agent.lost:
                await asyncio.sleep(0.2)
                identity = agent.avatar.avatar_identity
                if agent.sees(identity) and identity not in gone:
                    gone.add(identity)
                    sent_away = api.RoomParticipantIdentity(room=house.room, identity=identity)
                    await server.room.remove_participant(sent_away)
    assert len(gone) == worker_session.LOSSES + 1
    assert len(agent.lost) == 1
    assert "4 times" in str(agent.lost[0])
    await speak(agent.output, 0.2)
    event = await asyncio.wait_for(agent.output.wait_for_playout(), 1.0)
    assert event.interrupted
    await agent.leave()


async def test_without_any_worker_the_agent_goes_on_unheard() -> None:
    output = UnheardOutput()
    await speak(output, 0.2)
    event = await asyncio.wait_for(output.wait_for_playout(), 1.0)
    assert event.interrupted
    assert event.playback_position == 0.0
