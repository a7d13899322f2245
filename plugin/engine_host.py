"""One engine per process and kind, shared by the avatars of all its rooms; started on first use or by `prewarm`."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from avatar_engine.live import LiveDriver, SteppedRuntime
from avatar_engine.options import RuntimeOptions, SessionOptions
from avatar_engine.plugin import codec_choice

if TYPE_CHECKING:
    from avatar_engine.plugin.hosted import HostedRuntime

_lock = threading.Lock()
_engines: dict[RuntimeOptions, LiveDriver] = {}  # the newest of each kind
_users: dict[LiveDriver, int] = {}
_warm: dict[RuntimeOptions, LiveDriver] = {}
_runtimes: dict[RuntimeOptions, HostedRuntime] = {}


async def acquire(options: RuntimeOptions) -> LiveDriver:
    """The running engine for these options; every `acquire` needs one `release` of what it returned."""
    with _lock:
        driver = _claim(options)
    try:
        await asyncio.shield(asyncio.wrap_future(driver.ready))
    except BaseException:
        await release(driver)
        raise
    return driver


async def release(driver: LiveDriver) -> None:
    """Give it back; the last user ends it."""
    if _give_up(driver):
        await asyncio.to_thread(driver.stop)


def prewarm(options: RuntimeOptions, face: SessionOptions | None = None) -> None:
    """Start the engine and keep it until `cool`: call it where a worker prepares; again does nothing while it works,
    and starts another one where it has failed.

    face: an avatar to have at hand: loaded, on the graphics card, drawn once, its encoder measured. The first call then
    needs no seconds.
    """
    with _lock:
        before = _warm.get(options)
        if before is None or before.failed:
            _warm[options] = _claim(options, face)
        driver = _warm[options]
    if before is not None and before is not driver and _give_up(before):
        before.stop()
    if face is not None:
        codec_choice.choose(face.width, face.height, face.fps)
    driver.ready.result()


async def cool(options: RuntimeOptions) -> None:
    """Undo `prewarm`."""
    with _lock:
        driver = _warm.pop(options, None)
    if driver is not None:
        await release(driver)


def busy(options: RuntimeOptions) -> float:
    """Share of its time that the simulation or the drawing works, whichever is nearer to missing its frames; 0 when
    there is no engine."""
    runtime = _runtimes.get(options)
    return 0.0 if runtime is None else runtime.busy


def _claim(options: RuntimeOptions, face: SessionOptions | None = None) -> LiveDriver:
    """Under the lock: one more user of the newest engine, or of a new one where that has failed."""
    driver = _engines.get(options)
    if driver is None or driver.failed:
        driver = LiveDriver(lambda: _make(options, face), hz=options.hz)
        driver.start()
        _engines[options] = driver
        _users[driver] = 0
    _users[driver] += 1
    return driver


def _give_up(driver: LiveDriver) -> bool:
    """One user less; whether it was the last."""
    with _lock:
        _users[driver] -= 1
        if _users[driver] > 0:
            return False
        del _users[driver]
        for options in [options for options, newest in _engines.items() if newest is driver]:
            del _engines[options]
            _runtimes.pop(options, None)
        return True


def _make(options: RuntimeOptions, face: SessionOptions | None) -> SteppedRuntime:
    from avatar_engine.engine.render.panda.renderer import PandaRenderer
    from avatar_engine.plugin.hosted import HostedRuntime

    runtime = _runtimes[options] = HostedRuntime(options, PandaRenderer)
    if options.watch_files:
        runtime.files.start()
    if face is not None:
        session = runtime.open_session(face)
        for _ in range(options.hz // face.fps + 2):
            runtime.step()
        # A small view that is never drawn keeps what the avatar's views share.
        runtime.kept = runtime.library.load(face.avatar)
        runtime.renderer.open_view(runtime.kept.model, 64, 64, face.quality)
        runtime.close_session(session)
    return runtime
