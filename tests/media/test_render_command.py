from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.cli import main
from avatar_engine.engine.journal import read_header, read_ticks

from .conftest import chirp, write_sound

pytestmark = pytest.mark.unit

SMALL = ["--resolution", "160x90", "--quality", "low", "--visemes", "spectral"]
COMMAND = [sys.executable, "-c", "import sys; from avatar_engine.cli import main; sys.exit(main())", "render"]


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    return write_sound(tmp_path / "speech.wav", chirp(0.5, 16000)[None, :], 16000, "pcm_s16le")


def broken_scene(folder: Path) -> str:
    path = folder / "broken.yaml"
    path.write_text("name: broken\nlights: [\n  {kind: key\n")
    return str(path)


def wrong_scene(folder: Path) -> str:
    path = folder / "wrong.yaml"
    path.write_text("backgrund: '#203040'\n")
    return str(path)


BAD: list[tuple[list[str], str]] = [
    (["missing.wav"], r"missing\.wav: no such file"),
    (["."], r"is a folder"),
    (["text.wav"], r"is not a sound file"),
    (["speech.wav", "-o", "."], r"is a folder"),
    (["speech.wav", "-o", "out.webm"], r"out\.webm: its name does not say what to make"),
    (["speech.wav", "-o", "speech.wav/out.mp4"], r"speech\.wav/out\.mp4: a part of the path is a file"),
    (["speech.wav", "--avatar", "adda"], r"did you mean 'ada'\?"),
    (["speech.wav", "--scene", "studoi"], r"did you mean 'studio'\?"),
    (["speech.wav", "--quality", "medum"], r"did you mean 'medium'\?"),
    (["speech.wav", "--resolution", "720"], r"did you mean '720p'\?"),
    (["speech.wav", "--resolution", "161x90"], r"odd"),
    (["speech.wav", "--fps", "25"], r"24, 30 or 60"),
    (["speech.wav", "--visemes", "spectrl"], r"did you mean 'spectral'\?"),
    (["speech.wav", "--seed", "-1"], r"--seed -1: is no seed"),
    (["speech.wav", "-o", "new/out.mp4", "--style", "warmm"], r"did you mean 'warm'\?"),
    (["speech.wav", "--background", ""], r"background: has no name"),
    (["speech.wav", "--background", "#12345g"], r"'#12345g' is no colour"),
    (["speech.wav", "-o", "new/out.mp4", "--emotion", "hapy"], r"did you mean 'happy'\?"),
    (["speech.wav", "--emotion", "mood:clam:0.5"], r"did you mean 'calm'\?"),
    (["speech.wav", "--emotion", "happy:nan"], r"nan is out of range"),
    (["speech.wav", "--emotion", "happy:7"], r"7 is out of range"),
    (["speech.wav", "--emotion", "happy:much"], r"'much' is no number"),
    (["speech.wav", "--journal", "new.journal", "--avatar", "adda"], r"did you mean 'ada'\?"),
    (["speech.wav", "--journal", "speech.wav/journal"], r"speech\.wav/journal: cannot be written"),
    (["speech.wav", "--scene", "broken.yaml"], r"broken\.yaml:\d+"),
    (["speech.wav", "--scene", "wrong.yaml"], r"wrong\.yaml:1\b.*background"),
]


