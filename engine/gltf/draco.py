"""Only KHR_draco_mesh_compression, through the optional package DracoPy (extra `formats`), never imported otherwise."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from avatar_engine.engine.gltf.accessors import COMPONENTS, MAX_COUNT, WIDTHS, view_bytes
from avatar_engine.engine.gltf.document import REFUSED, Document, draco_readable

NAME = "KHR_draco_mesh_compression"


def unpack_draco(document: Document, primitive: dict[str, Any], at: str) -> None:
    """Put the decoded numbers where the primitive's accessors are looked for; nothing for plain primitives."""
    extension = document.extension(primitive, NAME)
    if extension is None:
        return
    path = f"{at}.{NAME}"
    if not draco_readable():
        document.fail(path, f"needs {NAME}", REFUSED[NAME])
    decoder = importlib.import_module("DracoPy")
    view = document.integer(extension, "bufferView", path, high=2**31)
    try:
        mesh = decoder.decode(view_bytes(document, view, path))
        faces = np.asarray(mesh.faces, np.uint32).reshape(-1, 1)
        unpacked = {int(item["unique_id"]): np.asarray(item["data"]) for item in mesh.attributes}
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError, decoder.FileTypeException) as error:
        document.fail(path, f"holds Draco data that cannot be decoded: {error}", "export again without compression")
    if len(faces) > MAX_COUNT:
        document.fail(path, f"holds {len(faces)} indices, at most {MAX_COUNT} are read")
    attributes = document.mapping(primitive, "attributes")
    for name, number in document.mapping(extension, "attributes").items():
        if not isinstance(number, int) or number not in unpacked or name not in attributes:
            document.fail(f"{path}.attributes.{str(name)[:40]}", "is not in the Draco data")
        accessor = document.integer(attributes, name, f"{at}.attributes", high=len(document.items("accessors")))
        _store(document, accessor, unpacked[number], path)
    if primitive.get("indices") is not None:
        _store(document, document.integer(primitive, "indices", at, high=2**31), faces, path)


def _store(document: Document, number: int, values: np.ndarray[Any, Any], path: str) -> None:
    """As accessor `number` says they are stored, so that everybody reads them the usual way."""
    accessors = document.items("accessors")
    if number >= len(accessors):
        document.fail(path, f"names accessor {number}, there are {len(accessors)}")
    accessor, spot = accessors[number], f"accessors[{number}]"
    kind = COMPONENTS.get(document.integer(accessor, "componentType", spot, high=65536))
    width = WIDTHS.get(document.text(accessor, "type", ""))
    count = document.integer(accessor, "count", spot, high=MAX_COUNT)
    values = values.reshape(len(values), -1)
    if kind is None or width != values.shape[1] or count != len(values):
        document.fail(path, f"holds {values.shape} values where {spot} says {count}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        document.fail(path, "holds values that are not finite")
    document.cache["accessor", number] = np.ascontiguousarray(values).astype(kind)
