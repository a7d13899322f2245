"""`avatar-engine visemes` and `lipsync-score` as a user runs them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.errors import DeviceError, InputError
from avatar_engine.visemes_cli import add_parser
from tests.visemes.speech import phones_of, samples_of

pytestmark = pytest.mark.unit

SPEECH = str(asset_path("speech", "demo_en.flac"))


def command(*arguments: str) -> int:
    import argparse

    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers(required=True))
    options = parser.parse_args(arguments)
    return int(options.run(options))


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("visemes", SPEECH, "--model", "neural") == 0
    made = json.loads(capsys.readouterr().out)
    hops = -(-len(samples_of("demo_en.flac")) // 160)
    assert len(made["weights"]) == len(made["openness"]) == hops
    assert made["visemes"] == list(VISEMES)
    assert made["cues"][0]["viseme"] == "sil"
    for a, b in zip(made["cues"], made["cues"][1:]):
        assert a["end"] == pytest.approx(b["start"])
    assert {"PP", "FF", "aa"} <= {cue["viseme"] for cue in made["cues"]}


def test_tables_and_arrays_agree(tmp_path: Path) -> None:
    for form in ("csv", "npz", "tsv"):
        command("visemes", SPEECH, "--format", form, "--model", "neural", "--out", str(tmp_path / f"a.{form}"))
    stored = np.load(tmp_path / "a.npz")
    rows = (tmp_path / "a.csv").read_text().splitlines()
    assert rows[0].split(",")[:3] == ["time_s", "sil", "PP"]
    table = np.array([row.split(",") for row in rows[1:]], float)
    assert np.abs(table[:, 1:16] - stored["w"]).max() < 1e-4
    assert np.abs(table[:, 16] - stored["openness"]).max() < 1e-4
    lines = [line.split("\t") for line in (tmp_path / "a.tsv").read_text().splitlines()]
    for start, viseme in lines[:-1]:
        assert VISEMES[stored["w"][round(float(start) * 100)].argmax()] == viseme


def test_what_cannot_be_written_is_refused_before_anything_is_heard(tmp_path: Path) -> None:
    silent = str(tmp_path / "none.wav")  # whoever listens first complains of this
    with pytest.raises(InputError, match="--out"):
        command("visemes", silent, "--format", "npz")
    with pytest.raises(InputError, match="cannot be written"):
        command("visemes", silent, "--out", str(tmp_path / "no" / "a.json"))
    with pytest.raises(InputError, match="cannot be written"):
        command("visemes", silent, "--out", str(tmp_path))
    old = tmp_path / "a.json"
    old.write_text("an earlier one")
    for out in (old, tmp_path / "new.json"):
        with pytest.raises(InputError, match="no such file"):
            command("visemes", silent, "--out", str(out))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.json", "an earlier one")]


def test_a_missing_text_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        command("visemes", SPEECH, "--text-file", str(tmp_path / "none.txt"))


def test_a_model_that_takes_no_text() -> None:
    with pytest.raises(InputError, match="cannot be guided"):
        command("visemes", SPEECH, "--model", "spectral", "--text", "hello")


def test_rhubarbs_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A stand-in for the foreign program that answers as it does."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="no program"):
        command("visemes", SPEECH, "--model", "rhubarb-program")
    answer = {
        "metadata": {},
        "mouthCues": [{"start": 0.0, "end": 0.5, "value": "X"}, {"start": 0.5, "end": 11, "value": "D"}],
    }
    program = tmp_path / "rhubarb"
    program.write_text(f"#!/bin/sh\n/bin/cat <<'E'\n{json.dumps(answer)}\nE\n")
    os.chmod(program, stat.S_IRWXU)
    assert command("visemes", SPEECH, "--model", "rhubarb-program", "--format", "json") == 0
    cues = json.loads(capsys.readouterr().out)["mouthCues"]
    assert [(c["start"], c["value"]) for c in cues] == [(0.0, "X"), (0.5, "D")]


def test_score_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = []
    for lang in ("en", "it"):
        file = f"demo_{lang}.flac"
        length_s = len(samples_of(file)) / 16000
        rows.append({"id": lang, "file": str(asset_path("speech", file)), "lang": lang, "kind": "synth", "dur": length_s,
                     "phones": phones_of(file)})  # fmt: skip
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text("\n".join(json.dumps(row) for row in rows))
    assert command("lipsync-score", str(manifest), "--model", "spectral", "--cond", "clean", "--cond", "n10") == 0
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 1 + 2 * 3
    assert [line.split()[2] for line in out[1:4]] == ["en", "it", "all"]
    clean, noisy = (float(out[k].split()[4]) for k in (3, 6))
    assert clean > noisy
    lags_ms = []
    for extra in ((), ("--ahead",)):
        assert command("lipsync-score", str(manifest), "--model", "neural", "--by", "none", *extra) == 0
        lags_ms.append(int(capsys.readouterr().out.splitlines()[1].split()[-1]))
    assert lags_ms[0] > 50  # as a listener sees a voice in real time
    assert abs(lags_ms[1]) <= 20


def test_a_bad_manifest_names_its_line(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text('\n{"id": "a"}\n')
    with pytest.raises(InputError, match=r"manifest\.jsonl:2: is no utterance"):
        command("lipsync-score", str(manifest))
