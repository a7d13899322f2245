"""Only EXT_meshopt_compression: packed vertex and index streams to the bytes they stand for.

Written after the format's description in the extension's specification (Khronos glTF registry).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 96 * 1024 * 1024  # of one view; the largest of a real avatar stays below a tenth of it
GROUP = 16
TRIPLES = 3

_CRUMBS = tuple(tuple((byte >> shift) & 3 for shift in (6, 4, 2, 0)) for byte in range(256))
_NIBBLES = tuple((byte >> 4, byte & 15) for byte in range(256))


def unpacked(data: bytes, count: int, stride: int, mode: str, filtered: str = "NONE") -> bytes:
    """count x stride bytes. Raises ValueError (also IndexError) for anything that does not add up."""
    if count * stride > MAX_BYTES or not 1 <= stride <= 256:
        raise ValueError(f"unpacks to {count} x {stride} bytes")
    if mode == "ATTRIBUTES":
        if stride % 4:
            raise ValueError(f"has a stride of {stride}")
        return _unfiltered(_attributes(data, count, stride), filtered).tobytes()
    if stride not in (2, 4) or filtered != "NONE":
        raise ValueError("holds indices of an unknown kind")
    if mode == "TRIANGLES":
        indices = _triangles(data, count)
    elif mode == "INDICES":
        indices = _sequence(data, count)
    else:
        raise ValueError(f"has the unknown mode {mode[:20]!r}")
    if indices.size and (int(indices.min()) < 0 or int(indices.max()) >= 1 << (8 * stride)):
        raise ValueError("holds indices out of range")
    return indices.astype(f"<u{stride}").tobytes()


def _attributes(data: bytes, count: int, stride: int) -> NDArray[np.uint8]:
    if not data or data[0] != 0xA0:
        raise ValueError("is no vertex stream of version 0")
    tail = max(stride, 32)
    if len(data) < 1 + tail:
        raise ValueError("is shorter than its tail")
    last = np.frombuffer(data, np.uint8)[len(data) - stride :].copy()
    end = len(data) - tail
    block = min(8192 // stride & ~(GROUP - 1), 256)
    result = np.empty((count, stride), np.uint8)
    at = 1
    for start in range(0, count, block):
        size = min(block, count - start)
        for column in range(stride):
            deltas, at = _deltas(data, at, end, size)
            signed = (deltas >> 1) ^ (-(deltas & 1))
            values = (int(last[column]) + np.cumsum(signed[:size])).astype(np.uint8)
            result[start : start + size, column] = values
            last[column] = values[-1]
    if at != end:
        raise ValueError(f"leaves {end - at} bytes over")
    return result


def _deltas(data: bytes, at: int, end: int, size: int) -> tuple[NDArray[np.int64], int]:
    """Zigzag deltas of one byte column of a block, padded to whole groups; and where the next begins."""
    groups = -(-size // GROUP)
    head, at = at, at + (groups + 3) // 4
    values: list[int] = []
    for group in range(groups):
        kind = data[head + group // 4] >> (group % 4 * 2) & 3
        if kind == 0:
            values += [0] * GROUP
        elif kind == 3:
            values += data[at : at + GROUP]
            at += GROUP
        else:
            width, table, escape = (4, _CRUMBS, 3) if kind == 1 else (8, _NIBBLES, 15)
            packed = [value for byte in data[at : at + width] for value in table[byte]]
            at += width
            if escape in packed:
                for k, value in enumerate(packed):
                    if value == escape:
                        packed[k] = data[at]
                        at += 1
            values += packed
        if at > end:
            raise ValueError("ends inside a block")
    return np.array(values, np.int64), at


def _unfiltered(values: NDArray[np.uint8], filtered: str) -> NDArray[np.generic]:
    stride = values.shape[1]
    if filtered == "NONE" or not len(values):
        return values
    if filtered == "OCTAHEDRAL" and stride in (4, 8):
        kind = np.dtype("<i1") if stride == 4 else np.dtype("<i2")
        x, y, one = values.view(kind).astype(np.float64)[:, :3].T
        z = one - np.abs(x) - np.abs(y)
        fold = np.minimum(z, 0.0)
        vector = np.stack([x + np.where(x >= 0, fold, -fold), y + np.where(y >= 0, fold, -fold), z], axis=1)
        length = np.maximum(np.linalg.norm(vector, axis=1, keepdims=True), 1e-9)
        result = values.view(kind).copy()
        result[:, :3] = np.round(vector * (np.iinfo(kind).max / length)).astype(kind)
        return result
    if filtered == "EXPONENTIAL" and stride % 4 == 0:
        packed: NDArray[np.int32] = values.view("<i4")
        exponent = packed >> 24
        mantissa = (packed << 8) >> 8
        return np.ldexp(mantissa.astype(np.float64), exponent).astype("<f4")
    raise ValueError(f"has the filter {filtered[:20]!r} over {stride} bytes, which no avatar needs")


class _Bytes:
    """A cursor over variable-length integers."""

    __slots__ = ("at", "data", "end")

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def byte(self) -> int:
        if self.at >= self.end:
            raise ValueError("ends inside an index")
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value
            if shift > 28:
                raise ValueError("holds an index of more than 32 bits")

    def signed(self) -> int:
        value = self.number()
        return (value >> 1) ^ -(value & 1)


def _sequence(data: bytes, count: int) -> NDArray[np.int64]:
    if not data or data[0] & 0xF0 != 0xD0 or data[0] & 0x0F > 1:
        raise ValueError("is no index sequence")
    stream = _Bytes(data, 1, len(data) - 4)
    last = [0, 0]
    result = np.empty(count, np.int64)
    for k in range(count):
        value = stream.number()
        line, value = value & 1, value >> 1
        last[line] += (value >> 1) ^ -(value & 1)
        result[k] = last[line]
    if stream.at != stream.end:
        raise ValueError("leaves bytes over")
    return result


def _triangles(data: bytes, count: int) -> NDArray[np.int64]:
    if not data or data[0] not in (0xE0, 0xE1) or count % TRIPLES:
        raise ValueError("is no triangle stream")
    number = count // TRIPLES
    end = len(data) - 16
    if 1 + number > end:
        raise ValueError("is shorter than its codes")
    table = data[end:]
    near = 13 if data[0] == 0xE1 else 15
    stream = _Bytes(data, 1 + number, end)
    edges: list[tuple[int, int]] = [(0, 0)] * 16  # the newest last
    recent = [0] * 16
    following = last = 0
    result: list[int] = []
    fresh: tuple[tuple[int, int], ...]
    for code in data[1 : 1 + number]:
        if code < 0xF0:
            a, b = edges[15 - (code >> 4)]
            third = code & 15
            if third < near:
                c = following if third == 0 else recent[15 - third]
                if third == 0:
                    following += 1
                    _push(recent, c)
            else:
                last += stream.signed() if third == 15 else third - (third ^ 3)
                c = last
                _push(recent, c)
            fresh = ((c, b), (a, c))
        else:
            aux = table[code & 15] if code < 0xFE else stream.byte()
            first = 15 if code == 0xFF else 0
            second, third = aux >> 4, aux & 15
            if code >= 0xFE and aux == 0:
                following = 0
            corners = [0, 0, 0]
            for k, place in enumerate((first, second, third)):
                if place == 0:
                    corners[k] = following
                    following += 1
                elif code < 0xFE or place != 15:
                    corners[k] = recent[16 - place]
            if code >= 0xFE:
                for k, place in enumerate((first, second, third)):
                    if place == 15:
                        last += stream.signed()
                        corners[k] = last
            a, b, c = corners
            _push(recent, a)
            for corner, place in ((b, second), (c, third)):
                if place == 0 or (code >= 0xFE and place == 15):
                    _push(recent, corner)
            fresh = ((b, a), (c, b), (a, c))
        result += (a, b, c)
        edges.extend(fresh)
        del edges[: len(fresh)]
    if stream.at != end:
        raise ValueError("leaves bytes over")
    return np.array(result, np.int64)


def _push(recent: list[int], vertex: int) -> None:
    recent.append(vertex)
    del recent[0]
