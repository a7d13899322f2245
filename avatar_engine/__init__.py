"""Speech in, a talking person out: the names people import. Everything is loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avatar_engine.engine.errors import EngineError, InputError
    from avatar_engine.engine.messages import AudioChunk, FramePacket
    from avatar_engine.offline import render_file
    from avatar_engine.options import RuntimeOptions, SessionOptions
    from avatar_engine.plugin.session import AvatarSession
    from avatar_engine.runtime import Runtime, make_runtime
    from avatar_engine.scenes.staging import load_scene

_WHERE = {
    "AudioChunk": "avatar_engine.engine.messages",
    "AvatarSession": "avatar_engine.plugin.session",
    "EngineError": "avatar_engine.engine.errors",
    "FramePacket": "avatar_engine.engine.messages",
    "InputError": "avatar_engine.engine.errors",
    "Runtime": "avatar_engine.runtime",
    "RuntimeOptions": "avatar_engine.options",
    "SessionOptions": "avatar_engine.options",
    "load_scene": "avatar_engine.scenes.staging",
    "make_runtime": "avatar_engine.runtime",
    "render_file": "avatar_engine.offline",
}
__all__ = [
    "AudioChunk",
    "AvatarSession",
    "EngineError",
    "FramePacket",
    "InputError",
    "Runtime",
    "RuntimeOptions",
    "SessionOptions",
    "load_scene",
    "make_runtime",
    "render_file",
]


def __getattr__(name: str) -> object:
    if name in _WHERE:
        value = getattr(import_module(_WHERE[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'avatar_engine' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
