"""A LiveKit voice agent with a face. Your own speech recognition, language model and voice; the avatar is local.

    export LIVEKIT_URL=... LIVEKIT_API_KEY=... LIVEKIT_API_SECRET=...
    python examples/livekit_agent.py dev

The three model names are LiveKit Inference's; put in any plugin of your own instead.
"""

from __future__ import annotations

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, JobProcess, cli

from avatar_engine import AvatarSession
from avatar_engine.plugin import engine_host
from avatar_engine.plugin.options import AvatarRequest, live_options

FACE = AvatarRequest(avatar_id="ada", style="warm", resolution="640x360", quality="medium")


def prewarm(_: JobProcess) -> None:
    """Start the engine and load the face before a call comes in."""
    options = live_options(FACE)
    engine_host.prewarm(options.runtime, options.session)


server = AgentServer(setup_fnc=prewarm, initialize_process_timeout=60.0)


@server.rtc_session()
async def answer(ctx: JobContext) -> None:
    """One call."""
    session: AgentSession = AgentSession(
        stt="deepgram/nova-3",
        llm="openai/gpt-4.1-mini",
        tts="cartesia/sonic-3",
    )
    avatar = AvatarSession(FACE)
    await avatar.start(session, room=ctx.room)
    agent = Agent(
        instructions="You are a friendly receptionist. Answer briefly. Show with your face how you mean it.",
        tools=avatar.tools(),
    )
    await session.start(agent, room=ctx.room)
    await session.generate_reply(instructions="Greet the visitor.")


if __name__ == "__main__":
    cli.run_app(server)
