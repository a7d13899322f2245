"""Compiles steps: checks the names they use and that a layer only moves what it owns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from avatar_engine.components.clips import Clip
from avatar_engine.components.emotions import find_emotion
from avatar_engine.components.script import (
    FACTS,
    Assign,
    Choose,
    Emit,
    Feel,
    Gesture,
    GestureKind,
    Look,
    Program,
    Show,
    Step,
    Stop,
    Wait,
    When,
)
from avatar_engine.engine.errors import InputError, SceneError, suggest
from avatar_engine.scenes.behaviour_clips import clip_channels
from avatar_engine.scenes.behaviour_schema import StepSpec
from avatar_engine.scenes.behaviour_source import Location
from avatar_engine.scenes.guards import GuardError, compile_guard, compile_number, constant

Fault = Callable[..., SceneError]


@dataclass(frozen=True, slots=True)
class Scope:
    """What steps and guards may name. names: facts and parameters -> is it a text."""

    names: Mapping[str, bool]
    clips: Mapping[str, Clip]
    gestures: Mapping[str, GestureKind]
    events: set[str]


def compile_steps(
    specs: tuple[StepSpec, ...], fault: Fault, at: Location, owns: tuple[str, ...], scope: Scope
) -> tuple[Step, ...]:
    """Steps in order. `fault(what, hint, location)` makes the error of a part."""
    return tuple(_step(spec, fault, (*at, index), owns, scope) for index, spec in enumerate(specs))


def compile_guard_at(text: str, fault: Fault, at: Location, scope: Scope) -> Program:
    """A guard, or the error at its place."""
    try:
        return compile_guard(text, scope.names)
    except GuardError as error:
        raise fault(str(error), "", at) from None


def _amount(value: float | str, fault: Fault, at: Location, scope: Scope) -> Program:
    if not isinstance(value, str):
        return constant(value)
    try:
        return compile_number(value, scope.names)
    except GuardError as error:
        raise fault(str(error), "", at) from None


def _step(spec: StepSpec, fault: Fault, at: Location, owns: tuple[str, ...], scope: Scope) -> Step:
    def amount(value: float | str, *place: str | int) -> Program:
        return _amount(value, fault, (*at, *place), scope)

    hold = None if spec.hold_s is None else amount(spec.hold_s, "hold_s")
    if spec.emotion is not None:
        _owned({"emotion"}, owns, fault, (*at, "emotion"))
        _check_emotion(spec.emotion, fault, (*at, "emotion"))
        return Feel(spec.emotion, amount(spec.intensity, "intensity"), hold)
    if spec.gesture is not None:
        if spec.gesture not in scope.gestures:
            hint = suggest(spec.gesture, scope.gestures) or "include: [gestures] brings the usual ones"
            raise fault(f"there is no gesture '{spec.gesture}'", hint, (*at, "gesture"))
        for clip in scope.gestures[spec.gesture].clips:
            _owned(clip_channels(clip), owns, fault, (*at, "gesture"))
        return Gesture(spec.gesture, amount(spec.strength, "strength"))
    if spec.clip is not None:
        _known_clip(spec.clip, fault, (*at, "clip"), scope)
        _owned(clip_channels(scope.clips[spec.clip]), owns, fault, (*at, "clip"))
        return Show(spec.clip, amount(spec.strength, "strength"))
    if spec.stop is not None:
        if spec.stop != "all":
            _known_clip(spec.stop, fault, (*at, "stop"), scope)
        return Stop("" if spec.stop == "all" else spec.stop)
    if spec.look is not None:
        _owned({"gaze"}, owns, fault, (*at, "look"))
        return Look(None if isinstance(spec.look, str) else spec.look, hold)
    return _flow(spec, fault, at, owns, scope)


def _flow(spec: StepSpec, fault: Fault, at: Location, owns: tuple[str, ...], scope: Scope) -> Step:
    def amount(value: float | str, *place: str | int) -> Program:
        return _amount(value, fault, (*at, *place), scope)

    if spec.wait_s is not None:
        span = spec.wait_s if isinstance(spec.wait_s, tuple) else (spec.wait_s, spec.wait_s)
        return Wait(amount(span[0], "wait_s"), amount(span[1], "wait_s"))
    if spec.choose is not None:
        weights = tuple(amount(c.weight, "choose", i, "weight") for i, c in enumerate(spec.choose))
        if all(isinstance(c.weight, float) and c.weight <= 0.0 for c in spec.choose):
            raise fault("no branch has a weight above 0", "give at least one", (*at, "choose"))
        branches = tuple(
            compile_steps(choice.do, fault, (*at, "choose", index, "do"), owns, scope)
            for index, choice in enumerate(spec.choose)
        )
        return Choose(weights, branches)
    if spec.when is not None:
        return When(
            compile_guard_at(spec.when, fault, (*at, "when"), scope),
            compile_steps(spec.then, fault, (*at, "then"), owns, scope),
            compile_steps(spec.otherwise, fault, (*at, "otherwise"), owns, scope),
        )
    if spec.set is not None:
        if len(spec.set) != 1:
            raise fault(f"sets {len(spec.set)} names at once", "write one step for each", (*at, "set"))
        name, value = next(iter(spec.set.items()))
        if name in FACTS:
            raise fault(f"'{name}' is a fact and cannot be set", "choose another name", (*at, "set", name))
        return Assign(name, amount(value, "set", name))
    return Emit(str(spec.emit))


def _check_emotion(name: str, fault: Fault, at: Location) -> None:
    parts = name.split("+")
    if len(parts) > 2:
        raise fault(f"'{name}' blends {len(parts)} emotions", "blend two at most", at)
    for part in parts:
        if name == "base":
            return
        try:
            find_emotion(part)
        except InputError as error:
            raise fault(error.what, error.hint, at) from None


def _known_clip(name: str, fault: Fault, at: Location, scope: Scope) -> None:
    if name not in scope.clips:
        raise fault(f"there is no clip '{name}'", suggest(name, scope.clips), at)


def _owned(channels: set[str], owns: tuple[str, ...], fault: Fault, at: Location) -> None:
    missing = sorted(channels - set(owns))
    if owns and missing:
        raise fault(
            f"moves {' and '.join(missing)}, which this layer does not own",
            f"owns is [{', '.join(owns)}]: add it there or do this in the layer that owns it", at,
        )  # fmt: skip
