"""Measures sound against picture at a real receiver: `python -m tools.av_skew --seconds 30 --codec h264`.

Positive skew: the picture comes after its sound.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from livekit import rtc

from avatar_engine.live import LiveDriver
from avatar_engine.plugin.publish_options import HOLD_S, LEAD_S, PublishOptions
from avatar_engine.plugin.stage import EngineStage
from tools import livekit_server
from tools.av_receiver import Receiver, token
from tools.av_signal import SignalOptions, SignalRuntime, beeps, onsets, pair


async def speak(stage: EngineStage, count: int, rate: int = 24_000) -> None:
    """Push `count` beeps faster than real time as one segment, and wait until they were played."""
    data = (beeps(count, rate) * 32767).astype(np.int16)
    for at in range(0, len(data), rate // 10):
        part = data[at : at + rate // 10]
        await stage.output.capture_frame(rtc.AudioFrame(part.tobytes(), rate, 1, len(part)))
    stage.output.flush()
    await stage.output.wait_for_playout()


async def measure(
    url: str, options: PublishOptions, seconds: float, hz: int = 60
) -> tuple[list[float], Receiver, EngineStage]:
    """Skews in seconds of every beep heard and seen."""
    driver = LiveDriver(lambda: SignalRuntime(hz), hz=hz)
    await asyncio.wrap_future(driver.start())
    room = rtc.Room()
    await room.connect(url, token(livekit_server.API_KEY, livekit_server.API_SECRET, "skew", "avatar", kind="agent"))
    stage = EngineStage(driver, options)
    receiver = Receiver()
    try:
        await stage.open(SignalOptions(options.width, options.height, options.rate))
        await stage.publisher.publish(room.local_participant)
        await receiver.join(url, token(livekit_server.API_KEY, livekit_server.API_SECRET, "skew", "watcher"))
        await receiver.first_picture()
        stage.output.let_through()
        await asyncio.sleep(2.0)  # the receiver's buffers settle
        receiver.forget()
        began_s = time.monotonic()
        while time.monotonic() - began_s < seconds:
            await speak(stage, 10)
        await asyncio.sleep(0.5)
    finally:
        await receiver.leave()
        await stage.aclose(room.local_participant)
        await room.disconnect()
        await asyncio.to_thread(driver.stop)
    heard = onsets(*receiver.loudness(), threshold=0.05)
    seen = onsets(*receiver.luma(), threshold=145.0)
    return pair(heard, seen), receiver, stage


def main() -> None:
    """Runs a server, a sender and a receiver on this machine and prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--codec", choices=("h264", "raw"), default="h264")
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--hold-ms", type=float, default=HOLD_S * 1000)
    parser.add_argument("--lead-ms", type=float, default=LEAD_S * 1000)
    parser.add_argument("--hz", type=int, default=60)
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    options = PublishOptions(
        width, height, 30, 24_000, 1_500_000, given.codec, given.hold_ms / 1000, given.lead_ms / 1000
    )
    with livekit_server.running(Path(tempfile.gettempdir()) / "livekit-skew.log") as server:
        skews, receiver, stage = asyncio.run(measure(server.url, options, given.seconds, given.hz))
    if not skews:
        sys.exit("no beep was both heard and seen")
    skew_ms = np.array(skews) * 1000
    times, _ = receiver.luma()
    fps = (len(times) - 1) / (times[-1] - times[0])
    print(f"{given.codec} {given.size}: {len(skews)} beeps, {fps:.2f} fps received, hold {given.hold_ms:.0f} ms")
    print(
        f"skew ms: median {np.median(skew_ms):+.1f}, p5 {np.quantile(skew_ms, 0.05):+.1f}, "
        f"p95 {np.quantile(skew_ms, 0.95):+.1f}, |p95| {np.quantile(np.abs(skew_ms), 0.95):.1f}"
    )
    parts = np.array_split(skew_ms, max(2, round(given.seconds / 60)))
    print("drift: median ms of equal parts " + " ".join(f"{np.median(part):+.1f}" for part in parts))
    for name, value in stage.figures.rows():
        print(f"  {name} {value:.4g}")


if __name__ == "__main__":
    main()
