"""The commands `behaviors check|graph|trace` and `aus`: they read, say and draw, and run no avatar."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from avatar_engine.components.action_units import ActionUnit, catalogue, unit_ids, unit_names
from avatar_engine.components.emotions import find_style
from avatar_engine.engine.errors import InputError, suggest
from avatar_engine.engine.media.output import write_error
from avatar_engine.options import parse_seed
from avatar_engine.scenes.behaviour_compile import load_persona
from avatar_engine.scenes.behaviour_graph import mermaid, write_graph
from avatar_engine.scenes.behaviour_source import bundled_behaviours
from avatar_engine.scenes.behaviour_trace import parse_events, trace
from avatar_engine.scenes.policy_file import load_policy


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `behaviors` and `aus`."""
    behaviors = subparsers.add_parser(
        "behaviors", aliases=["behaviours"], help="check, draw and trace behaviour files (YAML)"
    )
    commands = behaviors.add_subparsers(metavar="COMMAND", required=True)
    check = commands.add_parser("check", help="read files and say what is wrong with them")
    check.add_argument("files", nargs="+", metavar="FILE", help="behaviour files or bundled names")
    check.set_defaults(run=_check)
    graph = commands.add_parser("graph", help="draw a behaviour's states")
    graph.add_argument("file", metavar="FILE")
    graph.add_argument("-o", "--output", type=Path, help="the picture (default: NAME.png here)")
    graph.add_argument("--format", choices=("png", "mermaid"), default="png")
    graph.set_defaults(run=_graph)
    tracing = commands.add_parser("trace", help="play events to a behaviour and print what it does")
    tracing.add_argument("file", metavar="FILE")
    tracing.add_argument("--events", type=Path, required=True, help="lines of 'SECONDS EVENT', # for comments")
    tracing.add_argument("--seed", type=int, default=1)
    tracing.add_argument("--policy", help="a policy file or bundled policy")
    tracing.add_argument("--style", default="professional")
    tracing.set_defaults(run=_trace)
    listing = commands.add_parser("list", help="the behaviours that come with the engine")
    listing.set_defaults(run=_list)
    aus = subparsers.add_parser("aus", help="the 157 action units a face is made of")
    aus.add_argument("unit", nargs="?", metavar="ID", help="a unit (AU12L) or a FACS code (12)")
    aus.add_argument("--format", choices=("text", "json"), default="text")
    aus.set_defaults(run=_aus)


def _check(options: argparse.Namespace) -> int:
    bad = 0
    for file in options.files:
        try:
            persona = load_persona(file)
        except InputError as error:
            print(error)
            bad += 1
            continue
        states = sum(len(layer.states) for layer in persona.layers)
        print(
            f"{file}: good: {len(persona.layers)} layers, {states} states, {len(persona.gestures)} gestures, "
            f"{len(persona.clips)} clips from {len(persona.sources)} files"
        )
    return 2 if bad else 0


def _graph(options: argparse.Namespace) -> int:
    persona = load_persona(options.file)
    if options.format == "mermaid":
        text = mermaid(persona)
        if options.output is None:
            print(text, end="")
        else:
            try:
                options.output.write_text(text, "utf-8")
            except OSError as error:
                raise write_error(options.output, error) from None
        return 0
    output = options.output or Path(f"{persona.name}.png")
    write_graph(persona, output)
    print(output)
    return 0


def _trace(options: argparse.Namespace) -> int:
    try:
        text = options.events.read_text("utf-8")
    except OSError as error:
        raise InputError(str(options.events), error.strerror or "cannot be read") from None
    except UnicodeDecodeError:
        raise InputError(str(options.events), "is not UTF-8 text", "give lines of 'SECONDS EVENT'") from None
    style, seed = find_style(options.style).name, parse_seed(options.seed)
    policy = load_policy(options.policy) if options.policy else None
    events = parse_events(text, str(options.events))
    for line in trace(load_persona(options.file), events, seed, policy, style):
        print(line)
    return 0


def _list(_: argparse.Namespace) -> int:
    for name in bundled_behaviours():
        print(name)
    return 0


def _aus(options: argparse.Namespace) -> int:
    book = catalogue()
    units = list(book.units)
    if options.unit is not None:
        ids = unit_ids(options.unit)
        if not ids:
            raise InputError(f"aus {options.unit}", "no such unit", suggest(options.unit, unit_names()))
        units = [book.units[book.index[unit]] for unit in ids]
    if options.format == "json":
        rows = [_as_data(unit) for unit in units]
        print(json.dumps(rows[0] if len(rows) == 1 else rows, indent=2))
    elif options.unit is None:
        for unit in units:
            print(f"{unit.id:20} {unit.code:>4}  {unit.region:9} {unit.name}")
    else:
        print("\n\n".join(_description(unit) for unit in units))
    return 0


def _as_data(unit: ActionUnit) -> dict[str, Any]:
    return {name: value for name, value in asdict(unit).items() if value not in ("", None, {}) and name != "index"}


def _description(unit: ActionUnit) -> str:
    rows = [f"{unit.id}  FACS {unit.code}  {unit.name}", f"  kind      {unit.kind.replace('_', ' ')}, {unit.region}"]
    if unit.muscle:
        rows.append(f"  muscle    {unit.muscle}")
    if unit.controls:
        rows.append("  controls  " + ", ".join(f"{name} {weight:g}" for name, weight in unit.controls.items()))
    if unit.pose:
        rows.append("  pose      " + ", ".join(f"{name} {value:g}" for name, value in unit.pose.items()))
    if unit.motion:
        details = {k: v for k, v in asdict(unit.motion).items() if v and k != "kind"}
        rows.append(f"  motion    {unit.motion.kind} " + ", ".join(f"{k} {v}" for k, v in details.items()))
    if unit.effect:
        rows.append("  effect    " + ", ".join(unit.effect) + " (needs a shape or material of the model's own)")
    if unit.note:
        rows.append(f"  note      {unit.note}")
    return "\n".join(rows)
