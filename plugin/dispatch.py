"""The agent's calls to the LiveKit server: ask for a worker, ask again while none takes the room, send one away."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
from livekit import api, rtc
from livekit.agents import get_job_context

from avatar_engine.plugin.log import logger
from avatar_engine.plugin.session import connected
from avatar_engine.plugin.worker import dispatch_metadata

ASK_AGAIN_S = 5.0
"""A dispatch that meets no free worker is answered at once, and forgotten by the server."""

FAILURES = (api.TwirpError, aiohttp.ClientError)
"""What a server says, or its absence."""


class AvatarDispatch:
    """Workers of one name, for one room. access: URL, key and secret. wishes: the avatar's options."""

    def __init__(self, room: rtc.Room, worker: str, access: tuple[str, str, str], wishes: dict[str, Any]) -> None:
        self._room = room
        self._worker = worker
        self._access = access
        self._wishes = wishes
        self._id = ""

    async def ask(self, identity: str) -> None:
        """Ask for an avatar of this identity. Raises one of FAILURES where the server cannot be asked."""
        job = get_job_context(required=False)
        if job is None:
            await connected(self._room)
        agent = job.local_participant_identity if job is not None else self._room.local_participant.identity
        request = api.CreateAgentDispatchRequest(
            agent_name=self._worker,
            room=job.room.name if job is not None else self._room.name,
            metadata=dispatch_metadata(agent, identity, self._wishes),
        )
        async with api.LiveKitAPI(*self._access) as server:
            self._id = (await server.agent_dispatch.create_dispatch(request)).id

    async def ask_until_taken(self, identity: str) -> None:
        """Ask again for the same avatar until a worker has taken what was asked for last."""
        while True:
            await asyncio.sleep(ASK_AGAIN_S)
            try:
                if await self._taken():
                    return
                logger.info("no avatar worker '%s' was free; asking again", self._worker)
                await self.ask(identity)
            except FAILURES as error:
                logger.debug("could not ask again for an avatar: %s", error)

    async def _taken(self) -> bool:
        async with api.LiveKitAPI(*self._access) as server:
            dispatch = await server.agent_dispatch.get_dispatch(self._id, self._room.name)
        return dispatch is not None and len(dispatch.state.jobs) > 0

    async def send_away(self, identity: str) -> None:
        """An avatar nobody waits for any more would stand there mute, beside the one that took its place."""
        try:
            async with api.LiveKitAPI(*self._access) as server:
                await server.room.remove_participant(
                    api.RoomParticipantIdentity(room=self._room.name, identity=identity)
                )
        except FAILURES as error:
            logger.warning("%s came too late and could not be sent away: %s", identity, error)
