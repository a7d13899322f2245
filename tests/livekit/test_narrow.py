"""A line that narrows to 300 kbit/s in the middle of speech: what of the sound arrives."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from livekit import rtc

from avatar_engine.plugin.adaptation import plenty_bps
from tests.livekit import line
from tests.livekit.conftest import House
from tools import livekit_server
from tools.av_clip import drawn_ahead

pytestmark = pytest.mark.livekit

RATE = 24_000
KBIT = 300
OPEN_S = 6  # WebRTC's estimate has found its way by then
PATIENCE_S = 10
NARROW_S = 10
MOST_GAPS = 3
CLIP_S = 4.0


@dataclass(frozen=True, slots=True)
class Second:
    """Of one second: the share of what was heard that is loud, packets of sound that never came, frames seen."""

    loud: float
    lost: int
    frames: int


async def seconds_of(
    house: House, wire: line.Line, bitrate_bps: int, size: tuple[int, int], **picture: Any
) -> list[Second]:
    """What is heard and seen second by second from the narrowing on. Where this machine kept the sender itself from
    sending in time, a gap of its own, the second is left out; few may be."""
    async with house.avatar(size=size, bitrate_bps=bitrate_bps, **picture) as stage, house.watching() as receiver:
        await receiver.first_picture()
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * (OPEN_S + PATIENCE_S + NARROW_S + 1)) / RATE)
        data = (tone * 32767).astype(np.int16)
        await stage.output.capture_frame(rtc.AudioFrame(data.tobytes(), RATE, 1, len(data)))
        stage.output.flush()
        await asyncio.sleep(OPEN_S)
        async with asyncio.timeout(PATIENCE_S):
            while stage.figures.target_bitrate_bps < 0.97 * bitrate_bps:  # the line was wide enough for all of it
                await asyncio.sleep(0.1)
        wire.narrow(KBIT)
        seconds, gaps = [], stage.figures.audio_underruns
        before = await receiver.sound_losses()
        for _ in range(NARROW_S):
            receiver.forget()
            await asyncio.sleep(1.0)
            now, levels = await receiver.sound_losses(), receiver.loudness()[1]
            lost = now.packets - before.packets
            own_gap, gaps = stage.figures.audio_underruns > gaps, stage.figures.audio_underruns
            before = now
            if not own_gap:
                seconds.append(Second(float(np.mean(levels > 0.1)), lost, len(receiver.pictures)))
        assert len(seconds) >= NARROW_S - MOST_GAPS
        return seconds


@pytest.fixture
def narrow_house(tmp_path):
    """A room whose participants reach the server over a line that can be narrowed."""
    port = livekit_server.free_ports(1)[0]
    server = livekit_server.start(tmp_path / "server.log", udp_port=port, node_ip="127.0.0.2")
    try:
        with line.running("127.0.0.2", "127.0.0.1", port) as wire:
            yield House(server, "narrow"), wire
    finally:
        livekit_server.stop(server)


@pytest.mark.parametrize(("size", "lost", "frames"), [((640, 360), 2, 20), ((1280, 720), 20, 8)])
async def test_a_person_who_speaks_through_a_line_that_narrows_is_heard(narrow_house, size, lost, frames) -> None:
    """At 640x360 140 kbit/s of pictures and 90 of sound fit through; at 720p the pictures give way, which the sound
    survives as every packet of it is sent twice."""
    house, wire = narrow_house
    clip = await asyncio.to_thread(drawn_ahead, *size, 30, CLIP_S)
    seconds = await seconds_of(house, wire, plenty_bps(*size, 30), size, clip=clip)
    assert sum(second.lost for second in seconds) <= lost, seconds
    assert np.mean([second.loud for second in seconds]) >= 0.99, seconds
    assert sum(second.frames for second in seconds) >= frames * len(seconds), seconds


async def test_pictures_that_would_take_all_of_a_line_give_way_to_the_sound(narrow_house) -> None:
    """With the sound 490 kbit/s: what waits in the line's queue when it narrows makes sound late, nothing after it."""
    house, wire = narrow_house
    seconds = await seconds_of(house, wire, 400_000, (640, 360), busy=True)
    assert sum(second.lost for second in seconds) <= 20, seconds
    assert np.mean([second.loud for second in seconds[2:]]) >= 0.99, seconds
    assert sum(second.frames for second in seconds) < 28 * len(seconds), seconds  # it was the pictures that gave way
    assert sum(second.frames for second in seconds) >= 8 * len(seconds), seconds
