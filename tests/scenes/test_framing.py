"""Cameras: whatever the avatar's size, the picture's shape and the scene, the head is in the picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.model import Joint, Material, Mesh, Model
from avatar_engine.engine.render.base import Camera
from avatar_engine.scenes.framing import framed
from avatar_engine.scenes.measuring import measure
from avatar_engine.scenes.profile import Measures
from avatar_engine.scenes.scene import FRAMINGS, CameraSpec

pytestmark = pytest.mark.property

ADULT = Measures(
    eye_height_m=1.60, head_top_m=1.72, chin_m=1.485, head_width_m=0.2, face_depth_m=0.08, bottom_m=1.18, centre_x_m=0.0
)


def project(camera: Camera, point: tuple[float, float, float], aspect: float) -> NDArray[np.float64]:
    """Picture coordinates of a point: -1..1 from left to right and from bottom to top."""
    position = np.array(camera.position_m)
    forward = np.array(camera.target_m) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, (0, 1, 0))
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    way = np.array(point) - position
    scale = math.tan(math.radians(camera.fov_deg) / 2) * (way @ forward)
    assert way @ forward > 0, "behind the camera"
    return np.array([way @ right / (scale * aspect), way @ up / scale])


def corners(m: Measures) -> list[tuple[float, float, float]]:
    assert m.head_width_m is not None
    assert m.chin_m is not None
    assert m.head_top_m is not None
    x, z = m.centre_x_m or 0.0, m.face_depth_m or 0.0
    half = m.head_width_m / 2
    return [(x + dx, y, z) for dx in (-half, half) for y in (m.chin_m, m.head_top_m)]


@st.composite
def people(draw: st.DrawFn) -> Measures:
    scale = draw(st.floats(0.3, 3))
    chin = draw(st.floats(-0.1, 1.7)) * scale
    below_eyes = draw(st.floats(0.08, 0.16)) * scale
    above_eyes = draw(st.floats(0.08, 0.3)) * scale
    eye, top = chin + below_eyes, chin + below_eyes + above_eyes
    width = draw(st.floats(0.5, 1.5)) * (top - chin)
    bottom = draw(st.one_of(st.none(), st.floats(0.01, 1.7).map(lambda d: chin - d * scale)))
    return Measures(
        eye_height_m=eye,
        chin_m=chin,
        head_top_m=top,
        head_width_m=width,
        bottom_m=bottom,
        face_depth_m=draw(st.floats(-0.2, 0.3)) * scale,
        centre_x_m=draw(st.floats(-0.2, 0.2)) * scale,
    )


SPECS = st.builds(
    CameraSpec,
    framing=st.sampled_from(FRAMINGS),
    fov_deg=st.floats(8, 45),
    shift=st.tuples(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4)),
    zoom=st.floats(0.5, 2),
)
SIZES = st.sampled_from([(1280, 720), (720, 1280), (720, 720), (2560, 1080), (640, 480), (480, 640), (1080, 2520)])


@settings(max_examples=200, deadline=None)
@given(people(), SPECS, SIZES)
def test_the_head_is_always_in_the_picture(m: Measures, spec: CameraSpec, size: tuple[int, int]) -> None:
    aspect = size[0] / size[1]
    camera = framed(spec, m, *size)
    for corner in corners(m):
        at = project(camera, corner, aspect)
        assert np.abs(at).max() <= 1.001, (corner, at)


@settings(max_examples=150, deadline=None)
@given(people(), st.sampled_from(FRAMINGS), SIZES, st.floats(-60, 60), st.floats(-25, 25))
def test_from_the_side_the_axis_of_the_head_stays_in_the_middle(
    m: Measures, framing: str, size: tuple[int, int], yaw: float, pitch: float
) -> None:
    spec = CameraSpec(framing=framing, yaw_deg=yaw, pitch_deg=pitch)  # type: ignore[arg-type]
    camera = framed(spec, m, *size)
    for y in (m.chin_m, m.head_top_m):
        assert y is not None
        at = project(camera, (m.centre_x_m or 0.0, y, m.face_depth_m or 0.0), size[0] / size[1])
        assert abs(at[0]) < 1e-6
        assert abs(at[1]) <= 1.001


@settings(max_examples=200, deadline=None)
@given(people(), SPECS, SIZES)
def test_no_camera_shows_where_the_model_ends(m: Measures, spec: CameraSpec, size: tuple[int, int]) -> None:
    if m.bottom_m is None or m.chin_m is None or m.head_top_m is None:
        return
    if m.bottom_m > m.chin_m - 0.4 * (m.head_top_m - m.chin_m):
        return  # but a head and a neck: the chin has to be shown, and so has the edge
    camera = framed(spec.model_copy(update={"shift": (spec.shift[0], max(0.0, spec.shift[1]))}), m, *size)
    for behind in (0.0, 0.4 * (m.head_top_m - m.chin_m)):
        point = (m.centre_x_m or 0.0, m.bottom_m, (m.face_depth_m or 0.0) - behind)
        assert project(camera, point, size[0] / size[1])[1] <= -0.999


def test_wider_framings_show_more() -> None:
    shares = []
    for framing in FRAMINGS:
        camera = framed(CameraSpec(framing=framing), ADULT.model_copy(update={"bottom_m": 0.0}), 1280, 720)
        top, chin = project(camera, (0, 1.72, 0.08), 16 / 9)[1], project(camera, (0, 1.485, 0.08), 16 / 9)[1]
        eyes = project(camera, (0, 1.6, 0.08), 16 / 9)[1]
        shares.append((top - chin) / 2)
        assert 0.08 < eyes < 0.5, "eyes lie in the upper half"
        assert top < 0.93, "there is headroom"
    assert shares[0] > 0.55 > shares[1] > 0.38 > shares[2] > 0.25


def test_the_camera_is_at_eye_level_and_far_enough_to_flatter() -> None:
    camera = framed(CameraSpec(framing="bust"), ADULT, 1280, 720)
    assert camera.position_m[1] == pytest.approx(1.60)
    assert camera.position_m[2] - 0.08 > 1.2


def test_yaw_pitch_and_shift_go_where_they_say() -> None:
    from_left = framed(CameraSpec(yaw_deg=30), ADULT, 1280, 720)
    assert from_left.position_m[0] > 0.5
    above = framed(CameraSpec(pitch_deg=20), ADULT, 1280, 720)
    assert above.position_m[1] > 1.9
    right = framed(CameraSpec(shift=(0.2, 0.0)), ADULT, 1280, 720)
    assert project(right, (0, 1.6, 0.08), 16 / 9)[0] == pytest.approx(0.4, abs=0.02)
    wide = framed(CameraSpec(framing="upper_body", shift=(-0.15, 0.0)), ADULT, 1280, 720)
    assert project(wide, (0, 1.6, 0.08), 16 / 9)[0] == pytest.approx(-0.3, abs=0.02)
    plain = project(framed(CameraSpec(), ADULT, 1280, 720), (0, 1.6, 0.08), 16 / 9)[1]
    lower = framed(CameraSpec(shift=(0.0, -0.05)), ADULT, 1280, 720)
    assert project(lower, (0, 1.6, 0.08), 16 / 9)[1] == pytest.approx(plain - 0.1, abs=0.02)


def test_contradicting_measures_are_refused() -> None:
    with pytest.raises(AssetError, match="not above one another"):
        framed(CameraSpec(), Measures(eye_height_m=1.6, chin_m=1.7), 16, 9)
    with pytest.raises(AssetError, match="eyes is unknown"):
        framed(CameraSpec(), Measures(), 16, 9)


def dummy(eye: bool, height: float = 1.6, x: float = 0.0) -> Model:
    """A person of ellipsoids: skull with a chin that juts out, neck, shoulders; eyes as joints or not at all."""
    material = Material("skin", "skin", (1, 1, 1, 1), None, 0.5, 0.0, "OPAQUE", 0.5, False)
    u, v = np.meshgrid(np.linspace(0, 2 * np.pi, 90), np.linspace(0, np.pi, 120))
    ball = np.stack([np.sin(v) * np.sin(u), np.cos(v), np.sin(v) * np.cos(u)], -1).reshape(-1, 3)
    skull = ball * (0.08, 0.12, 0.10) + (x, height, 0.0)
    jaw = ball * (0.05, 0.055, 0.045) + (x, height - 0.062, 0.055)  # lowest point 0.117 below the eyes
    neck = ball * (0.055, 0.2, 0.055) + (x, height - 0.18, -0.03)
    body = ball * (0.22, 0.2, 0.12) + (x, height - 0.4, -0.03)
    points = np.concatenate([skull, jaw, neck, body]).astype(np.float32)
    mesh = Mesh("m", 0, points, points, np.zeros((len(points), 2), np.float32), np.zeros((1, 3), np.uint32), material)
    joints = []
    if eye:
        for name, side in (("J_Adj_L_FaceEye", 0.032), ("J_Adj_R_FaceEye", -0.032)):
            rest = np.eye(4, dtype=np.float32)
            rest[:3, 3] = (x + side, height, 0.09)
            joints.append(Joint(name, -1, rest))
    return Model("dummy", (mesh,), tuple(joints), (), 1, "dummy.glb")


@pytest.mark.parametrize(("height", "x"), [(1.6, 0.0), (0.1, 0.3), (2.4, -0.1)])
def test_measures_come_from_mesh_and_joints(height: float, x: float) -> None:
    found = measure(dummy(True, height, x))
    assert found.eye_height_m == pytest.approx(height, abs=1e-3)
    assert found.eye_distance_m == pytest.approx(0.064, abs=1e-3)
    assert found.head_top_m == pytest.approx(height + 0.12, abs=2e-3)
    assert found.chin_m == pytest.approx(height - 0.117, abs=0.012)
    assert found.face_depth_m == pytest.approx(0.09, abs=1e-3)
    assert found.centre_x_m == pytest.approx(x, abs=1e-3)
    assert found.head_width_m == pytest.approx(0.16, abs=0.01)
    assert found.bottom_m == pytest.approx(height - 0.6, abs=2e-3)
    assert found.shoulder_width_m == pytest.approx(0.43, abs=0.06)


def test_a_model_without_eyes_is_measured_by_proportion() -> None:
    found = measure(dummy(False))
    assert found.eye_height_m == pytest.approx(1.6, abs=0.03)
    assert found.chin_m is not None
    assert found.chin_m == pytest.approx(1.483, abs=0.03)


def test_what_the_profile_says_stays() -> None:
    found = measure(dummy(True), Measures(eye_height_m=1.58, head_top_m=1.8))
    assert found.eye_height_m == 1.58
    assert found.head_top_m == 1.8
    with pytest.raises(AssetError, match="no mesh"):
        measure(Model("x", (), (), (), 1, "x.glb"))
