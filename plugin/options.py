"""Turns what users write into the engine's options, with errors that say what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from avatar_engine.components.emotions import emotion_book
from avatar_engine.engine.errors import InputError, suggest
from avatar_engine.options import (
    RuntimeOptions,
    SessionOptions,
    parse_fps,
    parse_quality,
    parse_resolution,
)
from avatar_engine.plugin.publish_options import CODECS, Codec, PublishOptions

LIVE_HZ = 60
"""Speech waits at most one tick before it is heard; a tick without a picture costs under a millisecond."""
AUDIO_RATE = 48_000
BITS_PER_PIXEL = 0.08
"""A still camera on one person: 0.55 Mbit/s at 640x360, 2.2 Mbit/s at 720p, 5 Mbit/s at 1080p (30 fps)."""
LEAST_BITRATE_BPS = 400_000


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Everything one live avatar is made of."""

    runtime: RuntimeOptions
    session: SessionOptions
    publish: PublishOptions


def live_options(
    avatar_id: str,
    *,
    style: str,
    emotion_enabled: bool,
    resolution: str,
    fps: int,
    quality: str,
    lip_sync_model: str | None,
    facial_expressions: bool,
    head_movements: bool,
    background: str | None,
    avatar_config: Mapping[str, Any] | str | Path | None,
    video_codec: Codec,
    max_bitrate_bps: int | None,
    frame_timestamps: bool,
) -> LiveOptions:
    """Check everything that can be checked without loading an avatar. Raises InputError."""
    from avatar_engine.viseme_models import default_viseme_model, viseme_model_names

    width, height = parse_resolution(resolution)
    parse_fps(fps)
    styles = emotion_book().styles
    if style not in styles:
        raise InputError(f"style {style}", "no such style", suggest(style, styles))
    models = viseme_model_names()
    if lip_sync_model is not None and lip_sync_model not in models:
        raise InputError(f"lip_sync_model {lip_sync_model}", "is not installed", suggest(lip_sync_model, models))
    if video_codec not in CODECS:
        raise InputError(f"video_codec {video_codec}", "no such codec", suggest(video_codec, CODECS))
    session = SessionOptions(
        avatar=avatar_id,
        background=background,
        width=width,
        height=height,
        fps=fps,
        quality=parse_quality(quality),
        style=style,
        facial_expressions=facial_expressions,
        head_movements=head_movements,
        emotion_enabled=emotion_enabled,
    )
    session = replace(session, **_config(avatar_config))
    bitrate_bps = max_bitrate_bps or max(LEAST_BITRATE_BPS, int(width * height * fps * BITS_PER_PIXEL))
    return LiveOptions(
        RuntimeOptions(hz=LIVE_HZ, audio_rate=AUDIO_RATE, viseme_model=lip_sync_model or default_viseme_model()),
        session,
        PublishOptions(width, height, fps, AUDIO_RATE, bitrate_bps, video_codec, frame_timestamps=frame_timestamps),
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
