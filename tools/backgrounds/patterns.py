"""Only colours that change over a surface: wood, fabric, prints, charts, views out of a window. Linear light."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tools.backgrounds.shapes import Floats, Pattern, Vector, hexa

Numbers = NDArray[np.float64]


def noise(x: Any, y: Any, seed: int, octaves: int = 3) -> Numbers:
    """Smooth value noise 0..1 over the plane, period 256; x and y are (n,) arrays."""
    total, weight, size = np.zeros(np.shape(x)), 0.0, 1.0
    for octave in range(octaves):
        table = np.random.default_rng((seed, octave)).random((256, 256))
        i, j = np.floor(x * size), np.floor(y * size)
        u, v = x * size - i, y * size - j
        u, v = u * u * (3 - 2 * u), v * v * (3 - 2 * v)
        a, b = i.astype(int) % 256, j.astype(int) % 256
        c, d = (a + 1) % 256, (b + 1) % 256
        total += (
            (table[a, b] * (1 - u) + table[c, b] * u) * (1 - v) + (table[a, d] * (1 - u) + table[c, d] * u) * v
        ) / size
        weight += 1 / size
        size *= 2
    return total / weight


def mix(low: Vector, high: Vector, share: Numbers) -> Floats:
    """(n, 3) between two colours."""
    share = np.clip(share, 0, 1)[:, None]
    return np.asarray(np.array(low) * (1 - share) + np.array(high) * share, np.float32)


def wood(light: str, dark: str, along: int, seed: int, scale: float = 1.0) -> Pattern:
    """Grain that runs along axis `along` (0 x, 1 y, 2 z)."""
    across = [axis for axis in range(3) if axis != along]

    def pattern(point: Floats, normal: Floats) -> Floats:
        side = (point[:, across[0]] + point[:, across[1]] * 0.6).astype(float) * scale
        length = point[:, along].astype(float) * scale
        rings = noise(side * 28 + 40, length * 1.6 + 40, seed)
        fine = noise(side * 160 + 90, length * 6 + 20, seed + 1, 2)
        return mix(hexa(light), hexa(dark), 0.75 * rings + 0.3 * fine - 0.1)

    return pattern


def boards(light: str, dark: str, width_m: float, seed: int) -> Pattern:
    """A floor of boards along z."""
    grain = wood(light, dark, 2, seed)

    def pattern(point: Floats, normal: Floats) -> Floats:
        board = np.floor(point[:, 0] / width_m)
        tone = np.random.default_rng(seed).random(512)[board.astype(int) % 512]
        shifted = point + np.stack([board * 0.37, board * 0, board * 1.7], 1).astype(np.float32)
        seam = np.abs(point[:, 0] / width_m - board - 0.5) > 0.485
        return np.asarray(grain(shifted, normal) * (0.8 + 0.35 * tone)[:, None] * np.where(seam, 0.45, 1)[:, None])

    return pattern


def plaster(colour: str, seed: int, depth: float = 0.05) -> Pattern:
    """A painted wall that is not perfectly even."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        u = (point[:, 0] + point[:, 2] * 0.7).astype(float)
        tone = noise(u * 1.7 + 50, point[:, 1] * 1.7 + 50.0, seed)
        return np.asarray(np.array(hexa(colour)) * (1 + depth * (tone[:, None] - 0.5) * 2), np.float32)

    return pattern


