"""Finds avatars by id or file and loads each once: profile, model, rig, shared by all who show it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from avatar_engine.components.rig import Rig
from avatar_engine.engine.errors import AssetError, SceneError, suggest
from avatar_engine.engine.model import Model
from avatar_engine.scenes.measuring import eye_turn, measure
from avatar_engine.scenes.profile import AvatarProfile, Measures, load_profile
from avatar_engine.scenes.rigging import compile_rig
from avatar_engine.scenes.seeing import shapes_seen, still_targets

MODEL_FILES = (".glb", ".gltf", ".vrm")
OTHER_FILES = {
    ".fbx": "FBX; convert it with Blender (import FBX, export glTF 2.0 with shape keys) to a GLB file",
    ".blend": "a Blender project; export glTF 2.0 (GLB) with shape keys from Blender",
    ".moc3": "a Live2D model, which has no 3D shape; bring a GLB or VRM file instead",
    ".pmx": "MikuMikuDance; convert it to VRM or GLB with Blender",
    ".obj": "OBJ, which carries no shapes or bones; export a GLB file with shape keys",
    ".usdz": "USD; export a GLB file from the program that made it",
}


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Avatar:
    """Everything about one avatar that sessions share."""

    id: str
    profile: AvatarProfile
    model: Model
    rig: Rig
    measures: Measures


class AvatarLibrary:
    """Looks in `folders` (first wins); thread-safe. An avatar nobody uses any more is forgotten."""

    def __init__(self, folders: tuple[Path, ...], read_model: Callable[[Path], Model]) -> None:
        self.folders = folders
        self._read_model = read_model
        self._loaded: WeakValueDictionary[str, Avatar] = WeakValueDictionary()
        self._lock = threading.Lock()
        self._reading = threading.Lock()  # apart: whoever wants what is there already does not wait for a file

    def ids(self) -> list[str]:
        """Avatars that can be named, sorted."""
        found = {path.parent.name for folder in self.folders for path in folder.glob("*/avatar.yaml")}
        return sorted(found)

    def find(self, avatar: str) -> Path:
        """The avatar.yaml or model file that `avatar` (an id, a folder or a file) means. Raises SceneError."""
        path = Path(avatar).expanduser()
        if path.suffix.lower() in (*MODEL_FILES, ".yaml", ".yml"):
            if not path.is_file():
                raise SceneError(avatar, "no such file")
            return path
        if path.suffix.lower() in OTHER_FILES:
            raise AssetError(avatar, "cannot be read", f"it is {OTHER_FILES[path.suffix.lower()]}")
        if (path / "avatar.yaml").is_file():
            return path / "avatar.yaml"
        for folder in self.folders:
            candidate = folder / avatar / "avatar.yaml"
            if avatar == Path(avatar).name and candidate.is_file():
                return candidate
        raise SceneError(avatar, "no such avatar", suggest(avatar, self.ids()) or "give an id or a GLB/VRM file")

    def load(self, avatar: str) -> Avatar:
        """Find, read and compile; the same object again while anybody holds it. Raises SceneError or AssetError."""
        path = self.find(avatar).resolve()
        loaded = self._known(path)
        if loaded is None:
            with self._reading:
                loaded = self._known(path)
                if loaded is None:
                    loaded = self._read(path)
                    with self._lock:
                        self._loaded[str(path)] = loaded
        return loaded

    def _known(self, path: Path) -> Avatar | None:
        with self._lock:
            return self._loaded.get(str(path))

    def _read(self, path: Path) -> Avatar:
        if path.suffix.lower() in MODEL_FILES:
            profile, model_path, name = AvatarProfile(model=path.name, name=path.stem), path, path.stem
        else:
            profile = load_profile(path)
            model_path, name = path.parent / profile.model, path.parent.name
            if not model_path.is_file():
                raise AssetError(str(path), f"its model '{profile.model}' is not there")
        model = self._read_model(model_path)
        if profile.licence == "unknown":
            profile = profile.model_copy(update={"licence": licence_of(model)})
        measures = measure(model, profile.measures)
        seen = shapes_seen(model, measures)
        still = still_targets(model)
        turn = eye_turn(model, measures)
        rig = compile_rig(profile, name, model.morph_names, model.joint_names, str(path), seen, still, turn)
        return Avatar(name, profile, model, rig, measures)


def licence_of(model: Model) -> str:
    """What the file itself says of its licence, or "unknown"."""
    told = model.extras.get("vrm")
    said: object = ""
    if isinstance(told, dict):
        said = told["licence"].get("licenseUrl") or told["licence"].get("licenseName")
    return str(said or model.extras.get("copyright") or "unknown")
