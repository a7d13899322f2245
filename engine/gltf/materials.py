"""Only looks: glTF materials, textures and images to `engine.model` materials, and the guess of what a part is."""

from __future__ import annotations

import io
import re
import warnings
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
from PIL import Image, UnidentifiedImageError

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf import ktx2
from avatar_engine.engine.gltf.accessors import view_bytes
from avatar_engine.engine.gltf.document import REFUSED, Document, ktx2_readable, resource
from avatar_engine.engine.gltf.vrm import toon_kind
from avatar_engine.engine.model import Material, MaterialKind, Texture

MAX_SIDE = 8192  # pixels; larger pictures are refused
MEASURED_SIDE = 256  # decoding once at an eighth of the size finds broken pictures and costs no memory
USED_SIDE = 4096  # larger ones are halved until they fit: nobody sees more in a 4K picture
FORMATS = ("PNG", "JPEG", "WEBP")

KINDS: tuple[tuple[MaterialKind, str], ...] = (
    ("eye_shade", r"eye.?(shade|shadow|occlu|ao|shell)|occlusion"),
    ("lash", r"lash|eye.?line"),
    ("brow", r"brow(?!n)"),
    ("teeth", r"teeth|tooth|dent(al|ure)"),
    ("gum", r"gum|mouth.?(bag|inner|cavity)"),
    ("tongue", r"tongue"),
    ("glass", r"glass(es)?.?lens|lens|cornea.?outer"),
    ("eye", r"eye(?!lid)|iris|sclera|cornea|pupil"),
    ("hair_cap", r"(hair|scalp).?cap"),
    ("hair", r"hair|beard|moustache|mustache|fringe|bang|ponytail"),
    ("skin", r"skin|face|head|body|neck|wolf3d_body"),
    (
        "cloth",
        r"cloth|shirt|jacket|coat|blazer|top|outfit|dress|suit|sweater|collar|fabric|trouser|pant|shoe",
    ),
)
"""First match wins; tried on the material's name, then on the mesh's."""


def infer_kind(*names: str) -> MaterialKind:
    """What a part is, from its names; 'plain' where nothing fits."""
    for name in names:
        for kind, pattern in KINDS:
            if re.search(pattern, name.lower()):
                return kind
    return "plain"


def read_texture(document: Document, number: int, folder: Path, at: str, *, linear: bool = False) -> Texture:
    """The picture behind texture `number`; looked at once, kept packed, shared by the materials that show it."""
    textures = document.items("textures")
    if number >= len(textures):
        document.fail(at, f"names texture {number}, there are {len(textures)}")
    texture, path = textures[number], f"textures[{number}]"
    webp = document.extension(texture, "EXT_texture_webp")
    basis = document.extension(texture, "KHR_texture_basisu")
    holder = webp if webp is not None else texture
    if basis is not None and (ktx2_readable() or holder.get("source") is None):
        holder = basis
    if holder.get("source") is None:
        document.fail(path, "has no picture")
    images = document.items("images")
    source = document.integer(holder, "source", path, high=len(images))
    known = document.cache.get((f"image {linear}", source))
    if isinstance(known, Texture):
        return known
    image, spot = images[source], f"images[{source}]"
    if image.get("bufferView") is not None:
        data = view_bytes(document, document.integer(image, "bufferView", spot, high=2**31), spot)
    else:
        data = bytes(resource(document, image.get("uri"), folder, spot))
    if ktx2.is_ktx2(data) and not ktx2_readable():
        document.fail(path, "needs KHR_texture_basisu", REFUSED["KHR_texture_basisu"])
    name = document.text(image, "name", f"image{source}")
    # Decoded now so that a broken one is refused now.
    picture, (width, height) = _decode(document.where, data, spot, MEASURED_SIDE)
    result = Texture(name, width, height, partial(_pixels, document.where, data, spot), linear)
    if linear:
        mean = picture.convert("RGB").resize((1, 1), Image.Resampling.BOX)
        document.cache["mean", id(result)] = mean.getpixel((0, 0))
    document.cache[f"image {linear}", source] = result
    return result


