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
_engines: dict[RuntimeOptions, LiveDriver] = {}
_users: dict[RuntimeOptions, int] = {}
_warm: set[RuntimeOptions] = set()
_runtimes: dict[RuntimeOptions, HostedRuntime] = {}


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


def prewarm(options: RuntimeOptions, face: SessionOptions | None = None) -> None:
    """Start the engine and keep it until `cool`: call it where a worker prepares; again does nothing.

    face: an avatar to have at hand: loaded, on the graphics card, drawn once, its encoder measured. The first call then
    needs no seconds.
    """
    with _lock:
        known = options in _warm
        _warm.add(options)
    if not known:
        _claim(options, face)
    if face is not None:
        codec_choice.choose(face.width, face.height, face.fps)
    _engines[options].ready.result()


async def cool(options: RuntimeOptions) -> None:
    """Undo `prewarm`."""
    with _lock:
        known = options in _warm
        _warm.discard(options)
    if known:
        await release(options)


def busy(options: RuntimeOptions) -> float:
    """Share of its time that the simulation or the drawing works, whichever is nearer to missing its frames; 0 when
    there is no engine."""
    runtime = _runtimes.get(options)
    return 0.0 if runtime is None else runtime.busy


def _claim(options: RuntimeOptions, face: SessionOptions | None = None) -> LiveDriver:
    with _lock:
        driver = _engines.get(options)
        if driver is None or driver.failed:
            driver = LiveDriver(lambda: _make(options, face), hz=options.hz)
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
        _runtimes.pop(options, None)
        return _engines.pop(options)


def _make(options: RuntimeOptions, face: SessionOptions | None) -> SteppedRuntime:
    from avatar_engine.engine.render.panda.renderer import PandaRenderer
    from avatar_engine.plugin.hosted import HostedRuntime

    runtime = _runtimes[options] = HostedRuntime(options, PandaRenderer)
    if face is not None:
        session = runtime.open_session(face)
        for _ in range(options.hz // face.fps + 2):
            runtime.step()
        # A small view that is never drawn keeps what the avatar's views share.
        runtime.kept = runtime.library.load(face.avatar)
        runtime.renderer.open_view(runtime.kept.model, 64, 64, face.quality)
        runtime.close_session(session)
    return runtime
