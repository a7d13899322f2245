"""What the avatar learns of its agent: states, expressions in the voice's text, tools."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.types import USERDATA_TIMED_TRANSCRIPT, TimedString
from livekit.agents.voice.room_io import RoomOptions

from avatar_engine.engine.errors import InputError
from avatar_engine.engine.messages import (
    PlayGesture,
    SetAgentState,
    SetBackground,
    SetEmotion,
    SetGaze,
    SetLanguage,
    Trigger,
)
from avatar_engine.plugin.agent_ear import AgentEar, emotion_of
from avatar_engine.plugin.audio_output import mono, words
from avatar_engine.plugin.room_avatar import command_of

pytestmark = pytest.mark.livekit


async def silence(seconds: float):
    for _ in range(int(seconds * 20)):
        yield rtc.AudioFrame(bytes(2 * 1200), 24_000, 1, 1200)


async def test_states_and_expressions_become_commands(house) -> None:
    commands = []
    room = await house.join("agent", kind="agent")
    session = AgentSession()
    ear = AgentEar(session, commands.append, emotions=True)
    async with house.avatar_for(room) as stage:
        session.output.replace_audio_tail(stage.output)
        await session.start(Agent(instructions=""), room=room, room_options=RoomOptions(audio_input=False))
        speech = session.say(
            '<emotion value="sad"/>I am sorry to hear that.', audio=silence(0.5), add_to_chat_ctx=False
        )
        await asyncio.wait_for(speech.wait_for_playout(), 10.0)
        await asyncio.sleep(0.2)
        states = [command.state for command in commands if isinstance(command, SetAgentState)]
        assert states[0] == "initializing"
        assert "listening" in states
        assert states.index("speaking") > states.index("listening")
        assert [command.emotion for command in commands if isinstance(command, SetEmotion)] == ["sad"]
        ear.detach()
        heard = len(commands)
        speech = session.say('<emotion value="happy"/>Good.', audio=silence(0.2), add_to_chat_ctx=False)
        await asyncio.wait_for(speech.wait_for_playout(), 10.0)
        assert len(commands) == heard
        await session.aclose()


def test_expressions_the_engine_does_not_know_fall_back_to_moods() -> None:
    assert emotion_of("happy", "sad") == SetEmotion("happy")
    assert emotion_of("with a warm chuckle", "playful") == SetEmotion("playful", 0.9)
    assert emotion_of("like a pirate", "no such mood") is None


@pytest.mark.parametrize(
    ("told", "command"),
    [
        ({"do": "emotion", "emotion": "happy", "intensity": 0.5}, SetEmotion("happy", 0.5)),
        ({"do": "gesture", "gesture": "nod"}, PlayGesture("nod", 1.0)),
        ({"do": "background", "background": "#102030"}, SetBackground("#102030")),
        ({"do": "language", "language": "it"}, SetLanguage("it")),
        ({"do": "gaze", "point_m": [0, 1, 2], "hold_s": 1}, SetGaze((0.0, 1.0, 2.0), 1.0)),
        ({"do": "gaze"}, SetGaze(None)),
        ({"do": "trigger", "event": "applause"}, Trigger("applause")),
    ],
)
def test_commands_from_the_wire(told, command) -> None:
    assert command_of(told) == command


@pytest.mark.parametrize(
    "told", [{}, {"do": "dance"}, {"do": "emotion", "emotion": "hapy"}, {"do": "background", "background": "nowhere"}]
)
def test_nonsense_from_the_wire_is_refused(told) -> None:
    with pytest.raises((InputError, KeyError, ValueError)):
        command_of(told)


def test_word_times_are_taken_from_frames_and_channels_are_mixed() -> None:
    stereo = np.array([[1000, 3000], [-2000, 0]], np.int16)
    frame = rtc.AudioFrame(stereo.tobytes(), 24_000, 2, 2)
    assert mono(frame) == pytest.approx([2000 / 32768, -1000 / 32768])
    frame.userdata[USERDATA_TIMED_TRANSCRIPT] = [
        TimedString("hello", start_time=0.1, end_time=0.4),
        TimedString("there"),
    ]
    assert [(word.text, word.start_s, word.end_s) for word in words(frame)] == [("hello", 0.1, 0.4)]
