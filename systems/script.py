"""Runs compiled behaviours of one avatar when something happened to it or one of its timers is due."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from avatar_engine.components.clips import Clips
from avatar_engine.components.emotions import emotion_book
from avatar_engine.components.face import PROSODY
from avatar_engine.components.mind import GAZE, MOOD, TURN, TurnState
from avatar_engine.components.script import (
    Assign,
    Choose,
    Emit,
    Feel,
    Gesture,
    Layer,
    Look,
    Persona,
    Place,
    Program,
    Reaction,
    Run,
    Script,
    Show,
    State,
    Step,
    Stop,
    Value,
    Wait,
    When,
)
from avatar_engine.engine.world import World
from avatar_engine.systems import wishes
from avatar_engine.systems.guard_machine import number, run_program, truth

NEVER = 2**62
MOST_EVENTS = 32  # handled per tick: events that emit each other must not hold up the frame
MOST_STEPS = 256
ALWAYS = 10_000  # reactions of a layer's `always` are counted from here
STATE, STATE_S, USER, QUIET, TOOLS = (
    TURN.index(name) for name in ("state", "state_s", "user", "user_quiet_s", "tools")
)
AWAY, STYLE = GAZE.index("away"), MOOD.index("style")
LEVEL, PITCH = PROSODY.index("level"), PROSODY.index("pitch_hz")


class _Visit:
    """One avatar's behaviours during one tick."""

    def __init__(self, world: World, entity: int, row: int, script: Script) -> None:
        self.world, self.entity, self.row, self.script = world, entity, row, script
        self.queue: deque[tuple[str, float]] = deque()
        self.event, self.value = "", 0.0
        self.place: Place | None = None
        self.layer: Layer | None = None
        self.steps = 0

    def say(self, text: str) -> None:
        if self.script.said is not None:
            self.script.said.append((self.world.tick, text))

    def number(self, program: Program) -> float:
        return number(program, self.load)

    def holds(self, program: Program | None) -> bool:
        return program is None or truth(run_program(program, self.load))

    def load(self, name: str) -> Value:
        """The value of a fact, parameter or variable."""
        if name in self.script.values:
            return self.script.values[name]
        batch, row = self.world.batch, self.row
        turn = batch["turn"][row]
        match name:
            case "turn":
                return TurnState(int(turn[STATE])).name.lower()
            case "turn_s":
                return float(turn[STATE_S])
            case "state" if self.layer is not None and self.place is not None:
                return self.layer.states[self.place.state].name if self.layer.states else ""
            case "state_s" if self.place is not None:
                return (self.world.tick - self.place.entered_tick) / self.world.hz
            case "event":
                return self.event
            case "value":
                return self.value
            case "level":
                return float(batch["prosody"][row, LEVEL])
            case "pitch_hz":
                return float(batch["prosody"][row, PITCH])
            case "speaking":
                return float(batch["speaking"][row, 0])
            case "user_speaking":
                return float(turn[USER])
            case "user_quiet_s":
                return float(turn[QUIET])
            case "tools":
                return float(turn[TOOLS])
            case "looking_away":
                return float(batch["gaze"][row, AWAY] > 0.0)
            case "random":
                return float(self.world.rng(self.entity, "behaviour").random())
            case "emotion" | "intensity":
                return self._emotion(name)
            case "style":
                return tuple(emotion_book().styles)[max(int(batch["mood"][row, STYLE]) - 1, 0)]
            case _:
                return 0.0

    def _emotion(self, name: str) -> Value:
        batch, row = self.world.batch, self.row
        outside = batch["mood"][row, wishes.OUTSIDE] > 0.0
        goal = batch["emotion.outer" if outside else "emotion.inner"][row]
        best = int(goal.argmax())
        if name == "intensity":
            return float(goal[best])
        return emotion_book().names[best] if goal[best] > 0.0 else "neutral"


def advance(world: World, entity: int, row: int, script: Script, events: Sequence[tuple[str, float]]) -> None:
    """Sequences that wait go on, timers fire, then events are answered in their order."""
    visit = _Visit(world, entity, row, script)
    visit.queue.extend(event for event in events if event[0] in script.persona.listens)
    if not script.started:
        _begin(visit)
    layers = script.persona.layers
    for layer, place in zip(layers, script.places):
        visit.layer, visit.place = layer, place
        for run in [run for run in place.runs if run.until_tick <= world.tick]:
            _go_on(visit, run)
        _timers(visit, layer, place)
    handled = 0
    while visit.queue and handled < MOST_EVENTS:
        visit.event, visit.value = visit.queue.popleft()
        handled += 1
        for layer, place in zip(layers, script.places):
            visit.layer, visit.place = layer, place
            _answer(visit, layer, place)
    if visit.queue:
        visit.say(f"more than {MOST_EVENTS} events in one tick: the rest is dropped")
    waits = [run.until_tick for place in script.places for run in place.runs]
    waits += [tick for place in script.places for tick in place.due.values()]
    script.wake_tick = max(min(waits, default=NEVER), world.tick + 1)


