"""Only the schema of a behaviour file: what may stand in it. Names and guards are checked when it is compiled."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from avatar_engine.components.script import CHANNELS
from avatar_engine.engine.errors import suggest
from avatar_engine.scenes.yaml_source import Strict

LETTERS = ("A", "B", "C", "D", "E")
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]
Seconds = Annotated[float, Field(ge=0.0, le=3600.0)]
Number = Annotated[float, Field(ge=-1e6, le=1e6)]
Expression = Annotated[str, Field(min_length=1)]
Amount = Number | Expression
Level = Annotated[float, Field(ge=0.0, le=1.0)] | Literal["A", "B", "C", "D", "E"]
ACTIONS = ("emotion", "gesture", "clip", "stop", "look", "wait_s", "choose", "when", "set", "emit")
EXTRAS = {
    "intensity": ("emotion",),
    "hold_s": ("emotion", "look"),
    "strength": ("gesture", "clip"),
    "then": ("when",),
    "otherwise": ("when",),
}


class ChoiceSpec(Strict):
    """One branch of `choose`."""

    weight: Amount = 1.0
    do: tuple[StepSpec, ...] = ()


class StepSpec(Strict):
    """One step: exactly one action, with what belongs to it."""

    emotion: str | None = None
    intensity: Amount = 1.0
    hold_s: Amount | None = None
    gesture: str | None = None
    clip: str | None = None
    strength: Amount = 1.0
    stop: str | None = None
    look: Literal["viewer"] | tuple[Number, Number, Number] | None = None
    wait_s: Amount | tuple[Amount, Amount] | None = None
    choose: Annotated[tuple[ChoiceSpec, ...], Field(min_length=1)] | None = None
    when: str | None = None
    then: tuple[StepSpec, ...] = ()
    otherwise: tuple[StepSpec, ...] = ()
    set: dict[Name, Amount] | None = None
    emit: Name | None = None

    @model_validator(mode="after")
    def _one_action(self) -> StepSpec:
        given = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise ValueError(f"a step does exactly one thing of {', '.join(ACTIONS)}; found {found}")
        for extra, owners in EXTRAS.items():
            if extra in self.model_fields_set and given[0] not in owners:
                raise ValueError(f"'{extra}' goes with {' or '.join(owners)}, not with '{given[0]}'")
        return self


class ReactionSpec(Strict):
    """When something happens: an event, a time after entering (`after_s`), or again and again (`every_s`)."""

    event: Name | None = None
    after_s: Seconds | tuple[Seconds, Seconds] | None = None
    every_s: Seconds | tuple[Seconds, Seconds] | None = None
    when: str | None = None
    chance: Annotated[float, Field(ge=0.0, le=1.0)] = 1.0
    cooldown_s: Seconds = 0.0
    do: tuple[StepSpec, ...] = ()
    to: Name | None = None

    @field_validator("after_s", "every_s")
    @classmethod
    def _ordered(cls, value: Any) -> Any:
        if isinstance(value, tuple) and value[0] > value[1]:
            raise ValueError(f"the range [{value[0]:g}, {value[1]:g}] runs backwards")
        return value

    @field_validator("every_s")
    @classmethod
    def _not_each_tick(cls, value: Any) -> Any:
        if value is not None and (value[0] if isinstance(value, tuple) else value) < 0.1:
            raise ValueError("every_s below 0.1 s would do nothing but cost time")
        return value

    @model_validator(mode="after")
    def _one_cause(self) -> ReactionSpec:
        given = [name for name in ("event", "after_s", "every_s") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) if given else "none"
            raise ValueError(f"a reaction has exactly one of event, after_s, every_s; found {found}")
        if not self.do and self.to is None:
            raise ValueError("a reaction does something (do) or goes somewhere (to)")
        return self


class StateSpec(Strict):
    """One state."""

    enter: tuple[StepSpec, ...] = ()
    leave: tuple[StepSpec, ...] = ()
    react: tuple[ReactionSpec, ...] = ()


class LayerSpec(Strict):
    """One state graph."""

    owns: tuple[str, ...] = ()
    initial: Name | None = None
    always: tuple[ReactionSpec, ...] = ()
    states: dict[Name, StateSpec] = Field(default_factory=dict)

    @field_validator("owns")
    @classmethod
    def _channels(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in CHANNELS:
                raise ValueError(f"no channel '{name}'; {suggest(name, CHANNELS)}")
        return names


class ClipSpec(Strict):
    """Keyframes: unit or FACS code -> [[seconds, intensity], ...]; intensities 0..1 or A-E."""

    units: Annotated[dict[str, tuple[tuple[Seconds, Level], ...]], Field(min_length=1)]
    loop: bool = False

    @field_validator("units", mode="before")
    @classmethod
    def _codes_are_texts(cls, value: Any) -> Any:
        return {str(key): item for key, item in value.items()} if isinstance(value, dict) else value

    @field_validator("units")
    @classmethod
    def _rising(cls, value: dict[str, tuple[tuple[float, Any], ...]]) -> dict[str, Any]:
        for name, keys in value.items():
            times = [key[0] for key in keys]
            if len(times) < 2:
                raise ValueError(f"unit {name} has {len(times)} keyframe; give at least two")
            if any(b <= a for a, b in pairwise(times)):
                raise ValueError(f"the times of unit {name} do not rise: {', '.join(f'{t:g}' for t in times)}")
        return value


class GestureChoice(Strict):
    """A clip a gesture may play."""

    clip: str
    weight: Annotated[float, Field(gt=0.0, le=1000.0)] = 1.0


class GestureSpec(Strict):
    """A gesture: one clip or several to draw from."""

    clip: str | None = None
    choose: tuple[GestureChoice, ...] = ()
    cooldown_s: Seconds = 0.0

    @model_validator(mode="after")
    def _some_clip(self) -> GestureSpec:
        if (self.clip is None) == (not self.choose):
            raise ValueError("a gesture names one clip, or several under choose")
        return self


class BehaviourSpec(Strict):
    """The whole file."""

    version: Literal[1]
    name: Annotated[str, Field(max_length=80)] = ""
    description: Annotated[str, Field(max_length=500)] = ""
    include: tuple[str, ...] = ()
    params: dict[Name, Number] = Field(default_factory=dict)
    events: tuple[Name, ...] = ()
    clips: dict[Name, ClipSpec] = Field(default_factory=dict)
    gestures: dict[Name, GestureSpec] = Field(default_factory=dict)
    layers: dict[Name, LayerSpec] = Field(default_factory=dict)
    emotion_from_voice: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
