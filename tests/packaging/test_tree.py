"""The package is what the tree says: imports, wheel, documentation that must not go stale."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.tick_table import README, with_table

pytestmark = pytest.mark.packaging
ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "components", "systems", "scenes", "assets", "editor", "plugin")


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments, "-c", code], capture_output=True, text=True, cwd=ROOT)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_top_level_folder_says_its_real_name(folder: str) -> None:
    result = run(f"import {folder}")
    assert result.returncode != 0
    assert f"import avatar_engine.{folder}" in result.stderr.splitlines()[-1]


def test_importing_the_package_is_light() -> None:
    heavy = ("PySide6", "panda3d", "livekit", "onnxruntime", "av", "numpy", "pydantic")
    result = run(f"import sys, avatar_engine; print([m for m in {heavy} if m in sys.modules])")
    assert result.stdout.strip() == "[]", result.stderr


def test_public_names_are_exported_lazily() -> None:
    result = run("import avatar_engine as a; print(a.Runtime.__name__, a.load_scene.__name__, sorted(a.__all__))")
    assert result.stdout.startswith("Runtime load_scene"), result.stderr


def test_the_tick_table_in_the_readme_is_fresh() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run `make docs`"


def test_no_file_is_too_long() -> None:
    long = {}
    for path in subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True).stdout.split():
        lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
        if lines >= 400:
            long[path] = lines
    assert not long


def test_the_wheel_in_a_clean_environment_equals_the_tree(tmp_path: Path) -> None:
    # sdist first, wheel from that: nothing an earlier build left in the tree can slip in
    build = [sys.executable, "-m", "uv", "build", "--out-dir", str(tmp_path), str(ROOT)]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    wheel = next(tmp_path.glob("*.whl"))
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert all(name.startswith("avatar_engine/") for name in packed)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
    wanted = {
        path if path.startswith("avatar_engine/") else f"avatar_engine/{path}"
        for path in tracked
        if path.split("/")[0] in (*FOLDERS, "avatar_engine") and not path.endswith(".gitkeep")
    }
    assert wanted <= packed, f"not packed: {sorted(wanted - packed)[:10]}"
    target = tmp_path / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    code = (
        f"import sys; sys.path.insert(0, {str(target)!r}); sys.meta_path[:] = [f for f in sys.meta_path "
        "if 'editable' not in repr(f).lower()]\n"
        "import avatar_engine, avatar_engine.engine.assets as a, avatar_engine.systems.pipeline as p\n"
        "print(avatar_engine.__file__); print(a.asset_path('speech', 'demo_en.flac').is_file(), len(p.PIPELINE) > 5)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert str(target) in result.stdout, result.stderr
    assert "True True" in result.stdout
