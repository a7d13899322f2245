"""Integer time: ticks and sample positions. The only file that turns one into the other."""

from __future__ import annotations


def first_sample(tick: int, rate: int, hz: int) -> int:
    """Position of the first sample of `tick`.

    A tick owns `[first_sample(tick), first_sample(tick + 1))`: the lengths differ by at most one sample and never
    drift (rounding each tick's length instead loses 2.25 s an hour at 44.1 kHz and 32 Hz).
    """
    return tick * rate // hz


def frames_in_tick(tick: int, fps: int, hz: int) -> range:
    """Presented frames drawn in `tick`.

    State of tick k holds for its middle (k + 1/2) / hz; frame j shows its own middle (j + 1/2) / fps and is drawn in
    the first tick whose middle is not earlier, so both states around it are known. For fps == hz it is frame k.
    """
    return range(_frames_before(tick, fps, hz), _frames_before(tick + 1, fps, hz))


def frame_blend(frame: int, tick: int, fps: int, hz: int) -> float:
    """Weight of the state of `tick` in `frame` (the rest belongs to tick - 1); in (0, 1]."""
    return 1.0 - (tick + 0.5) + (frame + 0.5) * hz / fps


def _frames_before(tick: int, fps: int, hz: int) -> int:
    # frames j with (2j + 1) * hz <= (2(tick - 1) + 1) * fps, counted in integers
    if tick <= 0:
        return 0
    return ((2 * tick - 1) * fps + hz) // (2 * hz)
