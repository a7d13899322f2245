"""A behaviour edited during a session: the face changes, a broken file changes nothing, healing is told."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.clips import Clips
from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import LOOK
from avatar_engine.engine.assets import asset_path
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.offline import render_file
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.reloading import FilesInUse, FileTold, PersonaChanged
from avatar_engine.runtime import Runtime, make_runtime

pytestmark = pytest.mark.unit
FILE = """\
version: 1
include: [gestures]
layers:
  mood:
    owns: [emotion]
    states:
      only: {enter: [{emotion: EMOTION}]}
"""

ENDLESS = """\
version: 1
clips:
  grin: {loop: true, units: {12: [[0, 0.8], [2, 0.8]]}}
layers:
  mood:
    states:
      only: {enter: [{clip: grin}, {look: [0.3, 0.0, 1.0]}]}
"""


def write(path: Path, text: str, step: int) -> None:
    path.write_text(text, "utf-8")
    os.utime(path, ns=(10**18 + step * 10**9,) * 2)


def shown(runtime: Runtime, emotion: str) -> float:
    return float(runtime.world.batch["emotion"][0, emotion_book().index[emotion]])


def test_hot_reload_keeps_the_last_good_file_and_says_when_it_heals(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write(path, FILE.replace("EMOTION", "happy"), 0)
    files = FilesInUse()
    persona = files.persona(str(path))
    files.look()
    assert files.take() == []
    write(path, FILE.replace("EMOTION", "sadd"), 1)
    files.look()
    assert files.take() == []  # perhaps it is still being written
    files.look()
    (told,) = files.take()
    assert isinstance(told, FileTold)
    assert "mine.yaml:7" in told.text
    assert "did you mean 'sad'" in told.text
    files.look()
    assert files.take() == []  # said once
    assert files.persona(str(path)) is persona
    write(path, FILE.replace("EMOTION", "sad") + "params: {size: 0.9}\n", 2)
    files.look()
    changed, healed = files.take()
    assert isinstance(changed, PersonaChanged)
    assert changed.persona.params["size"] == 0.9
    assert isinstance(healed, FileTold)
    assert "good again" in healed.text
    write(path, FILE.replace("EMOTION", "sad"), 3)
    files.look()
    (again,) = files.take()
    assert isinstance(again, PersonaChanged)
    assert files.persona(str(path)) is again.persona


def test_an_edited_include_reloads_whoever_includes_it(tmp_path: Path) -> None:
    write(tmp_path / "base.yaml", "version: 1\nparams: {warmth: 0.2}\n", 0)
    path = tmp_path / "top.yaml"
    write(path, "version: 1\ninclude: [base.yaml]\n", 0)
    files = FilesInUse()
    assert files.persona(str(path)).params["warmth"] == 0.2
    write(tmp_path / "base.yaml", "version: 1\nparams: {warmth: 0.6}\n", 1)
    files.look()
    (changed,) = files.take()
    assert isinstance(changed, PersonaChanged)
    assert changed.persona.params["warmth"] == 0.6
    (tmp_path / "base.yaml").unlink()
    files.look()
    files.look()
    (told,) = files.take()
    assert "there is no behaviour file 'base.yaml'" in told.text
    write(tmp_path / "base.yaml", "version: 1\nparams: {warmth: 0.4}\n", 2)
    files.look()
    assert [type(change).__name__ for change in files.take()] == ["PersonaChanged", "FileTold"]


def test_an_edited_behaviour_changes_a_running_face_within_a_second(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write(path, FILE.replace("EMOTION", "happy"), 0)
    runtime = make_runtime(RuntimeOptions(draw=False, viseme_model="spectral"))
    runtime.open_session(SessionOptions(behaviour=str(path)), "a")
    for _ in range(30):
        runtime.step()
    assert shown(runtime, "happy") > 0.8
    before = runtime.world.batch["gaze"][0].copy()

    write(path, FILE.replace("EMOTION", "sadd"), 1)  # broken
    for _ in range(2):  # once more before it complains: editors empty a file before they fill it
        runtime.files.look()
    for _ in range(10):
        runtime.step()
    assert shown(runtime, "happy") > 0.8
    told = [notice.text for notice in runtime.notices]
    assert any("mine.yaml:7" in text and "'sadd'; did you mean 'sad'?" in text for text in told)

    write(path, FILE.replace("EMOTION", "sad"), 2)
    runtime.files.start()  # as the drivers do: on a thread of its own
    changed, until = None, time.monotonic() + 30.0
    while changed is None and time.monotonic() < until:
        runtime.step()
        if any("good again" in notice.text for notice in runtime.notices):
            changed = runtime.tick
        time.sleep(0.01)
    assert changed is not None
    for _ in range(15):
        runtime.step()
    assert shown(runtime, "sad") > 0.7  # half a second after the file was noticed, which takes a quarter at most
    assert not np.array_equal(runtime.world.batch["gaze"][0], before)  # and life went on meanwhile
    runtime.close()


def test_what_the_old_file_left_without_an_end_is_let_go(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write(path, ENDLESS, 0)
    runtime = make_runtime(RuntimeOptions(draw=False, viseme_model="spectral"))
    runtime.open_session(SessionOptions(behaviour=str(path)), "a")
    for _ in range(60):
        runtime.step()
    batch, smile = runtime.world.batch, catalogue().index["AU12L"]
    assert batch["units"][0, smile] > 0.5
    assert batch["look"][0, LOOK.index("held")] == 1.0
    write(path, "version: 1\nlayers:\n  other:\n    states:\n      calm: {}\n", 1)
    runtime.files.look()
    for _ in range(60):
        runtime.step()
    assert batch["units"][0, smile] < 0.1
    assert batch["look"][0, LOOK.index("held")] == 0.0
    assert not any(clips.active for _, clips in runtime.world.each(Clips))
    runtime.close()


def test_a_live_session_leaves_no_tick_out_while_a_behaviour_is_edited(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    write(path, FILE.replace("EMOTION", "happy"), 0)
    made: list[Runtime] = []

    def make() -> Runtime:
        made.append(make_runtime(RuntimeOptions(draw=False, viseme_model="spectral", watch_files=True)))
        return made[0]

    ticks: dict[int, tuple[int, float, float]] = {}  # tick -> first sample, seconds of work until then, sadness wanted
    told: list[str] = []

    def take(delivery: Delivery) -> None:
        wanted = float(made[0].world.batch["emotion.goal"][0, emotion_book().index["sad"]])
        ticks[delivery.packet.tick] = delivery.packet.start_sample, time.thread_time(), wanted

    driver = LiveDriver(make, hz=30)
    driver.start().result()
    name = driver.open_session(
        SessionOptions(behaviour=str(path)), take, lost=print, notice=lambda n: told.append(n.text)
    )
    name.result()
    for step, emotion in enumerate(("happy", "nosuch", "sad"), 1):
        time.sleep(0.7)
        write(path, FILE.replace("EMOTION", emotion), step)
    until = time.monotonic() + 30.0
    while not any(wanted > 0.5 for _, _, wanted in ticks.values()) and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.3)
    driver.stop()
    numbers, starts = list(ticks), [start for start, _, _ in ticks.values()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))  # every tick came, in order
    assert set(np.diff(starts)) == {1600}  # and no sample is missing: 48 000 / 30
    assert [wanted > 0.5 for _, _, wanted in ticks.values()][-1]
    assert any("mine.yaml:7" in text for text in told)
    assert any("good again" in text for text in told)
    work_ms = 1e3 * np.diff([spent for _, spent, _ in ticks.values()])
    print(
        f"{len(ticks)} ticks; work of the simulation thread in a tick: {np.median(work_ms):.1f} ms, most {max(work_ms):.1f}"
    )
    assert max(work_ms) < 1e3 / 30  # reading files is no work of its


def test_a_render_that_watches_says_what_is_broken_and_when_it_has_healed(tmp_path: Path) -> None:
    path, told = tmp_path / "mine.yaml", list[str]()
    write(path, FILE.replace("EMOTION", "neutral"), 0)
    edits = iter(enumerate(("sadd", "sad"), 1))

    def edit(done_s: float, total_s: float | None) -> None:
        step, emotion = next(edits, (0, ""))
        if emotion:
            write(path, FILE.replace("EMOTION", emotion), step)
            time.sleep(1.0)  # a render does not wait for anybody; here it does

    speech, output = asset_path("speech", "demo_en.flac"), tmp_path / "out.mp4"
    options = RuntimeOptions(viseme_model="spectral", watch_files=True)
    session = SessionOptions(width=64, height=64, quality="low", behaviour=str(path))
    render_file(speech, output, options, session, progress=edit, on_notice=lambda notice: told.append(notice.text))
    assert "mine.yaml:7" in told[0]
    assert "did you mean 'sad'" in told[0]
    assert "good again" in told[1]