def _pixels(where: str, data: bytes, at: str, side: int = USED_SIDE) -> np.ndarray[Any, np.dtype[np.uint8]]:
    picture = _decode(where, data, at, side)[0].convert("RGBA")
    while max(picture.size) > side:
        picture = picture.reduce(2)
    return np.asarray(picture, np.uint8)


def _decode(where: str, data: bytes, at: str, side: int) -> tuple[Image.Image, tuple[int, int]]:
    """The picture, scaled down towards `side` while it is read where the format can, and its full size."""
    try:
        if ktx2.is_ktx2(data):
            size = ktx2.inspect(data, MAX_SIDE)
            return Image.fromarray(ktx2.decode(data, side, MAX_SIDE, USED_SIDE)), (size.width, size.height)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if max(image.size) > MAX_SIDE or min(image.size) < 1:
                    shape = f"{image.size[0]}x{image.size[1]}"
                    raise AssetError(f"{where} {at}", f"is {shape} pixels, at most {MAX_SIDE} a side are read")
                full = image.size
                image.draft("RGB", (side, side))
                image.load()
                return image, full
    except UnidentifiedImageError as error:
        raise AssetError(f"{where} {at}", "is not a PNG, JPEG or WebP picture") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise AssetError(f"{where} {at}", f"cannot be decoded: {error}", "export it again") from error


def uv_transform(document: Document, material: dict[str, Any], path: str) -> tuple[int, np.ndarray[Any, Any] | None]:
    """Texture coordinate set of the material's pictures and its 2x3 KHR_texture_transform, or None."""
    return _placed(document, _leading(document, material), path)


def _leading(document: Document, material: dict[str, Any]) -> dict[str, Any]:
    """The texture that says where all pictures of the material lie: the base colour, or what there is instead."""
    look = document.mapping(material, "pbrMetallicRoughness")
    old = document.extension(material, "KHR_materials_pbrSpecularGlossiness") or {}
    for holder, name in (
        (look, "baseColorTexture"),
        (old, "diffuseTexture"),
        (material, "normalTexture"),
        (look, "metallicRoughnessTexture"),
    ):
        if document.mapping(holder, name):
            return document.mapping(holder, name)
    return {}


def _placed(document: Document, info: dict[str, Any], path: str) -> tuple[int, np.ndarray[Any, Any] | None]:
    channel = document.integer(info, "texCoord", path, high=8, default=0)
    change = document.extension(info, "KHR_texture_transform")
    if change is None:
        return channel, None
    if "texCoord" in change:
        channel = document.integer(change, "texCoord", path, high=8)
    offset = document.numbers(change, "offset", path, (0.0, 0.0))
    scale = document.numbers(change, "scale", path, (1.0, 1.0))
    (angle,) = document.numbers(change, "rotation", path, (0.0,))
    c, s = np.cos(angle), np.sin(angle)
    matrix = np.array([[c * scale[0], s * scale[1], offset[0]], [-s * scale[0], c * scale[1], offset[1]]])
    return channel, matrix


def _beside(document: Document, material: dict[str, Any], info: object, folder: Path, path: str) -> Texture | None:
    """A picture of numbers that lies where the leading one does; others would need coordinates of their own."""
    if not isinstance(info, dict) or info.get("index") is None:
        return None
    own, leading = _placed(document, info, path), _placed(document, _leading(document, material), path)
    same = own[1] is leading[1] or (own[1] is not None and leading[1] is not None and np.allclose(own[1], leading[1]))
    if own[0] != leading[0] or not same:
        return None
    return read_texture(document, document.integer(info, "index", path, high=2**31), folder, path, linear=True)


