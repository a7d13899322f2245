"""A real livekit-server for the session, and avatars made of a test signal in its rooms."""

from __future__ import annotations

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from livekit import rtc  # noqa: E402
from livekit.api import LiveKitAPI  # noqa: E402

from avatar_engine.engine.image import Image  # noqa: E402
from avatar_engine.live import LiveDriver  # noqa: E402
from avatar_engine.plugin.publish_options import PublishOptions  # noqa: E402
from avatar_engine.plugin.stage import EngineStage  # noqa: E402
from tools import livekit_server  # noqa: E402
from tools.av_mouth import mouth_runtime, mouth_session  # noqa: E402
from tools.av_receiver import Receiver, token  # noqa: E402
from tools.av_signal import SignalOptions, SignalRuntime  # noqa: E402

HZ = 60
ENGINE_THREADS = {"avatar-simulation", "avatar-loading", "avatar-files"}  # of a warm engine, sessions or none


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[livekit_server.Server]:
    """livekit-server on free loopback ports."""
    with livekit_server.running(tmp_path_factory.mktemp("livekit") / "server.log") as running:
        yield running


@dataclass(slots=True)
class House:
    """The server, one room name, and what the tests open in it."""

    server: livekit_server.Server
    room: str

    def token(self, identity: str, kind: str = "standard") -> str:
        return token(livekit_server.API_KEY, livekit_server.API_SECRET, self.room, identity, kind=kind)

    @property
    def http_url(self) -> str:
        return self.server.url.replace("ws", "http")

    def api(self) -> LiveKitAPI:
        """The server's own interface."""
        return LiveKitAPI(self.http_url, livekit_server.API_KEY, livekit_server.API_SECRET)

    async def join(self, identity: str, kind: str = "standard") -> rtc.Room:
        room = rtc.Room()
        await room.connect(self.server.url, self.token(identity, kind), rtc.RoomOptions(auto_subscribe=False))
        return room

    @asynccontextmanager
    async def watching(self, rate: int = 24_000) -> AsyncIterator[Receiver]:
        """A participant that records what it sees and hears."""
        receiver = Receiver(rate)
        await receiver.join(self.server.url, self.token(f"watcher-{uuid.uuid4().hex[:6]}"))
        try:
            yield receiver
        finally:
            await receiver.leave()

    @asynccontextmanager
    async def avatar(
        self,
        codec: str = "h264",
        size: tuple[int, int] = (320, 180),
        busy: bool = False,
        clip: tuple[Image, ...] = (),
        **more: float,
    ) -> AsyncIterator[EngineStage]:
        """A published avatar whose picture is white while its speech is loud, or a texture, or a clip."""
        room = await self.join("agent", kind="agent")
        async with self.avatar_for(room, codec, size, busy, clip, **more) as stage:
            yield stage

    @asynccontextmanager
    async def avatar_for(
        self,
        room: rtc.Room,
        codec: str = "h264",
        size: tuple[int, int] = (320, 180),
        busy: bool = False,
        clip: tuple[Image, ...] = (),
        **more: float,
    ) -> AsyncIterator[EngineStage]:
        """The same in a room that is joined already; leaves it in the end."""
        options = PublishOptions(*size, 30, 24_000, codec=codec, **{"bitrate_bps": 1_000_000, **more})
        session = SignalOptions(*size, 24_000, busy, clip)
        async with self._stage(room, lambda: SignalRuntime(HZ), session, options) as stage:
            yield stage

    @asynccontextmanager
    async def mouth(self, size: tuple[int, int] = (160, 90)) -> AsyncIterator[EngineStage]:
        """A published avatar, simulated in full, whose picture is as bright as its mouth is open."""
        room = await self.join("agent", kind="agent")
        options = PublishOptions(*size, 30, 24_000, 1_000_000)
        async with self._stage(room, mouth_runtime, mouth_session(*size), options) as stage:
            yield stage

    @asynccontextmanager
    async def _stage(
        self, room: rtc.Room, make: Callable[[], Any], session: Any, options: PublishOptions
    ) -> AsyncIterator[EngineStage]:
        driver = LiveDriver(make, hz=HZ)
        await asyncio.wrap_future(driver.start())
        stage = EngineStage(driver, options)
        try:
            await stage.open(session)
            await stage.publisher.publish(room.local_participant)
            stage.output.let_through()
            yield stage
        finally:
            await stage.aclose(room.local_participant)
            await room.disconnect()
            await asyncio.to_thread(driver.stop)


@pytest.fixture
def house(server: livekit_server.Server) -> House:
    """A fresh room."""
    return House(server, f"room-{uuid.uuid4().hex[:8]}")
