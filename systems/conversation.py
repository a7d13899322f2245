"""Decides whose turn it is: idle, listening, thinking, tool-wait, speaking, yielding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.mind import AGENT_STATES, TURN, Happenings, TurnState
from avatar_engine.components.session import Inbox, Speech, Switches
from avatar_engine.engine.messages import SetAgentState, Trigger
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.rows import due

Float = NDArray[np.float32]
HANG_S = 0.35  # a pause inside the own speech is not the end of the turn
YIELD_S = 0.7
ATTENTION_S = 4.0  # after the user or the avatar stopped speaking and nobody said what comes next
OWN_S, RELEASE_S = 0.08, 0.22  # how fast speech takes the mouth and gives it back
THINKING = AGENT_STATES.index("thinking")
LISTENING = AGENT_STATES.index("listening")
(STATE, STATE_S, SILENT, USER, USER_QUIET, TOOLS, AGENT, YIELD, CHANGED, BEFORE, INTERRUPTED) = range(len(TURN))
LONG_AGO_S = 1e4


class Conversation:
    """Writes the column `turn`, the mouth's owner, the switches, and what happened as named events."""

    name = "conversation"
    phase = Phase.INTENT
    reads = ("commands", "interrupts", "speaking", "prosody", "switches")
    writes = ("turn", "mouth_owner", "happenings")

    def run(self, world: World) -> None:
        """One tick of everybody's conversation."""
        batch = world.batch
        turn, speaking = batch["turn"], batch["speaking"][:, 0] > 0.0
        dt_s = np.float32(world.dt_s)
        fresh = (turn[:, STATE_S] == 0.0) & (turn[:, SILENT] == 0.0)
        turn[fresh, SILENT] = turn[fresh, USER_QUIET] = LONG_AGO_S
        for _, happenings in world.each(Happenings):
            happenings.now.clear()
        self._hear(world, turn)
        was = turn[:, STATE].copy()
        turn[:, SILENT] = np.where(speaking, 0.0, turn[:, SILENT] + dt_s)
        turn[:, USER_QUIET] = np.where(turn[:, USER] > 0.0, 0.0, turn[:, USER_QUIET] + dt_s)
        turn[:, YIELD] = np.maximum(turn[:, YIELD] - dt_s, 0.0)
        interrupted = turn[:, INTERRUPTED] > 0.0
        turn[interrupted & (was == TurnState.SPEAKING), YIELD] = YIELD_S
        turn[:, INTERRUPTED] = 0.0
        turn[speaking, YIELD] = 0.0
        # who speaks has thought; an agent that thinks on says so again
        turn[speaking & (turn[:, AGENT] == THINKING), AGENT] = 0.0
        state = next_state(turn, was, speaking)
        changed = state != was
        turn[:, STATE_S] = np.where(changed, dt_s, turn[:, STATE_S] + dt_s)
        turn[:, STATE], turn[:, BEFORE], turn[:, CHANGED] = state, was, changed
        self._own_the_mouth(batch["mouth_owner"][:, 0], turn, speaking, world.dt_s)
        self._tell(world, turn, changed)

    def _hear(self, world: World, turn: Float) -> None:
        for entity, (row, inbox) in world.each2(Row, Inbox):
            for command in inbox.now:
                match command:
                    case SetAgentState(state=state) if state in AGENT_STATES:
                        turn[row.index, AGENT] = AGENT_STATES.index(state)
                    case Trigger(event=event, value=value):
                        self._event(turn[row.index], event)
                        world.get(entity, Happenings).now.append((event, value))
                    case _:
                        pass
        for _, (row, speech) in world.each2(Row, Speech):
            if speech.cleared or speech.held:
                turn[row.index, INTERRUPTED] = 1.0
        switches = world.batch["switches"]
        switches[:] = 1.0
        for _, (row, switch) in world.each2(Row, Switches):
            if not (switch.facial_expressions and switch.head_movements and switch.emotion_enabled):
                switches[row.index] = (
                    switch.facial_expressions,
                    switch.head_movements,
                    switch.emotion_enabled,
                )

    def _event(self, turn: Float, event: str) -> None:
        match event:
            case "user_speech_start":
                turn[USER] = 1.0
            case "user_speech_end":
                turn[USER] = 0.0
                turn[USER_QUIET] = 0.0
            case "tool_start":
                turn[TOOLS] += 1.0
            case "tool_end":
                turn[TOOLS] = max(turn[TOOLS] - 1.0, 0.0)
            case _:
                pass

    def _own_the_mouth(self, owner: Float, turn: Float, speaking: NDArray[np.bool_], dt_s: float) -> None:
        # whoever was interrupted keeps the mouth shut until the user has the turn
        wants = speaking | (turn[:, SILENT] < 0.15) | (turn[:, YIELD] > 0.0)
        owner += np.clip(wants - owner, -dt_s / RELEASE_S, dt_s / OWN_S)

    def _tell(self, world: World, turn: Float, changed: NDArray[np.bool_]) -> None:
        phrase_end = world.batch["prosody"][:, 5] > 0.0
        rows = due(changed | phrase_end)
        if not rows:
            return
        entities = world.entities_by_row()
        for row in rows:
            events = world.get(entities[row], Happenings).now
            if phrase_end[row]:
                events.append(("phrase_end", 1.0))
            if changed[row]:
                before, state = TurnState(int(turn[row, BEFORE])), TurnState(int(turn[row, STATE]))
                if before is TurnState.SPEAKING:
                    events.append(("speech_end", 1.0))
                if state is TurnState.SPEAKING:
                    events.append(("speech_start", 1.0))
                events.append((state.name.lower(), 1.0))


def next_state(turn: Float, was: Float, speaking: NDArray[np.bool_]) -> Float:
    """(n,) states from the conversation's facts; the first that holds wins."""
    talking = speaking | ((was == TurnState.SPEAKING) & (turn[:, SILENT] < HANG_S) & (turn[:, YIELD] <= 0.0))
    attending = (turn[:, USER] > 0.0) | (turn[:, AGENT] == LISTENING)
    attending |= (turn[:, USER_QUIET] < ATTENTION_S) | (turn[:, SILENT] < ATTENTION_S)
    state = np.full(len(turn), TurnState.IDLE, np.float32)
    # the last to write wins; `np.select` takes four times as long
    state[attending] = TurnState.LISTENING
    state[turn[:, AGENT] == THINKING] = TurnState.THINKING
    state[turn[:, TOOLS] > 0.0] = TurnState.TOOL_WAIT
    state[turn[:, YIELD] > 0.0] = TurnState.YIELDING
    state[talking] = TurnState.SPEAKING
    return state