def _surface(document: Document, look: dict[str, Any], texture: Texture | None, path: str) -> tuple[float, ...]:
    """Roughness and metallic of the whole part, and the factors of its picture's green and blue."""
    usual = (0.6, 0.0) if texture is None else (1.0, 1.0)
    (rough,) = document.numbers(look, "roughnessFactor", path, usual[:1])
    (metal,) = document.numbers(look, "metallicFactor", path, usual[1:])
    rough, metal = float(np.clip(rough, 0.0, 1.0)), float(np.clip(metal, 0.0, 1.0))
    if texture is None:
        return rough, metal, 1.0, 1.0
    _, green, blue = document.cache["mean", id(texture)]
    return rough * green / 255.0, metal * blue / 255.0, rough, metal


def read_material(document: Document, number: int | None, mesh_name: str, folder: Path) -> Material:
    """Material `number` (None: glTF's default) for a part of the mesh called `mesh_name`."""
    if number is None:
        guess = infer_kind(mesh_name)
        return Material("default", guess, (1.0, 1.0, 1.0, 1.0), None, 0.6, 0.0, "OPAQUE", 0.5, False)
    known = document.cache.get((f"material {infer_kind(mesh_name)}", number))
    if isinstance(known, Material):
        return known
    material, path = document.items("materials")[number], f"materials[{number}]"
    name = document.text(material, "name", f"material{number}")
    look = document.mapping(material, "pbrMetallicRoughness")
    extras = document.mapping(material, "extras")
    said = extras.get("kind")
    known_kinds: tuple[MaterialKind, ...] = get_args(MaterialKind)
    kind = next((item for item in known_kinds if item == said), None)
    kind = kind or toon_kind(document, number, infer_kind(name, mesh_name))
    base = document.numbers(look, "baseColorFactor", path, (1.0, 1.0, 1.0, 1.0))
    info = look.get("baseColorTexture")
    specular_glossiness = document.extension(material, "KHR_materials_pbrSpecularGlossiness")
    if info is None and specular_glossiness is not None:
        base = document.numbers(specular_glossiness, "diffuseFactor", path, base)
        info = specular_glossiness.get("diffuseTexture")
    texture = None
    if isinstance(info, dict):
        texture = read_texture(document, document.integer(info, "index", path, high=2**31), folder, path)
    numbers = look.get("metallicRoughnessTexture")
    surface = _beside(document, material, numbers, folder, path)
    roughness, metallic, *factors = _surface(document, look, surface, path)
    bumps = document.mapping(material, "normalTexture")
    (normal_scale,) = document.numbers(bumps, "scale", path, (1.0,))
    emissive = document.numbers(material, "emissiveFactor", path, (0.0, 0.0, 0.0))
    strength = document.extension(material, "KHR_materials_emissive_strength")
    if strength is not None:
        (factor,) = document.numbers(strength, "emissiveStrength", path, (1.0,))
        emissive = tuple(factor * value for value in emissive)
    if isinstance(material.get("emissiveTexture"), dict):
        emissive = (0.0, 0.0, 0.0)  # a mask we do not read must not make the whole part glow
    mode = document.text(material, "alphaMode", "OPAQUE")
    if mode not in ("OPAQUE", "MASK", "BLEND"):
        document.fail(f"{path}.alphaMode", f"is {mode!r}, not OPAQUE, MASK or BLEND")
    result = Material(
        name=name,
        kind=kind,
        base_colour=(base[0], base[1], base[2], base[3]),
        base_texture=texture,
        roughness=roughness,
        metallic=metallic,
        alpha_mode=mode,  # type: ignore[arg-type]
        alpha_cutoff=float(document.numbers(material, "alphaCutoff", path, (0.5,))[0]),
        double_sided=material.get("doubleSided") is True,
        emissive=(emissive[0], emissive[1], emissive[2]),
        unlit=document.extension(material, "KHR_materials_unlit") is not None,
        normal_texture=_beside(document, material, bumps, folder, path),
        normal_scale=normal_scale,
        surface_texture=surface,
        surface_factors=(factors[0], factors[1]),
    )
    document.cache[f"material {infer_kind(mesh_name)}", number] = result
    return result