def adopt(script: Script, persona: Persona, tick: int) -> None:
    """Continue with another persona: layers and states of the same name keep their place, sequences end."""
    old = {layer.name: (layer, place) for layer, place in zip(script.persona.layers, script.places)}
    script.values = {
        name: value if script.values.get(name) in (None, script.persona.params.get(name)) else script.values[name]
        for name, value in persona.params.items()
    }
    script.places = []
    for layer in persona.layers:
        names = [state.name for state in layer.states]
        before, place = old.get(layer.name, (None, None))
        state = layer.initial
        if before is not None and place is not None and before.states:
            name = before.states[place.state].name
            state = names.index(name) if name in names else layer.initial
        script.places.append(Place(state, place.entered_tick if place else tick))
    script.persona = persona
    script.cooldowns = {key: until for key, until in script.cooldowns.items() if until > tick}
    script.wake_tick = tick
    script.started = False


def _begin(visit: _Visit) -> None:
    script = visit.script
    visit.world.batch["mood"][visit.row, wishes.VOICE] = script.persona.emotion_from_voice
    fresh = not script.places
    if not fresh:
        _let_go(visit)
    if fresh:
        script.values = dict(script.persona.params)
        script.places = [Place(layer.initial, visit.world.tick) for layer in script.persona.layers]
    script.started = True
    for layer, place in zip(script.persona.layers, script.places):
        visit.layer, visit.place = layer, place
        _arm(visit, place, layer.always, ALWAYS)
        _enter(visit, layer, place, place.state)
    visit.queue.appendleft(("start" if fresh else "reload", 1.0))


def _let_go(visit: _Visit) -> None:
    """What the persona before this one left without an end: clips of its layers, a look, an emotion."""
    for playing in visit.world.get(visit.entity, Clips).active:
        if playing.layer:
            wishes.stop(visit.world.get(visit.entity, Clips), playing.clip.name, playing.layer)
    if visit.world.batch["look"][visit.row, wishes.LOOK_HELD] == wishes.BY_BEHAVIOUR:
        wishes.set_gaze(visit.world, visit.row, None, None, outside=False)
    if visit.world.batch["mood"][visit.row, wishes.INNER_HOLD] < 0.0:
        wishes.set_emotion(visit.world, visit.row, "base", 0.0, None, outside=False)


def _enter(visit: _Visit, layer: Layer, place: Place, state: int) -> None:
    place.state, place.entered_tick = state, visit.world.tick
    for index in [index for index in place.due if index < ALWAYS]:
        del place.due[index]
    if layer.states:
        _arm(visit, place, layer.states[state].reactions, 0)
        _start(visit, place, layer.states[state].enter)


def _arm(visit: _Visit, place: Place, reactions: tuple[Reaction, ...], first: int) -> None:
    for index, reaction in enumerate(reactions, first):
        if reaction.after_s is not None:
            place.due[index] = visit.world.tick + _delay(visit, reaction.after_s)


def _delay(visit: _Visit, span_s: tuple[float, float]) -> int:
    low, high = span_s
    seconds = low if low == high else float(visit.world.rng(visit.entity, "behaviour").uniform(low, high))
    return max(round(seconds * visit.world.hz), 1)


def _timers(visit: _Visit, layer: Layer, place: Place) -> None:
    tick = visit.world.tick
    for index, due in sorted(place.due.items()):
        if due > tick or place.due.get(index) != due:
            continue
        reactions = layer.always if index >= ALWAYS else layer.states[place.state].reactions
        reaction = reactions[index % ALWAYS]
        if reaction.again and reaction.after_s is not None:
            place.due[index] = tick + _delay(visit, reaction.after_s)
        else:
            del place.due[index]
        visit.event, visit.value = "", 0.0
        if _ready(visit, reaction):
            _react(visit, layer, place, reaction)


