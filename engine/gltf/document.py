"""Only the container: bytes of a .glb or .gltf to checked JSON and raw buffers, and typed looks into that JSON."""

from __future__ import annotations

import base64
import binascii
import importlib.util
import json
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import unquote

from avatar_engine.engine.errors import AssetError

MAX_FILE_BYTES = 512 * 1024 * 1024
MAX_JSON_BYTES = 64 * 1024 * 1024
MAX_ITEMS = 65_536  # of any one top-level list; the largest real avatars stay below 5,000 accessors

GLB_MAGIC = 0x46546C67  # "glTF", glTF 2.0 section 4.4
CHUNK_JSON = 0x4E4F534A
CHUNK_BIN = 0x004E4942

REFUSED = {
    "KHR_draco_mesh_compression": "Draco-compressed meshes: pip install 'avatar-engine[formats]', or export without "
    "mesh compression",
    "KHR_meshopt_compression": "meshopt-compressed buffers; export without compression",
    "KHR_texture_basisu": "KTX2/Basis textures: pip install 'avatar-engine[formats]', or export PNG, JPEG or WebP",
    "EXT_texture_avif": "AVIF textures; export PNG, JPEG or WebP textures",
}
UNDERSTOOD = {
    "EXT_meshopt_compression",
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_materials_unlit",
    "KHR_materials_emissive_strength",
    "KHR_materials_specular",
    "KHR_materials_clearcoat",
    "KHR_materials_ior",
    "KHR_materials_sheen",
    "EXT_texture_webp",
    "MSFT_lod",
    "VRM",
    "VRMC_vrm",
    "VRMC_materials_mtoon",
    "VRMC_springBone",
    "VRMC_node_constraint",
    "KHR_materials_pbrSpecularGlossiness",
}


