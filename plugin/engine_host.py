"""One engine per process and kind, shared by the avatars of all its rooms; started on first use or by `prewarm`."""

from __future__ import annotations

import asyncio
import threading

from avatar_engine.live import LiveDriver, SteppedRuntime
from avatar_engine.options import RuntimeOptions

_lock = threading.Lock()
_engines: dict[RuntimeOptions, LiveDriver] = {}
_users: dict[RuntimeOptions, int] = {}


async def acquire(options: RuntimeOptions) -> LiveDriver:
    """The running engine for these options; every `acquire` needs one `release`."""
    driver = _claim(options)
    try:
        await asyncio.shield(asyncio.wrap_future(driver.ready))
    except BaseException:
        await release(options)
        raise
    return driver


async def release(options: RuntimeOptions) -> None:
    """Give it back; the last user ends it."""
    last = _give_up(options)
    if last is not None:
        await asyncio.to_thread(last.stop)


def prewarm(options: RuntimeOptions) -> None:
    """Start the engine and keep it for the life of the process: call it where a worker prepares its processes."""
    _claim(options).ready.result()


def _claim(options: RuntimeOptions) -> LiveDriver:
    with _lock:
        driver = _engines.get(options)
        if driver is None or driver.failed:
            driver = LiveDriver(lambda: _make(options), hz=options.hz)
            driver.start()
            _engines[options] = driver
            _users[options] = 0
        _users[options] += 1
        return driver


def _give_up(options: RuntimeOptions) -> LiveDriver | None:
    with _lock:
        if options not in _engines:
            return None
        _users[options] -= 1
        if _users[options] > 0:
            return None
        del _users[options]
        return _engines.pop(options)


def _make(options: RuntimeOptions) -> SteppedRuntime:
    from avatar_engine.runtime import make_runtime

    return make_runtime(options)
