"""What breaks one session ends that session alone; what breaks all is told once."""

from __future__ import annotations

import time

import numpy as np
import pytest

from avatar_engine.components.session import Speech, View
from avatar_engine.engine.messages import (
    SESSION_ENDED,
    AudioChunk,
    ClearSpeech,
    Notice,
    PauseSpeech,
    SetAgentState,
    SetEmotion,
)
from avatar_engine.engine.render.null import NullRenderer
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.live import Delivery, LiveDriver
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.runtime import Runtime, make_runtime

pytestmark = pytest.mark.unit

RATE = 48_000
SMALL = SessionOptions(width=64, height=64)


class Fussy:
    """A system that does not stand numbers that are none, nor one broken picture rate."""

    name, phase, reads, writes = "fussy", Phase.PUBLISH, (), ()

    def __init__(self, everybody: bool = False) -> None:
        self.everybody = everybody

    def run(self, world: World) -> None:
        if self.everybody:
            raise ValueError("nothing works")
        if not np.isfinite(world.batch["controls"]).all():
            raise ValueError("not a number")


def three(system: Fussy | None = None) -> Runtime:
    runtime = make_runtime(RuntimeOptions(viseme_model="spectral"), NullRenderer)
    if system is not None:
        runtime.schedule.systems = (*runtime.schedule.systems[:-1], system, runtime.schedule.systems[-1])
    for name in ("a", "b", "c"):
        runtime.open_session(SMALL, name)
        runtime.push_audio(name, AudioChunk(np.full(RATE, 0.1, np.float32), RATE, 0))
    runtime.step()
    return runtime


def notices(runtime: Runtime) -> list[Notice]:
    found = [*runtime.notices]
    runtime.notices.clear()
    return found


def test_a_session_whose_data_is_broken_ends_and_the_others_go_on() -> None:
    runtime, alone = three(), three()
    broken = [entity for entity, _ in runtime.world.each(Speech)][1]
    runtime.world.get(broken, Speech).timeline = None  # type: ignore[assignment]
    alone.close_session("b")
    for tick in range(20):
        packets, expected = runtime.step(), alone.step()
        assert [packet.session for packet in packets] == ["a", "c"], tick
        for one, other in zip(packets, expected, strict=True):
            assert np.array_equal(one.samples, other.samples)
    told = notices(runtime)
    assert [(notice.session, notice.level, notice.code) for notice in told] == [("b", "error", SESSION_ENDED)]
    assert "AttributeError" in told[0].text
    assert runtime.sessions() == ("a", "c")
    runtime.open_session(SMALL, "b")
    assert len(runtime.step()) == 3
    runtime.close()
    alone.close()


def test_the_others_lose_no_command_and_no_picture_of_that_tick() -> None:
    runtime, alone = three(), three()
    alone.close_session("b")
    for each in (runtime, alone):
        for name in ("a", "c"):
            each.send(name, SetEmotion("happy"))
            each.send(name, ClearSpeech())
            each.send(name, SetAgentState("thinking"))
    runtime.send("b", PauseSpeech(segment="x"))  # type: ignore[arg-type]
    for tick in range(20):
        packets, expected = runtime.step(), alone.step()
        for one, other in zip(packets, expected, strict=True):
            assert np.array_equal(one.samples, other.samples), tick
            assert [frame.image is None for frame in one.frames] == [frame.image is None for frame in other.frames]
    for name in ("turn", "emotion", "units", "controls"):
        rows = runtime.world.batch[name], alone.world.batch[name]
        assert np.array_equal(rows[0][0], rows[1][0]), name
    assert runtime.sessions() == ("a", "c")
    runtime.close()
    alone.close()


def test_a_view_that_breaks_costs_the_others_no_picture() -> None:
    runtime = three()
    for _, view in runtime.world.each(View):
        view.dirty = True
    broken = [entity for entity, _ in runtime.world.each(View)][1]
    runtime.world.get(broken, View).fps = None  # type: ignore[assignment]
    packets = runtime.step()
    assert [packet.session for packet in packets] == ["a", "c"]
    assert all(frame.image is not None for packet in packets for frame in packet.frames)
    assert all(packet.frames for packet in packets)
    runtime.close()


def test_numbers_that_are_none_are_traced_to_their_row() -> None:
    runtime = three(Fussy())
    third = [row.index for _, row in runtime.world.each(Row)][2]
    runtime.world.batch["gaze"][third] = np.nan
    with np.errstate(invalid="ignore"):
        for _ in range(3):
            runtime.step()
    assert runtime.sessions() == ("a", "b")
    assert [notice.session for notice in notices(runtime)] == ["c"]
    runtime.close()


def test_what_breaks_everybody_goes_out() -> None:
    runtime = three()
    runtime.schedule.systems = (*runtime.schedule.systems, Fussy(everybody=True))
    with pytest.raises(ValueError, match="nothing works"):
        runtime.step()
    assert runtime.sessions() == ("a", "b", "c")
    assert notices(runtime) == []
    runtime.close()


def test_in_a_room_the_others_hear_nothing_of_it() -> None:
    made: list[Runtime] = []

    def make() -> Runtime:
        made.append(make_runtime(RuntimeOptions(viseme_model="spectral"), NullRenderer))
        return made[0]

    driver = LiveDriver(make, hz=30)
    driver.start().result(60)
    lost: dict[str, list[BaseException]] = {"one": [], "two": []}
    packets: dict[str, list[Delivery]] = {"one": [], "two": []}
    told: list[Notice] = []
    names = [
        driver.open_session(SMALL, packets[key].append, lost[key].append, told.append).result(60)
        for key in ("one", "two")
    ]
    entity = next(entity for entity, _ in made[0].world.each(View))
    made[0].world.get(entity, View).fps = None  # type: ignore[assignment]
    deadline = time.monotonic() + 20
    while not lost["one"] and time.monotonic() < deadline:
        time.sleep(0.02)
    before = len(packets["two"])
    while len(packets["two"]) < before + 10 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert driver.alive
    driver.stop(10)
    assert len(lost["one"]) == 1
    assert names[0] in str(lost["one"][0])
    assert [notice.code for notice in told] == [SESSION_ENDED]
    assert len(packets["two"]) >= before + 10
    assert lost["two"] == []
