"""Sound against picture at a Python subscriber and in headless Chromium at once, minute by minute:
`python -m tests.bench.bench_livekit_skew --seconds 600`. Positive: the picture comes after its sound.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from livekit import rtc

from avatar_engine.live import LiveDriver
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.stage import EngineStage
from tools import browser, livekit_server
from tools.av_receiver import Receiver, on_clock, token
from tools.av_signal import SignalOptions, SignalRuntime, onsets, pair
from tools.av_skew import speak

PAGES = Path(__file__).resolve().parents[1] / "livekit" / "pages"
WINDOW_S = 20.0
"""The page reports so often; a beep at the border of two reports may be missed."""
KEYS = (livekit_server.API_KEY, livekit_server.API_SECRET)


def page_skews(report: dict[str, Any]) -> list[float]:
    """Seconds, of every beep that was heard and seen in one report of the page."""

    def levels(rows: list[list[float]], threshold: float) -> list[float]:
        table = np.array([row[:3] for row in rows], float).reshape(-1, 3)
        return onsets(on_clock(table[:, 1] / 1000.0, table[:, 0] / 1000.0), table[:, 2], threshold)

    return pair(levels(report["sounds"], 0.05), levels(report["pictures"], 145.0))


def row(who: str, fps: float, minutes: list[list[float]]) -> str:
    """One line of a table."""
    ms = 1000 * np.array([skew for minute in minutes for skew in minute])
    told = " ".join(f"{1000 * np.median(minute):+.0f}" if minute else "-" for minute in minutes)
    low, middle, high = (float(np.quantile(ms, share)) for share in (0.05, 0.5, 0.95))
    return f"| {who} | {len(ms)} | {fps:.2f} | {middle:+.1f} ms | {low:+.1f} ms | {high:+.1f} ms | {told} |"


async def main(seconds: float) -> None:
    """A server, a sender, both receivers; prints the table."""
    log = Path(tempfile.mkdtemp(prefix="skew-")) / "server.log"
    with livekit_server.running(log) as server:
        driver = LiveDriver(lambda: SignalRuntime(60), hz=60)
        await asyncio.wrap_future(driver.start())
        room = rtc.Room()
        await room.connect(server.url, token(*KEYS, "skew", "avatar", kind="agent"))
        stage = EngineStage(driver, PublishOptions(640, 360, 30, 24_000, 1_500_000))
        receiver = Receiver()
        join = json.dumps({"url": server.url, "token": token(*KEYS, "skew", "browser")})
        files = {"/measure.html": PAGES / "measure.html", "/measure.js": PAGES / "measure.js"}
        minutes: dict[str, list[list[float]]] = {"Python": [], "Chromium": []}
        fps: dict[str, list[float]] = {"Python": [], "Chromium": []}
        try:
            await stage.open(SignalOptions(640, 360, 24_000))
            await stage.publisher.publish(room.local_participant)
            await receiver.join(server.url, token(*KEYS, "skew", "watcher"))
            await receiver.first_picture()
            stage.output.let_through()
            async with (
                browser.site(answers={"/join.json": join}, files=files) as site,
                browser.browser(f"{site.url}/measure.html?seconds={WINDOW_S}"),
            ):
                talking = asyncio.create_task(talk(stage))
                await asyncio.wait_for(site.reports.get(), 60.0)  # it has joined
                await asyncio.wait_for(site.reports.get(), 60.0)  # buffers have settled
                receiver.forget()
                began_s = time.monotonic()
                while time.monotonic() - began_s < seconds:
                    found = await asyncio.wait_for(site.reports.get(), WINDOW_S + 60.0)
                    minute = int((time.monotonic() - began_s - WINDOW_S / 2) // 60)
                    shown = [picture[0] for picture in found["pictures"]]
                    heard, seen = onsets(*receiver.loudness(), 0.05), onsets(*receiver.luma(), 145.0)
                    times, _ = receiver.luma()
                    receiver.forget()
                    fps["Chromium"].append(1000 * (len(shown) - 1) / (shown[-1] - shown[0]))
                    fps["Python"].append((len(times) - 1) / (times[-1] - times[0]))
                    for who, skews in (("Chromium", page_skews(found)), ("Python", pair(heard, seen))):
                        while len(minutes[who]) <= minute:
                            minutes[who].append([])
                        minutes[who][-1] += skews
                talking.cancel()
                await asyncio.gather(talking, return_exceptions=True)
        finally:
            await receiver.leave()
            await stage.aclose(room.local_participant)
            await room.disconnect()
            await asyncio.to_thread(driver.stop)
    print("| receiver | beeps | pictures/s | median | 5 % | 95 % | medians of the minutes, ms |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for who, found_minutes in minutes.items():
        print(row(who, float(np.mean(fps[who])), found_minutes))
    print(f"gaps in the sound {stage.figures.audio_underruns}, load {os.getloadavg()[0]:.1f}")


async def talk(stage: EngineStage) -> None:
    """Beeps without end."""
    while True:
        await speak(stage, 10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    asyncio.run(main(parser.parse_args().seconds))
