"""Only the command line of the maker: `python -m avatar_engine.maker build person.yaml [-o out.glb] [--check]`."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from avatar_engine.maker.build import build
from avatar_engine.maker.manifest import read_entry, write_entry
from avatar_engine.maker.parts import LODS
from avatar_engine.maker.profile import profile_text
from avatar_engine.maker.spec import load_person


def make(person: Path, output: Path | None = None, check: bool = False, texture_size: int = 2048) -> int:
    """Build the GLB, its avatar.yaml and its manifest entry beside it; with `check` only compare the hash."""
    spec = load_person(person)
    model = output or person.parent / f"{spec.id}.glb"
    started = time.monotonic()
    built = build(spec, texture_size)
    seconds = time.monotonic() - started
    counts = ", ".join(f"lod{lod} {built.triangles(lod)}" for lod in LODS)
    print(f"{spec.id}: {len(built.glb) / 1e6:.1f} MB, triangles {counts}, {seconds:.0f} s, sha256 {built.sha256}")
    if check:
        wanted = read_entry(model.parent)["sha256"]
        if wanted != built.sha256:
            print(f"{model}: the rebuilt file differs from the manifest ({wanted})", file=sys.stderr)
            return 1
        return 0
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(built.glb)
    (model.parent / "avatar.yaml").write_text(profile_text(built.person, built.parts), encoding="utf-8")
    write_entry(model, built, person)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="avatar_engine.maker", description="Build a person from a description.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="person.yaml -> GLB, avatar.yaml and manifest entry beside it")
    command.add_argument("person", type=Path, help="the description")
    command.add_argument("-o", "--output", type=Path, metavar="OUT.glb", help="default: beside the description")
    command.add_argument("--check", action="store_true", help="write nothing; fail when the hash has changed")
    command.add_argument("--texture", type=int, default=2048, metavar="PIXELS", help="skin texture (default 2048)")
    options = parser.parse_args(arguments)
    return make(options.person, options.output, options.check, options.texture)


if __name__ == "__main__":
    sys.exit(main())
