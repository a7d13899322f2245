"""Saving scenes: comments stay, files are whole, whatever is saved is what is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from avatar_engine.engine.errors import OutputError
from avatar_engine.scenes.saving import save_scene
from avatar_engine.scenes.scene import (
    FRAMINGS,
    AmbientSpec,
    BackgroundSpec,
    CameraSpec,
    LightSpec,
    Scene,
    read_scene,
)
from avatar_engine.scenes.staging import BUNDLED, load_scene, scene_ids

pytestmark = pytest.mark.property

COMMENTED = """\
# our waiting room
version: 1
name: Waiting room   # shown in the list

camera:
  framing: bust  # head would be too close
  yaw_deg: 5

lights:
  # window
  - {kind: key, azimuth_deg: -40, elevation_deg: 30, strength: 1.2}
  - kind: rim   # from the corridor
    azimuth_deg: 150

# the wall
background: "#20242c"
"""

colours = st.integers(0, 0xFFFFFF).map(lambda value: f"#{value:06x}")
texts = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=30)
backgrounds = st.one_of(
    st.builds(BackgroundSpec, colour=colours),
    st.builds(BackgroundSpec, gradient=st.lists(colours, min_size=2, max_size=4).map(tuple), radial=st.booleans()),
    st.builds(
        BackgroundSpec,
        image=st.one_of(st.sampled_from(["studio", "a b/c.png", "yes", "null", "1.5"]), texts.filter(bool)),
        blur=st.floats(0, 1),
        brightness=st.floats(0.1, 3),
        mirror=st.booleans(),
    ),
)
scenes = st.builds(
    Scene,
    name=st.one_of(texts, st.sampled_from(["yes", "null", "12", "~", "a: b", "# no comment", "- x", "'"])),
    description=texts,
    camera=st.builds(
        CameraSpec,
        framing=st.sampled_from(FRAMINGS),
        yaw_deg=st.floats(-75, 75),
        shift=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
    ),
    lights=st.lists(
        st.builds(
            LightSpec,
            kind=st.sampled_from(["key", "fill", "rim"]),
            azimuth_deg=st.floats(-180, 180),
            colour=colours,
            strength=st.floats(0, 10),
        ),
        max_size=4,
    ).map(tuple),
    ambient=st.builds(AmbientSpec, colour=colours, strength=st.floats(0, 5)),
    exposure=st.floats(0.1, 8),
    background=backgrounds,
    badge=st.one_of(st.none(), texts.filter(bool)),
)

quick = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quick
@given(scenes)
def test_a_new_file_says_what_the_scene_says(tmp_path: Path, scene: Scene) -> None:
    path = tmp_path / "new.yaml"
    path.unlink(missing_ok=True)
    saved = save_scene(scene, path)
    assert read_scene(path).model_dump() == scene.model_dump()
    assert saved.source == path
    assert [file.name for file in tmp_path.iterdir()] == ["new.yaml"], "no partial file is left"


@quick
@given(scenes)
def test_saving_over_a_commented_file_says_what_the_scene_says(tmp_path: Path, scene: Scene) -> None:
    path = tmp_path / "old.yaml"
    path.write_text(COMMENTED)
    save_scene(scene, path)
    assert read_scene(path).model_dump() == scene.model_dump()
    assert path.read_text().startswith("# our waiting room")


@pytest.mark.parametrize("name", scene_ids())
def test_saving_an_unchanged_bundled_scene_changes_no_byte(tmp_path: Path, name: str) -> None:
    path = tmp_path / "copy.yaml"
    path.write_bytes((BUNDLED / f"{name}.yaml").read_bytes())
    save_scene(load_scene(name), path)
    assert path.read_bytes() == (BUNDLED / f"{name}.yaml").read_bytes()


def test_values_change_in_place_and_comments_stay(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(COMMENTED)
    scene = read_scene(path)
    lights = (scene.lights[0].model_copy(update={"strength": 0.8}), scene.lights[1])
    changed = scene.model_copy(
        update={"camera": scene.camera.model_copy(update={"framing": "head"}), "lights": lights, "name": "Lounge"}
    )
    save_scene(changed, path)
    expected = (
        COMMENTED.replace("framing: bust", "framing: head")
        .replace("strength: 1.2", "strength: 0.8")
        .replace("Waiting room ", "Lounge ")
    )
    assert path.read_text() == expected


def test_only_the_part_whose_shape_changes_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(COMMENTED)
    scene = read_scene(path)
    more = (*scene.lights, LightSpec(kind="fill", azimuth_deg=60, strength=0.3))
    save_scene(scene.model_copy(update={"lights": more, "badge": "AI"}), path)
    text = path.read_text()
    assert "# our waiting room" in text
    assert "# shown in the list" in text
    assert "# head would be too close" in text
    assert "# the wall" in text
    assert "badge: AI" in text
    assert len(read_scene(path).lights) == 3


def test_a_broken_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("camera: [")
    save_scene(Scene(name="Good"), path)
    assert read_scene(path).name == "Good"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot be written"):
        save_scene(Scene(), tmp_path / "nowhere" / "s.yaml")
    folder = tmp_path / "s.yaml"
    folder.mkdir()
    with pytest.raises(OutputError, match=r"s\.yaml"):
        save_scene(Scene(), folder)
    assert list(tmp_path.iterdir()) == [folder]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.yaml", tmp_path / "link.yaml"
    real.write_text(COMMENTED)
    link.symlink_to(real)
    save_scene(Scene(name="Through"), link)
    assert link.is_symlink()
    assert read_scene(real).name == "Through"
