"""The only values that cross a border: AudioChunk and Command go in, FramePacket and Notice come out.

Frozen, free of behaviour, safe to hand from one thread to another. Sample positions are integers:
`start_sample` of a packet counts the session's own timeline (every tick plays exactly
`[tick * rate // hz, (tick + 1) * rate // hz)`), a segment's positions count that segment's speech alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from avatar_engine.engine.image import Image


@dataclass(frozen=True, slots=True)
class TimedWord:
    """One word the voice is known to speak; times in seconds from the start of its segment."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class SpokenWord:
    """How a word of a segment is pronounced: IPA phones, and when it begins, in seconds from the segment's start (0
    where only the text is known)."""

    phones: tuple[str, ...]
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Speech to be spoken next.

    samples: (n,) float32 mono in [-1, 1] at `rate` Hz; may be empty.
    segment: chunks of one utterance share it; a new value starts a new utterance.
    last: nothing more follows in this segment (it may be sent alone with no samples).
    words: words whose times are known, if any.
    """

    samples: NDArray[np.float32]
    rate: int
    segment: int = 0
    last: bool = False
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A wish to the simulation, applied at the start of the next tick, in the order sent."""


@dataclass(frozen=True, slots=True)
class ClearSpeech(Command):
    """Drop all speech that has not been played (an interruption)."""


@dataclass(frozen=True, slots=True)
class PauseSpeech(Command):
    """Hold the speech. `segment`/`position` (samples of that segment) rewind to what was really heard."""

    segment: int | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class ResumeSpeech(Command):
    """Go on at the very sample where PauseSpeech left off."""


@dataclass(frozen=True, slots=True)
class SetEmotion(Command):
    """Aim for an emotion; intensity 0..1; hold_s None = until changed."""

    emotion: str
    intensity: float = 1.0
    hold_s: float | None = None


@dataclass(frozen=True, slots=True)
class SetScene(Command):
    """Swap the scene (a bundled id or a file)."""

    scene: str


@dataclass(frozen=True, slots=True)
class SetBackground(Command):
    """Swap only the background: an id of assets/backgrounds, an image file, or a colour `#rrggbb`."""

    background: str


@dataclass(frozen=True, slots=True)
class SetLanguage(Command):
    """From now on the voice speaks another language, as espeak-ng or BCP 47 name it (`it`, `pt-br`), and so are the words
    that come with speech pushed after this was sent."""

    language: str


@dataclass(frozen=True, slots=True)
class SetGaze(Command):
    """Look at a point (metres, avatar axes: x to the avatar's left, y up, z forward, from between the eyes)
    or, with None, back to the persona's own gaze."""

    point_m: tuple[float, float, float] | None
    hold_s: float | None = None


@dataclass(frozen=True, slots=True)
class PlayGesture(Command):
    """nod, shake, tilt, shrug, wink, smile, ... as the behaviours define them."""

    gesture: str
    strength: float = 1.0


@dataclass(frozen=True, slots=True)
class SetAgentState(Command):
    """What the agent says it does: initializing, idle, listening, thinking, speaking."""

    state: str


@dataclass(frozen=True, slots=True)
class Trigger(Command):
    """A named event for the behaviours: tool_start, tool_end, user_speech_start, user_speech_end, or custom."""

    event: str
    value: float = 1.0


@dataclass(slots=True)
class SegmentSpan:
    """Which part of a segment a packet's samples hold.

    offset: first sample inside the packet; count: samples; position: first sample inside the segment;
    final: the segment's last sample is in this span (count may be 0).
    """

    segment: int
    offset: int
    count: int
    position: int
    final: bool


@dataclass(frozen=True, slots=True)
class VideoFrame:
    """One picture: `index` counts presented frames, its middle lies at (index + 0.5) / fps seconds."""

    index: int
    image: Image | None  # None: same picture as before, nothing was drawn


@dataclass(slots=True)
class FramePacket:
    """What one tick of one session publishes: its samples and the 0..n pictures that fall into it.

    Not frozen, nor are the spans in it: both are made for every session in every tick, and freezing takes most of that.
    """

    session: str
    tick: int
    generation: int  # grows by one at every ClearSpeech that was carried out
    rate: int
    start_sample: int
    samples: NDArray[np.float32]  # (n,) mono
    spans: tuple[SegmentSpan, ...]
    frames: tuple[VideoFrame, ...]
    speaking: bool = False


SESSION_ENDED = "session_ended"
"""Code of the notice that a session is over because of an error of its own."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the outside should know: level is `info`, `warning` or `error`; text carries what to do next."""

    session: str
    level: str
    code: str
    text: str
    values: dict[str, float] = field(default_factory=dict)
