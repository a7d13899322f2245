"""`avatar-engine behaviors ...` and `avatar-engine aus`, as people call them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from avatar_engine.cli import main

pytestmark = pytest.mark.unit


def test_check_says_good_and_bad_and_its_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("version: 1\nlayers: {a: {states: {b: {enter: [{emotion: happy}]}}}}\n", "utf-8")
    bad.write_text("version: 1\nlayers: {a: {states: {b: {enter: [{emotion: hapy}]}}}}\n", "utf-8")
    assert main(["behaviors", "check", str(good)]) == 0
    assert "good: 1 layers, 1 states" in capsys.readouterr().out
    assert main(["behaviors", "check", str(good), str(bad)]) == 2
    assert f"{bad}:2 layers.a.states.b.enter[0].emotion: unknown emotion 'hapy'" in capsys.readouterr().out


def test_graph_and_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture, events = tmp_path / "g.png", tmp_path / "e.txt"
    assert main(["behaviors", "graph", "default", "-o", str(picture)]) == 0
    assert picture.stat().st_size > 10_000
    events.write_text("1 user_speech_start\n3 speak 1\n", "utf-8")
    capsys.readouterr()
    assert main(["behaviors", "trace", "default", "--events", str(events), "--policy", "clinical"]) == 0
    out = capsys.readouterr().out
    assert "    1.00  turn: listening" in out
    assert "    3.00  turn: speaking" in out
    assert main(["behaviors", "trace", "default", "--events", str(tmp_path / "none")]) == 2


def test_what_cannot_be_traced_or_written_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    events, odd = tmp_path / "e.txt", tmp_path / "odd"
    events.write_text("1 user_speech_start\n", "utf-8")
    odd.write_bytes(b"\xff\xfe\x00\x80")
    tracing = ["behaviors", "trace", "default", "--events"]
    for arguments, said in (
        ([*tracing, str(odd)], f"{odd}: is not UTF-8 text"),
        ([*tracing, str(events), "--style", "warmm"], "did you mean 'warm'?"),
        ([*tracing, str(events), "--seed", "-1"], "--seed -1: is no seed"),
        (
            ["behaviors", "graph", "default", "--format", "mermaid", "-o", str(tmp_path / "no" / "g")],
            "cannot be written",
        ),
        (["behaviors", "graph", "default", "-o", str(tmp_path / "no" / "g.png")], "cannot be written"),
    ):
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert said in printed.err
        assert printed.err.count("\n") == 1
        assert printed.out == ""


def test_aus(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["aus"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 157
    assert main(["aus", "12", "--format", "json"]) == 0
    assert [unit["id"] for unit in json.loads(capsys.readouterr().out)] == ["AU12L", "AU12R"]
    assert main(["aus", "AU85"]) == 0
    assert "Head nod up and down" in capsys.readouterr().out
    assert main(["aus", "AU999"]) == 2
    assert "no such unit" in capsys.readouterr().err
