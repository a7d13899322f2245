"""Pictures of every kind reach the model: KTX2 against the pixels it was made from, maps of numbers, averages."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Material
from tests.gltf.generate import PICTURES, basis, bumpy, soft_picture

pytestmark = pytest.mark.unit


def material_of(folder: Path, data: bytes) -> Material:
    path = folder / "avatar.glb"
    path.write_bytes(data)
    return load_model(path).meshes[0].material


def psnr(pixels: np.ndarray, wanted: np.ndarray) -> float:
    error = np.mean((pixels.astype(float) - wanted.astype(float)) ** 2)
    return float(10.0 * np.log10(255.0**2 / max(error, 1e-9)))


@pytest.mark.parametrize(
    ("name", "alpha", "least_db"),
    [("uastc_plain", True, 40.0), ("uastc_zstd", False, 43.0), ("etc1s", False, 31.0), ("etc1s_alpha", True, 31.0)],
)
def test_ktx2_shows_what_it_was_made_from(tmp_path: Path, name: str, alpha: bool, least_db: float) -> None:
    texture = material_of(tmp_path, basis((PICTURES / f"{name}.ktx2").read_bytes())).base_texture
    assert texture is not None
    wanted = soft_picture(48, 40, alpha=alpha)
    assert (texture.width, texture.height, texture.pixels.shape) == (48, 40, wanted.shape)
    assert psnr(texture.pixels, wanted) > least_db
    assert (texture.pixels[..., 3] == 255).all() == (not alpha)


def test_ktx2_goes_before_its_stand_in(tmp_path: Path) -> None:
    texture = material_of(tmp_path, basis((PICTURES / "etc1s.ktx2").read_bytes(), fallback=True)).base_texture
    assert texture is not None
    assert texture.width == 48


def test_without_the_decoder_the_stand_in_serves_and_the_refusal_names_the_extra(tmp_path: Path) -> None:
    data = (PICTURES / "etc1s.ktx2").read_bytes()
    (tmp_path / "only.glb").write_bytes(basis(data))
    (tmp_path / "both.glb").write_bytes(basis(data, fallback=True))
    code = """
import importlib.util, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name == "opengl_basisu":
            raise ModuleNotFoundError(name)
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "opengl_basisu" else real(name, package)
sys.meta_path.insert(0, Missing())
from avatar_engine.engine.gltf.reader import load_model
print(load_model(sys.argv[1] + "/both.glb").meshes[0].material.base_texture.width)
try:
    load_model(sys.argv[1] + "/only.glb")
except Exception as error:
    print(type(error).__name__, error)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    width, refusal = done.stdout.splitlines()
    assert width == "8"
    assert refusal.startswith("AssetError only.glb extensionsRequired: needs KHR_texture_basisu")
    assert "pip install 'avatar-engine[formats]'" in refusal


def test_ktx2_too_large_at_every_level(tmp_path: Path) -> None:
    data = bytearray((PICTURES / "etc1s_alpha.ktx2").read_bytes())
    struct.pack_into("<II", data, 20, 8000, 8000)
    with pytest.raises(AssetError, match="no halving within 4096"):
        material_of(tmp_path, basis(bytes(data)))


def test_maps_of_numbers_are_carried(tmp_path: Path) -> None:
    material = material_of(tmp_path, bumpy())
    assert material.normal_texture is not None
    assert material.normal_texture is material.surface_texture  # one picture, read once
    assert material.normal_texture.linear
    assert material.base_texture is not None
    assert not material.base_texture.linear
    assert material.normal_scale == 0.5
    assert material.surface_factors == (0.8, 1.0)
    pixels = material.surface_texture.pixels
    assert material.roughness == pytest.approx(0.8 * pixels[..., 1].mean() / 255.0, abs=0.01)
    assert material.metallic == pytest.approx(pixels[..., 2].mean() / 255.0, abs=0.01)
    assert len(material.textures()) == 3


def test_maps_on_other_coordinates_are_left_out(tmp_path: Path) -> None:
    material = material_of(tmp_path, bumpy(apart=True))
    assert material.normal_texture is not None
    assert material.surface_texture is None
    assert (material.roughness, material.metallic) == (0.8, 0.0)
