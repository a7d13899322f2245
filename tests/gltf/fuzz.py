"""Only broken files by the thousand: valid avatars are mutated at random and read whole, in a process of their own.

`python -m tests.gltf.fuzz --minutes 10 --seed 1` prints what became of them; a file that crashes, hangs, eats memory
or raises anything but a plain refusal is kept in --keep and makes the command fail. Every file is a function of the
seed and its number, so `--seed S --only N` makes the same one again.
"""

from __future__ import annotations

import argparse
import json
import random
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

import numpy as np

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.scenes.library import AvatarLibrary
from tests.gltf.foreign import FOREIGN
from tests.gltf.generate import DIALECTS

HANG_S = 60  # of no answer at all; the slowest valid file takes half a second
SLOW_S = 2.0  # CPU seconds that refusing a file may take
MEMORY = 200 << 20  # bytes that reading a file may hold at once
BUNDLED_SHARE = 0.01  # of the files are whole bundled people: large, hence seldom
LIES: tuple[object, ...] = (
    -1, 0, 1, 2, 3, 255, 65_535, 65_536, 2**31 - 1, 2**31, 2**32, 2**53, -(2**31), 0.5, -0.5, 1e-30, 1e30, 1e308,
    "", "x", "../x", "data:;base64,AAAA", "\u0000", None, True, False, [], {}, [0], [[]], {"extensions": {}}, 5120,
    5121, 5123, 5125, 5126, "SCALAR", "VEC3", "VEC4", "MAT4",
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What became of one file: loaded, refused or faulty, with what it took."""

    number: int
    verdict: str
    text: str
    seconds: float
    bytes: int


def seeds(bundled: bool) -> dict[str, bytes]:
    """The valid files that are mutated."""
    files = {name: make() for name, make in {**DIALECTS, **FOREIGN}.items()}
    if bundled:
        files |= {
            f"{path.parent.name}.glb": path.read_bytes() for path in sorted(asset_path("avatars").glob("*/*.glb"))
        }
    return files


def mutated(seed: int, number: int, files: dict[str, bytes]) -> tuple[str, bytes]:
    """File `number` of a run: its suffix and its bytes."""
    draw = random.Random(f"{seed} {number}")
    small = sorted(name for name, data in files.items() if len(data) < 1 << 20)
    large = sorted(set(files) - set(small))
    name = draw.choice(large) if large and draw.random() < BUNDLED_SHARE else draw.choice(small)
    data = bytearray(files[name])
    lied = draw.random() < 0.6
    if lied:
        data = bytearray(_lie(draw, bytes(data)))
    # A byte in the JSON mostly only breaks the JSON: most of them go where the numbers are.
    start = 20 + struct.unpack_from("<I", data, 12)[0] if data[:4] == b"glTF" and draw.random() < 0.8 else 0
    for _ in range(draw.randint(0, 1) if lied else draw.randint(1, 6)):
        kind, at = draw.random(), min(draw.randrange(min(start, len(data) - 1), len(data)), len(data) - 1)
        if kind < 0.4:
            data[at] = draw.randrange(256)
        elif kind < 0.55:
            width = draw.choice((2, 4, 8))
            data[at : at + width] = draw.choice((b"\0", b"\xff", b"\x7f", b"\x80")) * min(width, len(data) - at)
        elif kind < 0.65:
            digits = [i for i in range(20, min(len(data), 4000)) if 48 <= data[i] <= 57] or [at]
            data[draw.choice(digits)] = draw.randrange(48, 58)
        elif kind < 0.72:
            count = draw.randint(1, 64)
            del data[at : at + count]
            data += bytes(count)
        elif kind < 0.9:
            source, count = draw.randrange(len(data)), min(draw.randint(1, 256), len(data) - at)
            data[at : at + count] = data[source : source + count].ljust(count, b"\0")
        else:
            other = files[draw.choice(small)]
            source, count = draw.randrange(len(other)), min(draw.randint(1, 256), len(data) - at)
            data[at : at + count] = other[source : source + count].ljust(count, b"\0")
        if len(data) < 32:
            break
    if draw.random() < 0.03:
        del data[draw.randrange(len(data)) :]
    return ".glb" if files[name][:4] == b"glTF" else ".gltf", bytes(data)


def _lie(draw: random.Random, data: bytes) -> bytes:
    """The same file with a few values of its JSON replaced, deleted, doubled or exchanged; sizes are put right."""
    binary = data[:4] == b"glTF"
    length = struct.unpack_from("<I", data, 12)[0] if binary else len(data)
    start = 20 if binary else 0
    root = json.loads(data[start : start + length])
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        places = list(_places(root))
        if not places:
            break
        holder, key = draw.choice(places)
        kind = draw.random()
        if kind < 0.5:
            holder[key] = draw.choice(LIES)
        elif kind < 0.65:
            del holder[key]
        elif kind < 0.8 and isinstance(holder, list):
            holder.append(json.loads(json.dumps(holder[key])))
        else:
            other, name = draw.choice(places)
            holder[key] = json.loads(json.dumps(other[name]))
    text = json.dumps(root).encode()
    if not binary:
        return text
    text += b" " * (-len(text) % 4)
    rest = data[start + length :]
    return struct.pack("<4sIIII", b"glTF", 2, 20 + len(text) + len(rest), len(text), 0x4E4F534A) + text + rest


def _places(root: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of a JSON value, depth first."""
    for key in list(root) if isinstance(root, dict) else range(len(root)):
        yield root, key
        if isinstance(root[key], (dict, list)):
            yield from _places(root[key])


def read_whole(path: Path) -> str:
    """Load, decode every picture, measure, map and compile; "loaded" or the refusal. Anything else it raises is a bug."""
    try:
        avatar = AvatarLibrary((), load_model).load(str(path))
        for mesh in avatar.model.meshes:
            assert np.isfinite(mesh.positions).all(), "places that are not finite"
            assert np.isfinite(mesh.normals).all(), "normals that are not finite"
            assert int(mesh.triangles.max(initial=0)) < len(mesh.positions), "triangles past the end"
            for target in mesh.targets:
                assert np.isfinite(target.delta).all(), "displacements that are not finite"
                assert target.index.max(initial=0) < len(mesh.positions), "targets past the end"
            for texture in mesh.material.textures():
                assert texture.pixels.ndim == 3
    except InputError as error:
        text = str(error)
        assert text, "an error without a word"
        assert "\n" not in text, "an error of several lines"
        return text
    return "loaded"


def examine(seed: int, number: int, files: dict[str, bytes], folder: Path) -> Outcome:
    """Make file `number` and read it."""
    suffix, data = mutated(seed, number, files)
    path = folder / f"mutated{suffix}"
    path.write_bytes(data)
    large = len(data) > 1 << 20
    tracemalloc.start()
    began = time.process_time()
    try:
        said = read_whole(path)
        verdict = "loaded" if said == "loaded" else "refused"
    except Exception as error:  # noqa: BLE001  (exactly what is looked for)
        said, verdict = f"{type(error).__name__}: {error}", "FAULT"
    took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    if verdict == "refused" and took > SLOW_S and not large:
        verdict, said = "FAULT", f"took {took:.1f} s to refuse: {said}"
    if peak > MEMORY and not large:
        verdict, said = "FAULT", f"held {peak >> 20} MB: {said}"
    return Outcome(number, verdict, said, took, peak)


def _work(seed: int, first: int, bundled: bool) -> None:
    """The child: reads files from `first` on and tells of each on one line, until it is ended."""
    files = seeds(bundled)
    with tempfile.TemporaryDirectory() as folder:
        number = first
        while True:
            outcome = examine(seed, number, files, Path(folder))
            print(json.dumps([outcome.verdict, outcome.text[:300], outcome.seconds, outcome.bytes]), flush=True)
            number += 1


def reader(seed: int, first: int) -> list[str]:
    """The command of a process that reads the files of a seed from number `first` on."""
    return [sys.executable, "-m", "tests.gltf.fuzz", "--seed", str(seed), "--child", str(first)]


def run(
    minutes: float,
    seed: int,
    keep: Path | None,
    tell: Callable[[str], None],
    command: Callable[[int, int], list[str]] = reader,
) -> int:
    """Mutate and read for so long; the number of faults."""
    end = time.monotonic() + minutes * 60.0
    seen: Counter[str] = Counter()
    slowest, fattest, number = 0.0, 0, 0
    files = seeds(bundled=True)
    while time.monotonic() < end:
        with subprocess.Popen(
            command(seed, number), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as child:
            lines: Queue[str] = Queue()
            Thread(target=_follow, args=(child, lines), daemon=True).start()
            fault, silent = "", 0
            while time.monotonic() < end:
                try:
                    line = lines.get(timeout=1.0)
                except Empty:
                    # Counted in waits, not by the clock: both processes may be paused together for minutes.
                    silent += 1
                    if silent < HANG_S:
                        continue
                    fault = f"no answer for {silent} s"
                    break
                silent = 0
                if not line:
                    said = child.stderr.read()[-500:] if child.stderr else ""
                    fault = f"the process ended with {child.wait()}: {said}"
                    break
                verdict, text, took, held = json.loads(line)
                seen[verdict] += 1
                slowest, fattest = max(slowest, took), max(fattest, held)
                if verdict == "FAULT":
                    _report(seed, number, text, files, keep, tell)
                number += 1
            child.kill()
        if fault:
            seen["FAULT"] += 1
            _report(seed, number, fault, files, keep, tell)
            number += 1
    tell(f"seed {seed}: {number} files, {seen['loaded']} loaded, {seen['refused']} refused, {seen['FAULT']} faults")
    tell(f"at most {slowest:.2f} s of CPU and {fattest >> 20} MB for one file")
    return seen["FAULT"]


def _follow(child: subprocess.Popen[str], lines: Queue[str]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        lines.put(line)
    lines.put("")


def _report(
    seed: int, number: int, text: str, files: dict[str, bytes], keep: Path | None, tell: Callable[[str], None]
) -> None:
    tell(f"FAULT --seed {seed} --only {number}: {text}")
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        suffix, data = mutated(seed, number, files)
        (keep / f"{seed}-{number}{suffix}").write_bytes(data)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.gltf.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for files that fail")
    parser.add_argument("--only", type=int, help="read only the file of this number, here")
    parser.add_argument("--child", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child is not None:
        _work(options.seed, options.child, bundled=True)
    if options.only is not None:
        with tempfile.TemporaryDirectory() as folder:
            suffix, data = mutated(options.seed, options.only, seeds(bundled=True))
            path = Path(folder) / f"mutated{suffix}"
            path.write_bytes(data)
            print(read_whole(path))
        return 0
    return min(run(options.minutes, options.seed, options.keep, lambda text: print(text, flush=True)), 1)


if __name__ == "__main__":
    sys.exit(main())
