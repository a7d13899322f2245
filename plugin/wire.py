"""Names on the wire between an agent and an avatar in another process: LiveKit's, and the few of our own."""

from __future__ import annotations

AUDIO_TOPIC = "lk.audio_stream"
RPC_CLEAR = "lk.clear_buffer"
RPC_STARTED = "lk.playback_started"
RPC_FINISHED = "lk.playback_finished"
RPC_PAUSE = "lk.pause_audio_output"
RPC_RESUME = "lk.resume_audio_output"
TRANSCRIPTION_TOPIC = "lk.transcription"
ATTRIBUTE_STATE = "lk.agent.state"
ATTRIBUTE_ON_BEHALF = "lk.publish_on_behalf"
ATTRIBUTE_EXPRESSION = "lk.expression"

RPC_COMMAND = "avatar_engine.command"
"""Our own: emotion, gesture, background, gaze, event as JSON."""
WARM_TOPIC = "avatar_engine.warm"
"""An empty packet sent ahead: the first one over a new connection takes a few hundred milliseconds."""
WORKER_NAME = "avatar-engine"
"""Agent name under which avatar workers are dispatched."""
