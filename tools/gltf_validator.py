"""Khronos' glTF validator over files: `python -m tools.gltf_validator FILE...`; exits with 1 when one has an error."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.npm_package import NoPackageError, npm_package

VERSION = "2.0.0-dev.3.10"
SCRIPT = """
const validator = require(process.argv[1]), fs = require('fs');
const all = process.argv.slice(2).map((file) =>
  validator.validateBytes(new Uint8Array(fs.readFileSync(file)), { maxIssues: 200 }));
Promise.all(all).then((reports) => console.log(JSON.stringify(reports.map((report) => report.issues))));
"""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the validator says of one file; `messages` are those of its errors."""

    errors: int
    warnings: int
    messages: tuple[str, ...]


def validate(files: list[Path]) -> list[Verdict]:
    """One verdict a file."""
    node = shutil.which("node")
    if node is None:
        raise NoPackageError("node is needed to run gltf-validator: install Node.js")
    command = [node, "-e", SCRIPT, str(npm_package("gltf-validator", VERSION)), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"gltf-validator ended with {done.returncode}: {done.stderr[-1500:]}")
    return [
        Verdict(
            issues["numErrors"],
            issues["numWarnings"],
            tuple(f"{m['code']} at {m.get('pointer', '/')}" for m in issues["messages"] if m["severity"] == 0),
        )
        for issues in json.loads(done.stdout)
    ]


def main() -> int:
    """A line a file, and its errors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    files: list[Path] = parser.parse_args().files
    verdicts = validate(files)
    for file, verdict in zip(files, verdicts, strict=True):
        print(f"{file.name}: {verdict.errors} errors, {verdict.warnings} warnings")
        for message in verdict.messages:
            print(f"  {message}")
    return 1 if any(verdict.errors for verdict in verdicts) else 0


if __name__ == "__main__":
    sys.exit(main())
