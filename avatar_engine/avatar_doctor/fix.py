"""Only writes what the doctor proposes: an avatar.yaml with the mapping, gains, joints and sizes found."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from avatar_engine.avatar_doctor.findings import Examination
from avatar_engine.components.controls import CONTROLS
from avatar_engine.engine.errors import OutputError
from avatar_engine.scenes.library import Avatar
from avatar_engine.scenes.rigging import joint_roles

HEAD = "# Proposed by `avatar-engine avatars doctor --fix` from names and geometry; yours to edit.\n"


def profile_text(avatar: Avatar, examination: Examination) -> str:
    """The whole file. What an earlier avatar.yaml said stays; gaps are filled."""
    old = avatar.profile.model_dump(exclude_defaults=True, exclude_none=True, mode="json")
    rig = avatar.rig
    mapping = {
        control: [
            {"target": rig.morph_names[at]} | ({} if row[at] == 1 else {"gain": round(float(row[at]), 4)})
            for at in np.flatnonzero(row)
        ]
        for control, row in zip(CONTROLS, rig.control_morphs)
        if row.any()
    }
    sizes = {name: round(value, 4) for name, value in avatar.measures.model_dump(exclude_none=True).items()}
    joints = {
        role: rig.joint_names[number]
        for role, number in joint_roles(avatar.profile, rig.joint_names, avatar.id).items()
    }
    data: dict[str, Any] = {"version": 1, "name": avatar.profile.name or avatar.id}
    data["licence"] = avatar.profile.licence
    data |= old
    data["model"] = Path(avatar.model.source).name
    data["mapping"] = mapping
    data["gains"] = examination.gains | old.get("gains", {})
    data["joints"] = joints
    data["measures"] = sizes
    order = ("version", "name", "description", "licence", "model", "default_scene")
    kept_order = [name for name in order if name in data] + [name for name in data if name not in order]
    body = yaml.safe_dump({name: data[name] for name in kept_order if data[name] != {}}, sort_keys=False, width=118)
    return HEAD + body


def write_profile(text: str, beside: Path) -> tuple[Path, Path | None]:
    """Write `avatar.yaml` beside the model; an existing one is kept as .bak, .bak2, ... Returns both paths."""
    path = beside.parent / "avatar.yaml"
    backup = None
    try:
        if path.exists():
            backup = _kept(path)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            str(path), error.strerror or "cannot be written", "copy the model to your own folder"
        ) from None
    return path, backup


def _kept(path: Path) -> Path:
    """A copy under the first name that is free: what somebody wrote by hand is in the oldest."""
    names = (f"{path.name}.bak{number if number > 1 else ''}" for number in itertools.count(1))
    backup = next(beside for name in names if not (beside := path.with_name(name)).exists())
    backup.write_bytes(path.read_bytes())
    return backup
