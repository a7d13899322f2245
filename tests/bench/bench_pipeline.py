"""Measures the offline pipeline: `python -m tests.bench.bench_pipeline [speed] [simulation] [memory] [lips]`.

Every measurement runs in a fresh process. Figures are medians and spreads; nothing here passes or fails. The
goals printed beside them are for two idle cores and software OpenGL.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from avatar_engine.components.controls import CONTROL_INDEX
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk
from avatar_engine.offline import peak_memory_mb, render_file
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime
from avatar_engine.viseme_models import default_viseme_model

SPEED_GOALS = {(1280, 720): 1.5, (1920, 1080): 0.9, (640, 360): 4.0}
TICK_GOALS_MS = {1: 1.5, 100: 8.0}
MEMORY_GOAL_MB = 400
LAG_GOAL_TICKS = 1.0
QUIET_LEVEL = 10 ** (-50 / 20)  # RMS of full scale below which nothing is being said
SHUT_AFTER_TICKS = 6  # of quiet: the mouth has had time to close


def speeches() -> list[Path]:
    """The bundled recordings."""
    return sorted(asset_path("speech").glob("*.flac"))


def one_render(speech: str, width: int, height: int, quality: str, output: str) -> dict[str, Any]:
    """Render once; the report as a dictionary."""
    runtime = RuntimeOptions(viseme_model=default_viseme_model())
    session = SessionOptions(width=width, height=height, quality=quality)  # type: ignore[arg-type]
    report = asdict(render_file(speech, output, runtime, session))
    report["output"] = str(report["output"])
    return report


def one_simulation(avatars: int, ticks: int) -> dict[str, Any]:
    """Ticks without drawing, every avatar speaking, on one core. Milliseconds per tick and per system."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    options = RuntimeOptions(viseme_model=default_viseme_model(), draw=False)
    runtime = make_runtime(options)
    speech = read_speech(speeches()[0], options.audio_rate)
    sessions = [runtime.open_session(SessionOptions(seed=seed)) for seed in range(avatars)]
    for index, session in enumerate(sessions):  # not all at the same syllable
        chunk = np.tile(np.roll(speech, -index * options.audio_rate // 7), 3)
        runtime.push_audio(session, AudioChunk(chunk, options.audio_rate, 0, True))
    spent: dict[str, list[float]] = {}
    took, cpu = [], []
    for tick in range(ticks + 30):
        began, worked = time.perf_counter(), time.thread_time()
        runtime.step()
        if tick >= 30:  # caches and first allocations are not what a running engine costs
            took.append((time.perf_counter() - began) * 1e3)
            cpu.append((time.thread_time() - worked) * 1e3)
            for name, seconds in runtime.schedule.spent_s.items():
                spent.setdefault(name, []).append(seconds * 1e3)
    return {
        "tick_ms": took,
        "cpu_ms": cpu,  # what the tick would take on a machine with nothing else to do
        "systems_ms": {name: statistics.median(times) for name, times in spent.items()},
        "peak_memory_mb": peak_memory_mb(),
    }


def one_lips(speech: str) -> dict[str, Any]:
    """Mouth opening against loudness per tick: best lag, correlation, opening while nothing is said."""
    options = RuntimeOptions(viseme_model=default_viseme_model(), draw=False)
    runtime = make_runtime(options)
    session = runtime.open_session(SessionOptions())
    samples = read_speech(speech, options.audio_rate)
    runtime.push_audio(session, AudioChunk(samples, options.audio_rate, 0, True))
    ticks = -(-len(samples) * options.hz // options.audio_rate)
    opening, level = np.zeros(ticks), np.zeros(ticks)
    for tick in range(ticks):
        packet = runtime.step()[0]
        controls = runtime.world.batch["controls"][0]
        opening[tick] = controls[CONTROL_INDEX["jawOpen"]] - controls[CONTROL_INDEX["mouthClose"]]
        level[tick] = np.sqrt(np.mean(packet.samples**2))
    lag, correlation = best_lag(opening, np.sqrt(level))
    quiet = np.convolve(level < QUIET_LEVEL, np.ones(SHUT_AFTER_TICKS), "full")[:ticks] >= SHUT_AFTER_TICKS
    return {
        "lag_ticks": lag,
        "correlation": correlation,
        "quiet_opening": float(np.mean(opening[quiet])) if quiet.any() else None,
        "spoken_opening": float(np.mean(opening[~quiet])),
    }


def best_lag(moved: np.ndarray, heard: np.ndarray, reach: int = 8) -> tuple[float, float]:
    """Ticks by which `moved` follows `heard` (to a fraction, by a parabola), and the correlation there."""
    found = []
    for lag in range(-reach, reach + 1):
        later = moved[max(0, lag) : len(moved) + min(0, lag)]
        earlier = heard[max(0, -lag) : len(heard) + min(0, -lag)]
        found.append(float(np.corrcoef(later, earlier)[0, 1]))
    top = int(np.argmax(found))
    if top in (0, len(found) - 1):
        return float(top - reach), found[top]
    left, middle, right = found[top - 1 : top + 2]
    return top - reach + 0.5 * (left - right) / (left - 2 * middle + right), middle


def long_speech(folder: Path, seconds: int) -> Path:
    """The bundled recording again and again, as a 16-bit wav of that length."""
    samples = (read_speech(speeches()[0], 48000) * 32767).astype("<i2")
    path = folder / f"{seconds}.wav"
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48000)
        left = seconds * 48000
        while left > 0:
            out.writeframes(samples[:left].tobytes())
            left -= len(samples)
    return path


def apart(*arguments: object) -> dict[str, Any]:
    """Run one measurement in a fresh process."""
    command = [sys.executable, __file__, "--one", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def spread(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):6.2f}  ({min(values):.2f} to {max(values):.2f})"


def speed(repeats: int, folder: Path) -> None:
    """Real-time factor with encoding, and where the time goes."""
    print("\nspeed: seconds of video per second, with H.264 and AAC (medium quality)")
    for (width, height), goal in SPEED_GOALS.items():
        speech = speeches()[0]
        reports = [apart("render", speech, width, height, "medium", folder / "a.mp4") for _ in range(repeats)]
        print(f"  {width}x{height:<5} x{spread([r['speed'] for r in reports])}   goal x{goal}")
        split = {name: statistics.median(r[f"{name}_ms"] for r in reports) for name in ("simulation", "draw", "encode")}
        parts = ", ".join(f"{name} {value:.2f}" for name, value in split.items())
        cores = statistics.median(r["cpu_s"] / r["duration_s"] for r in reports)
        drawn = f"{reports[0]['drawn']} of {reports[0]['frames']} drawn"
        start, memory = (statistics.median(r[name] for r in reports) for name in ("start_s", "peak_memory_mb"))
        print(f"             CPU seconds per second of video: {cores:.2f}")
        print(f"             ms a frame: {parts}; {drawn}; start {start:.1f} s; peak {memory:.0f} MB")


def simulation(repeats: int, folder: Path) -> None:
    """Tick cost without drawing, on one core."""
    print("\nsimulation: milliseconds a tick without drawing, on one core, everybody speaking")
    for avatars, goal in TICK_GOALS_MS.items():
        runs = [apart("simulation", avatars, 300) for _ in range(repeats)]
        medians = [statistics.median(run["tick_ms"]) for run in runs]
        slow = max(float(np.percentile(run["tick_ms"], 99)) for run in runs)
        print(f"  {avatars:>3} avatars {spread(medians)}   99 % below {slow:.2f}   goal {goal}")
        busy = [statistics.median(run["cpu_ms"]) for run in runs]
        # Visemes are fed every few ticks, so the mean says more than the median.
        mean = statistics.median(statistics.mean(run["cpu_ms"]) for run in runs)
        print(f"     CPU time {spread(busy)}   mean {mean:.2f}")
        parts = sorted(runs[0]["systems_ms"].items(), key=lambda item: -item[1])[:8]
        print("              " + ", ".join(f"{name} {value:.2f}" for name, value in parts))


def memory(repeats: int, folder: Path) -> None:
    """Peak memory of a short and a long speech."""
    print("\nmemory: peak resident MB")
    peaks = []
    for seconds in (10, 600):
        report = apart("render", long_speech(folder, seconds), 640, 360, "medium", folder / "a.mp4")
        peaks.append(report["peak_memory_mb"])
        print(f"  640x360, {seconds:>3} s of speech  {peaks[-1]:6.1f}")
    print(f"  the long one needs {100 * (peaks[1] / peaks[0] - 1):+.1f} %   goal at most +10 %")
    report = apart("render", speeches()[0], 1280, 720, "medium", folder / "a.mp4")
    print(f"  1280x720                 {report['peak_memory_mb']:6.1f}   goal {MEMORY_GOAL_MB}")


def lips(repeats: int, folder: Path) -> None:
    """Does the mouth move with the sound?"""
    print("\nlips: mouth opening against loudness, per tick")
    for speech in speeches():
        found = apart("lips", speech)
        print(
            f"  {speech.name:<16} best lag {found['lag_ticks']:+.2f} ticks (goal within {LAG_GOAL_TICKS:.0f}), "
            f"correlation {found['correlation']:.2f}, opening: speech {found['spoken_opening']:.3f}, "
            + ("no silence in it" if found["quiet_opening"] is None else f"silence {found['quiet_opening']:.3f}")
        )


SECTIONS: dict[str, Callable[[int, Path], None]] = {
    "speed": speed,
    "simulation": simulation,
    "memory": memory,
    "lips": lips,
}


def main(arguments: list[str] | None = None) -> None:
    """Run the sections asked for, all by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", help=", ".join(SECTIONS))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        kind, *rest = options.one
        if kind == "render":
            result = one_render(rest[0], int(rest[1]), int(rest[2]), rest[3], rest[4])
        elif kind == "simulation":
            result = one_simulation(int(rest[0]), int(rest[1]))
        else:
            result = one_lips(rest[0])
        print(json.dumps(result))
        return
    unknown = set(options.sections) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown section {unknown.pop()}; known: {', '.join(SECTIONS)}")
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    print(f"{os.cpu_count()} cores, load {load:.1f} before the start, {options.repeats} runs each")
    with tempfile.TemporaryDirectory() as folder:
        for name, section in SECTIONS.items():
            if not options.sections or name in options.sections:
                section(options.repeats, Path(folder))


if __name__ == "__main__":
    main()
