"""What users and language models may ask of an avatar in a room, checked without one."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from livekit.agents import ToolError

from avatar_engine.engine.errors import InputError, SceneError
from avatar_engine.plugin.metrics import Distribution, SessionFigures
from avatar_engine.plugin.options import AvatarRequest, check_background, live_options
from avatar_engine.plugin.tools import avatar_tools
from avatar_engine.scenes.staging import background_ids

pytestmark = pytest.mark.unit
PAGE = Path(__file__).parents[2] / "docs" / "livekit.md"


class Wall:
    """Takes any background."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def set_background(self, background: str) -> None:
        self.shown.append(background)

    def update_emotion(self, emotion: str, intensity: float = 1.0) -> None: ...

    def play_gesture(self, gesture: str, strength: float = 1.0) -> None: ...


@pytest.mark.parametrize("background", ["#fff", "#203040", "studio.png", *background_ids()])
def test_backgrounds_are_colours_bundled_ones_and_files(tmp_path, monkeypatch, background) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "studio.png").write_bytes(b"")
    check_background(background)


@pytest.mark.parametrize("background", ["", "#12345g", "#", "medcal_office", "gone.png", "/"])
def test_other_backgrounds_are_refused(background) -> None:
    with pytest.raises(SceneError):
        check_background(background)


async def test_a_language_model_shows_no_files(tmp_path) -> None:
    wall = Wall()
    (tool,) = [tool for tool in avatar_tools(wall) if tool.info.name == "set_avatar_background"]
    picture = tmp_path / "family.png"
    picture.write_bytes(b"")
    for allowed in ("medical_office", "#fff", "#203040"):
        assert await tool(allowed) == "done"
    for refused in (str(picture), "../family.png", "", "#12345g", "medcal_office"):
        with pytest.raises(ToolError, match="medical_office"):
            await tool(refused)
    assert wall.shown == ["medical_office", "#fff", "#203040"]


def test_further_options_are_checked_too() -> None:
    with pytest.raises(InputError, match="is no seed"):
        live_options(AvatarRequest(avatar_config={"seed": -1}))


def test_the_page_lists_every_option_with_its_default() -> None:
    section = PAGE.read_text("utf-8").split("\n## Options\n")[1].split("\n## ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", section, re.MULTILINE))
    assert listed == {item.name: repr(item.default).replace("'", '"') for item in fields(AvatarRequest)}


def test_the_page_lists_the_distributions_first() -> None:
    section = PAGE.read_text("utf-8").split("\n## Figures\n")[1].split("\n## ")[0]
    listed = re.findall(r"`(\w+)`", section.split("| --- | --- |")[1])
    figures = SessionFigures()
    assert all(isinstance(getattr(figures, name), Distribution) for name in listed[:5])
    names = {name for name, _ in figures.rows()}
    assert f"{listed[0]}_p50" in names
    assert f"{listed[0]}_p95" in names
