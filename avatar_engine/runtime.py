"""The composition root: puts world, schedule, models and renderer together and steps them. No clock; the one thread
is the one that avatars are loaded on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from threadpoolctl import ThreadpoolController

from avatar_engine.bundled import open_library
from avatar_engine.components.emotions import find_style
from avatar_engine.components.face import FACE_COLUMNS
from avatar_engine.components.mind import Refusals, mind_components
from avatar_engine.components.policy import Policy
from avatar_engine.components.rig import Rigs
from avatar_engine.components.script import Script
from avatar_engine.components.session import Inbox, Speech, Switches, View, VisemeTimeline
from avatar_engine.engine.audio import SpeechTimeline
from avatar_engine.engine.errors import InputError
from avatar_engine.engine.journal import (
    Closed,
    Event,
    JournalWriter,
    Opened,
    Pushed,
    Sent,
    TickRecord,
    Told,
    digests_of,
)
from avatar_engine.engine.messages import (
    SESSION_ENDED,
    AudioChunk,
    ClearSpeech,
    Command,
    FramePacket,
    Notice,
    SetBackground,
    SetEmotion,
    SetLanguage,
    SetScene,
    SpokenWord,
)
from avatar_engine.engine.render.base import HandOver, Renderer, Show
from avatar_engine.engine.world import Row, World
from avatar_engine.inlet import SpeechInlet
from avatar_engine.loading import Aside
from avatar_engine.options import JOURNALLED, RuntimeOptions, SessionOptions
from avatar_engine.posing import aimed, dressed, viewer
from avatar_engine.reloading import FilesInUse, FileTold, PersonaChanged, SceneChanged
from avatar_engine.scenes.library import Avatar, AvatarLibrary
from avatar_engine.scenes.policy_file import load_policy
from avatar_engine.scenes.scene import Scene
from avatar_engine.scenes.staging import scene_path
from avatar_engine.systems.pipeline import build_schedule
from avatar_engine.systems.present import Studio, level_for
from avatar_engine.systems.publish import Outbox
from avatar_engine.systems.script import adopt
from avatar_engine.systems.viseme_analysis import VisemeEngine, planned_ahead_s
from avatar_engine.systems.viseme_model import GuidedModel
from avatar_engine.viseme_models import make_viseme_model
from avatar_engine.wording import Wording

DEFAULT_SCENE = "studio"
GOLDEN = 0.618034  # multiples of it, modulo 1, lie evenly whatever their number


@dataclass(slots=True)
class _Session:
    entity: int
    options: SessionOptions
    avatar: Avatar  # held so that the library keeps sharing it
    scene: Path
    background: str | None
    policy: Policy | None


class Runtime:
    """Many avatars in one simulation.

    `push_audio` and `send` may be called from any thread; everything else belongs to one thread, the one
    that steps.
    """

    def __init__(self, options: RuntimeOptions, library: AvatarLibrary, renderer: Renderer) -> None:
        self.options = options
        self.library = library
        self.renderer = renderer
        self.schedule = build_schedule()
        self._model = make_viseme_model(options.viseme_model)
        self._guided = isinstance(self._model, GuidedModel)
        self._least_s, self._wanted_s = planned_ahead_s(self._model, options.look_ahead_s, options.spare_s)
        self._world = World(options.hz, FACE_COLUMNS)
        self._rigs = Rigs()
        self._outbox = Outbox()
        self._refusals = Refusals()
        self._visemes = VisemeEngine(self._model)
        for resource in (self._refusals, self._rigs, self._outbox, self._visemes, Studio(renderer)):
            self._world.put(resource)
        self._sessions: dict[str, _Session] = {}
        self._inlets: dict[str, SpeechInlet] = {}
        self._outside: deque[Pushed | Sent | Told] = deque()
        self._events: list[Event] = []
        self.files = FilesInUse()
        self.notices: deque[Notice] = deque(maxlen=1000)
        self._wording = Wording(self.tell, self.notices.append)
        self._opened = 0
        self._threads = ThreadpoolController()
        self._aside = Aside()
        self._journal: JournalWriter | None = None
        if options.journal is not None:
            self._journal = JournalWriter(options.journal, {name: getattr(options, name) for name in JOURNALLED})

    @property
    def tick(self) -> int:
        """The tick that the next step will simulate."""
        return self._world.tick

    @property
    def world(self) -> World:
        """The simulation's state, for reading (tests, metrics)."""
        return self._world

    def sessions(self) -> tuple[str, ...]:
        """Open sessions, oldest first."""
        return tuple(self._sessions)

    def open_session(self, options: SessionOptions, session: str | None = None, ready: bool = False) -> str:
        """Put an avatar on a stage. Raises InputError (unknown names, broken files) and changes nothing then.

        ready: prepare its pictures now, so that the first takes no longer than the others.
        """
        find_style(options.style)
        prepared = self._prepared(options, lambda piece: piece()) if ready else None
        self._opened += 1
        name = session or f"session-{self._opened}"
        if name in self._sessions:
            raise InputError(f"session {name}", "is open already")
        avatar = self.library.load(options.avatar)
        path = scene_path(options.scene or avatar.profile.default_scene or DEFAULT_SCENE)
        scene = self.files.scene(path)
        persona = self.files.persona(options.behaviour or "default")
        policy = None if options.policy is None else load_policy(options.policy)
        stage = dressed(scene, options.background, policy)
        camera = aimed(scene, avatar, options)
        view_id = -1
        if self.options.draw:
            view_id = self.renderer.open_view(avatar.model, options.width, options.height, options.quality)
        rig = avatar.rig
        view = View(
            view_id, stage, camera, options.width, options.height, options.fps, options.quality, 1,
            len(rig.morph_names), len(rig.joint_names),
        )  # fmt: skip
        world = self._world
        for column, width in (("morphs", len(rig.morph_names)), ("joints", len(rig.joint_names) * 6)):
            world.batch.widen(column, width)
            world.batch.widen(f"{column}_before", width)
        track = VisemeTimeline(self._model.open())
        self._visemes.speaks(track.slot, options.language)
        self._wording.speaks(name, options.language)
        share = self._opened * GOLDEN % 1.0
        timeline = SpeechTimeline(self.options.audio_rate, self._least_s, self.options.spare_s, share, self._wanted_s)
        speech = Speech(timeline, np.zeros(0, np.float32))
        switches = Switches(options.facial_expressions, options.head_movements, options.emotion_enabled, options.style)
        entity = world.spawn(
            name, options.seed, Inbox(), speech, track, view, switches, *mind_components(persona, policy)
        )
        world.batch["rig"][-1, 0] = self._rigs.add(rig)
        world.batch["viewer"][-1] = viewer(camera, avatar)
        self._sessions[name] = _Session(entity, options, avatar, path, options.background, policy)
        self._inlets[name] = SpeechInlet(self.options.audio_rate)
        if options.emotion is not None:
            self.send(name, SetEmotion(options.emotion, options.emotion_intensity))
        self._events.append(Opened(name, asdict(options)))
        del prepared  # the open view holds it from here on
        return name

    def open_session_soon(self, options: SessionOptions) -> Future[str]:
        """`open_session` without holding up those that are open: the avatar is read and made ready on another thread.

        The future ends inside a later `step` or `make_ready`; cancelling it before then leaves nothing behind.
        """
        return self._aside.soon(lambda ready: self._prepared(options, ready), lambda: self.open_session(options))

    def make_ready(self, until_s: float) -> None:
        """Use the time until then (steady clock) for avatars that are being made ready; returns at once if none is."""
        self._aside.serve(until_s)

    def close_session(self, session: str) -> None:
        """Take the avatar off the stage; unknown names are ignored (it is gone, as wanted)."""
        if session in self._sessions:
            self._drop(session)
            self._events.append(Closed(session))

    def _drop(self, session: str) -> None:
        held = self._sessions.pop(session)
        self._inlets.pop(session, None)
        self._wording.forget(session)
        view = self._world.get(held.entity, View)
        if view.id >= 0:
            self.renderer.close_view(view.id)
        self._model.close(self._world.get(held.entity, VisemeTimeline).slot)
        self._world.despawn(held.entity)
        if not any(other.avatar.rig is held.avatar.rig for other in self._sessions.values()):
            self._rigs.items[self._rigs.items.index(held.avatar.rig)] = None

    def _contain(self, error: Exception) -> bool:
        """End the sessions that broke a system, each with one notice. Everybody's error is nobody's: False."""
        broken = self._world.suspects()
        if len(broken) > 1 and len(broken) == len(self._sessions):
            return False
        for name in [name for name, held in self._sessions.items() if held.entity in broken]:
            self._end_broken(name, error)
        return bool(broken)

    def _end_broken(self, session: str, error: Exception) -> None:
        self._drop(session)
        what = f"the session was ended: {type(error).__name__}: {error}; the others go on"
        self.notices.append(Notice(session, "error", SESSION_ENDED, what))

    def push_audio(self, session: str, chunk: AudioChunk) -> None:
        """Speech to play after all that was pushed before. Any rate, any chunk size; any thread.

        Words that come with it are looked up on a thread of their own and guide the lips from then on.
        """
        inlet = self._inlets.get(session)
        if inlet is not None:
            for ready in inlet.prepare(chunk):
                self._outside.append(Pushed(session, ready.chunk, ready.heard))
            if chunk.words and self._guided:
                self._wording.look_up(session, chunk)

    def tell(self, session: str, segment: int, words: tuple[SpokenWord, ...]) -> None:
        """How the next words of a segment that was pushed are pronounced; any thread. Raises InputError where the viseme
        model cannot use words."""
        if not self._guided:
            raise InputError(f"viseme model {self._model.name}", "cannot be guided by a text", "leave the text out")
        self._outside.append(Told(session, segment, words))

    def send(self, session: str, command: Command) -> None:
        """A command, carried out at the start of the next tick in the order sent; any thread."""
        if isinstance(command, ClearSpeech) and session in self._inlets:
            self._inlets[session].drop()
        if isinstance(command, SetLanguage) and session in self._sessions:
            self._wording.speaks(session, command.language)
        self._outside.append(Sent(session, command))

    def buffered_s(self, session: str) -> float:
        """Seconds of speech that have arrived and are not planned yet."""
        speech = self._world.get(self._sessions[session].entity, Speech)
        waiting = sum(
            len(event.chunk.samples)
            for event in tuple(self._outside)
            if isinstance(event, Pushed) and event.session == session
        )
        return (speech.timeline.queued() + waiting) / self.options.audio_rate

    def step(self, draw: bool = True, early: Callable[[list[FramePacket]], None] | None = None) -> list[FramePacket]:
        """Simulate one tick and return one packet per session. With `draw` False pictures are left out.

        early: called within the step, before anything is drawn, with the same packets but for their pictures, which
        are only numbered yet.
        """
        self._aside.serve_one()
        self._take_in()
        self._take_changes()
        for _, view in self._world.each(View):
            view.frozen = not draw
        # Matrices of a tick are small: threads of the linear algebra library cost more than they bring.
        self._outbox.early = early
        with self._threads.limit(limits=1, user_api="blas"):
            self.schedule.run(self._world, self._contain)
        for session, what, hint in self._refusals.now:
            self.notices.append(Notice(session, "warning", "command", f"{what}; {hint}" if hint else what))
        self._refusals.now.clear()
        if self._journal is not None:
            self._journal.write(TickRecord(self._world.tick, tuple(self._events), digests_of(self._world.batch)))
        self._events.clear()
        self._world.tick += 1
        return self._outbox.take()

    def replay_event(self, event: Event) -> None:
        """Apply a journaled event before the next step."""
        match event:
            case Opened(session, options):
                self.open_session(SessionOptions(**options), session)
            case Closed(session):
                self.close_session(session)
            case _:
                self._outside.append(event)

    def close(self) -> None:
        """Close every session, the journal and the renderer."""
        self.files.stop()
        self._wording.stop()
        self._aside.stop()
        for session in list(self._sessions):
            self.close_session(session)
        if self._journal is not None:
            self._journal.close()
        self.renderer.close()

    def _prepared(self, options: SessionOptions, hand_over: HandOver) -> object:
        """Everything that opening a session would otherwise wait for; on the loading thread."""
        avatar = self.library.load(options.avatar)
        if not self.options.draw:
            return avatar
        scene = self.files.scene(scene_path(options.scene or avatar.profile.default_scene or DEFAULT_SCENE))
        stage = dressed(scene, options.background, None)
        level = level_for(options.quality, options.height, self.renderer.info.software)
        show = Show(avatar.model, stage, options.width, options.height, options.quality, level)
        return avatar, self.renderer.prepare(show, hand_over)

    def _take_in(self) -> None:
        while self._outside:
            event = self._outside.popleft()
            held = self._sessions.get(event.session)
            if held is None:
                continue
            self._events.append(event)
            match event:
                case Sent(session, SetScene() | SetBackground() as command):
                    try:
                        self._change_stage(session, held, command)
                    except Exception as error:  # noqa: BLE001  (told; the other sessions go on)
                        self._end_broken(session, error)
                case Sent(_, command):
                    self._world.get(held.entity, Inbox).waiting.append(command)
                case speech:
                    self._world.get(held.entity, Inbox).waiting.append(speech)

    def _take_changes(self) -> None:
        for change in self.files.take():
            match change:
                case FileTold(level, text):
                    self.notices.extend(Notice(name, level, "file", text) for name in self._sessions)
                case SceneChanged(path, scene):
                    for held in self._sessions.values():
                        if held.scene == path:
                            self._restage(held, scene)
                case PersonaChanged(behaviour, persona):
                    for held in self._sessions.values():
                        if (held.options.behaviour or "default") == behaviour:
                            adopt(self._world.get(held.entity, Script), persona, self._world.tick)

    def _change_stage(self, session: str, held: _Session, command: SetScene | SetBackground) -> None:
        before = held.scene, held.background
        try:
            if isinstance(command, SetScene):
                held.scene, held.background = scene_path(command.scene), None
            else:
                held.background = command.background
            self._restage(held, self.files.scene(held.scene))
        except InputError as error:
            held.scene, held.background = before
            self.notices.append(Notice(session, "warning", "scene", f"{error} (the last one stays)"))

    def _restage(self, held: _Session, scene: Scene) -> None:
        view = self._world.get(held.entity, View)
        view.stage = dressed(scene, held.background, held.policy)
        view.camera = aimed(scene, held.avatar, held.options)
        row = self._world.get(held.entity, Row).index
        self._world.batch["viewer"][row] = viewer(view.camera, held.avatar)
        view.dirty = True


def make_runtime(
    options: RuntimeOptions, renderer: Callable[[], Renderer] | None = None, aside: bool = False
) -> Runtime:
    """A runtime with the bundled avatars and the renderer of this machine (none is started when `draw` is off).

    aside: draw in a thread of its own while the next tick is simulated; packets then carry the pictures of the tick
    before. More pictures a second, each a tick later: for files.
    """
    from avatar_engine.engine.render.aside import RendererAside
    from avatar_engine.engine.render.null import NullRenderer

    library = open_library(options.avatar_folders)
    make = renderer or (_panda if options.draw else NullRenderer)
    runtime = Runtime(options, library, RendererAside(make) if aside else make())
    if options.watch_files:
        runtime.files.start()
    return runtime


def _panda() -> Renderer:
    from avatar_engine.engine.render.panda.renderer import PandaRenderer

    return PandaRenderer()
