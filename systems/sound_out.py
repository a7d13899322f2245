"""Hands out a tick's samples as soon as they are known: whoever plays them need not wait for the pictures."""

from __future__ import annotations

from avatar_engine.components.session import Speech, View
from avatar_engine.engine.clock import frames_in_tick
from avatar_engine.engine.messages import VideoFrame
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Identity, World
from avatar_engine.systems.publish import Outbox, packet_of


class SoundOut:
    """Nothing later in the tick changes what is heard, so it leaves first; pictures follow with `publish`."""

    name = "sound_out"
    phase = Phase.INGEST
    reads = ("samples", "speaking", "clock")
    writes = ("early packets",)

    def run(self, world: World) -> None:
        """Where somebody wants them early: one packet per session whose pictures are only numbered yet."""
        take = world.resource(Outbox).early
        if take is None:
            return
        packets = []
        for _, (identity, speech, view) in world.each3(Identity, Speech, View):
            coming = frames_in_tick(world.tick, view.fps, world.hz) if view.id >= 0 else ()
            frames = tuple(VideoFrame(index, None) for index in coming)
            packets.append(packet_of(world, identity, speech, frames))
        take(packets)
