"""Packages of the npm registry that tests and tools need, fetched once into `.cache`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

CACHE = Path(__file__).resolve().parents[1] / ".cache"


class NoPackageError(RuntimeError):
    """The message says what to install."""


def npm_package(name: str, version: str) -> Path:
    """The folder of the package in exactly this version."""
    root = CACHE / f"{name}-{version}"
    folder = root / "node_modules" / name
    if not (folder / "package.json").is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise NoPackageError(f"npm is needed once to fetch {name}: install Node.js")
        root.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(root), "--no-save", f"{name}@{version}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0 or not (folder / "package.json").is_file():
            raise NoPackageError(f"npm install {name} failed:\n{done.stderr[-1500:]}")
    return folder
