"""Same speech, seed and scene: the same weights bit for bit, in another process, hash seed and replay."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.journal import read_header, read_ticks
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.messages import AudioChunk, ClearSpeech, PauseSpeech, PlayGesture, ResumeSpeech, SetEmotion
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.replay import replay
from avatar_engine.runtime import make_runtime

pytestmark = pytest.mark.replay
RATE = 48_000


def record(path: Path, seed: int = 7, ticks: int = 90) -> None:
    """Half a conversation, simulated without drawing: two avatars, speech, a pause, an interruption."""
    voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)
    runtime = make_runtime(RuntimeOptions(viseme_model="neural", draw=False, journal=path))
    try:
        one = runtime.open_session(SessionOptions(avatar="ada", seed=seed))
        two = runtime.open_session(SessionOptions(avatar="ada", seed=seed + 1, style="warm"))
        runtime.push_audio(one, AudioChunk(voice[: RATE * 2], RATE, 0))
        for tick in range(ticks):
            if tick == 5:
                runtime.send(one, SetEmotion("happy", 0.7))
            if tick == 20:
                runtime.send(one, PauseSpeech())
            if tick == 26:
                runtime.send(one, ResumeSpeech())
            if tick == 30:
                runtime.push_audio(two, AudioChunk(voice[RATE:], RATE, 0, last=True))
                runtime.send(two, PlayGesture("nod"))
            if tick == 50:
                runtime.send(two, ClearSpeech())
            runtime.step()
    finally:
        runtime.close()


def digests(path: Path) -> list[dict[str, str]]:
    return [record.digests for record in read_ticks(path)]


def in_a_new_process(path: Path, hash_seed: str) -> None:
    code = f"from tests.replay.test_determinism import record; from pathlib import Path; record(Path({str(path)!r}))"
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": hash_seed}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root, env=environment)


def test_other_processes_and_hash_seeds_give_the_same_bits(tmp_path: Path) -> None:
    one, two = tmp_path / "one.journal", tmp_path / "two.journal"
    in_a_new_process(one, "1")
    in_a_new_process(two, "2")
    assert digests(one) == digests(two)
    moving = {tuple(tick["controls"]) for tick in digests(one)}
    assert len(moving) > 5


def test_a_journal_replays_bit_for_bit_and_seeds_matter(tmp_path: Path) -> None:
    path, other = tmp_path / "a.journal", tmp_path / "b.journal"
    record(path)
    record(other, seed=8)
    result = replay(path)
    assert result.divergence is None
    assert result.ticks == 90
    assert digests(path) != digests(other)


def test_the_first_difference_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    record(path, ticks=40)
    lines = path.read_text().splitlines()
    broken = json.loads(lines[31])
    broken["d"]["visemes"] = "0" * 16
    lines[31] = json.dumps(broken)
    path.write_text("\n".join(lines) + "\n")
    found = replay(path).divergence
    assert found is not None
    assert (found.tick, found.columns) == (30, ("visemes",))


@pytest.mark.parametrize("text", ["", "{}", "hello", '{"journal": 99}', "\x00\xff"])
def test_what_is_no_journal_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.journal"
    path.write_text(text)
    with pytest.raises(InputError, match="journal"):
        read_header(path)


def test_one_avatar_does_not_depend_on_the_others(tmp_path: Path) -> None:
    """The same session alone and beside another: equal up to the last bits of a matrix product."""

    def run(company: bool) -> np.ndarray:
        voice = read_speech(asset_path("speech", "demo_en.flac"), RATE)[: RATE * 2]
        runtime = make_runtime(RuntimeOptions(viseme_model="spectral", draw=False))
        try:
            session = runtime.open_session(SessionOptions(avatar="ada", seed=3), "same")
            if company:
                runtime.open_session(SessionOptions(avatar="ada", seed=4))
            runtime.push_audio(session, AudioChunk(voice, RATE, 0, last=True))
            trace = []
            for _ in range(60):
                runtime.step()
                trace.append(runtime.world.batch["controls"][0].copy())
            return np.array(trace)
        finally:
            runtime.close()

    assert np.allclose(run(False), run(True), atol=2e-4)
