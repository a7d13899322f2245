"""Hot reload: changes arrive, broken files are reported once and never replace what is good."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from avatar_engine.engine.errors import SceneError
from avatar_engine.scenes.scene import Scene, read_scene
from avatar_engine.scenes.staging import pictures_of
from avatar_engine.scenes.watching import FileWatch

pytestmark = pytest.mark.unit

ticks = iter(range(1, 10**6))


def write(path: Path, text: str) -> None:
    """Write and give the file a time of its own: tests are faster than clocks of file systems."""
    path.write_text(text)
    os.utime(path, ns=(next(ticks) * 10**9,) * 2)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "s.yaml"
    write(path, "name: One\n")
    return path


@pytest.fixture
def watch(file: Path) -> FileWatch[Scene]:
    watch: FileWatch[Scene] = FileWatch()
    assert watch.add(file, read_scene).name == "One"
    return watch


def test_nothing_changes_nothing_is_said(watch: FileWatch[Scene], file: Path) -> None:
    assert watch.poll() == []
    os.utime(file, ns=(1, 1))  # touched, but not changed
    assert watch.poll() == []


def test_a_change_arrives_once(watch: FileWatch[Scene], file: Path) -> None:
    write(file, "name: Two\n")
    (reload,) = watch.poll()
    assert reload.value is not None
    assert (reload.value.name, reload.error, reload.healed) == ("Two", None, False)
    assert str(reload) == f"{file}: reloaded"
    assert watch.poll() == []
    assert watch.last(file).name == "Two"


def test_comments_alone_are_no_change(watch: FileWatch[Scene], file: Path) -> None:
    write(file, "# hello\nname: One\n")
    assert watch.poll() == []


def test_a_broken_file_is_reported_once_with_its_line_and_the_last_good_one_stays(
    watch: FileWatch[Scene], file: Path
) -> None:
    write(file, "name: One\ncamera: {framing: haed}\n")
    assert watch.poll() == [], "perhaps somebody is still writing"
    (reload,) = watch.poll()
    assert reload.value is None
    assert str(reload.error).startswith(f"{file}:2 camera.framing")
    assert "did you mean 'head'?" in str(reload)
    assert "the last good version stays" in str(reload)
    assert watch.last(file).name == "One"
    assert watch.poll() == watch.poll() == []
    os.utime(file, ns=(5, 5))
    assert watch.poll() == []


def test_another_mistake_is_reported_and_healing_too(watch: FileWatch[Scene], file: Path) -> None:
    write(file, "nam: One\n")
    watch.poll()
    assert len(watch.poll()) == 1
    write(file, "name: One\nbadge: ''\n")
    (second,) = watch.poll()
    assert ":2 badge" in str(second.error)
    write(file, "name: One\n")
    (healed,) = watch.poll()
    assert healed.healed
    assert healed.value is not None
    assert str(healed).endswith("good again")
    assert watch.poll() == []


def test_a_file_that_is_half_written_for_a_moment_is_not_reported(watch: FileWatch[Scene], file: Path) -> None:
    write(file, "")
    assert watch.poll() == []
    write(file, "name: Two\n")
    (reload,) = watch.poll()
    assert reload.value is not None
    assert not reload.healed


def test_a_file_that_is_gone_and_comes_back(watch: FileWatch[Scene], file: Path) -> None:
    file.unlink()
    watch.poll()
    (gone,) = watch.poll()
    assert "the file is gone" in str(gone.error)
    assert watch.last(file).name == "One"
    write(file, "name: Back\n")
    (back,) = watch.poll()
    assert back.healed
    assert watch.last(file).name == "Back"


def test_replacing_by_rename_is_seen(watch: FileWatch[Scene], file: Path) -> None:
    beside = file.with_suffix(".tmp")
    write(beside, "name: Six\n")
    os.utime(beside, ns=(file.stat().st_mtime_ns,) * 2)
    beside.replace(file)  # same time, same size, another file
    (reload,) = watch.poll()
    assert reload.value is not None
    assert reload.value.name == "Six"


def test_the_picture_of_a_scene_is_watched_too(tmp_path: Path) -> None:
    picture, file = tmp_path / "a.png", tmp_path / "s.yaml"
    Image.new("RGB", (4, 4), (1, 1, 1)).save(picture)
    write(file, "background: {image: a.png}\n")
    watch: FileWatch[Scene] = FileWatch()
    watch.add(file, read_scene, pictures_of)
    Image.new("RGB", (4, 4), (2, 2, 2)).save(picture)
    os.utime(picture, ns=(7, 7))
    assert len(watch.poll()) == 1
    assert watch.poll() == []


def test_adding_a_broken_file_raises_and_watches_nothing(tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    write(file, "nam: x\n")
    watch: FileWatch[Scene] = FileWatch()
    with pytest.raises(SceneError, match=r"s\.yaml:1 nam"):
        watch.add(file, read_scene)
    assert watch.poll() == []
    with pytest.raises(KeyError):
        watch.last(file)


def test_removed_files_are_silent(watch: FileWatch[Scene], file: Path) -> None:
    watch.remove(file)
    write(file, "name: Two\n")
    assert watch.poll() == []
