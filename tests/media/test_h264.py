from __future__ import annotations

import av
import numpy as np
import pytest

from avatar_engine.engine.errors import DeviceError, OutputError
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.encoders import choose_h264, try_encoder
from avatar_engine.engine.media.h264 import AccessUnit, H264Encoder

from .conftest import picture

pytestmark = [
    pytest.mark.unit,
    pytest.mark.skipif(choose_h264() != "libx264", reason="says what x264 does; this PyAV has none"),
]

W, H, FPS = 320, 180, 30
SPS, PPS, IDR = 7, 8, 5


def noisy(index: int) -> Image:
    """Content that no encoder can predict: the hardest case for a rate."""
    noise = np.random.default_rng(index).integers(0, 256, (H // 2, W // 2, 1), dtype=np.uint8)
    return Image(W, H, "bgra", np.ascontiguousarray(np.broadcast_to(noise.repeat(2, 0).repeat(2, 1), (H, W, 4))))


def nal_types(unit: AccessUnit) -> list[int]:
    data, found, at = unit.data, [], 0
    while (at := data.find(b"\0\0\1", at)) >= 0:
        found.append(data[at + 3] & 0x1F)
        at += 3
    return found


def decode(units: list[AccessUnit]) -> list[av.VideoFrame]:
    decoder = av.CodecContext.create("h264", "r")
    frames = [frame for unit in units for frame in decoder.decode(av.Packet(unit.data))]
    return frames + list(decoder.decode(None))


def test_one_annex_b_unit_per_picture_at_once_and_repeats_are_tiny() -> None:
    encoder = H264Encoder(W, H, FPS, 600_000)
    units = []
    for index in range(30):
        made = encoder.encode(picture(W, H, index) if index < 20 else None)
        assert len(made) == 1
        units += made
    assert encoder.close() == []
    assert [unit.index for unit in units] == list(range(30))
    assert all(unit.data.startswith(b"\0\0\0\1") for unit in units)
    assert [unit.keyframe for unit in units] == [True] + [False] * 29
    assert nal_types(units[0])[:2] == [SPS, PPS]
    sizes = [len(unit.data) for unit in units]
    assert np.median(sizes[21:]) < np.median(sizes[1:20]) / 4
    frames = decode(units)
    assert len(frames) == 30
    assert frames[0].format.name == "yuv420p"
    shown = frames[19].to_ndarray(format="bgra").astype(int)
    assert np.mean(np.abs(shown[..., :3] - picture(W, H, 19).pixels[..., :3])) < 6


def test_keyframes_on_demand_only_and_each_stands_alone() -> None:
    encoder = H264Encoder(W, H, FPS, 600_000)
    units = [encoder.encode(noisy(index), force_keyframe=index == 12)[0] for index in range(25)]
    assert [index for index, unit in enumerate(units) if unit.keyframe] == [0, 12]
    assert nal_types(units[12])[:2] == [SPS, PPS]
    assert IDR in nal_types(units[12])
    assert len(decode(units[12:])) == 13


def bits_per_second(units: list[AccessUnit]) -> float:
    return sum(len(unit.data) for unit in units) * 8 * FPS / len(units)


def test_obeys_its_rate_and_follows_a_new_one_without_a_keyframe() -> None:
    encoder = H264Encoder(W, H, FPS, 800_000)
    units: list[AccessUnit] = []
    for target in (800_000, 450_000, 1_200_000):
        encoder.set_bitrate(target)
        assert encoder.bitrate_bps == target
        start = len(units)
        for _ in range(3 * FPS):
            units += encoder.encode(noisy(len(units)))
        settled = units[start + FPS :]
        assert 0.6 * target < bits_per_second(settled) < 1.12 * target
        worst = max(bits_per_second(settled[i : i + FPS]) for i in range(0, len(settled) - FPS, 5))
        assert worst < 1.45 * target  # a second, plus what the buffer of a third may add
    assert sum(unit.keyframe for unit in units) == 1


def test_a_rate_far_away_opens_the_encoder_anew() -> None:
    encoder = H264Encoder(W, H, FPS, 1_000_000)
    units = [encoder.encode(noisy(index))[0] for index in range(10)]
    encoder.set_bitrate(150_000)
    units += [encoder.encode(noisy(index))[0] for index in range(10, 100)]
    assert [index for index, unit in enumerate(units) if unit.keyframe] == [0, 10]
    assert [unit.index for unit in units] == list(range(100))
    assert bits_per_second(units[40:]) < 1.2 * 150_000
    assert len(decode(units)) == 100


def test_takes_i420_unchanged() -> None:
    planes = np.full((H * 3 // 2, W), 128, np.uint8)
    planes[:H] = 200
    encoder = H264Encoder(W, H, FPS, 2_000_000)
    frames = decode(encoder.encode(Image(W, H, "i420", planes)))
    assert np.max(np.abs(frames[0].to_ndarray().astype(int) - planes)) <= 2


def test_colours_are_bt709_limited_and_say_so() -> None:
    red = np.zeros((H, W, 4), np.uint8)
    red[..., 2] = red[..., 3] = 255
    frame = decode(H264Encoder(W, H, FPS, 2_000_000).encode(Image(W, H, "bgra", red)))[0]
    planes = frame.to_ndarray()
    # ITU-R BT.709, 8 bit: red is Y 63, Cb 102, Cr 240
    assert abs(int(planes[H // 2, W // 2]) - 63) <= 1
    assert abs(int(planes[-1, W // 4]) - 240) <= 1
    assert (frame.colorspace, frame.color_range, frame.color_trc, frame.color_primaries) == (1, 1, 1, 1)


def test_refuses_what_it_cannot_do() -> None:
    with pytest.raises(OutputError, match="even"):
        H264Encoder(321, 180, FPS, 500_000)
    with pytest.raises(OutputError, match="first picture"):
        H264Encoder(W, H, FPS, 500_000).encode(None)
    with pytest.raises(OutputError, match="64x64 picture for a 320x180"):
        H264Encoder(W, H, FPS, 500_000).encode(picture(64, 64, 0))
    with pytest.raises(DeviceError):
        H264Encoder(W, H, FPS, 500_000, codec="h264_v4l2m2m" if try_encoder("h264_v4l2m2m").works else "nothing")


def test_trying_encoders_tells_working_from_compiled_in() -> None:
    assert try_encoder("libx264").works
    nothing = try_encoder("no_such_encoder")
    assert not nothing.works
    assert "not part" in nothing.reason
    for name in ("h264_nvenc", "h264_qsv"):
        trial = try_encoder(name)
        assert trial.works or trial.reason
