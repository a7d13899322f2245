"""The avatar doctor finds what is wrong with a face, says what to do, and its avatar.yaml mends it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from avatar_engine.avatar_doctor.examine import examine
from avatar_engine.avatar_doctor.findings import Examination
from avatar_engine.avatar_doctor.fix import profile_text
from avatar_engine.avatar_doctor.posing import body_of, shown
from avatar_engine.bundled import open_library
from avatar_engine.cli import main
from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import ARKIT
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.scenes.library import Avatar, AvatarLibrary
from avatar_engine.scenes.profile import AvatarProfile, load_profile
from tests.gltf.ball import ball
from tests.gltf.foreign import FOREIGN, named
from tests.gltf.generate import Builder, _primitive

pytestmark = pytest.mark.unit


def load(path: Path, data: bytes) -> Avatar:
    path.write_bytes(data)
    return AvatarLibrary((), load_model).load(str(path))


def grades(examination: Examination) -> dict[str, str]:
    return {finding.topic: finding.grade for finding in examination.findings}


@pytest.fixture(scope="module")
def ada() -> Avatar:
    return open_library().load("ada")


def test_a_bundled_person_is_healthy(ada: Avatar) -> None:
    examination = examine(ada)
    assert examination.score >= 95
    assert not [finding for finding in examination.findings if finding.grade in ("fault", "warning")]
    assert {"mouth", "blink", "gaze", "brows", "tongue", "jaw", "lips", "triangles", "memory", "licence"} <= {
        finding.topic for finding in examination.findings
    }


def test_lips_part_when_speaking_and_meet_on_pp(ada: Avatar) -> None:
    body = body_of(ada)
    head = body.chosen(tuple(mesh for mesh in body.meshes if mesh.material.kind == "skin"))
    lips_down = -shown(body, viseme="aa")[head, 1].min()
    assert lips_down > 0.012
    assert -shown(body, viseme="PP")[head, 1].min() < 0.5 * lips_down


def test_one_eye_and_no_brows_are_told_with_advice(tmp_path: Path) -> None:
    names: dict[str, Iterable[str]] = {name: [name] for name in ("jawOpen", "mouthFunnel", "eyeBlinkLeft")}
    examination = examine(load(tmp_path / "one_eye.glb", named(names)))
    told = grades(examination)
    assert told["blink"] == "fault"
    assert told["brows"] == told["gaze"] == told["licence"] == told["symmetry"] == "warning"
    assert examination.score < 75
    for finding in examination.findings:
        assert finding.grade not in ("fault", "warning") or finding.advice or finding.topic == "names"


def test_a_face_that_cannot_speak_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mute.glb"
    path.write_bytes(named({"wings": ["eyeBlinkLeft"]}, ("Head|head",)))
    assert main(["avatars", "doctor", str(path)]) == 1
    printed = capsys.readouterr().out
    assert "nothing moves when it speaks" in printed
    assert "jawOpen" in printed


def test_fix_writes_a_profile_that_moves_the_face_the_same_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "guest.glb"
    avatar = load(path, named({name: [name] for name in ARKIT}, ("Head|head", "LeftEye|eye_left")))
    assert main(["avatars", "doctor", str(path), "--fix"]) == 0
    written = tmp_path / "avatar.yaml"
    mended = AvatarLibrary((), load_model).load(str(written))
    assert np.allclose(mended.rig.control_morphs, avatar.rig.control_morphs)
    assert np.allclose(mended.rig.pose_joints, avatar.rig.pose_joints)
    assert mended.profile.measures.eye_height_m == pytest.approx(avatar.measures.eye_height_m, abs=1e-3)
    assert mended.profile.joints == {"head": "Head", "eye_left": "LeftEye"}
    first = written.read_text("utf-8")
    written.write_text(first.replace("licence: unknown", "licence: CC-BY-4.0"), "utf-8")
    capsys.readouterr()
    assert main(["avatars", "doctor", str(written), "--fix"]) == 0
    assert "avatar.yaml.bak" in capsys.readouterr().out
    assert load_profile(written).licence == "CC-BY-4.0", "what people wrote stays"
    assert "CC-BY-4.0" in (tmp_path / "avatar.yaml.bak").read_text("utf-8")


def test_fixing_again_keeps_what_was_written_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "guest.glb").write_bytes(named({name: [name] for name in ARKIT}))
    profile = tmp_path / "avatar.yaml"
    profile.write_text("model: guest.glb  # the new one of May\n", "utf-8")
    for backup in ("avatar.yaml.bak", "avatar.yaml.bak2", "avatar.yaml.bak3"):
        before = profile.read_text("utf-8")
        assert main(["avatars", "doctor", str(profile), "--fix"]) == 0
        assert f"kept as {backup})" in capsys.readouterr().out
        assert (tmp_path / backup).read_text("utf-8") == before
    assert "of May" in (tmp_path / "avatar.yaml.bak").read_text("utf-8")


def test_weak_shapes_get_a_gain(tmp_path: Path) -> None:
    avatar = load(tmp_path / "weak.glb", FOREIGN["unnamed targets"]())
    examination = examine(avatar)
    assert examination.gains["jawOpen"] > 1.5
    assert "jawOpen" in profile_text(avatar, examination).split("gains:")[1]


def test_vrm_licence_is_told(tmp_path: Path) -> None:
    examination = examine(load(tmp_path / "guest.vrm", FOREIGN["vrm 1.0"]()))
    licence = next(finding for finding in examination.findings if finding.topic == "licence")
    assert "vrm.dev/licenses" in licence.text


def test_add_takes_one_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    file = tmp_path / "Guest One.vrm"
    file.write_bytes(FOREIGN["vrm 0.x"]())
    assert main(["avatars", "add", str(file)]) == 0
    assert "added as Guest_One" in capsys.readouterr().out
    avatar = open_library().load("Guest_One")
    assert avatar.profile.licence == "CC0"
    assert avatar.rig.viseme_morphs.any()
    assert main(["avatars", "add", str(file)]) == 2
    assert "--id" in capsys.readouterr().err


def many_files(folder: Path, **more: object) -> Path:
    """A .gltf whose buffer and picture are files of their own, as most programs export it."""
    build, shape = Builder(), ball()
    primitive = _primitive(build, shape)
    primitive["material"] = 0
    build.add("meshes", {"primitives": [primitive], "extras": {"targetNames": ["jawOpen", "eyeBlinkLeft"]}})
    build.add("nodes", {"mesh": 0})
    build.add("materials", {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}})
    build.add("textures", {"source": 0})
    build.add("images", {"uri": "pictures/the%20skin.png"})
    build.add("buffers", {"uri": "./anna.bin", "byteLength": len(build.data)})
    build.root.update(scene=0, scenes=[{"nodes": [0]}], **more)
    (folder / "pictures").mkdir(parents=True)
    Image.new("RGB", (8, 8), (200, 20, 20)).save(folder / "pictures" / "the skin.png")
    (folder / "anna.bin").write_bytes(build.data)
    (folder / "notes.txt").write_text("not part of the model")
    (folder / "anna.gltf").write_text(json.dumps(build.root))
    return folder / "anna.gltf"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return tmp_path / "home"


def test_add_takes_the_files_that_a_gltf_names(tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["avatars", "add", str(many_files(tmp_path / "from"))]) == 0
    shutil.rmtree(tmp_path / "from")
    assert main(["avatars", "show", "anna"]) == 0, capsys.readouterr().err
    own = home / ".local" / "share" / "avatar-engine" / "avatars" / "anna"
    names = {str(path.relative_to(own)) for path in own.rglob("*") if path.is_file()}
    assert names == {"anna.gltf", "anna.bin", "avatar.yaml", str(Path("pictures", "the skin.png"))}


@pytest.mark.parametrize("uri", ["../secret.png", "pictures/%2e%2e/../../secret.png", "/etc/hostname", "link.png"])
def test_add_takes_nothing_from_elsewhere(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], uri: str
) -> None:
    images = [{"uri": "pictures/the%20skin.png"}, {"uri": uri}]  # the second is used by nothing
    model = many_files(tmp_path / "from", images=images)
    (tmp_path / "secret.png").write_bytes(b"not yours")
    (tmp_path / "from" / "link.png").symlink_to(tmp_path / "secret.png")
    assert main(["avatars", "add", str(model)]) == 2
    assert "images[1].uri: leaves the folder" in capsys.readouterr().err
    assert not (home / ".local" / "share" / "avatar-engine" / "avatars" / "anna").exists()


def test_an_avatar_of_ones_own_hides_no_bundled_one(
    tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ada.vrm"
    file.write_bytes(FOREIGN["vrm 0.x"]())
    for arguments in ([str(file)], [str(file), "--id", "ben"]):
        assert main(["avatars", "add", *arguments]) == 2
        assert "is the id of a bundled avatar; choose another with --id" in capsys.readouterr().err
    assert main(["avatars", "make", "ada", "--from", str(tmp_path / "none.yaml")]) == 2
    assert "is the id of a bundled avatar; choose another name" in capsys.readouterr().err
    assert not home.exists()


def test_a_broken_profile_hides_no_other_avatar(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = home / ".local" / "share" / "avatar-engine" / "avatars" / "anna" / "avatar.yaml"
    broken.parent.mkdir(parents=True)
    broken.write_text("modle: anna.glb\n", "utf-8")
    assert main(["avatars", "list"]) == 2
    printed = capsys.readouterr()
    assert [line.split()[0] for line in printed.out.splitlines()][:2] == ["ada", "ben"]
    assert printed.err.startswith(f"avatar-engine: {broken}:1 ")
    assert printed.err.count("\n") == 1


def test_making_without_a_description_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["avatars", "make", "Nora", "--from", str(tmp_path / "none.yaml"), "-o", str(tmp_path)]
    assert main(arguments) == 2
    told = capsys.readouterr().err.strip()
    assert told.startswith("avatar-engine: ")
    assert "\n" not in told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["model.fbx", "model.moc3", "model.blend"])
def test_other_formats_are_refused_with_the_way_out(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(b"something")
    assert main(["avatars", "doctor", str(tmp_path / name)]) == 2
    told = capsys.readouterr().err
    assert "GLB" in told
    assert name in told


def test_the_profiles_in_the_documentation_are_valid() -> None:
    page = Path(__file__).parents[2] / "docs" / "avatars.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert len(blocks) == 2
    whole = AvatarProfile.model_validate(yaml.safe_load(blocks[1]))
    assert whole.mapping["mouthSmileLeft"] == whole.mapping["mouthSmileRight"]
    assert set(whole.units) <= set(catalogue().index)
    fields = set(AvatarProfile.model_fields) - {"extras"}
    assert set(yaml.safe_load(blocks[1])) == fields, "every field is explained"
