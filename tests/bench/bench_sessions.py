"""How many faces one machine draws live: `python -m tests.bench.bench_sessions [--resolution 640x360] [--counts 1 2 4]`.

Every session speaks 40 % of the time, is drawn by the engine behind live rooms and encoded as a room's pictures are;
only the network is missing. A session is served when its pictures come as often as promised and its sound is ready in
time. Prints figures, asserts nothing.
"""

from __future__ import annotations

import argparse
import resource
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.h264 import H264Encoder
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.options import RuntimeOptions, SessionOptions, parse_resolution
from avatar_engine.plugin.adaptation import enough_quantizer, plenty_bps
from avatar_engine.plugin.hosted import HostedRuntime

HZ, FPS, RATE = 60, 30, 48_000
AVATARS = ("ada", "ben", "kenji", "doctor_avatar_1")
TALK_S, LISTEN_S = 4.0, 6.0
SETTLE_S = 4.0
UNDRAWN, LATE_S = 1.0 / 30.0, 1.0 / HZ  # one picture of 30 may be left out; sound within its own tick


@dataclass
class Seen:
    """What one session handed out since the measurement began."""

    encoder: H264Encoder
    pictures: int = 0
    late_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def encode(self, image: Image | None) -> None:
        with self.lock:
            self.encoder.encode(image)
            self.pictures += 1


def measure(count: int, width: int, height: int, quality: str, seconds: float) -> tuple[float, float, float, float]:
    """Pictures a second of the worst-served session, 95th percentile of lateness of the sound in seconds, share of
    ticks without drawing, and busy cores."""
    from avatar_engine.engine.render.panda.renderer import PandaRenderer

    options = RuntimeOptions(hz=HZ)
    driver = LiveDriver(lambda: HostedRuntime(options, PandaRenderer), hz=HZ)
    driver.start().result()
    pool = ThreadPoolExecutor(2, "encoder")
    seen: dict[str, Seen] = {}
    last: dict[str, Image] = {}
    counting = threading.Event()

    def sink(number: int, delivery: Delivery) -> None:
        mine = seen[str(number)]
        if not delivery.drawn:
            if counting.is_set():
                mine.late_s.append(delivery.made_s - delivery.due_s)
            return
        for frame in delivery.packet.frames:
            if frame.image is not None:
                last[str(number)] = frame.image
            if str(number) in last:
                pool.submit(mine.encode, frame.image)

    bitrate = plenty_bps(width, height, FPS)
    finest = enough_quantizer(width, height, FPS, bitrate)
    names = []
    for number in range(count):
        seen[str(number)] = Seen(H264Encoder(width, height, FPS, bitrate, finest_quantizer=finest))
        session = SessionOptions(
            avatar=AVATARS[number % len(AVATARS)], width=width, height=height, fps=FPS, quality=quality, seed=number
        )  # type: ignore[arg-type]
        names.append(driver.open_session(session, partial(sink, number), print, print).result())
    speech = read_speech(asset_path("speech", "demo_en.flac"), RATE)[: int(TALK_S * RATE)]
    turns: dict[int, int] = defaultdict(int)
    began = time.monotonic()
    used = undrawn = ticks = 0.0
    while (now := time.monotonic() - began) < SETTLE_S + seconds:
        for number, name in enumerate(names):
            if now >= turns[number] * (TALK_S + LISTEN_S) + number * (TALK_S + LISTEN_S) / count:
                driver.push_audio(name, AudioChunk(speech, RATE, turns[number], True))
                turns[number] += 1
        if now >= SETTLE_S and not counting.is_set():
            for mine in seen.values():
                mine.pictures = 0
            used, undrawn, ticks = cpu_s(), driver.figures.undrawn_ticks, driver.figures.ticks
            counting.set()
        time.sleep(0.02)
    used = cpu_s() - used
    undrawn, ticks = driver.figures.undrawn_ticks - undrawn, driver.figures.ticks - ticks
    worst = min(mine.pictures for mine in seen.values()) / seconds
    late_s = float(np.percentile(np.concatenate([mine.late_s for mine in seen.values()]), 95))
    driver.stop()
    pool.shutdown()
    return worst, late_s, undrawn / max(ticks, 1), used / seconds


def cpu_s() -> float:
    """CPU seconds this process has used."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """One line a count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resolution", default="640x360")
    parser.add_argument("--quality", default="medium")
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 3, 4, 6])
    parser.add_argument("--seconds", type=float, default=12.0)
    options = parser.parse_args()
    width, height = parse_resolution(options.resolution)
    print(
        f"{width}x{height} at {FPS}, {options.quality}: sessions, pictures a second (worst), sound late p95, busy cores"
    )
    for count in options.counts:
        worst, late_s, undrawn, cores = measure(count, width, height, options.quality, options.seconds)
        verdict = "served" if worst >= FPS * (1.0 - UNDRAWN) and undrawn <= UNDRAWN and late_s <= LATE_S else "too many"
        print(
            f"  {count:3}  {worst:5.1f}  {late_s * 1e3:6.1f} ms  {cores:4.2f} cores"
            f"  {undrawn:4.0%} of ticks not drawn  {verdict}",
            flush=True,
        )


if __name__ == "__main__":
    main()
