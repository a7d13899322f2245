"""The snapshot command: what an expression means, sheets, and pictures that are written whole."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_engine import snapshot
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS, POSE_INDEX
from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.errors import InputError, OutputError

pytestmark = pytest.mark.unit


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    snapshot.add_parser(parser.add_subparsers())
    return parser.parse_args(["snapshot", *arguments])


def test_an_expression_names_controls_units_pose_and_emotions() -> None:
    face = snapshot.face_of("jawOpen=0.5, mouthSmile*=0.25, head_yaw=-0.2, AU01L=1, happy:0.5", "aa=0.7")
    assert face.controls[CONTROL_INDEX["jawOpen"]] == 0.5
    assert face.controls[CONTROL_INDEX["mouthSmileLeft"]] == face.controls[CONTROL_INDEX["mouthSmileRight"]] == 0.25
    assert face.pose[POSE_INDEX["head_yaw"]] == pytest.approx(-0.2)
    assert face.visemes[VISEME_INDEX["aa"]] == pytest.approx(0.7)
    happy = emotion_book().units[emotion_book().index["happy"]]
    assert happy.any()
    assert face.units.max() == 1.0
    assert np.all(face.units >= 0.5 * happy - 1e-6)


@pytest.mark.parametrize(
    ("expression", "viseme", "says"),
    [
        ("jawOpne=1", None, "did you mean 'jawOpen'"),
        ("hapy", None, "did you mean 'happy'"),
        ("jawOpen=wide", None, "'wide' is no number"),
        ("jawOpen=9", None, "out of range"),
        ("happy:x", None, "is no number"),
        ("happy:7", None, "out of range"),
        ("mood:clam", None, "did you mean 'calm'"),
        ("happy+sad+angry", None, "blend two at most"),
        ("", "AA", "did you mean 'aa'"),
        ("", "aa=x", "is no number"),
    ],
)
def test_mistakes_are_one_line_with_a_way_out(expression: str, viseme: str | None, says: str) -> None:
    with pytest.raises(InputError, match=says):
        snapshot.face_of(expression, viseme)


def test_an_emotion_may_be_a_mood_or_a_blend() -> None:
    book = emotion_book()
    mood, gain = book.moods["calm"]
    assert snapshot.face_of("mood:calm:0.5").units == pytest.approx(0.5 * gain * book.units[book.index[mood]])
    both = snapshot.face_of("happy+surprised:0.5").units
    assert both == pytest.approx(0.3 * (book.units[book.index["happy"]] + book.units[book.index["surprised"]]))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--yaw", "nan"], "--yaw nan: is out of range"),
        (["--pitch", "90"], "--pitch 90: is out of range"),
        (["--level", "-1"], "--level -1: is no level of detail"),
        (["--background", ""], "background: has no name"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(tmp_path: Path, arguments: list[str], says: str) -> None:
    options = parsed("-o", str(tmp_path / "a.png"), "--resolution", "64x64", "--quality", "low", *arguments)
    with pytest.raises(InputError, match=says):
        options.run(options)
    assert list(tmp_path.iterdir()) == []


def test_sheets_hold_everything_once() -> None:
    assert list(snapshot.sheet_faces("shapes")) == ["neutral", *CONTROLS]
    assert list(snapshot.sheet_faces("visemes")) == ["neutral", *VISEMES[1:]]
    assert set(snapshot.sheet_faces("emotions")) == {"neutral", *emotion_book().names}
    assert len(snapshot.sheet_faces("units")) == 158


def test_a_sheet_has_a_cell_per_picture() -> None:
    cells = [np.full((20, 40, 3), shade, np.uint8) for shade in (10, 60, 110, 160, 210)]
    sheet = snapshot.contact_sheet(list("abcde"), cells)
    assert sheet.shape == (2 * (20 + snapshot.CAPTION), 4 * 40, 3)
    assert [int(sheet[10, 40 * k + 20, 0]) for k in range(4)] == [10, 60, 110, 160]
    assert int(sheet[20 + snapshot.CAPTION + 10, 20, 0]) == 210


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    with pytest.raises(OutputError, match="cannot be written"):
        snapshot.write_png(pixels, tmp_path / "no" / "a.png")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="cannot be written"):
        snapshot.write_png(pixels, tmp_path / "file" / "a.png")
    (tmp_path / "file").unlink()
    (tmp_path / "dir.png").mkdir()
    with pytest.raises(OutputError, match="cannot be written"):
        snapshot.write_png(pixels, tmp_path / "dir.png")
    assert [path.name for path in tmp_path.iterdir()] == ["dir.png"]


@pytest.mark.golden
def test_a_picture_of_a_person_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still, open_mouth = tmp_path / "still.png", tmp_path / "open.png"
    common = ("--resolution", "160x160", "--quality", "low", "--camera", "head", "--background", "#00ff00")
    assert parsed("-o", str(still), *common).run(parsed("-o", str(still), *common)) == 0
    options = parsed("-o", str(open_mouth), "--expression", "jawOpen=0.9", *common)
    assert options.run(options) == 0
    assert "160x160, ada in Studio" in capsys.readouterr().out
    one, two = (np.asarray(Image.open(path)).astype(int) for path in (still, open_mouth))
    green = (one[..., 1] > 200) & (one[..., 0] < 90) & (one[..., 2] < 90)
    assert 0.1 < green.mean() < 0.7, "the background is seen around the head"
    changed = np.abs(one - two).max(2) > 12
    rows = np.flatnonzero(changed.any(1))
    assert changed.mean() > 0.01
    assert rows.min() > 60, "only the lower face moves when the jaw opens"