@pytest.mark.parametrize(("arguments", "said"), BAD)
def test_unusable_input_is_one_line_exit_code_2_and_nothing_left(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    speech: Path,
    arguments: list[str],
    said: str,
) -> None:
    (tmp_path / "text.wav").write_text("words, not sounds\n" * 99)
    broken_scene(tmp_path)
    wrong_scene(tmp_path)
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    assert main(["render", *SMALL, *arguments]) == 2
    printed = capsys.readouterr()
    lines = printed.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("avatar-engine: ")
    assert re.search(said, lines[0]), lines[0]
    assert printed.out == ""
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_a_journal_stays_until_there_is_another(
    tmp_path: Path, speech: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "old.journal"
    journal.write_text("an hour of conversation\n")
    command = ["render", *SMALL, str(speech), "-o", str(tmp_path / "a.mp4"), "--journal", str(journal)]
    assert main([*command, "--avatar", "adda"]) == 2
    assert journal.read_text() == "an hour of conversation\n"
    assert main([*command, "--emotion", "mood:calm"]) == 0
    assert read_header(journal)["viseme_model"] == "spectral"
    assert len(list(read_ticks(journal))) > 10
    assert "warning" not in capsys.readouterr().err


ODD: list[tuple[str, int, str, str, Callable[[np.ndarray], np.ndarray]]] = [
    ("narrow.wav", 8000, "pcm_s16le", "mono", lambda sound: sound),
    ("wide.wav", 96000, "pcm_s24le", "5.1", lambda sound: np.tile(sound, (6, 1))),
    ("nan.wav", 44100, "pcm_f32le", "mono", lambda sound: np.where(np.arange(sound.shape[1]) < 900, np.nan, sound)),
]


@pytest.mark.parametrize(("name", "rate", "codec", "layout", "change"), ODD)
def test_odd_speech_renders(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    rate: int,
    codec: str,
    layout: str,
    change: Callable[[np.ndarray], np.ndarray],
) -> None:
    path = write_sound(tmp_path / name, change(chirp(0.3, rate)[None, :]), rate, codec, layout)
    assert main(["render", *SMALL, str(path), "-o", str(tmp_path / "out.mp4")]) == 0
    printed = capsys.readouterr()
    assert "0.3 s, 9 frames" in printed.out
    assert "x real time" in printed.out
    assert printed.err.count("are no numbers") == (name == "nan.wav")


@pytest.mark.skipif(sys.platform != "linux", reason="steers the EGL loader")
def test_no_graphics_driver_is_one_line_with_the_package(tmp_path: Path, speech: Path) -> None:
    command = [*COMMAND, *SMALL, str(speech), "-o", str(tmp_path / "a.mp4")]
    environment = {"__EGL_VENDOR_LIBRARY_DIRS": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1, done.stderr
    assert "apt-get install" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["speech.wav"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("number", "output", "under_way"),
    [(signal.SIGINT, "a.mp4", ".a-*"), (signal.SIGTERM, "a/", ".a-*/000003.png")],
)
def test_stopped_from_outside_it_leaves_nothing(
    tmp_path: Path, number: signal.Signals, output: str, under_way: str
) -> None:
    speech = write_sound(tmp_path / "speech.flac", np.tile(chirp(1.0, 16000), 120)[None, :], 16000, "flac", fmt="s16")
    command = [*COMMAND, *SMALL, "--resolution", "640x360", str(speech), "-o", f"{tmp_path}/{output}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 0 for path in tmp_path.glob(under_way)):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert errors == "avatar-engine: stopped\n"
    assert [path.name for path in tmp_path.iterdir()] == ["speech.flac"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("command", ["render", "snapshot", "avatars debug"])
def test_stopped_while_it_loads_it_ends_soon_and_leaves_nothing(tmp_path: Path, command: str, speech: Path) -> None:
    """Loading is native code for seconds on a busy machine; nobody waits for its end."""
    told = (
        "from avatar_engine.engine.render.panda import renderer as r; import sys; from avatar_engine.cli import main; "
    )
    # The renderer says when it is under way, and then takes its time.
    told += "f = r.PandaRenderer.open_view; import time\n"
    told += "def slow(*a, **k): print('loading', flush=True); time.sleep(20); return f(*a, **k)\n"
    told += "r.PandaRenderer.open_view = slow\nsys.exit(main())"
    given = {"render": [str(speech), "--quality", "low"], "snapshot": ["--quality", "low"], "avatars debug": ["ada"]}
    run = [sys.executable, "-c", told, *command.split(), *given[command], "-o", str(tmp_path / "out" / "a.mp4")]
    (tmp_path / "out" / "temporary").mkdir(parents=True)
    apart = {**os.environ, "TMPDIR": str(tmp_path / "out" / "temporary")}
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=apart) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        print(f"{command} ended after {time.monotonic() - began:.2f} s")
    assert process.returncode == 130
    assert errors == "avatar-engine: stopped\n"
    assert time.monotonic() - began < 10  # not the twenty it would have slept
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["temporary"]
    # Libraries may keep small files of their own there; the folder or the sound would be ours.
    assert not [path for path in (tmp_path / "out" / "temporary").iterdir() if path.is_dir() or path.suffix == ".wav"]