@dataclass(slots=True)
class Document:
    """Parsed JSON and the raw buffers. `where` is the file's name for messages; `decoded` counts bytes made so far."""

    where: str
    root: dict[str, Any]
    buffers: list[memoryview]
    decoded: int = 0
    cache: dict[tuple[str, int], Any] = field(default_factory=dict)
    _items: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def fail(self, path: str, message: str, hint: str = "") -> NoReturn:
        """Raise an `AssetError` that names the JSON path."""
        raise AssetError(f"{self.where} {path}".rstrip(), message, hint)

    def items(self, name: str) -> list[dict[str, Any]]:
        """A top-level list of objects; missing means empty."""
        known = self._items.get(name)
        if known is None:
            known = self._items[name] = self.objects(self.root, name, "")
        return known

    def objects(self, parent: dict[str, Any], name: str, path: str) -> list[dict[str, Any]]:
        """A list of objects inside `parent`."""
        value = parent.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            self.fail(f"{path}.{name}".lstrip("."), "is not a list of objects")
        if len(value) > MAX_ITEMS:
            self.fail(f"{path}.{name}".lstrip("."), f"has {len(value)} entries, at most {MAX_ITEMS} are read")
        return value

    def integer(
        self,
        parent: dict[str, Any],
        name: str,
        path: str,
        *,
        low: int = 0,
        high: int,
        default: int | None = None,
    ) -> int:
        """An integer in [low, high)."""
        value = parent.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            self.fail(f"{path}.{name}", "is missing" if value is None else "is not an integer")
        if not low <= value < high:
            self.fail(f"{path}.{name}", f"is {value}, outside {low}..{high - 1}")
        return value

    def numbers(self, parent: dict[str, Any], name: str, path: str, default: tuple[float, ...]) -> tuple[float, ...]:
        """As many finite numbers as `default` has (a single number may stand alone)."""
        value = parent.get(name, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = [value]
        if not isinstance(value, (list, tuple)) or len(value) != len(default):
            self.fail(f"{path}.{name}", f"is not {len(default)} numbers")
        for number in value:
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                self.fail(f"{path}.{name}", "holds something that is not a finite number")
            if abs(number) > 1e9:
                self.fail(f"{path}.{name}", f"holds {number:g}, far outside any avatar")
        return tuple(float(number) for number in value)

    def mapping(self, parent: dict[str, Any], name: str) -> dict[str, Any]:
        """An object inside `parent`; anything else counts as empty."""
        value = parent.get(name)
        return value if isinstance(value, dict) else {}

    def extension(self, parent: dict[str, Any], name: str) -> dict[str, Any] | None:
        """The extension's object, or None where it is not used."""
        value = self.mapping(parent, "extensions").get(name)
        return value if isinstance(value, dict) else None

    def text(self, parent: dict[str, Any], name: str, default: str) -> str:
        """A string, shortened to something printable."""
        value = parent.get(name)
        return value[:200] if isinstance(value, str) and value else default


def open_document(path: Path) -> Document:
    """Read a .glb or .gltf with every size checked against the file before it is used."""
    where = path.name
    if path.is_dir():
        raise AssetError(str(path), "is a folder, not a .glb or .gltf file")
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AssetError(str(path), "cannot be opened", error.strerror or "check the path") from error
    if size > MAX_FILE_BYTES:
        raise AssetError(where, f"has {size >> 20} MB, at most {MAX_FILE_BYTES >> 20} MB are read")
    if size < 12:
        raise AssetError(where, "is too short to be a glTF file")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AssetError(str(path), "cannot be read", error.strerror or "") from error
    if struct.unpack_from("<I", data)[0] == GLB_MAGIC:
        text, binary = _split_glb(where, memoryview(data))
    elif data.lstrip()[:1] == b"{":
        text, binary = memoryview(data), None
    else:
        raise AssetError(where, "is neither a GLB nor a glTF JSON file")
    document = Document(where, _parse(where, bytes(text)), [])
    _check_header(document)
    document.buffers = _buffers(document, path, binary)
    return document


def _split_glb(where: str, data: memoryview) -> tuple[memoryview, memoryview | None]:
    version, total = struct.unpack_from("<II", data, 4)
    if version != 2:
        raise AssetError(where, f"is GLB version {version}; only version 2 is read")
    if total > len(data):
        raise AssetError(where, f"is truncated: {len(data)} of {total} bytes", "copy it again")
    chunks: dict[int, memoryview] = {}
    at = 12
    while at + 8 <= total:
        length, kind = struct.unpack_from("<II", data, at)
        if at + 8 + length > total:
            raise AssetError(where, f"chunk at byte {at} reaches past the end of the file")
        if at == 12 and kind != CHUNK_JSON:
            raise AssetError(where, "does not start with a JSON chunk")
        chunks.setdefault(kind, data[at + 8 : at + 8 + length])
        at += 8 + length + (-length) % 4
    if CHUNK_JSON not in chunks:
        raise AssetError(where, "has no JSON chunk")
    return chunks[CHUNK_JSON], chunks.get(CHUNK_BIN)


def _parse(where: str, text: bytes) -> dict[str, Any]:
    if len(text) > MAX_JSON_BYTES:
        raise AssetError(where, f"has {len(text) >> 20} MB of JSON")

    def constant(name: str) -> NoReturn:
        raise ValueError(f"{name} is not a number")

    try:
        root = json.loads(text.decode("utf-8-sig").rstrip("\0 \n\r\t"), parse_constant=constant)
    except RecursionError as error:
        raise AssetError(where, "JSON is nested too deeply") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise AssetError(where, f"JSON cannot be parsed: {error}") from error
    if not isinstance(root, dict):
        raise AssetError(where, "JSON is not an object")
    return root


def _check_header(document: Document) -> None:
    version = document.text(document.mapping(document.root, "asset"), "version", "")
    if not version.startswith("2"):
        document.fail("asset.version", f"is {version or 'missing'}; only glTF 2.x is read", "convert the file")
    required = document.root.get("extensionsRequired", [])
    if not isinstance(required, list):
        document.fail("extensionsRequired", "is not a list")
    for name in required:
        if not isinstance(name, str):
            document.fail("extensionsRequired", "holds something that is not a name")
        if (name == "KHR_draco_mesh_compression" and draco_readable()) or (
            name == "KHR_texture_basisu" and ktx2_readable()
        ):
            continue
        if name in REFUSED:
            document.fail("extensionsRequired", f"needs {name}", REFUSED[name])
        if name not in UNDERSTOOD:
            document.fail("extensionsRequired", f"needs {name[:80]!r}, which is not read here", "export without it")


def draco_readable() -> bool:
    """Whether the optional decoder is installed."""
    return importlib.util.find_spec("DracoPy") is not None


def ktx2_readable() -> bool:
    """Whether the optional decoder is installed."""
    return importlib.util.find_spec("opengl_basisu") is not None


def _buffers(document: Document, path: Path, binary: memoryview | None) -> list[memoryview]:
    buffers: list[memoryview] = []
    for number, buffer in enumerate(document.items("buffers")):
        at = f"buffers[{number}]"
        length = document.integer(buffer, "byteLength", at, high=MAX_FILE_BYTES)
        uri = buffer.get("uri")
        if uri is None:
            if document.extension(buffer, "EXT_meshopt_compression") is not None:
                buffers.append(memoryview(b""))  # a stand-in for readers without meshopt: it holds nothing
                continue
            if number != 0 or binary is None:
                document.fail(at, "has neither a uri nor a binary chunk")
            data = binary
        else:
            data = resource(document, uri, path.parent, at)
        if len(data) < length:
            document.fail(at, f"says {length} bytes but {len(data)} are there", "the file is truncated")
        buffers.append(data[:length])
    return buffers


def resource(document: Document, uri: object, folder: Path, at: str) -> memoryview:
    """Bytes of a data: URI or of a file beside the .gltf; nothing outside its folder is opened."""
    if not isinstance(uri, str):
        document.fail(f"{at}.uri", "is not text")
    if uri.startswith("data:"):
        head, comma, body = uri.partition(",")
        if not comma or not head.endswith(";base64"):
            document.fail(f"{at}.uri", "is a data URI without base64 data")
        try:
            return memoryview(base64.b64decode(body, validate=True))
        except (binascii.Error, ValueError) as error:
            document.fail(f"{at}.uri", f"holds broken base64: {error}")
    if "://" in uri:
        document.fail(f"{at}.uri", "points to the network", "put the file beside the .gltf")
    base = folder.resolve()
    try:
        target = (base / unquote(uri)).resolve()
        if not target.is_relative_to(base):
            document.fail(f"{at}.uri", "leaves the folder of the file")
        if target.stat().st_size > MAX_FILE_BYTES:
            document.fail(f"{at}.uri", "is too large")
        return memoryview(target.read_bytes())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "invalid path"
        document.fail(f"{at}.uri", f"cannot read {uri[:80]!r}: {reason}", "put the file beside the .gltf")
