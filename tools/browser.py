"""A headless Chromium that joins a room with livekit-client, and the loopback web server that feeds it its page."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tools.npm_package import npm_package

CLIENT_VERSION = "2.23.0"
PAGES = Path(__file__).resolve().parents[1] / "examples" / "livekit_demo"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoBrowserError(RuntimeError):
    """The message says what to install."""


def client_script() -> Path:
    """livekit-client's browser bundle, fetched from npm once."""
    return npm_package("livekit-client", CLIENT_VERSION) / "dist" / "livekit-client.umd.js"


def chromium() -> str:
    """Path of a Chromium."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES):
        found = shutil.which(name) if name else None
        if found:
            return found
    raise NoBrowserError("no Chromium found: apt-get install chromium, or set CHROMIUM")


@dataclass(slots=True)
class Site:
    """A running web server; `reports` are what pages posted to /report."""

    port: int
    reports: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def site(
    *, port: int = 0, answers: dict[str, str] | None = None, files: dict[str, Path] | None = None
) -> AsyncIterator[Site]:
    """Serve the demo page, livekit-client at /livekit-client.js, fixed `answers` (path -> JSON text), `files`."""
    script = await asyncio.to_thread(client_script)
    running = Site(0)

    async def report(request: web.Request) -> web.Response:
        running.reports.put_nowait(json.loads(await request.text()))
        return web.Response()

    def file(path: Path) -> Any:
        async def give(_: web.Request) -> web.FileResponse:
            return web.FileResponse(path)

        return give

    def answer(text: str) -> Any:
        async def give(_: web.Request) -> web.Response:
            return web.json_response(text=text)

        return give

    app = web.Application(client_max_size=32 * 2**20)
    app.router.add_post("/report", report)
    served = {"/": PAGES / "index.html", "/page.js": PAGES / "page.js", "/livekit-client.js": script}
    for path, source in {**served, **(files or {})}.items():
        app.router.add_get(path, file(source))
    for path, text in (answers or {}).items():
        app.router.add_get(path, answer(text))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", port)
    await listener.start()
    running.port = int(runner.addresses[0][1])
    try:
        yield running
    finally:
        await runner.cleanup()


@asynccontextmanager
async def browser(url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Headless Chromium on a page; ended with the block."""
    with tempfile.TemporaryDirectory(prefix="avatar-chromium-") as profile:
        process = await asyncio.create_subprocess_exec(
            chromium(),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--mute-audio",
            "--no-first-run",
            "--disable-extensions",
            "--disable-background-networking",
            "--autoplay-policy=no-user-gesture-required",
            "--window-size=720,480",
            f"--user-data-dir={profile}",
            url,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 5.0)
                except TimeoutError:
                    process.kill()
                    await process.wait()
