"""Only follows light: paths from a thin lens through the room, with the lamps and the sun sampled at each bounce."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tools.backgrounds.rays import FAR, Ints, Solids, blocked, nearest, normals, solids
from tools.backgrounds.shapes import Eye, Floats, Lamp, Room

Random = np.random.Generator

BOUNCES = 5
RAYS = 20_000
"""Rays followed at once."""
EVEN = 1.1673039782614187 ** -np.arange(1.0, 5.0) % 1
"""Steps of an evenly spread sequence in four dimensions: powers of the root of x^5 = x + 1 (Roberts, R sequence)."""
CALM = 2.5
"""Light that arrives over a bounce is capped here: rare, very bright paths would be seen as specks."""


def traced(
    room: Room,
    width: int,
    height: int,
    samples: int,
    seed: int,
    progress: Callable[[float], None] | None = None,
) -> Floats:
    """(height, width, 3) linear light, the mean of `samples` paths per pixel."""
    scene = solids(room)
    picture = np.zeros((height * width, 3), np.float64)
    order = np.arange(height * width)
    parts = np.array_split(order, max(1, len(order) // RAYS))
    offsets = np.random.default_rng((seed, samples)).random((4, height * width))
    for sample in range(samples):
        random = np.random.default_rng((seed, sample))
        for part in parts:
            # Each pixel walks its own evenly spread sequence over itself and the lens: far less noise than dice.
            draw = (offsets[:, part] + sample * EVEN[:, None]) % 1
            origin, heading = _lens(room.eye, part, width, height, draw)
            picture[part] += _paths(scene, room, origin, heading, random)
        if progress:
            progress((sample + 1) / samples)
    return (picture / samples).astype(np.float32).reshape(height, width, 3)


def _lens(eye: Eye, pixels: Ints, width: int, height: int, draw: NDArray[np.float64]) -> tuple[Floats, Floats]:
    forward = np.subtract(eye.target, eye.place, dtype=float)
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 1, 0))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    half = math.tan(math.radians(eye.fov_deg) / 2)
    x = ((pixels % width + draw[0]) / width * 2 - 1) * half * width / height
    y = (1 - (pixels // width + draw[1]) / height * 2) * half
    radius, angle = eye.lens_m / 2 * np.sqrt(draw[2]), 2 * np.pi * draw[3]
    focus = (forward + np.multiply.outer(x, right) + np.multiply.outer(y, up)) * eye.focus_m
    shift = np.multiply.outer(radius * np.cos(angle), right) + np.multiply.outer(radius * np.sin(angle), up)
    heading = focus - shift
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    origin = shift + eye.place
    return origin.T.astype(np.float32), heading.T.astype(np.float32)


def _paths(scene: Solids, room: Room, origin: Floats, heading: Floats, random: Random) -> Floats:
    """(n, 3) light that arrives along each ray."""
    count = origin.shape[1]
    light = np.zeros((count, 3), np.float32)
    carried = np.ones((count, 3), np.float32)
    alive = np.arange(count)
    sees_lamps = np.ones(count, np.bool_)
    for bounce in range(BOUNCES):
        distance, shape = nearest(scene, origin, heading)
        missed = shape < 0
        light[alive[missed]] += _capped(carried[missed] * np.array(room.outside, np.float32), bounce)
        if missed.any():
            keep = ~missed
            alive, shape, distance = alive[keep], shape[keep], distance[keep]
            origin, heading, carried, sees_lamps = (
                origin[:, keep],
                heading[:, keep],
                carried[keep],
                sees_lamps[keep],
            )
        if not len(alive):
            break
        point = (origin + distance * heading).T
        normal, local, facing = normals(scene, shape, point)
        # Seen from behind (only thin sheets are): the other side.
        backside = (normal * heading.T).sum(1) > 0
        normal[backside] *= -1
        colour, glow, gloss, roughness = _look(scene, shape, local, facing)
        glow[scene.see_through[shape] & ~sees_lamps] = 0
        light[alive] += _capped(carried * glow, bounce)
        point += normal * np.float32(2e-3)

        cosine = np.clip(-(normal * heading.T).sum(1), 0, 1)
        mirror = gloss + (1 - gloss) * (1 - cosine) ** 5 * (gloss > 0)
        shiny = random.random(len(alive)) < mirror
        matt = ~shiny
        if matt.any():
            direct = _direct(scene, room, point[matt], normal[matt], random)
            light[alive[matt]] += _capped(carried[matt] * colour[matt] * direct, bounce)
        carried = np.where(shiny[:, None], carried, carried * colour)
        heading = np.where(
            shiny[:, None],
            _mirrored(heading.T, normal, roughness, random),
            _scattered(normal, random),
        ).T.astype(np.float32)
        origin = np.ascontiguousarray(point.T)
        sees_lamps = shiny
        if bounce >= 1:  # dark paths end at random, the rest carry more
            chance = np.clip(carried.max(1), 0.05, 0.95)
            keep = random.random(len(alive)) < chance
            carried = carried[keep] / chance[keep, None]
            alive, origin, heading, sees_lamps = alive[keep], origin[:, keep], heading[:, keep], sees_lamps[keep]
            if not len(alive):
                break
    else:
        light[alive] += carried * np.array(room.ambient, np.float32)
    return light


def _capped(amount: Floats, bounce: int) -> Floats:
    return amount if bounce == 0 else np.minimum(amount, np.float32(CALM))


def _look(scene: Solids, shape: Ints, local: Floats, facing: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    number = scene.surface_of[shape]
    colour = np.array([surface.colour for surface in scene.surfaces], np.float32)[number]
    glow = np.array([surface.glow for surface in scene.surfaces], np.float32)[number]
    gloss = np.array([surface.gloss for surface in scene.surfaces], np.float32)[number]
    roughness = np.array([surface.roughness for surface in scene.surfaces], np.float32)[number]
    for index in np.unique(number):
        surface = scene.surfaces[index]
        if surface.pattern is None:
            continue
        at = np.flatnonzero(number == index)
        values = surface.pattern(local[at], facing[at]).astype(np.float32)
        if max(surface.glow) > 0:
            glow[at] *= values
        else:
            colour[at] = values
    return colour, glow, gloss, roughness


def _direct(scene: Solids, room: Room, point: Floats, normal: Floats, random: Random) -> Floats:
    """(n, 3) light of one sampled lamp and of the sun, times cosine over pi."""
    result = np.zeros_like(point)
    count = len(point)
    if room.lamps:
        power = np.array([_power(lamp) for lamp in room.lamps])
        chance = power / power.sum()
        which = random.choice(len(power), count, p=chance)
        table = np.array([(*lamp.corner, *lamp.edge_u, *lamp.edge_v) for lamp in room.lamps])
        corner, edge_u, edge_v = (table[:, at : at + 3] for at in (0, 3, 6))
        draw = random.random((2, count, 1))
        target = corner[which] + draw[0] * edge_u[which] + draw[1] * edge_v[which]
        glow = np.array([lamp.glow for lamp in room.lamps])[which] / chance[which, None]
        face = np.cross(edge_u, edge_v)[which]  # its length is the area
        way = target - point
        square = (way * way).sum(1)
        length = np.sqrt(square)
        way /= length[:, None]
        form = (way * normal).sum(1) * -(way * face).sum(1) / np.maximum(square, 0.02) / np.pi
        form[((way * normal).sum(1) <= 0) | ((way * face).sum(1) >= 0)] = 0
        _add(result, scene, point, way, length - 0.01, form[:, None] * glow)
    if room.sun is not None:
        towards = np.array(room.sun.towards, float)
        towards /= np.linalg.norm(towards)
        way = towards + random.normal(0, room.sun.radius_rad / 2, (count, 3))
        way /= np.linalg.norm(way, axis=1, keepdims=True)
        cosine = np.maximum((way * normal).sum(1), 0) / np.pi
        _add(result, scene, point, way, np.full(count, 50.0), cosine[:, None] * np.array(room.sun.light))
    return result


def _add(
    result: Floats,
    scene: Solids,
    point: Floats,
    way: NDArray[np.float64],
    limit: NDArray[np.float64],
    amount: NDArray[np.float64],
) -> None:
    at = np.flatnonzero(amount.max(1) > 1e-5)
    if len(at):
        f32 = np.float32
        origin, heading = np.ascontiguousarray(point[at].T), np.ascontiguousarray(way[at].T.astype(f32))
        free = ~blocked(scene, origin, heading, np.minimum(limit[at], FAR).astype(f32))
        result[at[free]] += amount[at[free]].astype(f32)


def _power(lamp: Lamp) -> float:
    return float(np.linalg.norm(np.cross(lamp.edge_u, lamp.edge_v)) * max(lamp.glow))


def _scattered(normal: Floats, random: Random) -> Floats:
    """(n, 3) directions about `normal`, cosine-weighted."""
    z = random.random(len(normal), np.float32) * 2 - 1
    angle = random.random(len(normal), np.float32) * np.float32(2 * np.pi)
    ring = np.sqrt(np.maximum(1 - z * z, 0))
    result = normal + np.stack([ring * np.cos(angle), ring * np.sin(angle), z], 1)
    return np.asarray(result / np.maximum(np.linalg.norm(result, axis=1, keepdims=True), 1e-6))


def _mirrored(heading: Floats, normal: Floats, roughness: Floats, random: Random) -> Floats:
    straight = heading - 2 * (heading * normal).sum(1, keepdims=True) * normal
    spread = random.normal(size=straight.shape).astype(np.float32)
    result = straight + roughness[:, None] * spread
    below = (result * normal).sum(1, keepdims=True)
    result = np.where(below < 0.01, result - (below - 0.01) * normal, result)
    return np.asarray(result / np.linalg.norm(result, axis=1, keepdims=True))
