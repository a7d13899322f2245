from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avatar_engine.engine.errors import InputError
from avatar_engine.engine.media.reader import SpeechReader, read_speech
from avatar_engine.engine.messages import Notice

from .conftest import chirp, picture, write_sound

pytestmark = pytest.mark.unit

SECONDS = 1.37

FORMATS = [
    # suffix, codec, rate, layout, sample format, how exact
    ("wav", "pcm_s16le", 8000, "mono", None, 1e-3),
    ("wav", "pcm_u8", 22050, "stereo", None, 2e-2),
    ("wav", "pcm_s24le", 44100, "stereo", None, 1e-3),
    ("wav", "pcm_s32le", 48000, "mono", None, 1e-3),
    ("wav", "pcm_f32le", 96000, "5.1", None, 1e-3),
    ("wav", "pcm_f64le", 48000, "mono", None, 1e-3),
    ("wav", "pcm_mulaw", 8000, "mono", None, 3e-2),
    ("flac", "flac", 44100, "stereo", "s16", 1e-3),
    ("mp3", "libmp3lame", 44100, "stereo", None, 3e-2),
    ("mp3", "libmp3lame", 16000, "mono", None, 3e-2),
    ("m4a", "aac", 44100, "stereo", None, 3e-2),
    ("opus", "libopus", 48000, "mono", None, 5e-2),
    ("webm", "libopus", 48000, "stereo", None, 5e-2),
    ("ogg", "flac", 48000, "mono", "s16", 1e-3),
    ("mka", "pcm_s16le", 44100, "mono", None, 1e-3),
    ("aiff", "pcm_s16be", 44100, "mono", None, 1e-3),
]


@pytest.mark.parametrize(("suffix", "codec", "rate", "layout", "fmt", "tolerance"), FORMATS)
def test_reads_every_format_at_its_exact_length(
    tmp_path: Path, suffix: str, codec: str, rate: int, layout: str, fmt: str | None, tolerance: float
) -> None:
    channels = av.AudioLayout(layout).nb_channels
    sound = np.tile(chirp(SECONDS, rate), (channels, 1))
    path = write_sound(tmp_path / f"a.{suffix}", sound, rate, codec, layout, fmt)
    read = read_speech(path, 16000)
    expected = chirp(SECONDS, 16000)
    # LAME's tag at 16 kHz claims a millisecond too much (any decoder gives it); everything else is exact
    assert 0 <= len(read) - len(expected) <= (16 if suffix == "mp3" else 0)
    inner = slice(400, len(expected) - 400)  # the band limit rings at the hard ends of the chirp
    error = read[: len(expected)][inner] - expected[inner]
    assert np.sqrt(np.mean(error**2)) < tolerance
    assert read.dtype == np.float32


def test_speech_on_the_centre_channel_is_kept_and_the_subwoofer_is_not(tmp_path: Path) -> None:
    rate = 48000
    sound = np.zeros((6, rate), np.float32)
    sound[2] = chirp(1.0, rate)
    centre = read_speech(write_sound(tmp_path / "c.wav", sound, rate, "pcm_f32le", "5.1"), rate)
    sound[3], sound[2] = sound[2].copy(), 0.0
    bass = read_speech(write_sound(tmp_path / "b.wav", sound, rate, "pcm_f32le", "5.1"), rate)
    assert np.max(np.abs(centre)) > 0.1
    assert np.max(np.abs(bass)) == 0.0


def test_what_is_no_number_becomes_silence_and_is_told_once(tmp_path: Path) -> None:
    sound = chirp(1.0, 16000)[None, :].copy()
    sound[0, 1000:1100] = np.nan
    sound[0, 5000] = np.inf
    sound[0, 6000] = -np.inf
    path = write_sound(tmp_path / "nan.wav", sound, 16000, "pcm_f32le")
    notices: list[Notice] = []
    with SpeechReader(path, 16000, notices.append) as reader:
        read = np.concatenate(list(reader.blocks()))
    assert np.isfinite(read).all()
    assert np.all(read[1000:1100] == 0.0)
    assert read[5000] == read[6000] == 0.0
    assert np.array_equal(read[:1000], sound[0, :1000])
    assert [notice.code for notice in notices] == ["audio_not_finite"]
    assert str(path) in notices[0].text


def test_doubles_beyond_float_are_repaired_without_a_warning(tmp_path: Path) -> None:
    sound = np.full(4000, 1e300)
    header = write_sound(tmp_path / "d.wav", np.zeros((1, 4000), np.float32), 16000, "pcm_f64le").read_bytes()
    path = tmp_path / "big.wav"
    path.write_bytes(header[: -sound.nbytes] + sound.tobytes())
    assert np.all(read_speech(path) == 0.0)


def test_louder_than_full_scale_is_clipped(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "loud.wav", 4 * chirp(0.5, 16000)[None, :], 16000, "pcm_f32le")
    assert np.max(np.abs(read_speech(path))) == 1.0


def test_a_file_shorter_than_one_sample_is_empty(tmp_path: Path) -> None:
    path = write_sound(tmp_path / "one.wav", np.array([[0.5]], np.float32), 48000, "pcm_f32le")
    assert len(read_speech(path, 16000)) <= 1
    assert read_speech(path, 48000).tolist() == [0.5]


