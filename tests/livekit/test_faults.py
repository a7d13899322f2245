"""Things that break under an avatar: its renderer, the disk. One clear error at most, and nothing to the other rooms."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from livekit import rtc

from avatar_engine.engine.errors import DeviceError, EngineError, OutputError
from avatar_engine.engine.journal import JournalWriter, TickRecord, read_ticks
from avatar_engine.engine.messages import AudioChunk, SetBackground
from avatar_engine.engine.render.base import nobody_waits
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.options import RuntimeOptions
from avatar_engine.plugin import engine_host
from avatar_engine.plugin.hosted import HostedRuntime
from avatar_engine.plugin.options import LiveOptions
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.room_avatar import RoomAvatar
from avatar_engine.plugin.stage import EngineStage
from avatar_engine.runtime import Runtime, make_runtime
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


@pytest.mark.parametrize("picture", ["never drawn", "never asked for"])
async def test_an_avatar_lost_before_its_first_picture_is_over_at_once(house, monkeypatch, picture: str) -> None:
    renderer = Breaking()
    renderer.broken = 1
    driver = LiveDriver(lambda: HostedRuntime(OPTIONS, lambda: renderer), hz=OPTIONS.hz)
    if picture == "never asked for":  # the engine itself goes instead

        def broken() -> HostedRuntime:
            runtime = HostedRuntime(OPTIONS, MouthRenderer)
            runtime.schedule.systems = ()
            return runtime

        driver = LiveDriver(broken, hz=OPTIONS.hz)
    await asyncio.wrap_future(driver.start())
    monkeypatch.setitem(engine_host._engines, OPTIONS, driver)
    monkeypatch.setitem(engine_host._users, driver, 1)
    room = await house.join("avatar")
    options = LiveOptions(OPTIONS, mouth_session(160, 90), PublishOptions(160, 90, 30, RATE, 500_000))
    running = asyncio.create_task(RoomAvatar(room, options, "agent").run())
    if picture == "never asked for":
        while not driver.session_count:
            await asyncio.sleep(0.01)
        driver._inbox.append(_fail)
    with pytest.raises((EngineError, RuntimeError), match=r"cannot be drawn|gone"):
        await asyncio.wait_for(running, 5.0)
    await room.disconnect()
    await asyncio.to_thread(driver.stop)


async def test_bad_speech_of_one_session_ends_that_session_only() -> None:
    driver = LiveDriver(lambda: make_runtime(replace(OPTIONS, viseme_model="spectral"), MouthRenderer), hz=OPTIONS.hz)
    await asyncio.wrap_future(driver.start())
    lost: dict[str, list[BaseException]] = {"a": [], "b": []}
    heard: list[Delivery] = []
    names = {
        key: await asyncio.wrap_future(
            driver.open_session(
                mouth_session(160, 90), heard.append if key == "b" else _ignored, lost[key].append, print
            )
        )
        for key in ("a", "b")
    }
    driver.push_audio(names["a"], AudioChunk(np.zeros(480, np.float32), 3_000_000_000, 0))
    driver.push_audio(names["b"], AudioChunk(np.full(RATE, 0.3, np.float32), RATE, 0, True))
    await asyncio.sleep(1.0)
    assert driver.alive
    assert lost["b"] == []
    assert [type(error) for error in lost["a"]] == [EngineError]
    assert max(float(np.abs(each.packet.samples).max(initial=0)) for each in heard) > 0.25
    driver.send(names["b"], SetBackground(""))
    await asyncio.sleep(0.3)
    assert driver.alive
    await asyncio.to_thread(driver.stop)


def _fail(_: object) -> None:
    raise RuntimeError("gone")


def _ignored(_: Delivery) -> None:
    """Nobody listens."""


async def test_after_a_failure_old_avatars_do_not_take_the_new_engine_along(monkeypatch) -> None:
    made: list[Runtime] = []

    def make(options: RuntimeOptions, _face: object) -> Runtime:
        made.append(make_runtime(options, MouthRenderer))
        return made[-1]

    monkeypatch.setattr(engine_host, "_make", make)
    options = replace(OPTIONS, viseme_model="spectral")
    await asyncio.to_thread(engine_host.prewarm, options)
    first = await engine_host.acquire(options)
    made[0].schedule.systems = (*made[0].schedule.systems, _Broken())
    while not first.failed:
        await asyncio.sleep(0.01)
    second = await engine_host.acquire(options)
    assert second is not first
    await engine_host.release(first)
    assert second.alive
    await asyncio.to_thread(engine_host.prewarm, options)  # as the next idle thread of a worker does
    await engine_host.release(second)
    assert second.alive
    assert await engine_host.acquire(options) is second
    await engine_host.release(second)
    await engine_host.cool(options)
    assert not second.alive
    assert (len(made), engine_host._engines, engine_host._users, engine_host._warm) == (2, {}, {}, {})


async def test_an_engine_that_could_not_start_is_started_anew(monkeypatch) -> None:
    tries: list[int] = []

    def make(options: RuntimeOptions, _face: object) -> Runtime:
        tries.append(len(tries))
        if len(tries) == 1:
            raise DeviceError("driver", "busy", "wait")
        return make_runtime(options, MouthRenderer)

    monkeypatch.setattr(engine_host, "_make", make)
    options = replace(OPTIONS, viseme_model="spectral")
    with pytest.raises(DeviceError, match="busy"):
        await asyncio.to_thread(engine_host.prewarm, options)
    await asyncio.to_thread(engine_host.prewarm, options)
    await engine_host.cool(options)
    assert engine_host._engines == {}


class _Broken:
    name, phase, reads, writes = "broken", Phase.PUBLISH, (), ()

    def run(self, _: World) -> None:
        raise ValueError("nothing works")


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
