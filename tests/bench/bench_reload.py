"""Measures hot reload on a live session that draws and speaks: late ticks, undrawn ticks, and how soon the face follows.

python -m tests.bench.bench_reload [--seconds 20] [--resolution 640x360] [--no-pictures]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from avatar_engine.components.emotions import emotion_book
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.messages import AudioChunk, Notice
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.options import RuntimeOptions, SessionOptions, parse_resolution
from avatar_engine.runtime import Runtime, make_runtime
from avatar_engine.spoken_file import read_audio
from tests.mind.test_reloading import FILE

HZ = 30
EMOTIONS = ("happy", "surprised")


@dataclass
class Watched:
    """What came out: per tick the last delivery, and the newest goal of the two emotions."""

    made: dict[int, Delivery] = field(default_factory=dict)
    goal: np.ndarray = field(default_factory=lambda: np.zeros(2))
    told: list[str] = field(default_factory=list)


def main() -> None:
    """Speak once without and once with an edit every second; every third edit is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--resolution", default="640x360")
    parser.add_argument("--no-pictures", action="store_true")
    options = parser.parse_args()
    width, height = parse_resolution(options.resolution)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mine.yaml"
        path.write_text(FILE.replace("EMOTION", EMOTIONS[0]), "utf-8")
        made: list[Runtime] = []

        def make() -> Runtime:
            made.append(make_runtime(RuntimeOptions(hz=HZ, watch_files=True, draw=not options.no_pictures)))
            return made[0]

        driver = LiveDriver(make, hz=HZ)
        driver.start().result()
        watched = Watched()
        columns = [emotion_book().index[name] for name in EMOTIONS]

        def take(delivery: Delivery) -> None:
            watched.made[delivery.packet.tick] = delivery
            watched.goal = made[0].world.batch["emotion.goal"][0, columns].copy()

        def told(notice: Notice) -> None:
            watched.told.append(notice.text)

        session = SessionOptions(width=width, height=height, behaviour=str(path), style="playful")
        name = driver.open_session(session, take, print, told).result()
        speech = read_audio(asset_path("speech", "demo_en.flac"))
        for _ in range(2 * options.seconds // 10 + 2):
            driver.push_audio(name, AudioChunk(speech, 16_000, 0, False))
        time.sleep(3.0)
        for title, edits in (("no edits", 0), ("an edit every second", options.seconds), ("no edits", 0)):
            first, undrawn, missed = len(watched.made), driver.figures.undrawn_ticks, driver.figures.deadline_misses
            latencies = _edit(path, watched, edits) if edits else _wait(options.seconds)
            _print(
                title, watched, first, driver.figures.undrawn_ticks - undrawn, driver.figures.deadline_misses - missed
            )
            if latencies:
                print(f"  the face follows after {np.median(latencies):.2f} s (median), {max(latencies):.2f} s (most)")
                print(f"  told: {len(watched.told)}, such as: {watched.told[-1].replace(folder, '.')}")
        driver.stop()


def _wait(seconds: int) -> list[float]:
    time.sleep(seconds)
    return []


def _edit(path: Path, watched: Watched, edits: int) -> list[float]:
    """Seconds from each good edit to the first tick whose goal shows it."""
    latencies = []
    for number in range(edits):
        began = time.monotonic()
        wanted = (number + 1) % 2
        broken = number % 3 == 2
        path.write_text(FILE.replace("EMOTION", "nosuch" if broken else EMOTIONS[wanted]), "utf-8")
        while not broken and time.monotonic() < began + 5.0:
            if watched.goal[wanted] > 0.5 and watched.goal[1 - wanted] < 0.1:
                latencies.append(time.monotonic() - began)
                break
            time.sleep(0.005)
        time.sleep(max(0.0, began + 1.0 - time.monotonic()))
    return latencies


def _print(title: str, watched: Watched, first: int, undrawn: int, missed: int) -> None:
    made = list(watched.made.values())[first:]
    late_ms = 1e3 * np.array([delivery.made_s - delivery.due_s for delivery in made])
    ticks = np.array([delivery.packet.tick for delivery in made])
    print(
        f"{title}: {len(made)} ticks, {int((np.diff(ticks) != 1).sum())} left out, "
        f"{undrawn} undrawn, {missed} longer than a tick; finished after "
        + ", ".join(f"p{p} {np.percentile(late_ms, p):.1f}" for p in (50, 95, 99, 100))
        + f" of {1e3 / HZ:.1f} ms"
    )


if __name__ == "__main__":
    main()
