"""Carries out the commands that concern speech and hands the rest to this tick's readers."""

from __future__ import annotations

from avatar_engine.components.session import Inbox, Speech
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.messages import ClearSpeech, PauseSpeech, ResumeSpeech
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import World


class Commands:
    """Everything sent before this tick takes effect now, in the order it was sent."""

    name = "commands"
    phase = Phase.INGEST
    reads = ("inbox", "clock")
    writes = ("commands", "interrupts")

    def run(self, world: World) -> None:
        """Move waiting commands to `Inbox.now`; clear, pause and resume the speech timelines."""
        for _, (inbox, speech) in world.each2(Inbox, Speech):
            inbox.now.clear()
            speech.cleared = speech.held = False
            while inbox.waiting:
                command = inbox.waiting.popleft()
                inbox.now.append(command)
                start = first_sample(world.tick, speech.timeline.rate, world.hz)
                match command:
                    case ClearSpeech():
                        speech.timeline.clear(start)
                        speech.generation += 1
                        speech.cleared = True
                    case PauseSpeech(segment=segment, position=position):
                        speech.timeline.pause(start, segment, position)
                        speech.held = True
                    case ResumeSpeech():
                        speech.timeline.resume()
                    case _:
                        pass
