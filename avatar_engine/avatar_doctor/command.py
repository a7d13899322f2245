"""Only the command `avatars doctor`: examine, print, and where asked fix and report."""

from __future__ import annotations

import argparse
from pathlib import Path

from avatar_engine.avatar_doctor.examine import examine
from avatar_engine.avatar_doctor.fix import profile_text, write_profile
from avatar_engine.scenes.library import AvatarLibrary


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("avatar", metavar="FILE|ID", help="a GLB, glTF or VRM file, an avatar.yaml or an id")
    parser.add_argument("--fix", action="store_true", help="write the proposed avatar.yaml beside the model")
    parser.add_argument(
        "--report", type=Path, metavar="OUT.html", help="a page with a contact sheet (draws the avatar)"
    )


def run(options: argparse.Namespace, library: AvatarLibrary) -> int:
    """0 where it can speak, 1 where it cannot (a fault was found)."""
    avatar = library.load(options.avatar)
    examination = examine(avatar)
    print(f"{avatar.id}: {examination.score} of 100")
    for finding in examination.findings:
        print(finding.line())
    if options.fix:
        path, backup = write_profile(profile_text(avatar, examination), Path(avatar.model.source))
        print(f"written: {path}" + (f" (the old one is kept as {backup.name})" if backup else ""))
    if options.report:
        from avatar_engine.avatar_doctor.pictures import contact_pictures
        from avatar_engine.avatar_doctor.report import page, write_page
        from avatar_engine.engine.render.panda.renderer import PandaRenderer

        renderer = PandaRenderer()
        try:
            pictures, frame_ms = contact_pictures(renderer, avatar)
            device = renderer.info.device
        finally:
            renderer.close()
        write_page(page(examination, pictures, frame_ms, device), options.report)
        print(f"report: {options.report}")
    return 1 if any(finding.grade == "fault" for finding in examination.findings) else 0
