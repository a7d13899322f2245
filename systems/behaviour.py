"""Carries out what the outside asks of a face and what its persona's behaviours decide."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.mind import Happenings
from avatar_engine.components.script import Script
from avatar_engine.components.session import Inbox, Switches
from avatar_engine.engine.errors import suggest
from avatar_engine.engine.messages import PlayGesture, SetEmotion, SetGaze
from avatar_engine.engine.schedule import Phase
from avatar_engine.engine.world import Row, World
from avatar_engine.systems import wishes
from avatar_engine.systems.commands import refuse
from avatar_engine.systems.script import advance
from avatar_engine.systems.voice_mood import colour_by_voice

Float = NDArray[np.float32]


class Behaviour:
    """Turns wishes and behaviours into goals that the ANIMATE systems follow."""

    name = "behaviour"
    phase = Phase.INTENT
    reads = ("commands", "switches", "turn", "happenings", "prosody", "last:gaze")
    writes = ("emotion.goal", "mood", "look", "clips")

    def run(self, world: World) -> None:
        """Timers, then this tick's wishes in the order they were sent, then the behaviours."""
        batch = world.batch
        self._styles(world)
        mood, look = batch["mood"], batch["look"]
        mood[wishes.count_down(mood[:, wishes.HOLD], world.dt_s), wishes.OUTSIDE] = 0.0
        ended = wishes.count_down(mood[:, wishes.INNER_HOLD], world.dt_s)
        if ended.any():
            batch["emotion.inner"][ended] = batch["emotion.base"][ended]
        look[wishes.count_down(look[:, wishes.LOOK_HOLD], world.dt_s), wishes.LOOK_HELD] = 0.0
        self._wishes(world)
        for entity, (row, happenings, script) in world.each3(Row, Happenings, Script):
            if happenings.now or script.wake_tick <= world.tick:
                advance(world, entity, row.index, script, happenings.now)
        colour_by_voice(world)
        outside = mood[:, wishes.OUTSIDE : wishes.OUTSIDE + 1] > 0.0
        batch["emotion.goal"][:] = np.where(outside, batch["emotion.outer"], batch["emotion.inner"])

    def _wishes(self, world: World) -> None:
        for entity, (row, inbox) in world.each2(Row, Inbox):
            for command in inbox.now:
                match command:
                    case SetEmotion(emotion=emotion, intensity=intensity, hold_s=hold_s):
                        if wishes.set_emotion(world, row.index, emotion, intensity, hold_s, outside=True):
                            world.get(entity, Happenings).now.append(("emotion", intensity))
                        else:
                            refuse(world, entity, f"no emotion '{emotion}'", suggest(emotion, emotion_book().names))
                    case SetGaze(point_m=point, hold_s=hold_s):
                        wishes.set_gaze(world, row.index, point, hold_s, outside=True)
                    case PlayGesture(gesture=gesture, strength=strength):
                        known = wishes.gestures_of(world, entity)
                        if gesture not in known:
                            refuse(world, entity, f"no gesture '{gesture}'", suggest(gesture, known))
                        wishes.play_gesture(world, entity, gesture, strength)
                    case _:
                        pass

    def _styles(self, world: World) -> None:
        mood = world.batch["mood"]
        styles = emotion_book().styles
        for _, (row, switches) in world.each2(Row, Switches):
            style = styles.get(switches.style)
            if style is not None and mood[row.index, wishes.STYLE] != style.index + 1:
                wishes.set_style(world, row.index, switches.style)
        for index in np.flatnonzero(mood[:, wishes.STYLE] == 0.0).tolist():
            wishes.set_style(world, index, "professional")
