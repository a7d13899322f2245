"""The order of the tick. Follow this tuple from top to bottom to find any behaviour."""

from __future__ import annotations

from avatar_engine.engine.schedule import Schedule, System
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
from avatar_engine.systems.mouth import Mouth
from avatar_engine.systems.pose import Pose
from avatar_engine.systems.present import Lod, Render
from avatar_engine.systems.prosody import Prosody
from avatar_engine.systems.publish import Publish
from avatar_engine.systems.rig import RigWeights
from avatar_engine.systems.sound_out import SoundOut
from avatar_engine.systems.viseme_analysis import VisemeAnalysis

PIPELINE: tuple[type[System], ...] = (
    Commands,
    AudioIngest,
    SoundOut,
    Prosody,
    VisemeAnalysis,
    Conversation,
    Behaviour,
    Mouth,
    Expression,
    HeadMotion,
    Gaze,
    Blink,
    Breath,
    FaceMix,
    Pose,
    RigWeights,
    Lod,
    Render,
    Publish,
)
# What comes from outside the tick.
INPUTS = ("inbox", "clock", "speech queue", "switches")


def build_schedule() -> Schedule:
    """The pipeline as one checked schedule."""
    return Schedule([system() for system in PIPELINE], INPUTS)
