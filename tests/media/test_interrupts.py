from __future__ import annotations

import os
import signal
import sys
import threading

import pytest

from avatar_engine.interrupts import Interrupts
from avatar_engine.signals import handled, heard_aside, noted

pytestmark = [pytest.mark.unit, pytest.mark.skipif(sys.platform == "win32", reason="signals")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_until_native_code_is_left(number: signal.Signals) -> None:
    interrupts = Interrupts()
    before = signal.getsignal(number)
    reached: list[str] = []
    with pytest.raises(KeyboardInterrupt), interrupts.open():  # noqa: PT012
        with interrupts.held():
            with interrupts.held():
                os.kill(os.getpid(), number)
                reached.append("inner")
            reached.append("outer")
        reached.append("after")
    assert reached == ["inner", "outer"]
    assert signal.getsignal(number) is before


def test_outside_native_code_it_comes_at_once() -> None:
    interrupts = Interrupts()
    with interrupts.open(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGTERM)


def test_another_thread_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    seen: list[object] = []

    def work() -> None:
        with Interrupts().open():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


def test_aside_only_the_signals_that_end_a_program_are_heard() -> None:
    counts: list[int] = []
    told = threading.Event()

    def hear(count: int) -> None:
        counts.append(count)
        told.set()

    other: list[int] = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: other.append(number))
    try:
        with handled(noted), heard_aside(hear):
            os.kill(os.getpid(), signal.SIGUSR1)
            os.kill(os.getpid(), signal.SIGTERM)
            assert told.wait(5.0)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert other == [signal.SIGUSR1]
    assert counts == [1]
