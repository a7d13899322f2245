"""`AvatarSession` in a real agent: the real engine, LiveKit's own AgentSession, a second participant that watches."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import fields

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions

from avatar_engine import AvatarSession
from avatar_engine.engine.errors import InputError
from avatar_engine.plugin import engine_host
from avatar_engine.plugin.options import AvatarOptions, AvatarRequest, live_options
from avatar_engine.plugin.worker_session import WorkerAvatarSession
from tests.livekit.conftest import ENGINE_THREADS

pytestmark = pytest.mark.livekit

RATE = 24_000
SMALL = {"resolution": "320x180", "quality": "low", "lip_sync_model": "spectral"}


async def voiced(seconds: float) -> AsyncIterator[rtc.AudioFrame]:
    """A buzz with the spectrum of an open vowel."""
    at = np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * 150 * k * at + k * k) / (1 + abs(150 * k - 750) / 150) for k in range(1, 16))
    data = (0.4 * voice / np.abs(voice).max() * 32767).astype(np.int16)
    for start in range(0, len(data), RATE // 20):
        part = data[start : start + RATE // 20]
        yield rtc.AudioFrame(part.tobytes(), RATE, 1, len(part))


class Silent(Agent):
    """Says only what it is told to say."""

    def __init__(self) -> None:
        super().__init__(instructions="")


@pytest.mark.timeout(120)
async def test_three_lines_give_an_agent_a_face(house) -> None:
    threads_before = {thread.name for thread in threading.enumerate()}
    room = await house.join("agent", kind="agent")
    session = AgentSession()
    avatar = AvatarSession(**SMALL)
    metrics = []
    session.on("metrics_collected", metrics.append)
    began_s = time.monotonic()
    await avatar.start(session, room=room)
    await avatar.wait_for_join(timeout=20.0)
    joined_s = time.monotonic() - began_s
    async with house.watching() as receiver:
        await session.start(Silent(), room=room, room_options=RoomOptions(audio_input=False, text_input=False))
        await receiver.first_picture()
        assert receiver.last_picture.width == 320
        await asyncio.sleep(1.0)
        receiver.forget()
        speech = session.say("aaah", audio=voiced(1.0), add_to_chat_ctx=False)
        await asyncio.wait_for(speech.wait_for_playout(), 10.0)
        assert not speech.interrupted
        await asyncio.sleep(0.5)
        _, levels = receiver.loudness()
        assert 0.8 < np.count_nonzero(levels > 0.03) * 0.0025 < 1.2
        pictures = np.array([seen.luma for seen in receiver.pictures])
        assert pictures.std() > 0.0  # it lives
        figures = avatar.figures
        assert figures.segments_started == figures.segments_finished == 1
        assert figures.added_latency_s.count == 1
        assert metrics, "AvatarMetrics of the join"
        assert metrics[0].metrics.metadata.model_provider == "avatar-engine"
        avatar.update_emotion("happy", 0.8)
        avatar.set_background("#203040")
        avatar.set_language("it")
        avatar.play_gesture("nod")
        with pytest.raises(InputError):
            avatar.update_emotion("hapy")
        for known in ("happy+surprised", "mood:calm", "base"):
            avatar.update_emotion(known, 0.5)
        notices = []
        avatar.on("avatar_notice", notices.append)
        avatar.play_gesture("nodd")
        await asyncio.sleep(0.3)
        assert notices
        assert "nodd" in notices[0].text
        assert [tool.info.name for tool in avatar.tools()] == [
            "set_avatar_emotion",
            "play_avatar_gesture",
            "set_avatar_background",
        ]
        await asyncio.sleep(0.3)
        await session.aclose()
        await avatar.stop()
        await avatar.aclose()
        assert room.isconnected()  # the agent itself was not put out
        assert not room.local_participant.track_publications
    await room.disconnect()
    left = {thread.name for thread in threading.enumerate() if thread.name.startswith("avatar-")}
    assert left - threads_before == set()
    assert joined_s < 20.0


async def test_speech_before_the_room_is_there_is_not_lost(house) -> None:
    room = rtc.Room()
    session = AgentSession()
    avatar = AvatarSession(**SMALL)
    await avatar.start(session, room=room)
    try:
        output = session.output.audio
        async for frame in voiced(0.5):
            await output.capture_frame(frame)
        output.flush()
        await asyncio.sleep(0.3)
        assert avatar.figures.segments_started == 0
        await room.connect(house.server.url, house.token("agent", kind="agent"))
        async with house.watching() as receiver:
            event = await asyncio.wait_for(output.wait_for_playout(), 10.0)
            assert event.playback_position == pytest.approx(0.5, abs=1e-6)
            await asyncio.sleep(0.4)
            _, levels = receiver.loudness()
            assert np.count_nonzero(levels > 0.03) * 0.0025 > 0.4
    finally:
        await avatar.aclose()
        await room.disconnect()


async def test_closing_before_and_without_start(house) -> None:
    avatar = AvatarSession(**SMALL)
    await avatar.aclose()
    with pytest.raises(RuntimeError, match="not running"):
        avatar.update_emotion("happy")


async def test_a_wrong_avatar_says_so_and_leaves_nothing_behind(house) -> None:
    room = await house.join("agent", kind="agent")
    avatar = AvatarSession("no-such-person", **SMALL)
    with pytest.raises(InputError, match="no-such-person"):
        await avatar.start(AgentSession(), room=room)
    await avatar.aclose()
    await room.disconnect()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avatar-")]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"resolution": "721p"}, "720p"),
        ({"style": "profesional"}, "professional"),
        ({"quality": "hihg"}, "high"),
        ({"lip_sync_model": "neurall"}, "neural"),
        ({"fps": 29}, "24, 30 or 60"),
        ({"resolutoin": "720p"}, "resolution"),
        ({"avatar_config": {"scen": "studio"}}, "scene"),
        ({"video_codec": "h263"}, "h264"),
        ({"max_bitrate_bps": -5}, "10000 or more"),
    ],
)
@pytest.mark.parametrize("session", [AvatarSession, WorkerAvatarSession])
def test_wrong_options_are_refused_with_a_hint(session, wrong, told) -> None:
    with pytest.raises(InputError, match=told):
        session(**wrong)


def test_both_sessions_take_every_option_and_a_whole_request() -> None:
    names = {item.name for item in fields(AvatarRequest)} - {"avatar_id"}
    assert names == set(AvatarOptions.__annotations__)
    request = AvatarRequest("ben", resolution="320x180", fps=24)
    for session in (AvatarSession, WorkerAvatarSession):
        session(request)
        session("ben", resolution="320x180", fps=24)
    assert AvatarRequest.asked("ben", {"resolution": "320x180", "fps": 24}) == request
    assert AvatarRequest.asked(request, {"fps": 60}).fps == 60
    assert live_options(AvatarRequest(language="it-IT")).session.language == "it-IT"


@pytest.mark.parametrize("warm", [False, True])
async def test_closed_while_it_starts_it_leaves_nothing_behind(house, warm: bool) -> None:
    options = live_options(AvatarRequest(**SMALL))
    if warm:  # the engine goes on
        await asyncio.to_thread(engine_host.prewarm, options.runtime)
    room = await house.join("agent", kind="agent")
    session = AgentSession()
    avatar = AvatarSession(**SMALL)
    starting = asyncio.create_task(avatar.start(session, room=room))
    while avatar._stage is None:
        await asyncio.sleep(0.005)
    before = session.output.audio
    await avatar.aclose()
    with pytest.raises(RuntimeError, match=r"closed before it had started|engine has stopped"):
        await starting
    assert session.output.audio is before
    if warm:
        assert engine_host._engines[options.runtime].session_count == 0
        assert engine_host._users == {engine_host._engines[options.runtime]: 1}
        await engine_host.cool(options.runtime)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avatar-")]
    await room.disconnect()


@pytest.mark.timeout(120)
async def test_a_warm_engine_shows_a_picture_within_two_seconds_and_goes_when_it_is_let_go(house) -> None:
    wish = AvatarRequest(resolution="640x360", quality="medium", lip_sync_model="spectral")
    options = live_options(wish)
    await asyncio.to_thread(engine_host.prewarm, options.runtime, options.session)
    took_s = []
    try:
        room = await house.join("agent", kind="agent")
        for _ in range(3):
            async with house.watching() as receiver:
                avatar = AvatarSession(wish)
                began_s = time.monotonic()
                await avatar.start(AgentSession(), room=room)
                seen = await receiver.first_picture()
                took_s.append(seen.at_s - began_s)
                await avatar.aclose()
        await room.disconnect()
        print(f"first picture at a subscriber {np.round(took_s, 2)} s after start")
        assert min(took_s) <= 2.0
        assert {thread.name for thread in threading.enumerate() if thread.name.startswith("avatar-")} == ENGINE_THREADS
    finally:
        await engine_host.cool(options.runtime)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("avatar-")]