def _answer(visit: _Visit, layer: Layer, place: Place) -> None:
    """The first reaction that fits answers; those of the state go before those that hold always."""
    state: State | None = layer.states[place.state] if layer.states else None
    for reaction in (*(state.reactions if state else ()), *layer.always):
        if reaction.event == visit.event and _ready(visit, reaction):
            _react(visit, layer, place, reaction)
            return


def _ready(visit: _Visit, reaction: Reaction) -> bool:
    script = visit.script
    if script.cooldowns.get(reaction.key, 0) > visit.world.tick or not visit.holds(reaction.guard):
        return False
    if reaction.chance < 1.0 and visit.world.rng(visit.entity, "behaviour").random() >= reaction.chance:
        return False
    if reaction.cooldown_s > 0.0:
        script.cooldowns[reaction.key] = visit.world.tick + round(reaction.cooldown_s * visit.world.hz)
    return True


def _react(visit: _Visit, layer: Layer, place: Place, reaction: Reaction) -> None:
    _start(visit, place, reaction.steps)
    if reaction.to is None:
        return
    before, after = layer.states[place.state], layer.states[reaction.to]
    cause = visit.event or "timer"
    visit.say(f"{layer.name}: {before.name} -> {after.name} ({cause})")
    _start(visit, place, before.leave)
    _enter(visit, layer, place, reaction.to)


def _start(visit: _Visit, place: Place, steps: tuple[Step, ...]) -> None:
    if steps:
        run = Run([(steps, 0)], visit.world.tick, visit.event, visit.value)
        place.runs.append(run)
        _go_on(visit, run)


def _go_on(visit: _Visit, run: Run) -> None:
    place = visit.place
    visit.event, visit.value = run.event, run.value
    while run.stack and visit.steps < MOST_STEPS:
        steps, at = run.stack.pop()
        if at >= len(steps):
            continue
        run.stack.append((steps, at + 1))
        visit.steps += 1
        wait = _do(visit, run, steps[at])
        if wait > 0:
            run.until_tick = visit.world.tick + wait
            return
    run.until_tick = visit.world.tick + 1
    if not run.stack and place is not None and run in place.runs:
        place.runs.remove(run)


def _do(visit: _Visit, run: Run, step: Step) -> int:
    """Carry out one step; returns the ticks to wait before the next."""
    world, layer = visit.world, visit.layer.name if visit.layer else ""
    match step:
        case Feel(emotion=emotion, intensity=intensity, hold_s=hold):
            strength = visit.number(intensity)
            hold_s = None if hold is None else visit.number(hold)
            wishes.set_emotion(world, visit.row, emotion, strength, hold_s, outside=False)
            kept = world.batch["mood"][visit.row, wishes.OUTSIDE] > 0.0
            visit.say(f"{layer}: emotion {emotion} {strength:.2f}" + (" (kept for later)" if kept else ""))
        case Gesture(name=name, strength=strength_of):
            strength = visit.number(strength_of)
            played = wishes.play_gesture(world, visit.entity, name, strength)
            visit.say(f"{layer}: gesture {name} {strength:.2f}" + ("" if played else " (not now)"))
        case Show(clip=name, strength=strength_of):
            clip = visit.script.persona.clips[name]
            wishes.show(world.get(visit.entity, Clips), clip, visit.number(strength_of), layer)
            visit.say(f"{layer}: clip {name}")
        case Stop(clip=name):
            wishes.stop(world.get(visit.entity, Clips), name, layer)
            visit.say(f"{layer}: stop {name or 'all'}")
        case Look(point_m=point, hold_s=hold):
            hold_s = None if hold is None else visit.number(hold)
            wishes.set_gaze(world, visit.row, point, hold_s, outside=False)
            visit.say(f"{layer}: look at {'the viewer' if point is None else point}")
        case Wait(low_s=low, high_s=high):
            return _delay(visit, (visit.number(low), visit.number(high)))
        case Choose(weights=weights, branches=branches):
            chances = tuple(max(visit.number(weight), 0.0) for weight in weights)
            if sum(chances) > 0.0:
                run.stack.append((branches[wishes.draw(chances, world.rng(visit.entity, "behaviour"))], 0))
        case When(guard=guard, then=then, otherwise=otherwise):
            run.stack.append((then if visit.holds(guard) else otherwise, 0))
        case Assign(name=name, value=value):
            visit.script.values[name] = visit.number(value)
            visit.say(f"{layer}: {name} = {visit.script.values[name]:g}")
        case Emit(event=event):
            visit.say(f"{layer}: emit {event}")
            if event in visit.script.persona.listens:
                visit.queue.append((event, 1.0))
    return 0
