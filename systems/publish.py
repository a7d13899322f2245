"""Packs what a tick produced into FramePackets, and counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from avatar_engine.components.session import Speech, View
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.messages import FramePacket, VideoFrame
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Identity, World


@dataclass(slots=True)
class Outbox:
    """Packets of this tick, in the order the sessions were opened.

    early: where this tick's packets go before anything is drawn, their pictures only numbered; None: nowhere.
    """

    packets: list[FramePacket] = field(default_factory=list)
    early: Callable[[list[FramePacket]], None] | None = None

    def take(self) -> list[FramePacket]:
        """The packets, no longer kept here: their pictures are large."""
        packets, self.packets = self.packets, []
        return packets


class Publish:
    """The last system: from here on nothing of the simulation changes."""

    name = "publish"
    phase = Phase.PUBLISH
    reads = ("samples", "pictures", "speaking", "clock")
    writes = ("packets",)

    def run(self, world: World) -> None:
        """One packet per session."""
        packets = world.resource(Outbox).packets
        packets.clear()
        for _, (identity, speech, view) in world.each3(Identity, Speech, View):
            packets.append(packet_of(world, identity, speech, tuple(view.pictures)))
            view.pictures.clear()


def packet_of(world: World, identity: Identity, speech: Speech, frames: tuple[VideoFrame, ...]) -> FramePacket:
    """What this tick of a session publishes."""
    tick, rate = world.tick, speech.timeline.rate
    speaking = False
    for span in speech.spans:
        speaking = speaking or span.count > 0
    return FramePacket(
        identity.session,
        tick,
        speech.generation,
        rate,
        first_sample(tick, rate, world.hz),
        speech.samples,
        speech.spans,
        frames,
        speaking,
    )
