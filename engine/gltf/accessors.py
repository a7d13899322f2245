"""Only numbers: accessors (strided, sparse, normalised, quantised) to numpy arrays, every range checked first."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.gltf.document import REFUSED, Document
from avatar_engine.engine.gltf.meshopt import unpacked

MAX_COUNT = 4_000_000
MAX_DECODED_BYTES = 768 * 1024 * 1024

COMPONENTS: dict[int, np.dtype[Any]] = {
    5120: np.dtype("<i1"),
    5121: np.dtype("<u1"),
    5122: np.dtype("<i2"),
    5123: np.dtype("<u2"),
    5125: np.dtype("<u4"),
    5126: np.dtype("<f4"),
}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}


def _view(
    document: Document, number: int, offset: int, dtype: np.dtype[Any], width: int, count: int, at: str
) -> NDArray[Any]:
    """(count, width) view into a buffer; nothing is copied where the bytes allow it."""
    views = document.items("bufferViews")
    if number >= len(views):
        document.fail(at, f"names buffer view {number}, there are {len(views)}")
    view, path = views[number], f"bufferViews[{number}]"
    if document.extension(view, "KHR_meshopt_compression") is not None:
        document.fail(path, "needs KHR_meshopt_compression", REFUSED["KHR_meshopt_compression"])
    packed = document.extension(view, "EXT_meshopt_compression")
    if packed is not None:
        window = _unpacked(document, number, packed, f"{path}.EXT_meshopt_compression")
        length = len(window)
    else:
        buffer, start, length = _span(document, view, path)
        window = buffer[start : start + length]
    item = dtype.itemsize * width
    stride = document.integer(view, "byteStride", path, high=4096, default=item) or item
    if stride < item:
        document.fail(path, f"byteStride {stride} is smaller than one element ({item})")
    if count and offset + (count - 1) * stride + item > length:
        document.fail(at, f"reads {offset + (count - 1) * stride + item} bytes of a view of {length}")
    return np.ndarray((count, width), dtype, window, offset, (stride, dtype.itemsize))


def _span(document: Document, view: dict[str, Any], path: str) -> tuple[memoryview, int, int]:
    buffer = document.buffers[document.integer(view, "buffer", path, high=len(document.buffers))]
    start = document.integer(view, "byteOffset", path, high=len(buffer) + 1, default=0)
    length = document.integer(view, "byteLength", path, high=len(buffer) - start + 1)
    return buffer, start, length


def _unpacked(document: Document, number: int, packed: dict[str, Any], path: str) -> memoryview:
    """The bytes a meshopt-compressed view stands for, unpacked once."""
    known = document.cache.get(("meshopt", number))
    if known is not None:
        return known
    buffer, start, length = _span(document, packed, path)
    count = document.integer(packed, "count", path, high=MAX_COUNT)
    stride = document.integer(packed, "byteStride", path, low=1, high=257)
    document.decoded += count * stride
    if document.decoded > MAX_DECODED_BYTES:
        document.fail(path, f"decodes to more than {MAX_DECODED_BYTES >> 20} MB in all")
    mode, filtered = document.text(packed, "mode", ""), document.text(packed, "filter", "NONE")
    try:
        data = unpacked(bytes(buffer[start : start + length]), count, stride, mode, filtered)
    except (ValueError, IndexError) as error:
        document.fail(path, f"cannot be unpacked: it {error}", "export again, or without mesh compression")
    document.cache["meshopt", number] = memoryview(data)
    return memoryview(data)


def read(document: Document, number: int, at: str) -> NDArray[Any]:
    """(count, width) in the stored type; sparse values put in. Floats are checked to be finite."""
    cached = document.cache.get(("accessor", number))
    if cached is not None:
        return cached
    accessors = document.items("accessors")
    if number >= len(accessors):
        document.fail(at, f"names accessor {number}, there are {len(accessors)}")
    accessor, path = accessors[number], f"accessors[{number}]"
    count = document.integer(accessor, "count", path, high=MAX_COUNT)
    dtype = COMPONENTS.get(document.integer(accessor, "componentType", path, high=65536))
    width = WIDTHS.get(document.text(accessor, "type", ""))
    if dtype is None or width is None:
        document.fail(path, "has an unknown componentType or type")
    if width in (4, 9) and accessor.get("type") in ("MAT2", "MAT3") and dtype.itemsize < 4:
        document.fail(path, "holds a padded small matrix, which no avatar uses")
    offset = document.integer(accessor, "byteOffset", path, high=2**31, default=0)
    document.decoded += count * width * dtype.itemsize
    if document.decoded > MAX_DECODED_BYTES:
        document.fail(path, f"decodes to more than {MAX_DECODED_BYTES >> 20} MB in all")
    if accessor.get("bufferView") is None:
        values = np.zeros((count, width), dtype)
    else:
        view = document.integer(accessor, "bufferView", path, high=2**31)
        values = _view(document, view, offset, dtype, width, count, path)
    if accessor.get("sparse") is not None:
        values = _with_sparse(document, document.mapping(accessor, "sparse"), values, f"{path}.sparse")
    if dtype.kind == "f" and not np.isfinite(values).all():
        document.fail(path, "holds values that are not finite")
    document.cache["accessor", number] = values
    return values


def _with_sparse(document: Document, sparse: dict[str, Any], base: NDArray[Any], path: str) -> NDArray[Any]:
    count = document.integer(sparse, "count", path, high=len(base) + 1)
    where, what = document.mapping(sparse, "indices"), document.mapping(sparse, "values")
    kind = COMPONENTS.get(document.integer(where, "componentType", f"{path}.indices", high=65536))
    if kind is None or kind.kind != "u":
        document.fail(f"{path}.indices", "are not unsigned integers")
    view = document.integer(where, "bufferView", f"{path}.indices", high=2**31)
    offset = document.integer(where, "byteOffset", f"{path}.indices", high=2**31, default=0)
    index = _view(document, view, offset, kind, 1, count, f"{path}.indices")[:, 0].astype(np.int64)
    if count and int(index.max()) >= len(base):
        document.fail(f"{path}.indices", f"name element {int(index.max())} of {len(base)}")
    view = document.integer(what, "bufferView", f"{path}.values", high=2**31)
    offset = document.integer(what, "byteOffset", f"{path}.values", high=2**31, default=0)
    values = base.copy()
    values[index] = _view(document, view, offset, base.dtype, base.shape[1], count, f"{path}.values")
    return values


def floats(document: Document, number: int, at: str, width: int | tuple[int, ...]) -> NDArray[np.float32]:
    """(count, width) float32; integers are normalised where the accessor says so, else taken as they are."""
    values = read(document, number, at)
    widths = (width,) if isinstance(width, int) else width
    if values.shape[1] not in widths:
        document.fail(at, f"has {values.shape[1]} components, {' or '.join(map(str, widths))} expected")
    if values.dtype.kind == "f":
        result = np.ascontiguousarray(values, np.float32)
        if result.size and float(np.abs(result).max()) > 1e9:
            document.fail(at, "holds values far outside any avatar")
        return result
    result = values.astype(np.float32)
    if document.items("accessors")[number].get("normalized") is True:
        top = float(np.iinfo(values.dtype).max)  # glTF 2.0 section 3.6.2.2
        result = np.maximum(result / top, -1.0).astype(np.float32)
    return result


def indices(document: Document, number: int, at: str, below: int) -> NDArray[np.uint32]:
    """(count,) uint32, all smaller than `below`."""
    values = read(document, number, at)
    if values.dtype.kind != "u" or values.shape[1] != 1:
        document.fail(at, "are not unsigned scalar indices")
    flat = values[:, 0].astype(np.uint32)
    if flat.size and int(flat.max()) >= below:
        document.fail(at, f"name vertex {int(flat.max())} of {below}")
    return flat


def view_bytes(document: Document, number: int, at: str) -> bytes:
    """Raw bytes of a buffer view (pictures)."""
    views = document.items("bufferViews")
    if number >= len(views):
        document.fail(at, f"names buffer view {number}, there are {len(views)}")
    length = document.integer(views[number], "byteLength", f"bufferViews[{number}]", high=2**31)
    return _view(document, number, 0, np.dtype("<u1"), 1, length, at).tobytes()
