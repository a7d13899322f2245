"""Compiles behaviour files to a Persona: merges includes, checks every name and guard, samples the clips."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from avatar_engine.components.clips import Clip
from avatar_engine.components.script import (
    EVENTS,
    FACTS,
    GestureKind,
    Layer,
    Persona,
    Reaction,
    State,
)
from avatar_engine.engine.errors import SceneError, suggest
from avatar_engine.scenes.behaviour_clips import compile_clip
from avatar_engine.scenes.behaviour_schema import ClipSpec, GestureSpec, ReactionSpec, StateSpec, StepSpec
from avatar_engine.scenes.behaviour_source import Location, Source, find_behaviour, read_sources
from avatar_engine.scenes.behaviour_steps import Scope, compile_guard_at, compile_steps


@dataclass(slots=True)
class _Part:
    """A piece of a file: what it says and where it stands."""

    source: Source
    location: Location

    def fault(self, what: str, hint: str = "", at: Location = ()) -> SceneError:
        return SceneError(self.source.where((*self.location, *at)), what, hint)


@dataclass(slots=True)
class _LayerParts:
    part: _Part
    owns: tuple[str, ...] = ()
    initial: str | None = None
    states: dict[str, tuple[_Part, StateSpec]] = field(default_factory=dict)
    always: list[tuple[_Part, ReactionSpec]] = field(default_factory=list)


def load_persona(behaviour: str = "default") -> Persona:
    """Read, check and compile a behaviour: a bundled name or a file. Raises SceneError (file:line, what, hint)."""
    return compile_persona(read_sources(find_behaviour(behaviour)))


def compile_persona(sources: list[Source]) -> Persona:
    """Later sources override earlier ones: parameters, clips, gestures and states of the same name."""
    params: dict[str, float] = {}
    clip_specs: dict[str, tuple[_Part, ClipSpec]] = {}
    gesture_specs: dict[str, tuple[_Part, GestureSpec]] = {}
    layers: dict[str, _LayerParts] = {}
    declared: set[str] = set(EVENTS)
    voice = 0.0
    for source in sources:
        spec = source.spec
        for name in spec.params:
            if name in FACTS:
                part = _Part(source, ("params", name))
                raise part.fault("is the name of a fact that guards read already", "choose another name")
        params.update(spec.params)
        declared.update(spec.events)
        voice = spec.emotion_from_voice if spec.emotion_from_voice is not None else voice
        clip_specs |= {name: (_Part(source, ("clips", name)), clip) for name, clip in spec.clips.items()}
        gesture_specs |= {name: (_Part(source, ("gestures", name)), g) for name, g in spec.gestures.items()}
        _merge_layers(source, layers)
    declared |= _set_and_emitted(sources, params)
    clips = {name: compile_clip(name, spec, part.fault) for name, (part, spec) in clip_specs.items()}
    gestures = {name: _gesture(name, part, spec, clips) for name, (part, spec) in gesture_specs.items()}
    scope = Scope(dict.fromkeys(params, False) | dict(FACTS), clips, gestures, declared)
    _one_owner(layers)
    compiled = tuple(_layer(name, parts, scope) for name, parts in layers.items())
    return Persona(
        name=sources[-1].spec.name or sources[-1].path.stem,
        layers=compiled,
        gestures=gestures,
        clips=clips,
        params=params,
        listens=frozenset(r.event for layer in compiled for r in _reactions(layer) if r.event),
        sources=tuple(str(source.path) for source in sources),
        emotion_from_voice=voice,
    )


def persona_files(behaviour: str) -> tuple[Path, ...]:
    """The files a behaviour is made of, for watching."""
    return tuple(source.path for source in read_sources(find_behaviour(behaviour)))


def _merge_layers(source: Source, layers: dict[str, _LayerParts]) -> None:
    for name, spec in source.spec.layers.items():
        part = _Part(source, ("layers", name))
        parts = layers.setdefault(name, _LayerParts(part))
        parts.part = part
        parts.owns = spec.owns or parts.owns
        parts.initial = spec.initial or parts.initial
        for state, state_spec in spec.states.items():
            parts.states[state] = (_Part(source, ("layers", name, "states", state)), state_spec)
        if spec.always:
            parts.always = [
                (_Part(source, ("layers", name, "always", index)), reaction)
                for index, reaction in enumerate(spec.always)
            ]


def _set_and_emitted(sources: list[Source], params: dict[str, float]) -> set[str]:
    """Events that steps emit; names that steps set become parameters that start at 0."""
    events: set[str] = set()
    for source in sources:
        for step in _all_steps(source):
            if step.emit is not None:
                events.add(step.emit)
            for name in step.set or ():
                if name not in FACTS:
                    params.setdefault(name, 0.0)
    return events


def _all_steps(source: Source) -> list[StepSpec]:
    found: list[StepSpec] = []
    for layer in source.spec.layers.values():
        reactions = [*layer.always, *(r for state in layer.states.values() for r in state.react)]
        lists = [r.do for r in reactions] + [s.enter for s in layer.states.values()]
        lists += [s.leave for s in layer.states.values()]
        for steps in lists:
            _collect(steps, found)
    return found


def _collect(steps: tuple[StepSpec, ...], found: list[StepSpec]) -> None:
    for step in steps:
        found.append(step)
        _collect(step.then, found)
        _collect(step.otherwise, found)
        for choice in step.choose or ():
            _collect(choice.do, found)


def _gesture(name: str, part: _Part, spec: GestureSpec, clips: dict[str, Clip]) -> GestureKind:
    choices: list[tuple[str, float, Location]] = [(spec.clip, 1.0, ("clip",))] if spec.clip is not None else []
    choices += [(c.clip, c.weight, ("choose", i, "clip")) for i, c in enumerate(spec.choose)]
    for clip, _, at in choices:
        if clip not in clips:
            raise part.fault(f"there is no clip '{clip}'", suggest(clip, clips), at)
        if clips[clip].loop:
            raise part.fault(f"the clip '{clip}' loops: a gesture of it would never end", "show it in a layer", at)
    return GestureKind(
        name, tuple(clips[clip] for clip, _, _ in choices), tuple(w for _, w, _ in choices), spec.cooldown_s
    )


def _one_owner(layers: dict[str, _LayerParts]) -> None:
    owners: dict[str, str] = {}
    for name, parts in layers.items():
        for channel in parts.owns:
            other = owners.setdefault(channel, name)
            if other != name:
                hint = "let one layer own it, or leave owns out where the two may mix"
                raise parts.part.fault(f"'{channel}' is owned by the layer '{other}' already", hint, ("owns",))


def _layer(name: str, parts: _LayerParts, scope: Scope) -> Layer:
    names = list(parts.states)
    if not names and not parts.always:
        raise parts.part.fault("has neither states nor always", "give it at least one state")
    initial = parts.initial or (names[0] if names else "")
    if names and initial not in names:
        raise parts.part.fault(f"there is no state '{initial}'", suggest(initial, names), ("initial",))
    always = tuple(
        _reaction(part, spec, f"{name}.*.{index}", names, parts.owns, scope)
        for index, (part, spec) in enumerate(parts.always)
    )
    states = tuple(_state(name, state, parts, names, scope) for state in names)
    _all_reachable(name, parts, states, always, names, initial)
    return Layer(name, parts.owns, names.index(initial) if names else 0, states, always)


def _state(layer: str, name: str, parts: _LayerParts, names: list[str], scope: Scope) -> State:
    part, spec = parts.states[name]
    reactions = tuple(
        _reaction(
            _Part(part.source, (*part.location, "react", index)), reaction, f"{layer}.{name}.{index}", names,
            parts.owns, scope,
        )
        for index, reaction in enumerate(spec.react)
    )  # fmt: skip
    return State(
        name,
        compile_steps(spec.enter, part.fault, ("enter",), parts.owns, scope),
        compile_steps(spec.leave, part.fault, ("leave",), parts.owns, scope),
        reactions,
    )


def _reaction(
    part: _Part, spec: ReactionSpec, key: str, names: list[str], owns: tuple[str, ...], scope: Scope
) -> Reaction:
    if spec.event is not None and spec.event not in scope.events:
        hint = suggest(spec.event, scope.events) or "list events of your own under 'events:'"
        raise part.fault(f"nothing sends the event '{spec.event}'", hint, ("event",))
    if spec.to is not None and spec.to not in names:
        raise part.fault(f"there is no state '{spec.to}' in this layer", suggest(spec.to, names), ("to",))
    span = spec.after_s if spec.after_s is not None else spec.every_s
    return Reaction(
        event=spec.event or "",
        after_s=None if span is None else (span if isinstance(span, tuple) else (span, span)),
        again=spec.every_s is not None,
        guard=None if spec.when is None else compile_guard_at(spec.when, part.fault, ("when",), scope),
        chance=spec.chance,
        cooldown_s=spec.cooldown_s,
        to=None if spec.to is None else names.index(spec.to),
        steps=compile_steps(spec.do, part.fault, ("do",), owns, scope),
        key=key,
    )


def _all_reachable(
    layer: str,
    parts: _LayerParts,
    states: tuple[State, ...],
    always: tuple[Reaction, ...],
    names: list[str],
    initial: str,
) -> None:
    seen: set[int] = set()
    waiting = ([names.index(initial)] if names else []) + [r.to for r in always if r.to is not None]
    while waiting:
        index = waiting.pop()
        if index not in seen:
            seen.add(index)
            waiting += [r.to for r in states[index].reactions if r.to is not None]
    for index, name in enumerate(names):
        if index not in seen:
            part = parts.states[name][0]
            raise part.fault("nothing leads to this state", f"add a reaction with 'to: {name}' or take it out")


def _reactions(layer: Layer) -> list[Reaction]:
    return [*layer.always, *(reaction for state in layer.states for reaction in state.reactions)]
