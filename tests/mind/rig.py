"""A synthetic rig whose targets are the canonical controls, and worlds that step the mind alone."""

from __future__ import annotations

import numpy as np

from avatar_engine.components.action_units import catalogue
from avatar_engine.components.controls import CONTROLS, POSE
from avatar_engine.components.face import FACE_COLUMNS
from avatar_engine.components.mind import mind_components
from avatar_engine.components.policy import Policy
from avatar_engine.components.rig import Rig, Rigs
from avatar_engine.components.script import Persona
from avatar_engine.components.session import Inbox, Speech, Switches
from avatar_engine.engine.audio import SpeechTimeline
from avatar_engine.engine.clock import first_sample
from avatar_engine.engine.messages import Command
from avatar_engine.engine.schedule import System
from avatar_engine.engine.world import Row, World
from avatar_engine.systems.audio_ingest import AudioIngest
from avatar_engine.systems.behaviour import Behaviour
from avatar_engine.systems.blink import Blink
from avatar_engine.systems.breath import Breath
from avatar_engine.systems.commands import Commands
from avatar_engine.systems.conversation import Conversation
from avatar_engine.systems.expression import Expression
from avatar_engine.systems.face_mix import FaceMix
from avatar_engine.systems.gaze import Gaze
from avatar_engine.systems.head_motion import HeadMotion
from avatar_engine.systems.prosody import Prosody

RATE = 16_000
MIND: tuple[type[System], ...] = (
    Prosody, Conversation, Behaviour, Expression, HeadMotion, Gaze, Blink, Breath, FaceMix,
)  # fmt: skip


def identity_rig() -> Rig:
    """52 + 6 targets, one per control; no gain, no offset, no limit of its own."""
    count = len(CONTROLS)
    book = catalogue()
    return Rig(
        name="identity",
        viseme_controls=np.zeros((15, count), np.float32),
        control_gain=np.ones(count, np.float32),
        control_offset=np.zeros(count, np.float32),
        unit_controls=book.controls,
        control_morphs=np.eye(count, dtype=np.float32),
        unit_morphs=np.zeros((len(book.units), count), np.float32),
        viseme_morphs=np.zeros((15, count), np.float32),
        pose_joints=np.zeros((len(POSE), 6), np.float32),
        control_joints=np.zeros((count, 6), np.float32),
        limits=(),
        morph_names=tuple(CONTROLS),
        joint_names=("head",),
    )


class Minds:
    """A world with avatars that only have a mind; `step` runs the real systems in their order."""

    def __init__(
        self,
        avatars: int = 1,
        hz: int = 30,
        seed: int = 1,
        persona: Persona | None = None,
        policy: Policy | None = None,
        style: str = "professional",
    ) -> None:
        self.world = World(hz, FACE_COLUMNS)
        self.world.put(Rigs([identity_rig()]))
        self.persona, self.policy, self.style = persona, policy, style
        self.systems = [system() for system in (Commands, AudioIngest, *MIND)]
        self.entities = [self.add(f"s{i}", seed + i) for i in range(avatars)]

    def add(self, session: str, seed: int) -> int:
        """One more avatar."""
        width = first_sample(1, RATE, self.world.hz)
        speech = Speech(SpeechTimeline(RATE, 0.2), np.zeros(width, np.float32))
        parts = mind_components(self.persona, self.policy)
        return self.world.spawn(session, seed, Inbox(), speech, Switches(style=self.style), *parts)

    def send(self, *commands: Command, avatar: int = 0) -> None:
        """Commands for the next tick."""
        self.world.get(self.entities[avatar], Inbox).waiting.extend(commands)

    def say(self, samples: np.ndarray, segment: int = 0, avatar: int = 0, last: bool = True) -> None:
        """Speech at 16 kHz."""
        sound = samples.astype(np.float32)
        self.world.get(self.entities[avatar], Speech).timeline.push(segment, sound, sound, last)

    def step(self, ticks: int = 1) -> None:
        """Run that many ticks."""
        for _ in range(ticks):
            for system in self.systems:
                system.run(self.world)
            self.world.tick += 1

    def row(self, name: str, avatar: int = 0) -> np.ndarray:
        """A copy of one avatar's row of a column."""
        index = self.world.get(self.entities[avatar], Row).index
        return self.world.batch[name][index].copy()


def babble(seconds: float, seed: int = 1, pause_every_s: float = 2.6) -> np.ndarray:
    """Speech-like sound: harmonics of a gliding pitch in syllables of varied stress, pauses between phrases."""
    rng = np.random.default_rng(seed)
    count = int(seconds * RATE)
    time = np.arange(count) / RATE
    pitch = 130.0 * 2.0 ** (0.25 * np.sin(2 * np.pi * 0.35 * time + rng.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(k * phase) / k for k in range(1, 9))
    loud = np.zeros(count)
    at, phrase = 0.05, 0.0
    while at < seconds - 0.3:
        length = rng.uniform(0.12, 0.24)
        stress = rng.choice([0.35, 0.5, 1.0])
        i, j = int(at * RATE), int((at + length) * RATE)
        loud[i:j] = np.maximum(loud[i:j], stress * np.sin(np.linspace(0, np.pi, j - i)) ** 0.7)
        at += length * 0.95
        phrase += length
        if phrase > pause_every_s * rng.uniform(0.7, 1.3):
            at += rng.uniform(0.3, 0.6)
            phrase = 0.0
    return (0.12 * voice * loud).astype(np.float32)
