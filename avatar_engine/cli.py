"""The command line: reads arguments and environment, calls one function per command, turns errors into one line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from avatar_engine.engine.errors import DeviceError, EngineError, InputError
from avatar_engine.interrupts import STOPPED, end_process, is_program

# module with add_parser(subparsers) -> one line each, in the order people need them
COMMANDS = (
    "avatar_engine.render_cli",
    "avatar_engine.snapshot",
    "avatar_engine.avatars_cli",
    "avatar_engine.visemes_cli",
    "avatar_engine.behaviours_cli",
    "avatar_engine.replay",
    "avatar_engine.doctor",
    "avatar_engine.worker_cli",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 a fault of the machine or ours, 2 unusable input.

    Without arguments given this is the program itself: it takes those of the command line, and when it is interrupted
    it ends the process.
    """
    if arguments is not None:
        return _run(arguments)
    is_program()
    # Read when numpy is loaded. A tick uses one thread of it (decision 2); the others would only hold memory.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    code = _run(None)
    if code == STOPPED:
        end_process(code)
    return code


def _run(arguments: Sequence[str] | None) -> int:
    try:
        parser = build_parser()
        options = parser.parse_args(arguments)
        run = getattr(options, "run", None)
        if run is None:
            parser.print_help()
            return 2
        return int(run(options) or 0)
    except InputError as error:
        print(f"avatar-engine: {error}", file=sys.stderr)
        return 2
    except DeviceError as error:
        print(f"avatar-engine: {error}", file=sys.stderr)
        return 2
    except EngineError as error:
        print(f"avatar-engine: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        print("avatar-engine: stopped", file=sys.stderr)
        return STOPPED


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="avatar-engine", description="Speech in, a lip-synced, expressive 3D person out."
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    parser.set_defaults(run=_version_or_help)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name in COMMANDS:
        importlib.import_module(name).add_parser(commands)
    return parser


def _version_or_help(options: argparse.Namespace) -> int:
    if options.version:
        from importlib.metadata import version

        print(f"avatar-engine {version('avatar-engine')}")
        return 0
    build_parser().print_help()
    return 2
