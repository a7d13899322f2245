"""Things that break under an avatar: its renderer, the disk. One clear error at most, and nothing to the other rooms."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest
from livekit import rtc

from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.journal import JournalWriter, TickRecord, read_ticks
from avatar_engine.engine.render.base import nobody_waits
from avatar_engine.live import LiveDriver
from avatar_engine.plugin.hosted import HostedRuntime
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.stage import EngineStage
from tools import livekit_server
from tools.av_mouth import OPTIONS, MouthRenderer, mouth_session

pytestmark = pytest.mark.livekit

ROOT = Path(__file__).resolve().parents[2]
RATE = 24_000


class Breaking(MouthRenderer):
    """Cannot draw `broken` any more."""

    broken = -1

    def draw(self, snapshots, taken=nobody_waits):
        if any(snapshot.view == self.broken for snapshot in snapshots):
            raise RuntimeError("out of memory on the card")
        return super().draw(snapshots, taken)


async def speak(stage, seconds: float) -> None:
    frame = rtc.AudioFrame(bytes(2 * RATE // 10), RATE, 1, RATE // 10)
    for _ in range(round(10 * seconds)):
        await stage.output.capture_frame(frame)
    stage.output.flush()


async def test_a_picture_that_cannot_be_drawn_ends_its_own_session_only(house, server) -> None:
    renderer = Breaking()
    driver = LiveDriver(lambda: HostedRuntime(OPTIONS, lambda: renderer), hz=OPTIONS.hz)
    await asyncio.wrap_future(driver.start())
    other = type(house)(server, f"{house.room}-other")
    options = PublishOptions(160, 90, 30, RATE, 500_000)
    lost, rooms, stages = ([], []), [], []
    try:
        for place, told in zip((house, other), lost):
            rooms.append(await place.join("agent", kind="agent"))
            stages.append(EngineStage(driver, options, told.append))
            await stages[-1].open(mouth_session(160, 90))
            await stages[-1].publisher.publish(rooms[-1].local_participant)
            stages[-1].output.let_through()
        for stage in stages:
            await speak(stage, 2.0)
        await asyncio.sleep(0.3)
        renderer.broken = 2
        event = await asyncio.wait_for(stages[1].output.wait_for_playout(), 1.5)
        assert event.interrupted
        assert len(lost[1]) == 1
        assert "out of memory on the card" in str(lost[1][0])
        async with house.watching() as receiver:
            await receiver.first_picture()
            event = await asyncio.wait_for(stages[0].output.wait_for_playout(), 5.0)
        assert not event.interrupted
        assert event.playback_position == pytest.approx(2.0)
        assert lost[0] == []
        assert driver.alive
    finally:
        for stage, room in zip(stages, rooms):
            await stage.aclose(room.local_participant)
            await room.disconnect()
        await asyncio.to_thread(driver.stop)


@pytest.mark.timeout(120)
def test_a_full_disk_is_nothing_to_a_call(house) -> None:
    """In a process that can write no byte to any file, someone is seen and heard."""
    code = f"""
import asyncio, resource
from livekit import rtc
from livekit.agents import AgentSession
from avatar_engine import AvatarSession
from tools.av_receiver import Receiver

async def call():
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    room = rtc.Room()
    await room.connect({house.server.url!r}, {house.token("agent", "agent")!r})
    session, avatar = AgentSession(), AvatarSession(resolution="320x180", quality="low", lip_sync_model="spectral")
    await avatar.start(session, room=room)
    receiver = Receiver()
    await receiver.join({house.server.url!r}, {house.token("watcher")!r})
    await receiver.first_picture(30.0)
    output = session.output.audio
    await output.capture_frame(rtc.AudioFrame(bytes(24000), 24000, 1, 12000))
    output.flush()
    event = await asyncio.wait_for(output.wait_for_playout(), 10.0)
    await receiver.leave()
    await avatar.aclose()
    await room.disconnect()
    print(event.playback_position, event.interrupted)

asyncio.run(call())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stdout.strip() == "0.5 False", done.stderr[-2000:]


def test_a_journal_that_cannot_grow_says_where_and_why(tmp_path) -> None:
    path = tmp_path / "a.journal"
    journal = JournalWriter(path, {"hz": 60})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"a\.journal: File too large"):
            deque(map(journal.write, map(TickRecord, range(1000))), maxlen=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()
    assert len(list(read_ticks(path))) > 50  # what was written before is there


def test_the_server_of_these_tests_is_the_pinned_one() -> None:
    told = subprocess.run([livekit_server.binary(), "--version"], capture_output=True, text=True, check=True)
    assert livekit_server.VERSION.removeprefix("v") in told.stdout + told.stderr