def _movie(path: Path, sound: bool) -> Path:
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = out.add_stream("aac", rate=44100, layout="mono") if sound else None
        for index in range(25):
            frame = av.VideoFrame.from_ndarray(picture(64, 48, index).pixels, "bgra").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(chirp(1.0, 44100)[None, :], format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44100, 0, Fraction(1, 44100)
            out.mux(audio.encode(frame))
            out.mux(audio.encode(None))
    return path


def test_takes_the_sound_of_a_movie(tmp_path: Path) -> None:
    with SpeechReader(_movie(tmp_path / "talk.mp4", sound=True), 16000) as reader:
        assert (reader.source_rate, reader.channels, reader.codec) == (44100, 1, "aac")
        assert reader.duration_s == pytest.approx(1.0)
        assert sum(map(len, reader.blocks())) == 16000
        assert list(reader.blocks()) == []  # once only


def test_a_cut_off_mp3_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    whole = write_sound(tmp_path / "a.mp3", chirp(4.0, 44100)[None, :], 44100, "libmp3lame")
    data = whole.read_bytes()
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(data[: len(data) // 3])
    notices: list[Notice] = []
    with SpeechReader(cut, 16000, notices.append) as reader:
        count = sum(map(len, reader.blocks()))
    assert 0.2 * 64000 < count < 0.5 * 64000
    assert [notice.code for notice in notices] == ["audio_short"]


def test_a_damaged_flac_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(0, 0.2, (1, 132300)).astype(np.float32)
    data = write_sound(tmp_path / "a.flac", noise, 44100, "flac", fmt="s16").read_bytes()
    path = tmp_path / "damaged.flac"
    path.write_bytes(data[: len(data) * 3 // 5])
    notices: list[Notice] = []
    with SpeechReader(path, 16000, notices.append) as reader:
        count = sum(map(len, reader.blocks()))
    assert 0.5 * 48000 < count <= 48000
    assert [notice.code for notice in notices] == ["audio_damaged", "audio_short"]


def _bad(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / kind
    match kind:
        case "missing.wav":
            pass
        case "folder.wav":
            path.mkdir()
        case "empty.wav":
            path.touch()
        case "text.wav":
            path.write_text("these are words, not sounds\n" * 40)
        case "noise.mp3" | "noise.bin":
            path.write_bytes(np.random.default_rng(3).bytes(100_000))
        case "zero.wav":
            write_sound(path, np.zeros((1, 0), np.float32), 16000, "pcm_s16le")
        case "zero.flac":
            write_sound(path, np.zeros((1, 0), np.float32), 16000, "flac", fmt="s16")
        case "header.mp3":
            sound = write_sound(tmp_path / "a.mp3", chirp(1.0, 44100)[None, :], 44100, "libmp3lame")
            path.write_bytes(sound.read_bytes()[:120])
        case "silent.mp4":
            _movie(path, sound=False)
        case "list.m3u8":
            sound = write_sound(tmp_path / "a.mp3", chirp(1.0, 44100)[None, :], 44100, "libmp3lame")
            path.write_text(f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/{sound.name}\n#EXT-X-ENDLIST\n")
    return path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing.wav", "no such file"),
        ("folder.wav", "is a folder"),
        ("empty.wav", "is empty"),
        ("text.wav", "not a sound file"),
        ("noise.mp3", "no"),
        ("noise.bin", "not a sound file"),
        ("zero.wav", "no sound"),
        ("zero.flac", "no sound"),
        ("header.mp3", "no"),
        ("silent.mp4", "pictures but no sound"),
        ("list.m3u8", "no"),
    ],
)
def test_refuses_with_one_clear_line(tmp_path: Path, kind: str, said: str) -> None:
    path = _bad(tmp_path, kind)
    with pytest.raises(InputError) as caught:
        read_speech(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ")
    assert said in line
    assert ";" in line  # what to do next
    assert "\n" not in line


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_refuses_what_may_not_be_read() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = write_sound(Path(folder) / "a.wav", chirp(0.2, 16000)[None, :], 16000, "pcm_s16le")
        path.chmod(stat.S_IWUSR)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # root may read everything, so for a moment this is somebody else
        try:
            with pytest.raises(InputError, match="may not be read"):
                read_speech(path)
        finally:
            os.seteuid(user)


def test_a_path_is_never_an_address() -> None:
    for name in ("http://127.0.0.1:9/a.wav", "concat:a.wav|b.wav", "subfile,,start,0,end,9,,:a.wav"):
        with pytest.raises(InputError, match="no such file"):
            read_speech(name)


_MEMORY = """
import sys
from pathlib import Path
from avatar_engine.engine.media.reader import SpeechReader
with SpeechReader(sys.argv[1], 48000) as reader:
    count = sum(map(len, reader.blocks()))
peak = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
print(count, peak[0].split()[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_ten_minutes_need_no_more_memory_than_ten_seconds(tmp_path: Path) -> None:
    def peak_kb(seconds: int) -> int:
        sound = np.tile(chirp(1.0, 16000), seconds)[None, :]
        path = write_sound(tmp_path / f"{seconds}.flac", sound, 16000, "flac", fmt="s16")
        done = subprocess.run([sys.executable, "-c", _MEMORY, str(path)], capture_output=True, text=True, check=True)
        count, kb = map(int, done.stdout.split())
        assert count == seconds * 48000
        return kb

    assert peak_kb(600) < 1.05 * peak_kb(10)
