"""A publisher whose line narrows to 300 kbit/s and widens again: `sudo python -m tests.bench.bench_livekit_narrow`.

Shapes UDP to this test's own server on the loopback device with tc's HTB; prints one line a second. The picture is a
drifting texture that takes every bit it is given, its ceiling the one an avatar of that size has.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from livekit import rtc

from avatar_engine.live import LiveDriver
from avatar_engine.options import parse_resolution
from avatar_engine.plugin.adaptation import plenty_bps
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.stage import EngineStage
from tools import livekit_server
from tools.av_receiver import Receiver, token
from tools.av_signal import SignalOptions, SignalRuntime

RATE = 24_000


def tc(*arguments: str) -> None:
    """One tc command on the loopback device. Raises CalledProcessError."""
    subprocess.run(["tc", *arguments], check=True, stderr=subprocess.DEVNULL)


def narrow(port: int, kbit: int) -> None:
    """Give everything its way but UDP to one port."""
    tc(*["qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "10"])
    tc(*["class", "add", "dev", "lo", "parent", "1:", "classid", "1:10", "htb", "rate", "10gbit"])
    tc(*f"class add dev lo parent 1: classid 1:20 htb rate {kbit}kbit ceil {kbit}kbit burst 6k".split())
    # a router's queue of a third of a second, not the thousand packets HTB has by itself
    tc(*f"qdisc add dev lo parent 1:20 handle 20: pfifo limit {max(4, kbit // 25)}".split())
    for protocol, keyword in (("ip", "ip"), ("ipv6", "ip6")):
        match = f"match {keyword} protocol 17 0xff match {keyword} dport {port} 0xffff"
        tc(*f"filter add dev lo parent 1: protocol {protocol} u32 {match} flowid 1:20".split())


def widen() -> None:
    """As before."""
    tc(*["qdisc", "del", "dev", "lo", "root"])


async def main(given: argparse.Namespace) -> None:
    """The trace."""
    width, height = parse_resolution(given.resolution)
    ceiling_bps = given.bitrate or plenty_bps(width, height, 30)
    udp = livekit_server.free_ports(1)[0]
    log = Path(tempfile.mkdtemp(prefix="narrow-")) / "server.log"
    server = livekit_server.start(log, udp_port=udp)
    keys = (livekit_server.API_KEY, livekit_server.API_SECRET)
    driver = LiveDriver(lambda: SignalRuntime(60), hz=60)
    await asyncio.wrap_future(driver.start())
    room = rtc.Room()
    await room.connect(server.url, token(*keys, "narrow", "avatar", kind="agent"))
    stage = EngineStage(driver, PublishOptions(width, height, 30, RATE, ceiling_bps, given.codec))
    receiver = Receiver(RATE)
    is_narrow = False
    try:
        await stage.open(SignalOptions(width, height, RATE, busy=True))
        await stage.publisher.publish(room.local_participant)
        stage.output.let_through()
        await receiver.join(server.url, token(*keys, "narrow", "watcher"))
        await receiver.first_picture()
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * (given.open + given.narrow + given.after)) / RATE)
        data = (tone * 32767).astype(np.int16)
        for at in range(0, len(data), RATE):
            await stage.output.capture_frame(rtc.AudioFrame(data[at : at + RATE].tobytes(), RATE, 1, RATE))
        stage.output.flush()
        print(f"{width}x{height}, at most {ceiling_bps / 1000:.0f} kbit/s")
        print(
            "second  line      target kbit/s  every  1/size  sent kbit/s  fps seen  size seen  tone heard"
            "  of it made up  packets lost"
        )
        sent, before = stage.figures.sent_bytes, await receiver.sound_losses()
        for second in range(given.open + given.narrow + given.after):
            if second == given.open:
                narrow(udp, given.kbit)
                is_narrow = True
            if second == given.open + given.narrow:
                widen()
                is_narrow = False
            receiver.forget()
            began_s = time.monotonic()
            await asyncio.sleep(1.0)
            took_s = time.monotonic() - began_s
            figures, losses = stage.figures, await receiver.sound_losses()
            levels = receiver.loudness()[1]
            loud = np.count_nonzero(levels > 0.1) / max(1, len(levels))
            size = f"{receiver.pictures[-1].width}x{receiver.pictures[-1].height}" if receiver.pictures else "-"
            line = f"{given.kbit} kbit" if is_narrow else "open"
            print(
                f"{second:6d}  {line:9s} {figures.target_bitrate_bps / 1000:13.0f}"
                f"  {figures.frame_divisor:5d}  {figures.picture_shrink:6d}"
                f"  {(figures.sent_bytes - sent) * 8 / 1000 / took_s:11.0f}  {len(receiver.pictures) / took_s:8.1f}"
                f"  {size:>9s}  {100 * loud:9.1f}%  {1000 * (losses.made_up_s - before.made_up_s):11.0f}ms"
                f"  {losses.packets - before.packets:12d}",
                flush=True,
            )
            sent, before = figures.sent_bytes, losses
    finally:
        if is_narrow:
            widen()
        await receiver.leave()
        await stage.aclose(room.local_participant)
        await room.disconnect()
        await asyncio.to_thread(driver.stop)
        livekit_server.stop(server)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", default="640x360")
    parser.add_argument("--bitrate", type=int, help="ceiling of the picture in bit/s")
    parser.add_argument("--kbit", type=int, default=300)
    parser.add_argument("--open", type=int, default=12)
    parser.add_argument("--narrow", type=int, default=30)
    parser.add_argument("--after", type=int, default=40)
    parser.add_argument("--codec", default="h264")
    try:
        asyncio.run(main(parser.parse_args()))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(error.cmd)}: refused; needs root and the HTB scheduler")
