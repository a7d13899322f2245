"""docs/scenes.md: its examples are accepted, its error messages are what one really reads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from avatar_engine.engine.errors import SceneError
from avatar_engine.scenes.scene import FRAMINGS, Scene
from avatar_engine.scenes.staging import scene_ids
from avatar_engine.scenes.yaml_source import parse_yaml

pytestmark = pytest.mark.packaging

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "scenes.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_the_whole_file_is_a_scene_and_names_every_field() -> None:
    scene = parse_yaml(BLOCKS[0], Scene, "docs")
    assert scene.badge == "AI assistant"
    written = set(re.findall(r"^(\w+):", BLOCKS[0], re.MULTILINE))
    assert written == set(Scene.model_fields)


@pytest.mark.parametrize("line", [line for line in BLOCKS[1].splitlines() if line.strip()])
def test_every_background_example_is_accepted(line: str) -> None:
    parse_yaml(line, Scene, "docs")


def test_bundled_scenes_and_framings_are_named() -> None:
    for name in (*scene_ids(), *FRAMINGS):
        assert f"`{name}`" in TEXT


def test_the_error_messages_shown_are_real() -> None:
    shown = re.findall(r"^my_scene\.yaml:.*$", TEXT, re.MULTILINE)
    assert len(shown) == 2
    broken = (
        "version: 1\n\ncamera:\n  framing: haed\n",
        "\n\n\n\n\n\nlights:\n  - {kind: key, azimuth_deg: 1}\n  - {kind: fill, azimuth_deg: 1, color: '#ffffff'}\n",
    )
    for text, message in zip(broken, shown, strict=True):
        with pytest.raises(SceneError) as caught:
            parse_yaml(text, Scene, "my_scene.yaml")
        assert str(caught.value) == message
