"""Listens to what the agent is doing and passes it on as commands: states, the user's turns, tools, expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from livekit.agents import AgentSession, AgentStateChangedEvent, UserStateChangedEvent
from livekit.agents.tts._provider_format import TranscriptMarkupStripper, match_mood
from livekit.agents.voice.io import TextOutput

from avatar_engine.components.emotions import emotion_book, find_emotion
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.messages import Command, SetAgentState, SetEmotion, Trigger

Send = Callable[[Command], object]


class AgentEar:
    """Attached to one AgentSession; `detach` leaves no handler behind."""

    def __init__(self, agent_session: AgentSession[Any], send: Send, *, emotions: bool) -> None:
        self._session = agent_session
        self._send = send
        self._emotions = emotions
        self._tap: ExpressionTap | None = None
        self._handlers: tuple[tuple[Any, Callable[[Any], None]], ...] = (
            ("agent_state_changed", self._agent_state_changed),
            ("user_state_changed", self._user_state_changed),
            ("tool_execution_updated", self._tool_execution_updated),
        )
        for event, handler in self._handlers:
            agent_session.on(event, handler)
        send(SetAgentState(agent_session.agent_state))

    def detach(self) -> None:
        for event, handler in self._handlers:
            self._session.off(event, handler)
        output = self._session.output
        if self._tap is not None and output.transcription is self._tap:
            output.transcription = self._tap.next_in_chain
        self._tap = None

    def _agent_state_changed(self, event: AgentStateChangedEvent) -> None:
        self._send(SetAgentState(event.new_state))
        if event.new_state != "initializing":
            self._listen_to_text()

    def _user_state_changed(self, event: UserStateChangedEvent) -> None:
        if event.new_state == "speaking":
            self._send(Trigger("user_speech_start"))
        elif event.old_state == "speaking":
            self._send(Trigger("user_speech_end"))

    def _tool_execution_updated(self, event: Any) -> None:
        if event.update.type == "tool_call_started":
            self._send(Trigger("tool_start"))
        elif event.update.type == "tool_call_ended":
            self._send(Trigger("tool_end"))

    def _listen_to_text(self) -> None:
        # The room's text output exists only once the session has started; speech markup is still in its text.
        output = self._session.output
        if not self._emotions or output.transcription is None or output.transcription is self._tap:
            return
        self._tap = ExpressionTap(output.transcription, self._send)
        output.transcription = self._tap


class ExpressionTap(TextOutput):
    """Hands text on unchanged; the first expression tag of a segment becomes an emotion."""

    def __init__(self, next_in_chain: TextOutput, send: Send) -> None:
        super().__init__(label="AvatarExpression", next_in_chain=next_in_chain)
        self._send = send
        self._stripper = TranscriptMarkupStripper()
        self._told: str | None = None

    async def capture_text(self, text: str) -> None:
        self._stripper.push(str(text))
        self._tell()
        if self.next_in_chain is not None:
            await self.next_in_chain.capture_text(text)

    def flush(self) -> None:
        self._stripper = TranscriptMarkupStripper()
        self._told = None
        if self.next_in_chain is not None:
            self.next_in_chain.flush()

    def _tell(self) -> None:
        tags = self._stripper.tags
        found = next((tag["value"] for tag in tags if tag["type"] in ("expression", "emotion")), None)
        if found is not None and found != self._told:
            self._told = found
            command = emotion_of(found, match_mood(found))
            if command is not None:
                self._send(command)


def emotion_of(expression: str, mood: str) -> SetEmotion | None:
    """The emotion for a voice's expression: its own word when we know it, else LiveKit's mood for it."""
    try:
        find_emotion(expression)
    except InputError:
        known = emotion_book().moods.get(mood)
        return None if known is None else SetEmotion(known[0], known[1])
    return SetEmotion(expression)
