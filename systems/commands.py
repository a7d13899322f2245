"""Carries out the commands that concern speech and hands the rest to this tick's readers."""

from __future__ import annotations

import math
from dataclasses import fields

from avatar_engine.components.mind import Refusals
from avatar_engine.components.session import Inbox, Speech
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.journal import Pushed, Told
from avatar_engine.engine.messages import ClearSpeech, Command, PauseSpeech, ResumeSpeech
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Identity, World


class Commands:
    """Everything sent before this tick takes effect now, in the order it was sent."""

    name = "commands"
    phase = Phase.INGEST
    reads = ("inbox", "clock")
    writes = ("commands", "interrupts")

    def run(self, world: World) -> None:
        """Put speech on the timelines, clear, pause and resume them; move commands to `Inbox.now`."""
        for entity, (inbox, speech) in world.each2(Inbox, Speech):
            if inbox.tick != world.tick:  # else another session broke this tick, and it is run again
                inbox.tick = world.tick
                inbox.now.clear()
                speech.cleared = speech.held = False
            start = first_sample(world.tick, speech.timeline.rate, world.hz)
            while inbox.waiting:
                match inbox.waiting.popleft():
                    case Pushed(_, chunk, heard):
                        speech.timeline.push(chunk.segment, chunk.samples, heard, chunk.last)
                    case Told(_, segment, words):
                        speech.timeline.tell(segment, words)
                    case command:
                        if not _is_finite(command):
                            refuse(world, entity, f"{command} has a number that is none", "give finite numbers")
                            continue
                        inbox.now.append(command)
                        _carry_out(command, speech, start)


def refuse(world: World, entity: int, what: str, hint: str) -> None:
    """Tell whoever sent it that a command was not carried out."""
    try:
        refusals = world.resource(Refusals)
    except KeyError:  # nobody wants to know
        return
    refusals.now.append((world.get(entity, Identity).session, what, hint))


def _carry_out(command: Command, speech: Speech, start: int) -> None:
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


def _is_finite(command: Command) -> bool:
    """A NaN in a face never leaves it."""
    for field in fields(command):
        value = getattr(command, field.name)
        for number in value if isinstance(value, tuple) else (value,):
            if isinstance(number, float) and not math.isfinite(number):
                return False
    return True
