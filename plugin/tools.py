"""What an agent's LLM may do with its avatar, as function tools."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

from livekit import rtc
from livekit.agents import ToolError
from livekit.agents.llm import FunctionTool, RawFunctionTool, function_tool

from avatar_engine.components.emotions import emotion_book
from avatar_engine.engine.errors import InputError
from avatar_engine.scenes.scene import is_colour
from avatar_engine.scenes.staging import background_ids

GESTURES = ("nod", "shake", "tilt", "shrug", "wink", "smile")


class Puppet(Protocol):
    """Either session; one does it at once, the other over the network."""

    def update_emotion(self, emotion: str, intensity: float = 1.0) -> Awaitable[None] | None: ...
    def play_gesture(self, gesture: str, strength: float = 1.0) -> Awaitable[None] | None: ...
    def set_background(self, background: str) -> Awaitable[None] | None: ...


def avatar_tools(avatar: Puppet) -> list[FunctionTool | RawFunctionTool]:
    """Tools bound to one avatar."""
    emotions = ", ".join(sorted(emotion_book().names))

    async def set_avatar_emotion(emotion: str, intensity: float = 0.7) -> str:
        try:
            await _done(avatar.update_emotion(emotion, intensity))
        except (InputError, rtc.RpcError) as error:
            raise ToolError(str(error)) from error
        return "done"

    async def play_avatar_gesture(gesture: str) -> str:
        if gesture not in GESTURES:
            raise ToolError(f"gestures: {', '.join(GESTURES)}")
        await _done(avatar.play_gesture(gesture))
        return "done"

    async def set_avatar_background(background: str) -> str:
        # A model says what a user talked it into: it may name no file, or it would show pictures of this machine.
        if background not in background_ids() and not is_colour(background):
            raise ToolError(f"backgrounds: {', '.join(background_ids())}, or a colour as #rrggbb")
        try:
            await _done(avatar.set_background(background))
        except (InputError, rtc.RpcError) as error:
            raise ToolError(str(error)) from error
        return "done"

    return [
        function_tool(
            set_avatar_emotion,
            name="set_avatar_emotion",
            description=f"Show an emotion on your face. emotion: one of {emotions}. intensity: 0 to 1.",
        ),
        function_tool(
            play_avatar_gesture,
            name="play_avatar_gesture",
            description=f"Make a gesture. gesture: one of {', '.join(GESTURES)}.",
        ),
        function_tool(
            set_avatar_background,
            name="set_avatar_background",
            description="Change what is seen behind you. background: one of "
            f"{', '.join(background_ids())}, or a colour as #rrggbb.",
        ),
    ]


async def _done(told: Awaitable[None] | None) -> None:
    if told is not None:
        await told
