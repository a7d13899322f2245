"""The path tracer of the background pictures: it keeps energy, and simple light comes out as on paper."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tools.backgrounds.developing import developed, jpeg
from tools.backgrounds.rays import blocked, nearest, normals, solids
from tools.backgrounds.rooms import ROOMS
from tools.backgrounds.shapes import Box, Cone, Ellipsoid, Eye, Group, Lamp, Room, Sun, Surface, turned
from tools.backgrounds.tracing import traced

pytestmark = pytest.mark.unit

WHITE = Surface(colour=(1.0, 1.0, 1.0))
GREY = Surface(colour=(0.5, 0.4, 0.2))
FLOOR = Group((Box((-50, -1, -50), (50, 0, 50), GREY),))
DOWN = Eye((0.0, 1.0, 0.01), (0.0, 0.0, 0.0), 2.0, 1.0, 0.0)
BALL = Ellipsoid((0, 0, -3), (0.8, 0.5, 0.6), WHITE, turned(20, 30, 40))


def test_a_white_body_in_even_light_is_not_to_be_seen() -> None:
    eye = Eye((0, 0, 0), (0, 0, -3), 30.0, 3.0, 0.1)
    room = Room("x", Group((BALL, Cone((1.2, -0.5, -3), 0.8, 0.3, 0.1, WHITE))), (), (), eye, outside=(1, 1, 1))
    light = traced(room, 32, 18, 24, 1)
    assert light.mean() == pytest.approx(1.0, abs=0.01)
    assert light[9, 16].mean() == pytest.approx(1.0, abs=0.1)


def test_light_of_a_lamp_falls_off_as_on_paper() -> None:
    lamp = Lamp((-0.05, 3.0, -0.05), (0.1, 0, 0), (0, 0, 0.1), (7.0, 7.0, 7.0))
    room = Room("x", FLOOR, (), (lamp,), DOWN)
    light = traced(room, 8, 8, 40, 1).mean((0, 1))
    irradiance = 7.0 * 0.01 / 3.0**2
    assert light == pytest.approx(np.array(GREY.colour) / math.pi * irradiance, rel=0.03)


def test_the_sun_shines_with_the_cosine_and_things_cast_shadows() -> None:
    sun = Sun((0.0, 1.0, 1.0), (3.0, 3.0, 3.0), 0.0)
    light = traced(Room("x", FLOOR, (), (), DOWN, sun), 8, 8, 4, 1).mean((0, 1))
    assert light == pytest.approx(np.array(GREY.colour) / math.pi * 3.0 * math.sqrt(0.5), rel=0.01)
    roof = Group((Box((-1, 2, 1), (1, 2.1, 3), WHITE),))
    dark = traced(Room("x", FLOOR, (roof,), (), DOWN, sun), 8, 8, 4, 1).mean()
    assert dark < 0.35 * light.mean()


def test_rays_meet_surfaces_and_see_them_from_outside() -> None:
    cone = Cone((0.3, -0.4, -2.6), 0.9, 0.35, 0.15, WHITE)
    box = Box((-0.9, -0.5, -3.2), (-0.4, 0.4, -2.7), WHITE)
    turn = turned(6, 4, -5)
    room = Room("x", Group((BALL,)), (Group((box, cone), (0.1, 0.05, -0.2), turn),), ())
    scene = solids(room)
    random = np.random.default_rng(1)
    origin = np.zeros((3, 4000), np.float32)
    heading = np.stack([random.uniform(-0.5, 0.5, 4000), random.uniform(-0.3, 0.3, 4000), np.full(4000, -1.0)])
    heading = (heading / np.linalg.norm(heading, axis=0)).astype(np.float32)
    distance, shape = nearest(scene, origin, heading)
    hit = shape >= 0
    assert 0.2 < hit.mean() < 0.9
    assert set(np.unique(shape[hit])) == {0, 1, 2}
    point = (heading[:, hit] * distance[hit]).T
    facing, local, _ = normals(scene, shape[hit], point)
    assert (np.sum(facing * heading[:, hit].T, 1) < 1e-3).all()
    assert np.allclose(np.linalg.norm(facing, axis=1), 1, atol=1e-5)
    ball = shape[hit] == 0
    unit = ((point[ball] - BALL.centre) @ BALL.axes) / BALL.radii
    assert np.allclose(np.linalg.norm(unit, axis=1), 1, atol=2e-3)
    inside = local[shape[hit] == 1]
    assert (np.abs(inside - np.clip(inside, box.low, box.high)) < 2e-3).all()
    limit = distance.copy()
    limit[~hit] = 100
    assert not blocked(scene, origin, heading, limit - np.float32(5e-3)).any()
    assert (blocked(scene, origin, heading, limit + np.float32(5e-3)) == hit).all()


def test_the_same_seed_gives_the_same_picture_and_every_room_can_be_seen() -> None:
    for name, make in ROOMS.items():
        room = make()
        assert room.name == name
        one, two = (traced(room, 32, 18, 1, 3) for _ in range(2))
        assert np.array_equal(one, two)
        assert np.isfinite(one).all()
        assert (one >= 0).all()
        assert one.mean() > 0.005


def test_a_developed_picture_fits_and_is_in_order() -> None:
    ramp = np.linspace(0, 2, 32, dtype=np.float32)[None, :, None].repeat(18, 0).repeat(3, 2)
    pixels = developed(ramp, Room("x", FLOOR, (), ()), 1, (320, 180))
    assert pixels.shape == (180, 320, 3)
    columns = pixels.mean((0, 2))
    assert columns[10] < columns[100] < columns[200] < columns[310]
    assert len(jpeg(pixels)) < 300_000
    noise = np.random.default_rng(1).integers(100, 150, (1080, 1920, 3)).astype(np.uint8)
    with pytest.raises(ValueError, match="too much detail"):
        jpeg(noise)
