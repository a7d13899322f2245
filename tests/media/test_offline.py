from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avatar_engine.components.session import View
from avatar_engine.engine.errors import EngineError, InputError
from avatar_engine.engine.media.mp4 import Mp4Sink
from avatar_engine.engine.media.reader import SpeechReader, read_speech
from avatar_engine.engine.media.recording import Recording
from avatar_engine.engine.media.sinks import NullSink, VideoSink
from avatar_engine.engine.messages import Notice
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World
from avatar_engine.offline import AHEAD_S, RenderReport, peak_memory_mb, render, render_file
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime

from .conftest import chirp, write_sound

pytestmark = pytest.mark.unit

RATE = 48000
W, H = 160, 90


def runtime_of(hz: int = 30) -> Runtime:
    return make_runtime(RuntimeOptions(hz=hz, viseme_model="spectral"), renderer=NullRenderer)


def play(speech: Path, sink: VideoSink, fps: int, hz: int = 30) -> RenderReport:
    """Render with everything real but the graphics."""
    runtime = runtime_of(hz)
    session = runtime.open_session(SessionOptions(width=W, height=H, fps=fps))
    try:
        with SpeechReader(speech, RATE) as reader:
            sink.open(W, H, fps, RATE)
            return render(runtime, session, fps, reader, sink)
    finally:
        runtime.close()


def sound_file(folder: Path, seconds: float, rate: int = 44100) -> Path:
    return write_sound(folder / "speech.wav", chirp(seconds, rate)[None, :], rate, "pcm_f32le")


