"""A publisher whose line narrows to 300 kbit/s and widens again: `python -m tests.bench.bench_livekit_narrow`.

Prints one line a second. The pictures are those of a person who speaks, drawn ahead, or with `--texture` one that takes
every bit it is given; the ceiling is the one an avatar of that size has. The line is a relay of datagrams with a queue of
a third of a second; `sudo ... --tc` shapes the loopback device with HTB instead, for all participants together.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from livekit import rtc

from avatar_engine.live import LiveDriver
from avatar_engine.options import parse_resolution
from avatar_engine.plugin.adaptation import plenty_bps
from avatar_engine.plugin.publish_options import PublishOptions
from avatar_engine.plugin.stage import EngineStage
from tests.livekit import line
from tools import livekit_server
from tools.av_clip import drawn_ahead
from tools.av_receiver import Receiver, token
from tools.av_signal import SignalOptions, SignalRuntime

RATE = 24_000
CLIP_S = 6.0


class Shaped:
    """The loopback device with HTB: everything has its way but UDP to one port."""

    def __init__(self, port: int) -> None:
        self._port, self._is_narrow = port, False

    def narrow(self, kbit: int) -> None:
        """So many kbit/s from now on, 0 for any."""
        self.widen()
        if not kbit:
            return
        self._is_narrow = True
        tc(*["qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "10"])
        tc(*["class", "add", "dev", "lo", "parent", "1:", "classid", "1:10", "htb", "rate", "10gbit"])
        tc(*f"class add dev lo parent 1: classid 1:20 htb rate {kbit}kbit ceil {kbit}kbit burst 6k".split())
        # a router's queue of a third of a second, not the thousand packets HTB has by itself
        tc(*f"qdisc add dev lo parent 1:20 handle 20: pfifo limit {max(4, kbit // 25)}".split())
        for protocol, keyword in (("ip", "ip"), ("ipv6", "ip6")):
            match = f"match {keyword} protocol 17 0xff match {keyword} dport {self._port} 0xffff"
            tc(*f"filter add dev lo parent 1: protocol {protocol} u32 {match} flowid 1:20".split())

    def widen(self) -> None:
        """As before."""
        if self._is_narrow:
            tc(*["qdisc", "del", "dev", "lo", "root"])
        self._is_narrow = False


def tc(*arguments: str) -> None:
    """One tc command on the loopback device. Raises CalledProcessError."""
    subprocess.run(["tc", *arguments], check=True, stderr=subprocess.DEVNULL)


@contextmanager
def line_to(port: int, shaped: bool) -> Iterator[Shaped | line.Line]:
    """A line that can be narrowed between this process and a server's UDP port."""
    if not shaped:
        with line.running("127.0.0.2", "127.0.0.1", port) as relay:
            yield relay
        return
    device = Shaped(port)
    try:
        yield device
    finally:
        device.widen()


async def main(given: argparse.Namespace) -> None:
    """A room, an avatar in it, one who watches."""
    width, height = parse_resolution(given.resolution)
    ceiling_bps = given.bitrate or plenty_bps(width, height, 30)
    clip = () if given.texture else drawn_ahead(width, height, 30, CLIP_S)
    udp = livekit_server.free_ports(1)[0]
    log = Path(tempfile.mkdtemp(prefix="narrow-")) / "server.log"
    server = livekit_server.start(log, udp_port=udp, node_ip="127.0.0.1" if given.tc else "127.0.0.2")
    keys = (livekit_server.API_KEY, livekit_server.API_SECRET)
    driver = LiveDriver(lambda: SignalRuntime(60), hz=60)
    await asyncio.wrap_future(driver.start())
    room, receiver = rtc.Room(), Receiver(RATE)
    stage = EngineStage(driver, PublishOptions(width, height, 30, RATE, ceiling_bps, given.codec))
    try:
        with line_to(udp, given.tc) as wire:
            await room.connect(server.url, token(*keys, "narrow", "avatar", kind="agent"))
            try:
                await stage.open(SignalOptions(width, height, RATE, busy=given.texture, clip=clip))
                await stage.publisher.publish(room.local_participant)
                stage.output.let_through()
                await receiver.join(server.url, token(*keys, "narrow", "watcher"))
                await receiver.first_picture()
                await trace(given, stage, receiver, wire)
            finally:
                wire.narrow(0)
                await receiver.leave()
                await stage.aclose(room.local_participant)
                await room.disconnect()
    finally:
        await asyncio.to_thread(driver.stop)
        livekit_server.stop(server)


async def trace(given: argparse.Namespace, stage: EngineStage, receiver: Receiver, wire: Shaped | line.Line) -> None:
    """One line a second while a tone is played and the line narrows and widens."""
    seconds = given.open + given.narrow + given.after
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(RATE * (seconds + 1)) / RATE)
    data = (tone * 32767).astype(np.int16)
    for at in range(0, len(data), RATE):
        await stage.output.capture_frame(rtc.AudioFrame(data[at : at + RATE].tobytes(), RATE, 1, RATE))
    stage.output.flush()
    print(f"{given.resolution}, at most {stage.publisher.options.bitrate_bps / 1000:.0f} kbit/s")
    print(
        "second  line      target kbit/s  every  1/size  sent kbit/s  fps seen  size seen  tone heard"
        "  of it made up  packets lost  keyframes asked for"
    )
    figures = stage.figures
    sent, asked, before = figures.sent_bytes, figures.keyframe_requests, await receiver.sound_losses()
    for second in range(seconds):
        kbit = given.kbit if given.open <= second < given.open + given.narrow else 0
        if second in (given.open, given.open + given.narrow):
            wire.narrow(kbit)
        receiver.forget()
        began_s = time.monotonic()
        await asyncio.sleep(1.0)
        took_s = time.monotonic() - began_s
        losses = await receiver.sound_losses()
        levels = receiver.loudness()[1]
        loud = np.count_nonzero(levels > 0.1) / max(1, len(levels))
        size = f"{receiver.pictures[-1].width}x{receiver.pictures[-1].height}" if receiver.pictures else "-"
        print(
            f"{second:6d}  {f'{kbit} kbit' if kbit else 'open':9s} {figures.target_bitrate_bps / 1000:13.0f}"
            f"  {figures.frame_divisor:5d}  {figures.picture_shrink:6d}"
            f"  {(figures.sent_bytes - sent) * 8 / 1000 / took_s:11.0f}  {len(receiver.pictures) / took_s:8.1f}"
            f"  {size:>9s}  {100 * loud:9.1f}%  {1000 * (losses.made_up_s - before.made_up_s):11.0f}ms"
            f"  {losses.packets - before.packets:12d}  {figures.keyframe_requests - asked:19d}",
            flush=True,
        )
        sent, asked, before = figures.sent_bytes, figures.keyframe_requests, losses


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", default="640x360")
    parser.add_argument("--bitrate", type=int, help="ceiling of the picture in bit/s")
    parser.add_argument("--kbit", type=int, default=300)
    parser.add_argument("--open", type=int, default=12)
    parser.add_argument("--narrow", type=int, default=30)
    parser.add_argument("--after", type=int, default=40)
    parser.add_argument("--codec", default="h264")
    parser.add_argument("--texture", action="store_true", help="pictures that take every bit they are given")
    parser.add_argument("--tc", action="store_true", help="shape the loopback device; needs root")
    try:
        asyncio.run(main(parser.parse_args()))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{' '.join(error.cmd)}: refused; --tc needs root and the HTB scheduler")
