"""`avatar-engine snapshot`: one picture of an avatar, or a sheet of all its shapes; how people look at their work."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.action_units import UNIT_COUNT, catalogue, unit_ids
from avatar_engine.components.controls import CONTROL_INDEX, CONTROLS, POSE, POSE_INDEX
from avatar_engine.components.emotions import emotion_book, find_blend, parse_emotion
from avatar_engine.components.visemes import VISEME_INDEX, VISEMES
from avatar_engine.engine.errors import InputError, OutputError, suggest
from avatar_engine.interrupts import Interrupts
from avatar_engine.options import QUALITIES, parse_quality, parse_resolution

if TYPE_CHECKING:
    from avatar_engine.components.rig import Rig
    from avatar_engine.engine.render.base import Quality, Renderer, Stage
    from avatar_engine.scenes.library import Avatar
    from avatar_engine.scenes.scene import Scene

Float = NDArray[np.float32]
Pixels = NDArray[np.uint8]

DEFAULT_SCENE = "studio"
SHEETS = ("shapes", "visemes", "emotions", "units")
CELL = 256
CAPTION = 22
FRAMINGS = ("head", "bust", "upper_body")
MOST_YAW_DEG, MOST_PITCH_DEG = 180.0, 85.0


@dataclass(slots=True)
class Face:
    """A still face. controls (C,), units (157,), visemes (15,), pose (P,)."""

    controls: Float = field(default_factory=lambda: np.zeros(len(CONTROLS), np.float32))
    units: Float = field(default_factory=lambda: np.zeros(UNIT_COUNT, np.float32))
    visemes: Float = field(default_factory=lambda: np.zeros(len(VISEMES), np.float32))
    pose: Float = field(default_factory=lambda: np.zeros(len(POSE), np.float32))


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `snapshot`."""
    parser = commands.add_parser(
        "snapshot",
        help="draw one picture, or a sheet of all shapes",
        description="Draw one picture of an avatar as PNG.",
        epilog="EXPRESSION is a list: an emotion (happy, worried:0.6, happy+surprised), a control (jawOpen=0.5, mouthSmile*=0.4), "
        "an action unit (AU12L=1, 12=0.5) or a pose channel in radians (head_yaw=0.2), separated by commas.",
    )
    parser.add_argument("-o", "--output", type=Path, default=Path("snapshot.png"), metavar="OUT.png")
    parser.add_argument("--avatar", default="ada", metavar="ID|FILE", help="bundled id, GLB/VRM or avatar.yaml")
    parser.add_argument("--scene", metavar="ID|FILE", help="scene id or YAML file (default: the avatar's own)")
    parser.add_argument("--background", metavar="ID|FILE|#RRGGBB", help="replace the scene's background")
    parser.add_argument("--expression", default="", metavar="EXPRESSION", help="what the face shows (see below)")
    parser.add_argument("--viseme", metavar="NAME[=0..1]", help=f"one of {', '.join(VISEMES)}")
    parser.add_argument("--camera", choices=FRAMINGS, help="instead of the scene's framing")
    parser.add_argument("--yaw", type=float, metavar="DEG", help="look from the side: + from the avatar's left")
    parser.add_argument("--pitch", type=float, metavar="DEG", help="look from above (+) or below")
    parser.add_argument("--resolution", default="720p", metavar="R", help="720p, 1080p, 4k or WIDTHxHEIGHT")
    parser.add_argument("--quality", default="high", metavar="Q", help=f"{', '.join(QUALITIES)} (default: high)")
    parser.add_argument("--level", type=int, metavar="N", help="level of detail, 0 finest (default: by quality)")
    parser.add_argument("--sheet", choices=SHEETS, help="a sheet with a small picture of every one")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Draw and write the picture."""
    from avatar_engine.bundled import open_library
    from avatar_engine.engine.render.panda.renderer import PandaRenderer

    width, height = parse_resolution(options.resolution)
    quality = parse_quality(options.quality)
    face = face_of(options.expression, options.viseme)
    _check(options)
    interrupts = Interrupts()
    with interrupts.open(), interrupts.held():
        avatar = open_library().load(options.avatar)
        scene, stage = _staged(options, avatar)
        renderer = PandaRenderer()
        try:
            if options.sheet:
                cells = sheet_faces(options.sheet)
                size = (CELL, CELL)
                pictures = draw(renderer, avatar, scene, stage, list(cells.values()), size, quality, options.level)
                pixels = contact_sheet(list(cells), pictures)
            else:
                pixels = draw(renderer, avatar, scene, stage, [face], (width, height), quality, options.level)[0]
        finally:
            renderer.close()
    write_png(pixels, options.output)
    print(f"{options.output}: {pixels.shape[1]}x{pixels.shape[0]}, {avatar.id} in {scene.name or 'a scene'}")
    return 0


def face_of(expression: str, viseme: str | None = None) -> Face:
    """The face that `--expression` and `--viseme` describe. Raises InputError with a suggestion."""
    face = Face()
    for item in filter(None, (part.strip() for part in expression.split(","))):
        name, equals, value = item.partition("=")
        if equals:
            _set(face, name.strip(), _number(item, value))
            continue
        name, strength = parse_emotion(item)
        for index, gain in find_blend(name):
            face.units[:] = np.minimum(face.units + emotion_book().units[index] * np.float32(gain * strength), 1.0)
    if viseme:
        name, _, value = viseme.partition("=")
        if name not in VISEME_INDEX:
            raise InputError(f"--viseme {viseme}", f"no viseme '{name}'", suggest(name, VISEMES))
        face.visemes[VISEME_INDEX[name]] = _number(viseme, value) if value else 1.0
    return face


def weights(face: Face, rig: Rig) -> tuple[Float, Float]:
    """Morph weights (T,) and joints (J, 6) of a still face on this rig, mixed as the pipeline mixes them."""
    from avatar_engine.systems.face_mix import bound, calibrated

    controls = face.controls + face.units @ rig.unit_controls + face.visemes @ rig.viseme_controls
    row = np.asarray(controls, np.float32)[None]
    bound(row)
    controls = calibrated(row, rig)[0]
    morphs = controls @ rig.control_morphs + face.units @ rig.unit_morphs + face.visemes @ rig.viseme_morphs
    pose = face.pose + face.units @ catalogue().pose
    joints = pose @ rig.pose_joints + controls @ rig.control_joints
    return np.clip(morphs, 0.0, 1.0).astype(np.float32), joints.astype(np.float32).reshape(-1, 6)


def draw(
    renderer: Renderer,
    avatar: Avatar,
    scene: Scene,
    stage: Stage,
    faces: Sequence[Face],
    size: tuple[int, int],
    quality: Quality,
    level: int | None = None,
) -> list[Pixels]:
    """One (h, w, 3) sRGB picture per face."""
    from avatar_engine.engine.render.base import RenderSnapshot
    from avatar_engine.scenes.staging import camera_of

    if level is None:
        level = 0 if quality in ("high", "ultra") else 1
    camera = camera_of(scene, avatar.measures, *size)
    view = renderer.open_view(avatar.model, *size, quality)
    pictures = []
    for face in faces:
        morphs, joints = weights(face, avatar.rig)
        snapshot = RenderSnapshot(view, stage, camera, morphs, joints, min(level, avatar.model.levels - 1))
        image = renderer.draw([snapshot])[0]
        pictures.append(np.ascontiguousarray(image.pixels[:, :, 2::-1]))
    renderer.close_view(view)
    return pictures


def sheet_faces(sheet: str) -> dict[str, Face]:
    """Caption -> face, of everything there is of a kind."""
    faces = {"neutral": Face()}
    if sheet == "shapes":
        for name in CONTROLS:
            faces[name] = face_of(f"{name}=1")
    elif sheet == "visemes":
        for name in VISEMES[1:]:
            faces[name] = face_of("", name)
    elif sheet == "emotions":
        for name in emotion_book().names:
            faces[name] = face_of(name)
    else:
        for unit in catalogue().units:
            faces[unit.id] = face_of(f"{unit.id}=1")
    return faces


def contact_sheet(captions: Sequence[str], pictures: Sequence[Pixels]) -> Pixels:
    """Pictures in rows, each with its caption below."""
    from PIL import Image, ImageDraw, ImageFont

    columns = min(8, max(4, round(len(pictures) ** 0.5)), len(pictures))
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].shape[:2]
    sheet = Image.new("RGB", (columns * width, rows * (height + CAPTION)), (24, 26, 30))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, (caption, picture) in enumerate(zip(captions, pictures, strict=True)):
        x, y = number % columns * width, number // columns * (height + CAPTION)
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text((x + width / 2, y + height + CAPTION / 2), caption, (232, 234, 238), font, anchor="mm")
    return np.asarray(sheet)


def write_png(pixels: Pixels, path: Path) -> None:
    """Write whole or not at all. Raises OutputError."""
    from PIL import Image

    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        with beside.open("wb") as file:
            Image.fromarray(pixels).save(file, "PNG")
        beside.replace(path)
    except OSError as error:
        raise OutputError(
            str(path), f"cannot be written ({error.strerror or error})", "choose another folder"
        ) from None
    finally:
        with suppress(OSError):  # told already, if it is one
            beside.unlink(missing_ok=True)


def _check(options: argparse.Namespace) -> None:
    """What a picture cannot be drawn with. Raises InputError."""
    for name, most in (("yaw", MOST_YAW_DEG), ("pitch", MOST_PITCH_DEG)):
        angle = getattr(options, name)
        if angle is not None and not -most <= angle <= most:
            raise InputError(f"--{name} {angle:g}", "is out of range", f"give -{most:g} to {most:g} degrees")
    if options.level is not None and options.level < 0:
        raise InputError(f"--level {options.level}", "is no level of detail", "0 is the finest")


def _staged(options: argparse.Namespace, avatar: Avatar) -> tuple[Scene, Stage]:
    from avatar_engine.scenes.staging import load_scene, set_background, stage_of

    scene = load_scene(options.scene or avatar.profile.default_scene or DEFAULT_SCENE)
    stage = stage_of(scene)
    if options.background is not None:
        stage = set_background(stage, options.background)
    framing = options.camera or ("head" if options.sheet else None)
    close = 2.0 if options.sheet and not options.camera else None  # as close as the head fits
    given = {"framing": framing, "yaw_deg": options.yaw, "pitch_deg": options.pitch, "zoom": close}
    update = {name: value for name, value in given.items() if value is not None}
    return scene.model_copy(update={"camera": scene.camera.model_copy(update=update)}), stage


def _set(face: Face, name: str, value: float) -> None:
    sides = (name[:-1] + "Left", name[:-1] + "Right") if name.endswith("*") else (name,)
    if all(side in CONTROL_INDEX for side in sides):
        for side in sides:
            face.controls[CONTROL_INDEX[side]] = value
    elif name in POSE_INDEX:
        face.pose[POSE_INDEX[name]] = value
    elif name in VISEME_INDEX:
        face.visemes[VISEME_INDEX[name]] = value
    elif units := unit_ids(name):
        for unit in units:
            face.units[catalogue().index[unit]] = value
    else:
        known = (*CONTROLS, *POSE, *(control[:-4] + "*" for control in CONTROLS if control.endswith("Left")))
        hint = suggest(name, known) or "give a control, an action unit or a pose channel"
        raise InputError(f"--expression {name}", "no such control", hint)


def _number(item: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"--expression {item}", f"'{text}' is no number", "write jawOpen=0.5 or happy:0.6") from None
    if not -2.0 <= value <= 2.0:
        raise InputError(f"--expression {item}", f"{text} is out of range", "weights go from 0 to 1")
    return value
