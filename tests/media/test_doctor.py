from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import pytest

from avatar_engine import doctor
from avatar_engine.doctor import Finding, as_table, run_doctor

pytestmark = pytest.mark.unit


def shadow(folder: Path, module: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a module of that name before the real one, for the processes the doctor starts."""
    (folder / f"{module}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_this_machine_can_render_and_every_gap_has_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    findings = run_doctor()
    assert [finding.area for finding in findings][:4] == ["machine", "graphics", "video", "speech"]
    assert all(finding.text for finding in findings)
    assert all(finding.remedy for finding in findings if finding.state == "gap")
    assert not [finding for finding in findings if finding.needed and finding.state == "gap"]
    assert "ready to render" in as_table(findings)


def test_the_command_prints_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    parser = argparse.ArgumentParser()
    doctor.add_parser(parser.add_subparsers())
    options = parser.parse_args(["doctor", "--json"])
    assert options.run(options) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"area", "state", "text", "remedy", "needed"} == set(printed[0])


@pytest.mark.skipif(sys.platform != "linux", reason="steers the EGL loader")
def test_no_graphics_driver_is_a_gap_with_the_package_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("__EGL_VENDOR_LIBRARY_DIRS", str(tmp_path))
    (finding,) = doctor._graphics()
    assert (finding.state, finding.needed) == ("gap", True)
    assert "apt-get install" in finding.remedy
    table = as_table([finding])
    assert finding.remedy in table
    assert "cannot render: graphics" in table


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_of_a_library_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow(tmp_path, "av", "import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)\n", monkeypatch)
    (finding,) = doctor._encoders()
    assert finding.state == "gap"
    assert "SIGSEGV" in finding.text
    assert finding.remedy


def test_an_extra_that_is_not_installed_is_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = "raise ModuleNotFoundError(\"No module named 'livekit'\", name='livekit')\n"
    shadow(tmp_path, "livekit", absent, monkeypatch)
    (finding,) = doctor._livekit()
    assert finding.state == "note"
    assert not finding.needed
    assert "pip install 'avatar-engine[" in finding.remedy


def test_a_broken_install_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shadow(tmp_path, "onnxruntime", "raise ImportError('libcudart.so: cannot open')\n", monkeypatch)
    (finding,) = doctor._inference()
    assert finding == Finding("speech", "gap", "ImportError: libcudart.so: cannot open", finding.remedy, needed=True)
    assert "pip install" in finding.remedy