def two_tone(below: str, above: str, height_m: float, line: str | None = None) -> Pattern:
    """A wall painted in two colours, with a rail between them."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        tone = 0.97 + 0.06 * noise(point[:, 0] * 1.5 + 30.0, point[:, 1] * 1.5 + 30.0, 5)
        colour = np.where((point[:, 1] < height_m)[:, None], np.array(hexa(below)), np.array(hexa(above)))
        if line is not None:
            rail = np.abs(point[:, 1] - height_m) < 0.03
            colour = np.where(rail[:, None], np.array(hexa(line)), colour)
        return np.asarray(colour * tone[:, None], np.float32)

    return pattern


def landscape(sky: str, low: str, seed: int, colours: tuple[str, str, str]) -> Pattern:
    """A painting in soft bands, for a frame of about 1 m (x right, y up about the group's origin)."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        x, y = point[:, 0].astype(float), point[:, 1].astype(float)
        result = mix(hexa(low), hexa(sky), (y + 0.35) / 0.7 + 0.25 * (noise(x * 5 + 9, y * 7 + 9, seed) - 0.5))
        for number, colour in enumerate(colours):
            edge = (
                0.06
                - 0.13 * number
                + 0.16 * (noise(x * (2.4 + number) + 20 * number + 3, x * 0 + 7.0, seed + number) - 0.5)
            )
            under = np.clip((edge - y) / 0.02, 0, 1)[:, None]
            result = result * (1 - under) + np.array(hexa(colour)) * under
        return np.asarray(result, np.float32)

    return pattern


def leaves_print(paper: str, ink: str, seed: int, mount_m: tuple[float, float]) -> Pattern:
    """A botanical print: a stem with paired leaves on paper, half sizes `mount_m` about the group's origin."""
    random = np.random.default_rng(seed)
    angles = 0.9 + 0.25 * random.random(12)

    def pattern(point: Floats, normal: Floats) -> Floats:
        x, y = point[:, 0] / mount_m[0], point[:, 1] / mount_m[1]
        drawn = (np.abs(x - 0.06 * np.sin(3 * y)) < 0.025) & (np.abs(y) < 0.75)
        for number, angle in enumerate(angles):
            side = 1 if number % 2 else -1
            base = -0.6 + number * 0.1
            u, v = (x - 0.06 * np.sin(3 * base)) * side, y - base
            length = 0.62 * (1 - 0.4 * number / len(angles))
            along = u * np.sin(angle) + v * np.cos(angle)
            beside = u * np.cos(angle) - v * np.sin(angle)
            width = 0.12 * np.sin(np.pi * np.clip(along / length, 0, 1))
            drawn |= (along > 0) & (along < length) & (np.abs(beside) < width)
        return mix(hexa(paper), hexa(ink), drawn.astype(float) * 0.9)

    return pattern


def letters_chart(half_m: tuple[float, float]) -> Pattern:
    """An eye test chart: rows of dark marks that become smaller, half sizes `half_m`."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        x, y = point[:, 0] / half_m[0], point[:, 1] / half_m[1]
        dark = np.zeros(len(x), bool)
        top = 0.82
        for row in range(8):
            size = 0.27 * 0.76**row
            count = row + 1 if row < 6 else 7
            pitch = size * 1.75 * half_m[1] / half_m[0]
            inside = (y < top) & (y > top - size)
            column = (x / pitch) + count / 2
            cell = column - np.floor(column)
            number = np.floor(column).astype(int)
            letter = (cell > 0.2) & (cell < 0.8) & (number >= 0) & (number < count)
            # Three strokes of an E, an F, a T ...: enough for something that far out of focus.
            height = (y - top + size) / size
            strokes = (
                (height > 0.8) | (cell < 0.36) | (np.abs(height - 0.5) < 0.1) | ((height < 0.2) & (number % 2 == 0))
            )
            dark |= inside & letter & strokes
            top -= size + 0.05 + 0.05 * 0.8**row
        return mix(hexa("f4f4f0"), hexa("24262a"), dark.astype(float))

    return pattern


def chest_film(half_m: tuple[float, float]) -> Pattern:
    """Glow of an X-ray film of a chest on a viewing box, 0..1, half sizes `half_m`."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        x, y = point[:, 0] / half_m[0], point[:, 1] / half_m[1]
        film = (np.abs(x) < 0.86) & (np.abs(y) < 0.9)
        body = np.exp(-((np.abs(x) / 0.82) ** 6)) * np.exp(-(((y + 0.1) / 1.0) ** 8))
        lungs = np.zeros(len(x))
        for side in (-1, 1):
            lungs = np.maximum(lungs, np.exp(-((((x - side * 0.38) / 0.27) ** 2 + ((y - 0.05) / 0.58) ** 2) ** 2)))
        ribs = 0.5 + 0.5 * np.cos((y + 0.35 * x * x) * 26)
        spine = np.exp(-((x / 0.09) ** 2))
        heart = np.exp(-((((x - 0.14) / 0.26) ** 2 + ((y + 0.28) / 0.27) ** 2) ** 2))
        bright = 0.10 + 0.55 * body - 0.5 * lungs * (1 - 0.4 * ribs) + 0.25 * spine + 0.3 * heart
        bright = np.clip(bright, 0.03, 0.9)
        glow = np.where(film, bright, 1.0)
        return np.asarray(glow[:, None] * np.where(film[:, None], np.array([0.72, 0.88, 1.0]), 1.0), np.float32)

    return pattern


def garden(seed: int, horizon_m: float, sky: float = 1.0) -> Pattern:
    """What stands behind a window by day, as glow: bright sky, soft trees below (y up in the group's axes)."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        u = (point[:, 0] + point[:, 2]).astype(float)
        y = point[:, 1].astype(float)
        crown = horizon_m + 0.45 * (noise(u * 2.2 + 20, u * 0 + 5.0, seed) - 0.5)
        tree = np.clip((crown - y) / 0.12, 0, 1)
        leaf = noise(u * 9 + 60, y * 9 + 60, seed + 1)
        green = mix(hexa("5f7a58"), hexa("c3cfae"), leaf) * np.float32(0.8)
        above = mix((0.9, 0.95, 1.0), (0.78, 0.9, 1.0), (y - horizon_m) / 1.2) * np.float32(sky)
        return np.asarray(above * (1 - tree[:, None]) + green * tree[:, None], np.float32)

    return pattern


def city_night(seed: int, horizon_m: float, density: float, power: float) -> Pattern:
    """Glow of a town by night seen from afar (x right, y up): dark houses with few lit windows, a dim sky above."""
    random = np.random.default_rng(seed)
    lit, tint, roof = random.random((256, 256)), random.random((256, 256)), random.random(256)
    cell_m, storey_m, house_m = 0.42, 0.46, 2.3

    def pattern(point: Floats, normal: Floats) -> Floats:
        x, y = point[:, 0].astype(float), point[:, 1].astype(float)
        house = np.floor(x / house_m + 64).astype(int) % 256
        top = horizon_m + 4.2 * (roof[house] - 0.5)
        column, row = x / cell_m + 100, y / storey_m + 100
        i, j = np.floor(column).astype(int) % 256, np.floor(row).astype(int) % 256
        pane = (np.abs(column % 1 - 0.5) < 0.15) & (np.abs(row % 1 - 0.5) < 0.17) & (y < top)
        on = pane & (lit[i, j] < density * (0.3 + roof[(house * 7) % 256]))
        warm = mix((1.0, 0.56, 0.22), (1.0, 0.78, 0.5), tint[i, j])
        colour = np.where((tint[i, j] > 0.86)[:, None], np.array([0.62, 0.8, 1.0]), warm)
        shine = power * (0.15 + 2.2 * tint[j, i] ** 4)[:, None]
        sky = mix((0.034, 0.032, 0.042), (0.004, 0.007, 0.018), (y - horizon_m + 2) / 7)
        wall = np.array([0.008, 0.009, 0.014]) * (0.5 + roof[house])[:, None]
        return np.asarray(np.where(on[:, None], colour * shine, np.where((y < top)[:, None], wall, sky)), np.float32)

    return pattern


def screen(seed: int, ground: str, accent: str, half_m: tuple[float, float]) -> Pattern:
    """Glow of a monitor: a quiet page with blocks of text and a chart."""

    def pattern(point: Floats, normal: Floats) -> Floats:
        x, y = point[:, 0] / half_m[0], point[:, 1] / half_m[1]
        front = normal[:, 2] > 0.5
        result = np.tile(np.array(hexa(ground), np.float32), (len(x), 1))
        result[y > 0.82] = hexa(accent)
        result[(x < -0.62) & (y <= 0.82)] = np.array(hexa(ground)) * 0.72
        line = (
            (np.floor((y + 1) * 9) % 2 == 0)
            & (x > -0.5)
            & (x < 0.35 + 0.3 * np.sin(np.floor((y + 1) * 9) * 2.3 + seed))
            & (y < 0.1)
        )
        result[line & (y > -0.85)] = np.array(hexa(ground)) * 0.5
        bars = (
            (x > -0.45) & (x < 0.8) & (y > 0.2) & (y < 0.28 + 0.42 * np.abs(np.sin(np.floor((x + 1) * 7) * 1.9 + seed)))
        )
        result[bars & (np.abs((x + 1) * 7 % 1 - 0.5) < 0.34)] = hexa(accent)
        return np.where(front[:, None], result, np.float32(0.0))

    return pattern
