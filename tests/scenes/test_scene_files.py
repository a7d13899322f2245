"""Scene files: what is accepted, and that every mistake names the line, the field and the way out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avatar_engine.engine.errors import SceneError
from avatar_engine.scenes import staging
from avatar_engine.scenes.scene import Scene
from avatar_engine.scenes.yaml_source import parse_yaml

pytestmark = pytest.mark.unit

GOOD = """\
version: 1
name: Test
camera:
  framing: head
  yaw_deg: 10
lights:
  - {kind: key, azimuth_deg: -40, elevation_deg: 30, colour: "#ffeedd", strength: 1.2, shadow: true}
  - kind: rim
    azimuth_deg: 150
background: {image: studio.png, blur: 0.3}
"""

# what is replaced in GOOD, by what, the line, what the message says
MISTAKES = [
    ("framing: head", "framing: haed", 4, ("camera.framing", "did you mean 'head'?")),
    ("framing: head", "framing: 3", 4, ("camera.framing",)),
    ("yaw_deg: 10", "yaw: 10", 5, ("camera.yaw: unknown key", "did you mean 'yaw_deg'?")),
    ("yaw_deg: 10", "yaw_deg: left", 5, ("camera.yaw_deg", "valid number", "'left'")),
    ("yaw_deg: 10", "yaw_deg: 200", 5, ("camera.yaw_deg", "less than or equal to 75", "200")),
    ("yaw_deg: 10", "fov_deg: .nan", 5, ("camera.fov_deg",)),
    ("yaw_deg: 10", "shift: [0.1]", 5, ("camera.shift",)),
    ("yaw_deg: 10", "shift: [0.1, 9]", 5, ("camera.shift[1]", "0.4")),
    ("kind: rim", "kind: rimm", 8, ("lights[1].kind", "did you mean 'rim'?")),
    ("kind: rim", "kind: rim\n    color: '#fff'", 9, ("lights[1].color: unknown key", "did you mean 'colour'?")),
    ('"#ffeedd"', '"#ffeedg"', 7, ("lights[0].colour", "'#rrggbb'", "#ffeedg")),
    ('"#ffeedd"', "ivory", 7, ("lights[0].colour", "'#rrggbb'", "ivory")),
    ('"#ffeedd"', "16777215", 7, ("lights[0].colour", "quotes")),
    ("strength: 1.2", "strength: -1", 7, ("lights[0].strength", "greater than or equal to 0")),
    ("azimuth_deg: 150", "elevation_deg: 10", 8, ("lights[1].azimuth_deg", "required")),
    ("azimuth_deg: 150", "azimuth_deg: 150\n    shadow: true", 6, ("lights", "only one light may cast a shadow")),
    ("{image: studio.png, blur: 0.3}", "{image: a.png, colour: '#ffffff'}", 10, ("background", "exactly one of")),
    ("{image: studio.png, blur: 0.3}", "{blur: 0.3}", 10, ("background", "exactly one of", "none of them")),
    ("{image: studio.png, blur: 0.3}", "{colour: '#ffffff', blur: 0.3}", 10, ("'blur' goes with 'image'",)),
    ("{image: studio.png, blur: 0.3}", "{gradient: ['#ffffff']}", 10, ("background.gradient", "at least 2")),
    ("{image: studio.png, blur: 0.3}", "{gradient: ['#ffffff', red]}", 10, ("background.gradient", "'#rrggbb'")),
    ("version: 1", "version: 2", 1, ("version",)),
    ("name: Test", "nam: Test", 2, ("nam: unknown key", "did you mean 'name'?")),
    ("name: Test", "name: Test\nname: Again", 3, ("stands here twice",)),
    ("name: Test", "name: [Test", 3, ("check the indentation and quotes",)),
    ("name: Test", "badge: ''", 2, ("badge", "at least 1")),
    ("  yaw_deg: 10", "yaw_deg: 10", 5, ("yaw_deg: unknown key",)),
    ("name: Test", "exposure: 0", 2, ("exposure", "0.1")),
    ("name: Test", "ambient: {strength: dark}", 2, ("ambient.strength", "'dark'")),
]


@pytest.mark.parametrize(("old", "new", "line", "says"), MISTAKES, ids=[case[1][:40] for case in MISTAKES])
def test_a_mistake_names_line_field_and_way_out(old: str, new: str, line: int, says: tuple[str, ...]) -> None:
    assert old in GOOD
    with pytest.raises(SceneError) as caught:
        parse_yaml(GOOD.replace(old, new, 1), Scene, "demo.yaml")
    text = str(caught.value)
    assert text.startswith((f"demo.yaml:{line} ", f"demo.yaml:{line}:")), text
    assert "\n" not in text
    for part in says:
        assert part in text


def test_the_unbroken_file_is_read() -> None:
    scene = parse_yaml(GOOD, Scene, "demo.yaml")
    assert scene.camera.framing == "head"
    assert [light.kind for light in scene.lights] == ["key", "rim"]
    assert scene.background.image == "studio.png"
    assert scene.lights[0].colour == "#ffeedd"


def test_short_forms() -> None:
    scene = parse_yaml('background: "#ABC"\nambient: 0.5\n', Scene, "x")
    assert scene.background.colour == "#aabbcc"
    assert scene.ambient.strength == 0.5
    assert parse_yaml("background: studio_wall\n", Scene, "x").background.image == "studio_wall"


@pytest.mark.parametrize("name", staging.scene_ids())
def test_bundled_scenes_become_stages(name: str) -> None:
    scene = staging.load_scene(name)
    stage = staging.stage_of(scene)
    assert scene.name
    assert scene.description
    kinds = [light.kind for light in stage.lights]
    assert kinds.count("key") == 1
    assert "rim" in kinds
    for light in stage.lights:
        assert math.isclose(float(np.linalg.norm(light.direction)), 1.0, rel_tol=1e-6)
    key = next(light for light in stage.lights if light.kind == "key")
    assert key.direction[1] > 0.3, "the key light of a face comes from above"
    assert key.direction[2] > 0.3, "and from the front"
    if stage.background.kind == "image":
        assert stage.background.image is not None
        assert stage.background.image.shape == (1080, 1920, 3)


def test_the_promised_scenes_are_there() -> None:
    assert {"medical_office", "studio", "plain"} <= set(staging.scene_ids())


def test_unknown_scene_suggests() -> None:
    with pytest.raises(
        SceneError, match=r"scene 'medical_ofice': there is no such scene; did you mean 'medical_office'\?"
    ):
        staging.load_scene("medical_ofice")
    with pytest.raises(SceneError, match="no such file"):
        staging.load_scene("nowhere/at_all.yaml")


def test_colours_are_linear_in_lights_and_srgb_in_backgrounds() -> None:
    scene = parse_yaml(
        'lights: [{kind: key, azimuth_deg: 90, elevation_deg: 0, colour: "#808080"}]\nbackground: "#808080"', Scene, "x"
    )
    stage = staging.stage_of(scene)
    assert stage.lights[0].colour == pytest.approx((0.2159, 0.2159, 0.2159), abs=1e-4)
    assert stage.lights[0].direction == pytest.approx((1, 0, 0), abs=1e-9)
    assert stage.background.colours[0] == pytest.approx((128 / 255,) * 3)


def _png(path: Path, colour: tuple[int, ...], size: tuple[int, int] = (8, 4), mode: str = "RGB") -> Path:
    Image.new(mode, size, colour).save(path)
    return path


def test_pictures_are_found_beside_the_scene(tmp_path: Path) -> None:
    (tmp_path / "img").mkdir()
    _png(tmp_path / "img" / "room.png", (10, 200, 30))
    file = tmp_path / "my.yaml"
    file.write_text("background: {image: img/room.png, blur: 0.5}\n")
    background = staging.stage_of(staging.load_scene(file)).background
    assert background.image is not None
    assert background.image.shape == (4, 8, 3)
    assert tuple(background.image[0, 0]) == (10, 200, 30)
    assert background.blur == 0.5


def test_set_background_takes_colour_name_and_file(tmp_path: Path) -> None:
    stage = staging.stage_of(staging.load_scene("plain"))
    assert staging.set_background(stage, "#102030").background.kind == "colour"
    _png(tmp_path / "wall.png", (1, 2, 3))
    changed = staging.set_background(stage, "wall.png", beside=tmp_path / "scene.yaml")
    assert changed.background.image is not None
    assert changed.lights == stage.lights
    for name in staging.background_ids():
        assert staging.set_background(stage, name).background.kind == "image"
    with pytest.raises(SceneError, match="no background 'medcal_office'; did you mean"):
        staging.set_background(stage, "medcal_office")
    assert staging.set_background(stage, "#fff").background == staging.set_background(stage, "#ffffff").background
    with pytest.raises(SceneError, match="'#12345g' is no colour"):
        staging.set_background(stage, "#12345g")
    with pytest.raises(SceneError, match="has no name"):
        staging.set_background(stage, "")


def test_mirror_and_brightness(tmp_path: Path) -> None:
    image = Image.new("RGB", (4, 2), (100, 100, 100))
    image.putpixel((0, 0), (200, 0, 0))
    image.save(tmp_path / "a.png")
    file = tmp_path / "s.yaml"
    file.write_text("background: {image: a.png, mirror: true, brightness: 0.5}\n")
    pixels = staging.stage_of(staging.load_scene(file)).background.image
    assert pixels is not None
    assert pixels[0, 3, 0] > 100
    assert pixels[1, 0, 0] == pytest.approx(72, abs=1)  # half the light of 100 is 72 in sRGB


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK", "1"])
def test_every_kind_of_picture_becomes_rgb(tmp_path: Path, mode: str) -> None:
    Image.new("RGB", (6, 5), (255, 255, 255)).convert(mode).save(tmp_path / "a.tiff")
    from avatar_engine.scenes.pictures import picture

    assert tuple(picture(tmp_path / "a.tiff")[2, 3]) == (255, 255, 255)


def test_bad_pictures_are_refused(tmp_path: Path) -> None:
    stage = staging.stage_of(staging.load_scene("plain"))
    with pytest.raises(SceneError, match="no such picture"):
        staging.set_background(stage, str(tmp_path / "gone.png"))
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(SceneError, match="not a picture that can be read"):
        staging.set_background(stage, str(tmp_path / "text.png"))
    whole = _png(tmp_path / "cut.png", (9, 9, 9), (400, 300)).read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SceneError, match="is damaged"):
        staging.set_background(stage, str(tmp_path / "cut.png"))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(SceneError, match="is not a file"):
        staging.set_background(stage, str(tmp_path / "folder.png"))


def test_a_picture_that_changes_is_read_again(tmp_path: Path) -> None:
    import os

    stage = staging.stage_of(staging.load_scene("plain"))
    path = _png(tmp_path / "a.png", (10, 10, 10))
    first = staging.set_background(stage, str(path)).background.image
    _png(path, (20, 20, 20))
    os.utime(path, ns=(1, 1))
    second = staging.set_background(stage, str(path)).background.image
    assert first is not None
    assert second is not None
    assert first[0, 0, 0] == 10
    assert second[0, 0, 0] == 20
