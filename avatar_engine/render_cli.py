"""`avatar-engine render`: a speech file in, an MP4 of a person speaking it out."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from avatar_engine.components.emotions import find_style, parse_emotion
from avatar_engine.engine.messages import Notice
from avatar_engine.options import (
    LANGUAGE_HELP,
    QUALITIES,
    RuntimeOptions,
    SessionOptions,
    parse_fps,
    parse_quality,
    parse_resolution,
    parse_seed,
)

SMALL_PIXELS = 640 * 400
"""Software drivers shade so few in the time it takes to wake their threads (measured: a sixth faster without them)."""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `render`."""
    parser = commands.add_parser(
        "render",
        help="turn a speech file into a video",
        description="Turn any speech file (wav, flac, mp3, m4a, ogg, opus, webm, a video with sound) into a video.",
    )
    parser.add_argument("speech", type=Path, help="the speech file")
    parser.add_argument("-o", "--output", default="avatar.mp4", metavar="OUT.mp4",
                        help="video, or a folder ending in / for PNG frames (default: %(default)s)")  # fmt: skip
    parser.add_argument("--avatar", default="ada", metavar="ID|FILE", help="bundled id, GLB/VRM or avatar.yaml")
    parser.add_argument("--scene", metavar="ID|FILE", help="scene id or YAML file (default: the avatar's own)")
    parser.add_argument("--background", metavar="ID|FILE|#RRGGBB", help="replace the scene's background")
    parser.add_argument("--camera", metavar="FRAMING", help="head, bust or upper_body instead of the scene's")
    parser.add_argument("--fps", type=int, default=30, help="24, 30 or 60 (default: %(default)s)")
    parser.add_argument("--resolution", default="720p", metavar="R", help="720p, 1080p, 4k or WIDTHxHEIGHT")
    parser.add_argument("--quality", default="medium", metavar="Q", help=", ".join(QUALITIES))
    parser.add_argument("--seed", type=int, default=0, help="same seed, same video (default: %(default)s)")
    parser.add_argument("--emotion", metavar="NAME[:0..1]", help="an emotion to hold, as in happy:0.6")
    parser.add_argument("--style", default="professional", help="professional, warm, playful or clinical")
    parser.add_argument("--visemes", default=None, metavar="MODEL", help="viseme model: neural, spectral, rhubarb")
    words = parser.add_mutually_exclusive_group()
    words.add_argument("--text", help="what is said: the lips then shut where the sound alone hides it")
    words.add_argument("--text-file", type=Path, metavar="FILE", help="the same, from a file")
    parser.add_argument("--lang", default="", help=LANGUAGE_HELP)
    parser.add_argument("--journal", type=Path, metavar="FILE", help="write a journal for `avatar-engine replay`")
    parser.add_argument("--behaviour", metavar="ID|FILE", help="behaviour to follow (default: default)")
    parser.add_argument("--policy", metavar="ID|FILE", help="policy the face must keep to")
    parser.add_argument("--watch", action="store_true", help="reload scene and behaviour files while rendering")
    parser.add_argument("--quiet", action="store_true", help="no progress")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Render and print the report."""
    from avatar_engine.offline import describe, render_file
    from avatar_engine.viseme_models import default_viseme_model
    from avatar_engine.wording import text_of, words_of

    text = text_of(options.text, options.text_file)
    width, height = parse_resolution(options.resolution)
    if width * height <= SMALL_PIXELS:
        os.environ.setdefault("LP_NUM_THREADS", "0")  # llvmpipe's; read when the driver starts
    emotion, intensity = (None, 1.0) if options.emotion is None else parse_emotion(options.emotion)
    runtime = RuntimeOptions(
        viseme_model=options.visemes or default_viseme_model(), journal=options.journal, watch_files=options.watch
    )
    session = SessionOptions(
        avatar=options.avatar, scene=options.scene, background=options.background, width=width, height=height,
        fps=parse_fps(options.fps), quality=parse_quality(options.quality), seed=parse_seed(options.seed),
        style=find_style(options.style).name, framing=options.camera, emotion=emotion, emotion_intensity=intensity,
        behaviour=options.behaviour, policy=options.policy, language=options.lang,
    )  # fmt: skip
    show = None if options.quiet or not sys.stderr.isatty() else _progress
    report = render_file(
        options.speech, options.output, runtime, session, progress=show, on_notice=_tell,
        words=() if text is None else words_of(text, options.lang),
    )  # fmt: skip
    print(describe(report))
    return 0


def _tell(notice: Notice) -> None:
    print(f"avatar-engine: {notice.level}: {notice.text}", file=sys.stderr)


def _progress(done_s: float, total_s: float | None) -> None:
    if total_s:
        share = min(done_s / total_s, 1.0)
        bar = "#" * int(30 * share)
        print(f"\r  [{bar:<30}] {done_s:6.1f} / {total_s:.1f} s", end="", file=sys.stderr, flush=True)
        if share >= 1.0:
            print(file=sys.stderr)
    else:
        print(f"\r  {done_s:6.1f} s", end="", file=sys.stderr, flush=True)
