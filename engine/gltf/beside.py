"""Only says which other files a .glb or .gltf consists of: buffers and pictures that lie beside it."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

from avatar_engine.engine.gltf.document import open_document


def files_beside(path: Path) -> tuple[Path, ...]:
    """Their places relative to the folder of `path`, each once. Raises AssetError for one that leaves that folder.

    A picture that is named but not there is left out: nothing that is drawn needs it, or reading the model fails.
    """
    document = open_document(path)
    base = path.parent.resolve()
    found: dict[Path, None] = {}
    for kind in ("buffers", "images"):
        for number, item in enumerate(document.items(kind)):
            uri = item.get("uri")
            if not isinstance(uri, str) or uri.startswith("data:"):
                continue
            at = f"{kind}[{number}].uri"
            if "://" in uri:
                document.fail(at, "points to the network", "put the file beside the .gltf")
            place = Path(os.path.normpath(unquote(uri)))
            try:
                inside = not place.is_absolute() and (base / place).resolve().is_relative_to(base)
                there = (base / place).is_file()
            except (OSError, ValueError):  # no name a file can have
                continue
            if not inside:
                document.fail(
                    at, "leaves the folder of the file", "put the file beside the .gltf and name it from there"
                )
            if there:
                found[place] = None
    return tuple(found)
