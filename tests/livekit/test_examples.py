"""The examples run."""

from __future__ import annotations

import asyncio
import json
import runpy
import signal
import sys
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from livekit.agents import AgentServer

from tools import av_receiver

pytestmark = pytest.mark.livekit

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_agent_example_makes_a_server() -> None:
    made = runpy.run_path(str(EXAMPLES / "livekit_agent.py"))
    assert isinstance(made["server"], AgentServer)


@pytest.mark.browser  # its page needs livekit-client from npm
@pytest.mark.timeout(150)
async def test_the_demo_shows_somebody_who_speaks_and_ends_when_asked() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(EXAMPLES / "livekit_demo" / "run.py"),
        "--resolution",
        "320x180",
        "--quality",
        "low",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        told = (await asyncio.wait_for(process.stdout.readline(), 90.0)).decode()
        assert told.startswith("open http://127.0.0.1:"), told
        address = told.split()[1]
        page = await asyncio.to_thread(lambda: urllib.request.urlopen(address).read().decode())
        assert "<video" in page
        join = json.loads(await asyncio.to_thread(lambda: urllib.request.urlopen(f"{address}/join.json").read()))
        receiver = av_receiver.Receiver()
        await receiver.join(join["url"], join["token"])
        first = await receiver.first_picture(20.0)
        assert first.width == 320
        await asyncio.sleep(4.0)
        assert np.count_nonzero(receiver.loudness()[1] > 0.02) * 0.0025 > 0.5
        await receiver.leave()
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 20.0) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
