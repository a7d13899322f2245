"""`avatar-engine avatars`: list, look at, make, add and try avatars."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml
from numpy.typing import NDArray

from avatar_engine.avatar_doctor.command import add_arguments
from avatar_engine.bundled import open_library
from avatar_engine.components.controls import ARKIT
from avatar_engine.components.visemes import VISEMES
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.errors import InputError, OutputError
from avatar_engine.scenes.library import MODEL_FILES, OTHER_FILES
from avatar_engine.scenes.profile import load_profile

if TYPE_CHECKING:
    from avatar_engine.engine.media.recording import Recording
    from avatar_engine.scenes.library import Avatar


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `avatars` and its own commands."""
    parser = commands.add_parser("avatars", help="list, look at, make, add and try avatars")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="avatars that can be named")
    listing.set_defaults(run=list_avatars)

    show = actions.add_parser("show", help="what an avatar can do: shapes, visemes, joints, sizes")
    show.add_argument("avatar", metavar="ID|FILE")
    show.set_defaults(run=show_avatar)

    make = actions.add_parser("make", help="make a person of your own from a description (CC0)")
    make.add_argument("name", help="the new avatar's id")
    make.add_argument("--from", dest="person", type=Path, required=True, metavar="FILE.yaml", help="the description")
    make.add_argument("-o", "--folder", type=Path, help="where to put it (default: your own avatars folder)")
    make.set_defaults(run=make_avatar)

    add = actions.add_parser("add", help="copy a GLB/glTF/VRM into your own avatars folder")
    add.add_argument("file", type=Path)
    add.add_argument("--id", help="its id (default: the file's name)")
    add.set_defaults(run=add_avatar)

    test = actions.add_parser("test", help="load, rig and draw an avatar once")
    test.add_argument("avatar", metavar="ID|FILE")
    test.set_defaults(run=test_avatar)

    doctor = actions.add_parser("doctor", help="examine an avatar file: what it can do, what to mend; --fix, --report")
    add_arguments(doctor)
    doctor.set_defaults(run=examine_avatar)

    debug = actions.add_parser("debug", help="render an avatar speaking the bundled speech")
    debug.add_argument("avatar", metavar="ID|FILE")
    debug.add_argument("--duration", type=float, default=30.0, metavar="S", help="seconds (default: %(default)s)")
    debug.add_argument("-o", "--output", type=Path, default=Path("debug.mp4"))
    debug.set_defaults(run=debug_avatar)


def list_avatars(_options: argparse.Namespace) -> int:
    """One line per avatar; 2 where one of them cannot be read."""
    found = open_library()
    broken: list[InputError] = []
    for name in found.ids():
        try:
            profile = load_profile(found.find(name))
        except InputError as error:
            broken.append(error)
            continue
        print(f"{name:<20} {profile.licence:<10} {profile.description or profile.name}")
    for fault in broken:
        print(f"avatar-engine: {fault}", file=sys.stderr)
    return 2 if broken else 0


def show_avatar(options: argparse.Namespace) -> int:
    """Coverage, sizes and levels of one avatar."""
    avatar = open_library().load(options.avatar)
    print("\n".join(described(avatar)))
    return 0


def described(avatar: Avatar) -> list[str]:
    """What people want to know of an avatar, line by line."""
    model, rig = avatar.model, avatar.rig
    driven = [name for name, row in zip(ARKIT, rig.control_morphs, strict=False) if row.any()]
    missing = [name for name in ARKIT if name not in driven]
    lines = [
        f"{avatar.id}: {avatar.profile.name or avatar.id} ({avatar.profile.licence})",
        f"  shapes   {len(driven)} of {len(ARKIT)} ARKit" + (f"; missing: {', '.join(missing)}" if missing else ""),
        f"  targets  {len(model.morph_names)}, of which visemes "
        f"{sum(f'viseme_{name}' in model.morph_names for name in VISEMES)}, "
        f"action units {sum(bool(row.any()) for row in rig.unit_morphs)}",
        f"  joints   {', '.join(model.joint_names) or 'none'}",
    ]
    for level in range(model.levels):
        meshes = [mesh for mesh in model.meshes if mesh.level == level]
        triangles = sum(len(mesh.triangles) for mesh in meshes)
        lines.append(f"  level {level}  {triangles} triangles in {len(meshes)} meshes")
    sizes = avatar.measures
    lines.append(f"  eyes at {sizes.eye_height_m:.3f} m, head top {sizes.head_top_m:.3f} m, chin {sizes.chin_m:.3f} m")
    return lines


