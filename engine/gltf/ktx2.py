"""Only KTX2 pictures (KHR_texture_basisu), through the optional package opengl_basisu (extra `formats`).

The container's numbers are checked here before its bytes go any further: Khronos' KTX 2.0 specification, sections 3
(header, level index) and 4 (Basis Universal: vkFormat 0, schemes none, BasisLZ, Zstandard).
"""

from __future__ import annotations

import importlib
import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAGIC = b"\xabKTX 20\xbb\r\n\x1a\n"
HEADER = struct.Struct("<9I4I2Q")
LEVEL = struct.Struct("<3Q")  # where, how long in the file, how long unpacked
BLOCK_BYTES = 16  # of 4x4 pixels of UASTC; ETC1S takes less
NONE, BASIS_LZ, ZSTANDARD = range(3)
MAX_LEVELS = 16


@dataclass(frozen=True, slots=True)
class Picture:
    """What the header says: pixels of the finest level, and how many halvings the file holds."""

    width: int
    height: int
    levels: int


def is_ktx2(data: bytes) -> bool:
    """Whether these bytes are such a picture."""
    return data[: len(MAGIC)] == MAGIC


def inspect(data: bytes, max_side: int) -> Picture:
    """The header, every place and size in it checked. Raises ValueError that says what is wrong."""
    if len(data) < len(MAGIC) + HEADER.size:
        raise ValueError("is truncated")
    head = HEADER.unpack_from(data, len(MAGIC))
    vk_format, _, width, height, depth, layers, faces, levels, scheme = head[:9]
    if not (1 <= width <= max_side and 1 <= height <= max_side):
        raise ValueError(f"is {width}x{height} pixels, at most {max_side} a side are read")
    if vk_format != 0 or scheme not in (NONE, BASIS_LZ, ZSTANDARD):
        raise ValueError(f"holds format {vk_format} packed as {scheme}, not Basis Universal (UASTC or ETC1S)")
    if depth or layers or faces != 1 or not 1 <= levels <= MAX_LEVELS or levels > max(width, height).bit_length():
        raise ValueError("is not one flat picture with its halvings")
    start = len(MAGIC) + HEADER.size
    if len(data) < start + levels * LEVEL.size:
        raise ValueError("is truncated in its index")
    for offset, length in ((head[9], head[10]), (head[11], head[12]), (head[13], head[14])):
        if offset + length > len(data):
            raise ValueError("names bytes past its end")
    for level in range(levels):
        offset, length, unpacked = LEVEL.unpack_from(data, start + level * LEVEL.size)
        if offset + length > len(data):
            raise ValueError(f"level {level} lies past its end")
        blocks = -(-max(width >> level, 1) // 4) * -(-max(height >> level, 1) // 4)
        if scheme != BASIS_LZ and unpacked != blocks * BLOCK_BYTES:
            raise ValueError(f"level {level} unpacks to {unpacked} bytes, not {blocks * BLOCK_BYTES}")
    return Picture(width, height, levels)


def decode(data: bytes, side: int, max_side: int, largest: int) -> NDArray[np.uint8]:
    """(height, width, 4) of the finest level within `side` pixels, or of the coarsest, if that is within `largest`.

    Raises ValueError.
    """
    picture = inspect(data, max_side)
    level = 0
    while level + 1 < picture.levels and max(picture.width, picture.height) >> level > side:
        level += 1
    if max(picture.width, picture.height) >> level > largest:
        raise ValueError(f"is {picture.width}x{picture.height} pixels and holds no halving within {largest} a side")
    basis = importlib.import_module("opengl_basisu")
    pixels = np.asarray(basis.open(data).transcode("rgba8", level=level).data)
    wanted = (max(picture.height >> level, 1), max(picture.width >> level, 1), 4)
    if pixels.dtype != np.uint8 or pixels.shape != wanted:
        raise ValueError(f"decodes to {pixels.shape}, not {wanted}")
    return pixels
