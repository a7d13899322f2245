from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_engine.engine.errors import InputError, OutputError
from avatar_engine.engine.media.mp4 import Mp4Sink
from avatar_engine.engine.media.png import PngSink, encode_png, write_png
from avatar_engine.engine.media.reader import read_speech
from avatar_engine.engine.media.sinks import NullSink, VideoSink, sink_for

from .conftest import chirp, picture

pytestmark = pytest.mark.unit

W, H, RATE = 320, 180, 48000
Leftovers = Callable[[], list[str]]


def record(sink: VideoSink, seconds: float, fps: int, width: int = W, height: int = H) -> NDArray[np.float32]:
    """Fill a sink with `seconds` of moving picture and chirp; returns the samples."""
    sound = chirp(seconds, RATE)
    frames = -(-len(sound) * fps // RATE)
    sink.open(width, height, fps, RATE)
    for index in range(frames):
        sink.write_video(None if index % 5 == 3 else picture(width, height, index))
        sink.write_audio(sound[index * RATE // fps : (index + 1) * RATE // fps])
    sink.close()
    return sound


def boxes(data: bytes) -> list[str]:
    names, at = [], 0
    while at < len(data):
        size, name = struct.unpack(">I4s", data[at : at + 8])
        names.append(name.decode())
        at += size
    return names


@pytest.mark.parametrize(("fps", "seconds"), [(30, 2.0), (30, 1.234), (24, 1.0), (60, 0.501), (30, 0.02)])
def test_movie_starts_at_zero_and_is_as_long_as_the_speech(tmp_path: Path, fps: int, seconds: float) -> None:
    path = tmp_path / "deep" / "out.mp4"
    sound = record(Mp4Sink(path), seconds, fps)
    frames = -(-len(sound) * fps // RATE)
    with av.open(str(path)) as movie:
        video, audio = movie.streams.video[0], movie.streams.audio[0]
        assert (video.codec_context.name, audio.codec_context.name) == ("h264", "aac")
        assert (video.width, video.height, video.average_rate) == (W, H, Fraction(fps))
        assert (video.start_time, audio.start_time) == (0, 0)
        assert video.duration * video.time_base == pytest.approx(frames / fps, abs=1e-4)
        assert audio.duration * audio.time_base == pytest.approx(len(sound) / RATE, abs=1e-6)
        pictures = list(movie.decode(video))
        assert [round(frame.time * fps) for frame in pictures] == list(range(frames))
        assert (pictures[0].colorspace, pictures[0].color_range) == (1, 1)
    heard = read_speech(path, RATE)
    assert len(heard) == len(sound)
    if seconds > 0.1:
        assert np.corrcoef(heard, sound)[0, 1] > 0.99  # the chirp betrays any shift
    assert boxes(path.read_bytes())[:2] == ["ftyp", "moov"]  # plays before it is loaded
    assert [entry.name for entry in path.parent.iterdir()] == ["out.mp4"]


def test_pictures_come_back_as_they_went_in(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    record(Mp4Sink(path, quality="high"), 1.0, 30)
    with av.open(str(path)) as movie:
        shown = [frame.to_ndarray(format="bgra") for frame in movie.decode(video=0)]
    for index in (0, 7, 29):
        error = np.abs(shown[index][..., :3].astype(int) - picture(W, H, index).pixels[..., :3])
        assert error.mean() < 4
    assert np.mean(np.abs(shown[8].astype(int) - shown[7])) < 1.0  # a repeat


@pytest.mark.parametrize("quality", ["low", "medium", "high", "ultra"])
def test_every_quality_makes_a_movie(tmp_path: Path, quality: str) -> None:
    sink = Mp4Sink(tmp_path / "out.mp4", quality=quality)
    record(sink, 0.4, 30)
    assert len(sink.encode_ms) == 12
    assert np.all(sink.encode_ms > 0)


def test_without_h264_the_movie_is_mpeg4(tmp_path: Path) -> None:
    path = tmp_path / "out.mov"
    record(Mp4Sink(path, codec="mpeg4"), 0.4, 30)
    with av.open(str(path)) as movie:
        assert movie.streams.video[0].codec_context.name == "mpeg4"


def test_an_old_movie_stays_until_the_new_one_is_complete(tmp_path: Path, leftovers: Leftovers) -> None:
    path = tmp_path / "out.mp4"
    path.write_bytes(b"old")
    sink = Mp4Sink(path)
    sink.open(W, H, 30, RATE)
    for index in range(40):
        sink.write_video(picture(W, H, index))
    sink.abort()
    sink.abort()
    assert path.read_bytes() == b"old"
    assert leftovers() == ["out.mp4"]
    record(sink, 0.2, 30)
    assert len(path.read_bytes()) > 1000


def _file_as_folder(folder: Path) -> str:
    (folder / "file").touch()
    return str(folder / "file" / "out.mp4")


def _folder(folder: Path) -> str:
    (folder / "out.mp4").mkdir()
    return str(folder / "out.mp4")


def _full_folder(folder: Path) -> str:
    (folder / "frames").mkdir()
    (folder / "frames" / "mine.txt").touch()
    return f"{folder / 'frames'}/"


BAD_OUTPUTS: list[tuple[Callable[[Path], str], str]] = [
    (_folder, "is a folder"),
    (str, "is a folder"),
    (_file_as_folder, "a file, not a folder"),
    (lambda folder: str(folder / "out"), "does not say what to make"),
    (lambda folder: str(folder / "out.webm"), "does not say what to make"),
    (_full_folder, "holds files already"),
]


@pytest.mark.parametrize(("make", "said"), BAD_OUTPUTS)
def test_refuses_an_output_it_cannot_write(
    tmp_path: Path, leftovers: Leftovers, make: Callable[[Path], str], said: str
) -> None:
    output = make(tmp_path)
    before = leftovers()
    with pytest.raises(OutputError, match=said) as caught:
        sink_for(output).open(W, H, 30, RATE)
    assert "\n" not in str(caught.value)
    assert leftovers() == before


@pytest.mark.skipif(sys.platform != "linux", reason="/proc and /dev")
def test_refuses_devices_and_folders_that_take_no_files(tmp_path: Path) -> None:
    sink = Mp4Sink("/proc/out.mp4")
    with pytest.raises(OutputError, match=r"/proc/out\.mp4: "):
        sink.open(W, H, 30, RATE)
    device = tmp_path / "out.mp4"
    os.mkfifo(device)
    with pytest.raises(OutputError, match="device"):
        Mp4Sink(device).open(W, H, 30, RATE)


def test_refuses_bad_sizes_and_qualities(tmp_path: Path, leftovers: Leftovers) -> None:
    with pytest.raises(OutputError, match="did you mean 'medium'"):
        Mp4Sink(tmp_path / "a.mp4", quality="medum")
    with pytest.raises(OutputError, match="even"):
        Mp4Sink(tmp_path / "a.mp4").open(321, 180, 30, RATE)
    assert leftovers() == []


def test_a_picture_of_another_size_is_refused(tmp_path: Path, leftovers: Leftovers) -> None:
    sink = Mp4Sink(tmp_path / "a.mp4")
    sink.open(W, H, 30, RATE)
    with pytest.raises(OutputError, match="64x64 picture"):
        sink.write_video(picture(64, 64, 0))
    sink.abort()
    assert leftovers() == []


_SMALL_DISK = """
import resource, sys
import numpy as np
from avatar_engine.engine.errors import OutputError
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.sinks import sink_for
if sys.argv[2] != "-":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
sink = sink_for(sys.argv[1])
try:
    sink.open(320, 180, 30, 48000)
    noise = np.random.default_rng(0)
    for _ in range(int(sys.argv[3])):
        sink.write_video(Image(320, 180, "bgra", noise.integers(0, 256, (180, 320, 4), dtype=np.uint8)))
        sink.write_audio(np.zeros(1600, np.float32))
    sink.close()
except OutputError as error:
    sink.abort()
    sys.exit(f"output: {error}")
"""


def _run_small(output: str, limit: str, frames: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", _SMALL_DISK, output, limit, str(frames)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize(("name", "limit", "frames"), [
    ("out.mp4", 200_000, 200),  # fails while writing
    ("out.mp4", 20, 10),        # fails with the first bytes
    ("out.mp4", 30_000, 12),    # fails while closing
    ("frames/", 20_000, 3),
])  # fmt: skip
def test_a_file_that_cannot_grow_is_one_line_and_leaves_nothing(
    tmp_path: Path, leftovers: Leftovers, name: str, limit: int, frames: int
) -> None:
    done = _run_small(f"{tmp_path}/{name}", str(limit), frames)
    assert done.returncode == 1
    assert done.stderr.startswith(f"output: {tmp_path}/{name.rstrip('/')}: the file grew beyond")
    assert done.stderr.count("\n") == 1
    assert leftovers() == []


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path, leftovers: Leftovers) -> None:
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(tmp_path)]
    try:
        if subprocess.run(mount, capture_output=True).returncode != 0:
            pytest.skip("may not mount here")
    except FileNotFoundError:
        pytest.skip("no mount here")
    try:
        done = _run_small(f"{tmp_path}/out.mp4", "-", 200)
        assert done.returncode == 1
        assert done.stderr == f"output: {tmp_path}/out.mp4: the disk is full; free some space or write elsewhere\n"
        assert leftovers() == []
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)


_ENDLESS = """
import sys
import numpy as np
from avatar_engine.engine.image import Image
from avatar_engine.engine.media.sinks import sink_for
sink = sink_for(sys.argv[1], "ultra")
try:
    sink.open(1280, 720, 30, 48000)
    noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 4), dtype=np.uint8)
    print("writing", flush=True)
    while True:
        sink.write_video(Image(1280, 720, "bgra", noise))
        sink.write_audio(np.zeros(1600, np.float32))
except BaseException:
    sink.abort()
    raise
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("name", ["out.mp4", "frames/"])
def test_ctrl_c_stops_soon_and_leaves_nothing(tmp_path: Path, leftovers: Leftovers, name: str) -> None:
    command = [sys.executable, "-c", _ENDLESS, f"{tmp_path}/{name}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        time.sleep(0.5)
        assert leftovers() != []  # the unfinished file is there, under another name
        assert name.rstrip("/") not in leftovers()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        assert process.returncode == -signal.SIGINT
    assert leftovers() == []


def test_png_folder_holds_every_frame_and_the_sound(tmp_path: Path) -> None:
    sink = sink_for(f"{tmp_path}/frames/")
    sound = record(sink, 0.3, 30)
    folder = tmp_path / "frames"
    assert sink.path == folder
    assert sorted(p.name for p in folder.iterdir()) == [f"{i:06d}.png" for i in range(9)] + ["audio.wav"]
    assert (folder / "000003.png").read_bytes() == (folder / "000002.png").read_bytes()
    with av.open(str(folder / "000007.png")) as file:
        shown = next(file.decode(video=0)).to_ndarray(format="bgra")
    assert np.array_equal(shown[..., :3], picture(W, H, 7).pixels[..., :3])
    heard = read_speech(folder / "audio.wav", RATE)
    assert np.max(np.abs(heard - sound)) < 1e-4


def test_single_png_of_both_pixel_formats(tmp_path: Path) -> None:
    from avatar_engine.engine.image import Image
    from avatar_engine.engine.media.picture import PictureConverter

    image = picture(64, 48, 3)
    write_png(tmp_path / "a.png", image)
    planes = PictureConverter(64, 48).convert(image, 0).to_ndarray()
    (tmp_path / "b.png").write_bytes(encode_png(Image(64, 48, "i420", np.ascontiguousarray(planes))))
    shown = []
    for name in ("a.png", "b.png"):
        with av.open(str(tmp_path / name)) as file:
            shown.append(next(file.decode(video=0)).to_ndarray(format="bgra").astype(int))
    assert np.array_equal(shown[0], image.pixels)
    away = np.abs(shown[1][:, 40:] - shown[0][:, 40:])  # away from the hard edge, which 4:2:0 blurs
    assert away.mean() < 3
    with pytest.raises(InputError, match=r"end the name in \.png"):
        write_png(tmp_path / "c.jpg", image)


def test_null_sink_counts() -> None:
    sink = sink_for("null:")
    assert isinstance(sink, NullSink)
    record(sink, 0.5, 24)
    assert (sink.pictures, sink.samples, sink.path) == (12, 24000, None)


@pytest.mark.parametrize("name", ["frames/", "out.mp4"])
def test_without_a_first_picture_nothing_is_written(tmp_path: Path, leftovers: Leftovers, name: str) -> None:
    sink = sink_for(f"{tmp_path}/{name}")
    sink.open(W, H, 30, RATE)
    with pytest.raises(OutputError, match="first picture is missing"):  # noqa: PT012  (told when the writer says so)
        sink.write_video(None)
        sink.close()
    sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_png_sink_replaces_an_empty_folder_only(tmp_path: Path) -> None:
    (tmp_path / "frames").mkdir()
    record(PngSink(tmp_path / "frames"), 0.1, 30)
    with pytest.raises(OutputError, match="holds files"):
        PngSink(tmp_path / "frames").open(W, H, 30, RATE)
