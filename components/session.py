"""What one session is made of besides its rows: speech, viseme timeline, view and wishes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.audio import SpeechTimeline
from avatar_engine.engine.journal import Pushed, Told
from avatar_engine.engine.messages import Command, SegmentSpan, VideoFrame
from avatar_engine.engine.render.base import Camera, Quality, Stage

Float = NDArray[np.float32]


@dataclass(slots=True)
class Inbox:
    """Speech and commands for this tick, in the order they were sent; emptied by the `commands` system."""

    waiting: deque[Pushed | Told | Command] = field(default_factory=deque)
    now: list[Command] = field(default_factory=list)  # readable by every system during one tick
    tick: int = -1  # that `now` is of


@dataclass(slots=True)
class Speech:
    """The session's audio: the plan, and what this tick plays.

    samples: (n,) this tick at `timeline.rate`.
    """

    timeline: SpeechTimeline
    samples: Float
    spans: tuple[SegmentSpan, ...] = ()
    generation: int = 0
    cleared: bool = False  # this tick carried out a ClearSpeech
    held: bool = False  # this tick carried out a PauseSpeech


@dataclass(slots=True)
class VisemeTimeline:
    """How far a session's viseme frames (100 Hz) are; the frames themselves lie in the resource `VisemeEngine`."""

    slot: int
    fed: int = 0  # hops pushed into the model, counted on the session's timeline
    newest: int = -1  # newest hop with a frame
    woken: int = 0  # the hop fed first since it last slept
    behind: int = 0  # hops between the newest fed and the newest with a frame
    asleep: bool = True  # nothing to analyse: the model is not called
    segment: int = -1  # whose words the model was told last
    told: int = 0  # how many of them


@dataclass(slots=True)
class View:
    """What is drawn of this session, and how."""

    id: int  # the renderer's view, -1: nothing is drawn
    stage: Stage
    camera: Camera
    width: int
    height: int
    fps: int
    quality: Quality
    level: int
    morph_count: int
    joint_count: int
    dirty: bool = True  # stage, camera or size changed
    frozen: bool = False  # the driver asked not to draw (nobody watches, or no time)
    pictures: list[VideoFrame] = field(default_factory=list)  # of this tick
    shown: tuple[Float, Float] | None = None  # morphs and joints of the picture shown last


@dataclass(slots=True)
class Switches:
    """What the user turned off."""

    facial_expressions: bool = True
    head_movements: bool = True
    emotion_enabled: bool = True
    style: str = "professional"