def make_avatar(options: argparse.Namespace) -> int:
    """Build a person into a folder of its own; the id is the name given here."""
    name = _id(options.name)
    if options.folder is None:
        _refuse_bundled(name, "choose another name")
    if importlib.util.find_spec("anny") is None or importlib.util.find_spec("scipy") is None:
        raise InputError("avatars make", "needs the extra `maker`", "pip install 'avatar-engine[maker]'")
    from avatar_engine.maker.build import build
    from avatar_engine.maker.manifest import write_entry
    from avatar_engine.maker.profile import profile_text
    from avatar_engine.maker.spec import load_person

    folder = (options.folder or own_folder()) / name
    if (folder / "avatar.yaml").exists():
        raise InputError(name, f"there is an avatar of that id in {folder}", "choose another name or remove the folder")
    if not options.person.is_file():
        raise InputError(str(options.person), "no such file", "start from assets/avatars/ada/person.yaml")
    try:
        spec = load_person(options.person).model_copy(update={"id": name})
    except (ValueError, yaml.YAMLError) as error:  # pydantic's errors are ValueErrors
        raise InputError(str(options.person), f"is no description of a person: {error}") from None
    print(f"{name}: shaping body, face, hair and clothes (half a minute to a minute) ...", flush=True)
    built = build(spec)
    counts = ", ".join(f"{built.triangles(level)}" for level in range(3))
    print(f"{name}: {len(built.glb) / 1e6:.1f} MB, {counts} triangles at levels 0 to 2", flush=True)
    model = folder / f"{name}.glb"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        model.write_bytes(built.glb)
        (folder / "avatar.yaml").write_text(profile_text(built.person, built.parts), encoding="utf-8")
        description = re.sub(r"(?m)^id:.*$", f"id: {name}", options.person.read_text("utf-8"))
        (folder / "person.yaml").write_text(description, encoding="utf-8")
        write_entry(model, built, folder / "person.yaml")
    except OSError as error:
        raise OutputError(str(folder), error.strerror or "cannot be written", "choose another --folder") from None
    print(f"{name}: written to {folder}")
    print(f"  try it: avatar-engine avatars debug {name if options.folder is None else folder}")
    return 0


def add_avatar(options: argparse.Namespace) -> int:
    """Check that the file loads, copy it and the files it names, and write a profile with everything found."""
    from avatar_engine.avatar_doctor.examine import examine
    from avatar_engine.avatar_doctor.fix import profile_text
    from avatar_engine.engine.gltf.beside import files_beside

    if options.file.suffix.lower() not in (*MODEL_FILES, *OTHER_FILES):
        raise InputError(str(options.file), "is no avatar file", f"give one of {', '.join(MODEL_FILES)}")
    avatar = open_library().load(str(options.file))
    name = _id(options.id or options.file.stem)
    _refuse_bundled(name, "choose another with --id")
    folder = own_folder() / name
    if folder.exists():
        raise InputError(name, "there is an avatar of that id", "choose another with --id")
    parts = files_beside(options.file)
    examination = examine(avatar)
    try:
        folder.mkdir(parents=True)
        for part in (Path(options.file.name), *parts):
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(options.file.parent / part, folder / part)
        (folder / "avatar.yaml").write_text(profile_text(avatar, examination), encoding="utf-8")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise OutputError(str(folder), error.strerror or "cannot be written") from None
    print("\n".join(described(avatar)))
    for finding in examination.findings:
        if finding.grade in ("warning", "fault"):
            print(finding.line())
    print(f"added as {name}, {examination.score} of 100; try it: avatar-engine avatars debug {name}")
    return 0


def test_avatar(options: argparse.Namespace) -> int:
    """Load it, open a session, draw one picture."""
    from avatar_engine.options import RuntimeOptions, SessionOptions
    from avatar_engine.runtime import make_runtime

    runtime = make_runtime(RuntimeOptions(viseme_model="spectral"))
    try:
        runtime.open_session(SessionOptions(avatar=options.avatar, width=640, height=360))
        packet = runtime.step()[0]
        drawn = packet.frames[0].image
        print(f"{options.avatar}: loads, maps and draws ({drawn.width}x{drawn.height})" if drawn else "nothing drawn")
        return 0 if drawn else 1
    finally:
        runtime.close()


def examine_avatar(options: argparse.Namespace) -> int:
    """Findings with advice and a score."""
    from avatar_engine.avatar_doctor.command import run

    return run(options, open_library())


def debug_avatar(options: argparse.Namespace) -> int:
    """A clip of the avatar speaking."""
    from avatar_engine.offline import describe, render_file
    from avatar_engine.options import RuntimeOptions, SessionOptions
    from avatar_engine.viseme_models import default_viseme_model

    if not 1.0 <= options.duration <= 600.0:
        raise InputError(f"--duration {options.duration:g}", "is out of range", "give 1 to 600 seconds")
    runtime = RuntimeOptions(viseme_model=default_viseme_model())
    speech = _debug_speech(options.duration, runtime.audio_rate)
    print(describe(render_file(speech, options.output, runtime, SessionOptions(avatar=options.avatar))))
    return 0


def _debug_speech(duration_s: float, rate: int) -> Recording:
    """The bundled recordings one after the other, with a second of listening between, until the time is full."""
    from avatar_engine.engine.media.reader import read_speech
    from avatar_engine.engine.media.recording import Recording

    voices = [read_speech(file, rate) for file in sorted(asset_path("speech").glob("*.flac"))]
    pause = np.zeros(rate, np.float32)
    total = int(duration_s * rate)
    parts: list[NDArray[np.float32]] = []
    while sum(map(len, parts)) < total:
        parts += [voices[len(parts) // 2 % len(voices)], pause]
    return Recording(asset_path("speech"), np.concatenate(parts)[:total], rate)


def own_folder() -> Path:
    """Where this user's avatars live."""
    return Path.home() / ".local" / "share" / "avatar-engine" / "avatars"


def _refuse_bundled(name: str, hint: str) -> None:
    """What lies in one's own folder goes before what is bundled: the bundled one would be gone without a word."""
    if (asset_path("avatars") / name).is_dir():
        raise InputError(name, "is the id of a bundled avatar", hint)


def _id(name: str) -> str:
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in name).strip("_")
    if not plain:
        raise InputError(f"id {name!r}", "is empty", "use letters, digits, - and _")
    return plain
