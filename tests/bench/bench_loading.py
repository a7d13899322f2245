"""Measures what an opening avatar costs the others: `python -m tests.bench.bench_loading [FIRST] [SECOND...]`.

One avatar talks in the live driver; others open beside it, cold. Printed: how late the first one's packets were
finished (milliseconds after their tick was due), before and while another opens, and after how long the other's
first picture came. Nothing here passes or fails.
"""

from __future__ import annotations

import argparse
import threading
import time
from concurrent.futures import wait

import numpy as np

from avatar_engine.engine.messages import AudioChunk
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime


class Watch:
    """Notes when packets and pictures of one session came."""

    def __init__(self) -> None:
        self.late_ms: list[tuple[float, float]] = []
        self.pictured = threading.Event()
        self.pictured_s = 0.0

    def __call__(self, delivery: Delivery) -> None:
        """The driver's sink."""
        self.late_ms.append((delivery.made_s, (delivery.made_s - delivery.due_s) * 1000.0))
        if not self.pictured.is_set() and any(frame.image is not None for frame in delivery.packet.frames):
            self.pictured_s = time.monotonic()
            self.pictured.set()

    def between(self, start_s: float, end_s: float) -> np.ndarray:
        """Lateness of the packets finished in that time."""
        return np.array([late for at, late in self.late_ms if start_s <= at < end_s])


def say(what: str, late: np.ndarray) -> None:
    """One line of figures."""
    half, high = np.percentile(late, [50, 99])
    print(
        f"{what:34} {len(late):4} ticks, finished late by {half:5.1f} / {high:6.1f} / {late.max():7.1f} ms (50/99/max %)"
    )


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("avatars", nargs="*", default=["ada", "ben", "doctor_avatar_1"])
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--fps", type=int, default=30)
    options = parser.parse_args()
    width, height = (int(part) for part in options.size.split("x"))
    driver = LiveDriver(lambda: make_runtime(RuntimeOptions()), hz=30)
    driver.start().result()
    sessions, first = [], None
    for avatar in options.avatars:
        watch, asked_s = Watch(), time.monotonic()
        face = SessionOptions(avatar=avatar, width=width, height=height, fps=options.fps)
        opened = driver.open_session(face, watch, lambda error: None, lambda notice: None)
        session = opened.result()
        watch.pictured.wait()
        shown_s = watch.pictured_s - asked_s
        if first is not None:
            say(f"while {avatar} opens ({shown_s:.2f} s)", first.between(asked_s, watch.pictured_s + 0.5))
        else:
            first = watch
            print(f"{avatar} alone: first picture after {shown_s:.2f} s")
        driver.push_audio(session, AudioChunk(_voice(), 48_000))
        sessions.append(session)
        time.sleep(3.0)
        now_s = time.monotonic()
        say(f"with {len(sessions)} open", first.between(now_s - 2.0, now_s))
    wait([driver.close_session(session) for session in sessions])
    driver.stop()


def _voice() -> np.ndarray:
    """Half a minute of a loud hum with syllables."""
    t = np.arange(30 * 48_000) / 48_000
    return (0.3 * np.sin(2 * np.pi * 140 * t) * (0.5 + 0.5 * np.sin(2 * np.pi * 4 * t))).astype(np.float32)


if __name__ == "__main__":
    main()