@pytest.mark.parametrize(
    ("fps", "hz", "seconds"),
    [(30, 30, 1.5), (24, 30, 1.21), (60, 30, 1.0), (30, 60, 0.999), (24, 60, 0.5), (30, 30, 0.004)],
)
def test_the_movie_is_as_long_as_the_speech_and_aligned_to_the_sample(
    tmp_path: Path, fps: int, hz: int, seconds: float
) -> None:
    speech = sound_file(tmp_path, seconds)
    original = read_speech(speech, RATE)
    path = tmp_path / "out.mp4"
    report = play(speech, Mp4Sink(path), fps, hz)
    frames = -(-len(original) * fps // RATE)
    assert report.frames == frames
    assert report.duration_s == pytest.approx(len(original) / RATE)
    assert report.output == path
    with av.open(str(path)) as movie:
        video, audio = movie.streams.video[0], movie.streams.audio[0]
        assert (video.start_time, audio.start_time) == (0, 0)
        assert sum(1 for _ in movie.decode(video)) == frames
    heard = read_speech(path, RATE)
    assert len(heard) == len(original)
    if seconds > 0.1:
        assert np.corrcoef(heard, original)[0, 1] > 0.99


class Watching(NullSink):
    """Counts like its parent and looks into the runtime at every packet."""

    def __init__(self, runtime: Runtime, session: str) -> None:
        super().__init__()
        self.waiting_s: list[float] = []
        self.heard: list[NDArray[np.float32]] = []
        self._look = lambda: runtime.buffered_s(session)

    def write_audio(self, samples: NDArray[np.float32]) -> None:
        super().write_audio(samples)
        self.heard.append(samples)
        self.waiting_s.append(self._look())


def test_speech_is_read_only_a_little_ahead_and_comes_out_unchanged(tmp_path: Path) -> None:
    speech = write_sound(tmp_path / "a.wav", chirp(12.0, RATE)[None, :], RATE, "pcm_f32le")
    runtime = runtime_of()
    session = runtime.open_session(SessionOptions(width=W, height=H))
    sink = Watching(runtime, session)
    sink.open(W, H, 30, RATE)
    with SpeechReader(speech, RATE) as reader:
        render(runtime, session, 30, reader, sink)
    runtime.close()
    assert np.array_equal(np.concatenate(sink.heard), read_speech(speech, RATE))
    assert max(sink.waiting_s) < AHEAD_S + 0.3
    assert np.median(sink.waiting_s[:200]) > 1.0


def test_progress_ends_at_the_whole_and_the_report_adds_up(tmp_path: Path) -> None:
    speech = sound_file(tmp_path, 2.0)
    told: list[tuple[float, float | None]] = []
    runtime = RuntimeOptions(viseme_model="spectral")
    session = SessionOptions(width=W, height=H, quality="low", seed=3)
    report = render_file(speech, tmp_path / "out.mp4", runtime, session, lambda *now: told.append(now))
    assert told[-1] == (report.duration_s, report.duration_s)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert (report.frames, report.ticks) == (60, 61)  # pictures come a tick after their speech
    assert 0 < report.drawn <= 60
    assert report.speed == pytest.approx(report.duration_s / report.wall_s)
    assert min(report.simulation_ms, report.draw_ms, report.encode_ms) > 0
    assert 30 < report.peak_memory_mb < 4000
    assert report.peak_memory_mb <= peak_memory_mb()
    with av.open(str(tmp_path / "out.mp4")) as movie:
        first = next(movie.decode(video=0)).to_ndarray(format="bgra")
    assert first[..., :3].std() > 5  # no black first frame


def test_an_error_on_the_way_leaves_nothing(tmp_path: Path) -> None:
    speech = sound_file(tmp_path, 0.5)

    def stop(*_: object) -> None:
        raise EngineError("progress", "stopped here")

    runtime = RuntimeOptions(viseme_model="spectral")
    for session, progress, error in (
        (SessionOptions(width=W, height=H, avatar="nobody"), None, "no such avatar"),
        (SessionOptions(width=W, height=H, scene="nowhere"), None, "nowhere"),
        (SessionOptions(width=W, height=H), stop, "stopped here"),
    ):
        with pytest.raises(EngineError, match=error):
            render_file(speech, tmp_path / "out.mp4", runtime, session, progress)
        assert [path.name for path in tmp_path.iterdir()] == ["speech.wav"]


def test_why_a_session_ended_is_told_before_the_render_gives_up(tmp_path: Path) -> None:
    class Broken:
        name, phase, reads, writes = "broken", Phase.PUBLISH, (), ()

        def run(self, world: World) -> None:
            for _ in world.each(View):
                raise RuntimeError("the picture fell off the wall")

    runtime = runtime_of()
    runtime.schedule.systems = (*runtime.schedule.systems[:-1], Broken(), runtime.schedule.systems[-1])
    session = runtime.open_session(SessionOptions(width=W, height=H))
    told: list[Notice] = []
    try:
        with (
            SpeechReader(sound_file(tmp_path, 0.5), RATE) as reader,
            pytest.raises(EngineError, match="see the notices before"),
        ):
            render(runtime, session, 30, reader, NullSink(), on_notice=told.append)
    finally:
        runtime.close()
    assert len(told) == 1
    assert told[0].level == "error"
    assert "the picture fell off the wall" in told[0].text


def test_speech_may_lie_in_memory(tmp_path: Path) -> None:
    voice = chirp(0.7, RATE)
    speech = Recording(Path("voice"), voice, RATE)
    session = SessionOptions(width=W, height=H, quality="low")
    report = render_file(speech, tmp_path / "out.mp4", RuntimeOptions(viseme_model="spectral"), session)
    assert report.duration_s == pytest.approx(0.7)
    assert np.corrcoef(read_speech(tmp_path / "out.mp4", RATE), voice)[0, 1] > 0.99


@pytest.mark.parametrize("seed", [-1, 1.5, "7"])
def test_no_session_has_a_seed_that_is_none(seed: int) -> None:
    with pytest.raises(InputError, match="is no seed"):
        SessionOptions(seed=seed)


def test_speech_of_less_than_a_sample_is_refused(tmp_path: Path) -> None:
    speech = write_sound(tmp_path / "a.wav", np.zeros((1, 1), np.float32), 192000, "pcm_s16le")
    with pytest.raises(InputError, match="holds no samples"):
        play(speech, NullSink(), 30)


_MEMORY = """
import sys
from avatar_engine.engine.media.reader import SpeechReader
from avatar_engine.engine.media.sinks import sink_for
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.offline import render
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import make_runtime
runtime = make_runtime(RuntimeOptions(viseme_model="spectral"), renderer=NullRenderer)
session = runtime.open_session(SessionOptions(width=64, height=64))
sink = sink_for(sys.argv[2])
sink.open(64, 64, 30, 48000)
with SpeechReader(sys.argv[1], 48000) as reader:
    report = render(runtime, session, 30, reader, sink)
print(report.frames, report.peak_memory_mb)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_long_speech_needs_no_more_memory_than_short_speech(tmp_path: Path) -> None:
    def peak_mb(seconds: int) -> float:
        sound = np.tile(chirp(1.0, 16000), seconds)[None, :]
        path = write_sound(tmp_path / f"{seconds}.flac", sound, 16000, "flac", fmt="s16")
        command = [sys.executable, "-c", _MEMORY, str(path), str(tmp_path / "out.mp4")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        frames, mb = done.stdout.split()
        assert int(frames) == 30 * seconds
        return float(mb)

    assert peak_mb(60) < 1.1 * peak_mb(10)
