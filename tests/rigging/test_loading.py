"""Avatars are loaded beside the simulation, shared, let go of, and a broken one fails only whoever asked for it."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest

from avatar_engine.bundled import bundled_folders
from avatar_engine.engine.errors import AssetError
from avatar_engine.engine.gltf.reader import load_model
from avatar_engine.engine.model import Model
from avatar_engine.engine.render.base import Renderer
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.live import DriverStoppedError, LiveDriver
from avatar_engine.loading import StoppedError
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime
from avatar_engine.scenes.library import AvatarLibrary

pytestmark = pytest.mark.unit
LONG_S = 120.0  # nothing here takes nearly as long


class Gate:
    """Reads real files, but only while it is open; remembers what it read without keeping it alive."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.reached = threading.Event()
        self.read: list[weakref.ref[Model]] = []

    def __call__(self, path: Path) -> Model:
        self.reached.set()
        assert self.open.wait(LONG_S)
        model = load_model(path)
        self.read.append(weakref.ref(model))
        return model

    def alive(self) -> int:
        gc.collect()
        return sum(model() is not None for model in self.read)


def make(gate: Gate, renderer: Callable[[], Renderer] = NullRenderer) -> Runtime:
    options = RuntimeOptions(viseme_model="spectral")
    return Runtime(options, AvatarLibrary(bundled_folders(), gate), renderer())


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def runtime(gate: Gate) -> Iterator[Runtime]:
    runtime = make(gate)
    yield runtime
    gate.open.set()
    runtime.close()


def face(avatar: str) -> SessionOptions:
    return SessionOptions(avatar=avatar, width=64, height=36)


def until_done(runtime: Runtime, opened: Future[str]) -> None:
    end_s = time.monotonic() + LONG_S
    while not opened.done() and time.monotonic() < end_s:
        runtime.make_ready(time.monotonic() + 0.05)
        runtime.step()
    assert opened.done()


def test_ticks_go_on_while_another_avatar_is_read(runtime: Runtime, gate: Gate) -> None:
    first = runtime.open_session(face("ada"))
    gate.open.clear()
    opened = runtime.open_session_soon(face("ben"))
    assert gate.reached.wait(LONG_S)
    for _ in range(20):
        assert [packet.session for packet in runtime.step()] == [first]
    assert not opened.done()
    gate.open.set()
    until_done(runtime, opened)
    assert runtime.sessions() == (first, opened.result())
    assert len(runtime.step()) == 2


def test_what_is_there_already_does_not_wait_for_a_file(runtime: Runtime, gate: Gate) -> None:
    runtime.open_session(face("ada"))
    gate.open.clear()
    gate.reached.clear()
    opened = runtime.open_session_soon(face("ben"))
    assert gate.reached.wait(LONG_S)
    runtime.open_session(face("ada"))
    assert not opened.done()


def test_sessions_share_a_model_and_the_last_one_lets_go(runtime: Runtime, gate: Gate) -> None:
    sessions = []
    for _ in range(2):
        opened = runtime.open_session_soon(face("kenji"))
        until_done(runtime, opened)
        sessions.append(opened.result())
    assert len(gate.read) == 1
    runtime.close_session(sessions[0])
    runtime.step()
    assert gate.alive() == 1
    runtime.close_session(sessions[1])
    runtime.step()
    assert gate.alive() == 0
    until_done(runtime, runtime.open_session_soon(face("kenji")))
    assert len(gate.read) == 2


def test_a_broken_file_fails_only_its_own_session(runtime: Runtime, tmp_path: Path) -> None:
    first = runtime.open_session(face("ada"))
    broken = tmp_path / "broken.glb"
    broken.write_bytes(b"glTF" + bytes(100))
    opened = runtime.open_session_soon(face(str(broken)))
    after = runtime.open_session_soon(face("ada"))
    until_done(runtime, opened)
    with pytest.raises(AssetError, match=r"broken\.glb: is GLB version 0"):
        opened.result()
    until_done(runtime, after)
    assert runtime.sessions() == (first, after.result())
    assert not runtime.notices


def test_given_up_while_it_is_read(runtime: Runtime, gate: Gate) -> None:
    first = runtime.open_session(face("ada"))
    gate.open.clear()
    gate.reached.clear()
    opened = runtime.open_session_soon(face("ben"))
    assert gate.reached.wait(LONG_S)
    assert opened.cancel()
    gate.open.set()
    until_done(runtime, runtime.open_session_soon(face("ada")))
    assert len(runtime.sessions()) == 2
    assert runtime.sessions()[0] == first
    assert gate.alive() == 1  # ada


def test_closed_while_it_is_read(gate: Gate) -> None:
    runtime = make(gate)
    gate.open.clear()
    opened, behind = (runtime.open_session_soon(face(name)) for name in ("ben", "ada"))
    assert gate.reached.wait(LONG_S)
    threading.Timer(0.1, gate.open.set).start()
    runtime.close()
    for future in (opened, behind):
        with pytest.raises(StoppedError):
            future.result(timeout=LONG_S)
    assert not any(thread.name == "avatar-loading" for thread in threading.enumerate())
    assert gate.alive() == 0


def test_the_driver_gives_up_and_stops_while_it_is_read(gate: Gate) -> None:
    made: list[Runtime] = []
    driver = LiveDriver(lambda: made.append(make(gate)) or made[0], hz=30)
    driver.start().result(LONG_S)

    def ask(avatar: str) -> Future[str]:
        return driver.open_session(face(avatar), lambda packet: None, lambda error: None, lambda notice: None)

    gate.open.clear()
    given_up = ask("ben")
    assert gate.reached.wait(LONG_S)
    assert given_up.cancel()
    gate.open.set()
    assert ask("ada").result(LONG_S) in made[0].sessions()
    assert len(made[0].sessions()) == driver.session_count == 1
    gate.open.clear()
    gate.reached.clear()
    unfinished = ask("kenji")
    assert gate.reached.wait(LONG_S)
    threading.Timer(0.1, gate.open.set).start()
    driver.stop()
    with pytest.raises((DriverStoppedError, StoppedError)):
        unfinished.result(LONG_S)


def test_pictures_are_the_same_and_the_card_is_empty_again(gate: Gate) -> None:
    from avatar_engine.engine.render.panda.renderer import PandaRenderer

    renderer = PandaRenderer()
    runtime = make(gate, lambda: renderer)
    try:
        pictures, left = [], []
        for soon in (False, True):
            if soon:
                opened = runtime.open_session_soon(face("kenji"))
                until_done(runtime, opened)
                session = opened.result()
            else:
                session = runtime.open_session(face("kenji"))
            pictures.append(renderer.draw([_still(runtime)])[0].pixels.copy())
            runtime.close_session(session)
            runtime.step()
            assert gate.alive() == 0
            left.append(renderer.resources())
        first, second = (picture.astype(np.int16) for picture in pictures)
        half = len(first) // 2  # rows further down that hold still may show an earlier tick
        assert np.array_equal(first[:half], second[:half])
        assert np.abs(first - second).mean() < 0.05
        assert left[1] <= left[0]
    finally:
        runtime.close()


def _still(runtime: Runtime):  # type: ignore[no-untyped-def]
    """The only view at rest."""
    from avatar_engine.components.session import View
    from avatar_engine.engine.render.base import RenderSnapshot

    view = next(view for _, view in runtime.world.each(View))
    joints = np.zeros((view.joint_count, 6), np.float32)
    return RenderSnapshot(view.id, view.stage, view.camera, np.zeros(view.morph_count, np.float32), joints, 2)
