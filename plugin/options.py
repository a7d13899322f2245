"""Turns what users write into the engine's options, with errors that say what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypedDict

import yaml

from avatar_engine.components.emotions import emotion_book
from avatar_engine.engine.errors import InputError, SceneError, suggest
from avatar_engine.options import (
    RuntimeOptions,
    SessionOptions,
    parse_fps,
    parse_quality,
    parse_resolution,
)
from avatar_engine.plugin.adaptation import plenty_bps
from avatar_engine.plugin.publish_options import CODECS, Codec, PublishOptions
from avatar_engine.scenes.scene import is_colour
from avatar_engine.scenes.staging import background_path

LIVE_HZ = 60
"""Speech waits at most one tick before it is heard; a tick without a picture costs under a millisecond."""
AUDIO_RATE = 48_000
LEAST_BPS = 10_000
"""Nobody means a smaller ceiling of the video bitrate."""


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Everything one live avatar is made of."""

    runtime: RuntimeOptions
    session: SessionOptions
    publish: PublishOptions


class AvatarOptions(TypedDict, total=False):
    """What both sessions take by name; `AvatarRequest` has the defaults and says what they mean."""

    style: str
    emotion_enabled: bool
    resolution: str
    fps: int
    quality: str
    lip_sync_model: str | None
    language: str
    facial_expressions: bool
    head_movements: bool
    background: str | None
    avatar_config: Mapping[str, Any] | str | Path | None
    video_codec: Codec
    max_bitrate_bps: int | None
    frame_timestamps: bool


@dataclass(frozen=True, slots=True)
class AvatarRequest:
    """An avatar as users ask for it.

    avatar_id: a bundled id or a GLB/VRM/avatar.yaml file. resolution: `720p`, `WIDTHxHEIGHT`, ... lip_sync_model:
    an installed viseme model, None for the best. language: of the voice and of words that come with it, as espeak-ng or
    BCP 47 name it (`it`, `pt-br`); empty: not known, and the words English. avatar_config: further session options as a
    mapping or a YAML file (scene, behaviour, policy, framing, seed, emotion). frame_timestamps: see PublishOptions.
    """

    avatar_id: str = "ada"
    style: str = "professional"
    emotion_enabled: bool = True
    resolution: str = "720p"
    fps: int = 30
    quality: str = "high"
    lip_sync_model: str | None = None
    language: str = ""
    facial_expressions: bool = True
    head_movements: bool = True
    background: str | None = None
    avatar_config: Mapping[str, Any] | str | Path | None = None
    video_codec: Codec = "h264"
    max_bitrate_bps: int | None = None
    frame_timestamps: bool = False

    @staticmethod
    def of(given: Mapping[str, Any]) -> AvatarRequest:
        """From a mapping. Raises InputError for names there are not."""
        known = {item.name for item in fields(AvatarRequest)}
        for name in given:
            if name not in known:
                raise InputError(f"avatar: {name}", "no such option", suggest(str(name), known))
        return AvatarRequest(**given)

    @staticmethod
    def asked(avatar: AvatarRequest | str, options: Mapping[str, Any]) -> AvatarRequest:
        """What a session was asked for: a request, or an avatar's id with options. Raises InputError."""
        if isinstance(avatar, AvatarRequest):
            return AvatarRequest.of(asdict(avatar) | dict(options))
        return AvatarRequest.of({"avatar_id": avatar, **options})


def live_options(request: AvatarRequest) -> LiveOptions:
    """Check everything that can be checked without loading an avatar. Raises InputError."""
    from avatar_engine.viseme_models import default_viseme_model, viseme_model_names

    width, height = parse_resolution(request.resolution)
    fps = parse_fps(request.fps)
    known = (
        ("style", request.style, tuple(emotion_book().styles)),
        ("lip_sync_model", request.lip_sync_model or default_viseme_model(), tuple(viseme_model_names())),
        ("video_codec", request.video_codec, CODECS),
    )
    for name, value, values in known:
        if value not in values:
            raise InputError(f"{name} {value}", f"is no {name} there is", suggest(value, values))
    session = SessionOptions(
        avatar=request.avatar_id,
        background=request.background,
        width=width,
        height=height,
        fps=fps,
        quality=parse_quality(request.quality),
        style=request.style,
        language=request.language,
        facial_expressions=request.facial_expressions,
        head_movements=request.head_movements,
        emotion_enabled=request.emotion_enabled,
    )
    if request.max_bitrate_bps is not None and request.max_bitrate_bps < LEAST_BPS:
        raise InputError(f"max_bitrate_bps {request.max_bitrate_bps}", "is too little", f"{LEAST_BPS} or more")
    bitrate_bps = request.max_bitrate_bps or plenty_bps(width, height, fps)
    return LiveOptions(
        RuntimeOptions(
            hz=LIVE_HZ,
            audio_rate=AUDIO_RATE,
            viseme_model=request.lip_sync_model or default_viseme_model(),
            watch_files=True,
        ),
        replace(session, **_config(request.avatar_config)),
        PublishOptions(
            width,
            height,
            fps,
            AUDIO_RATE,
            bitrate_bps,
            request.video_codec,
            frame_timestamps=request.frame_timestamps,
        ),
    )


FIXED_ELSEWHERE = frozenset({"avatar", "width", "height", "fps", "quality"})


def _config(given: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """Further session options from a mapping or a YAML file: scene, behaviour, policy, framing, seed, emotion..."""
    if given is None:
        return {}
    where = "avatar_config"
    if isinstance(given, (str, Path)):
        where = str(given)
        try:
            given = yaml.safe_load(Path(given).read_text("utf-8")) or {}
        except OSError as error:
            raise InputError(where, f"cannot be read: {error.strerror}", "give an existing YAML file") from error
        except yaml.YAMLError as error:
            raise InputError(where, f"is not YAML: {error}") from error
    if not isinstance(given, Mapping):
        raise InputError(where, "is not a mapping", "write `scene: studio`, one option a line")
    known = {item.name for item in fields(SessionOptions)} - FIXED_ELSEWHERE
    for name in given:
        if name not in known:
            raise InputError(f"{where}: {name}", "no such option", suggest(str(name), known))
    return dict(given)


def check_background(background: str) -> None:
    """Raises SceneError for a background that is neither a colour nor a picture there is."""
    if is_colour(background):
        return
    path = background_path(background)
    if not path.is_file():
        raise SceneError(str(path), "no such picture", "name a file that is there, a bundled one, or #rrggbb")
