"""`avatar-engine doctor`: what this machine can do for the engine, and a remedy for each gap.

Whatever might crash (a graphics driver, a native library) is tried in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "note", "gap"]
_PROBE_LIMIT_S = 60
_COLUMNS = (14, 5)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table. note: works, but less well or only in part. gap: something asked for cannot work.

    needed: without it nothing can be rendered. remedy: what to type or change, '' when nothing is wrong.
    """

    area: str
    state: State
    text: str
    remedy: str = ""
    needed: bool = False


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add `doctor`."""
    parser = commands.add_parser(
        "doctor",
        help="tell what this machine can do",
        description="Try graphics, encoders, speech analysis and LiveKit, with a remedy for each gap.",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the findings; 1 when something that every render needs is missing."""
    findings = run_doctor()
    if options.json:
        print(json.dumps([_as_dict(finding) for finding in findings], indent=2))
    else:
        print(as_table(findings))
    return 1 if any(finding.needed and finding.state == "gap" for finding in findings) else 0


def run_doctor() -> list[Finding]:
    """Look at everything; takes a few seconds."""
    checks: Sequence[Callable[[], list[Finding]]] = (_graphics, _encoders, _inference, _livekit)
    with ThreadPoolExecutor(max_workers=2) as pool:
        return [_machine(), *(finding for found in pool.map(lambda check: check(), checks) for finding in found)]


def as_table(findings: Sequence[Finding]) -> str:
    """Plain text for a terminal: area, state, what was found, and under it what to do."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.area:<{_COLUMNS[0]}}{finding.state:<{_COLUMNS[1]}}{finding.text}")
        if finding.remedy:
            lines.append(f"{'':<{sum(_COLUMNS)}}-> {finding.remedy}")
    broken = [finding.area for finding in findings if finding.needed and finding.state == "gap"]
    lines.append("")
    lines.append(f"cannot render: {', '.join(broken)}" if broken else "ready to render")
    return "\n".join(lines)


def _as_dict(finding: Finding) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in Finding.__slots__}


def _machine() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {cores} cores"
    if cores < 2:
        return Finding("machine", "note", text, "give it two cores: one draws while the other encodes")
    return Finding("machine", "ok", text)


_GRAPHICS = """
import json
from dataclasses import asdict
from avatar_engine.engine.errors import DeviceError
from avatar_engine.engine.render.panda.renderer import PandaRenderer
try:
    renderer = PandaRenderer()
except DeviceError as error:
    print(json.dumps({"what": f"{error.where}: {error.what}", "remedy": error.hint}))
else:
    print(json.dumps(asdict(renderer.info)))
    renderer.close()
"""


def _graphics() -> list[Finding]:
    found = _probe(_GRAPHICS)
    if "failed" in found:
        return [Finding("graphics", "gap", str(found["failed"]), _graphics_remedy(), needed=True)]
    if "what" in found:
        return [Finding("graphics", "gap", str(found["what"]), str(found["remedy"]), needed=True)]
    text = f"{found['device']}, {found['vendor']}, OpenGL {found['version']} ({found['backend']})"
    if found["software"]:
        remedy = "fine up to 720p at medium quality; a GPU with its EGL driver draws larger and richer pictures"
        return [Finding("graphics", "note", f"{text}, drawn by the CPU", remedy, needed=True)]
    return [Finding("graphics", "ok", text, needed=True)]


def _graphics_remedy() -> str:
    if sys.platform.startswith("linux"):
        return "install a driver: apt-get install libegl1 libgl1-mesa-dri, or the GPU vendor's EGL package"
    return "update the graphics driver; OpenGL 3.3 is needed"


_ENCODERS = """
import json
from dataclasses import asdict
import av
from avatar_engine.engine.media.encoders import H264_ENCODERS, LAST_RESORT, choose_h264, try_encoder
names = [name for name in (*H264_ENCODERS, LAST_RESORT) if name in av.codecs_available]
print(json.dumps({
    "chosen": choose_h264(),
    "trials": [asdict(try_encoder(name)) for name in names],
    "pyav": av.__version__,
    "aac": "aac" in av.codecs_available,
}))
"""


def _encoders() -> list[Finding]:
    found = _probe(_ENCODERS)
    reinstall = "pip install --force-reinstall --only-binary av av"
    if "failed" in found:
        return [Finding("video", "gap", str(found["failed"]), reinstall, needed=True)]
    trials = found["trials"]
    works = [trial["name"] for trial in trials if trial["works"]]
    idle = [trial["name"] for trial in trials if not trial["works"]]
    text = f"PyAV {found['pyav']}, works: {', '.join(works) or 'nothing'}"
    if idle:
        text += f"; built in without a device: {', '.join(idle)}"
    if not works or not found["aac"]:
        return [Finding("video", "gap", text, reinstall, needed=True)]
    if found["chosen"] is None:
        remedy = f"movies will be MPEG-4 part 2 and live rooms encode themselves; for H.264: {reinstall}"
        return [Finding("video", "note", text, remedy, needed=True)]
    return [Finding("video", "ok", f"{text}; uses {found['chosen']}", needed=True)]


_INFERENCE = """
import json
import onnxruntime
from avatar_engine.engine.assets import asset_path
from avatar_engine.engine.onnx import PROVIDERS, OnnxModel
from avatar_engine.viseme_models import default_viseme_model, make_viseme_model, viseme_model_names
works = {}
models = sorted(asset_path("models").glob("*.onnx"))
for device, provider in PROVIDERS.items():
    if provider in onnxruntime.get_available_providers() and models:
        works[device] = provider in OnnxModel(models[0], (device, "cpu")).providers
make_viseme_model(default_viseme_model())
print(json.dumps({
    "version": onnxruntime.__version__, "works": works, "models": [path.name for path in models],
    "visemes": viseme_model_names(), "chosen": default_viseme_model(),
}))
"""


def _inference() -> list[Finding]:
    found = _probe(_INFERENCE)
    if "failed" in found:
        remedy = "reinstall it: pip install --force-reinstall avatar-engine"
        return [Finding("speech", "gap", str(found["failed"]), remedy, needed=True)]
    works = [device for device, does in found["works"].items() if does]
    idle = [device for device, does in found["works"].items() if not does]
    text = f"onnxruntime {found['version']}, runs on: {', '.join(works) or 'not tried, no model here'}"
    if idle:
        text += f"; built in without a device: {', '.join(idle)}"
    text += f"; viseme models: {', '.join(found['visemes'])}; uses {found['chosen']}"
    if not found["models"]:
        return [Finding("speech", "note", text, "no network is bundled here; install a released wheel", needed=True)]
    return [Finding("speech", "ok", text, needed=True)]


_LIVEKIT = """
import json
from importlib import metadata
from livekit import rtc
rtc.EncodedVideoSource
names = ("livekit", "livekit-agents")
print(json.dumps({name: metadata.version(name) for name in names}))
"""


def _livekit() -> list[Finding]:
    found = _probe(_LIVEKIT)
    if "missing" in found:
        remedy = "only for live rooms: pip install 'avatar-engine[livekit]'"
        return [Finding("livekit", "note", f"not installed ({found['missing']})", remedy)]
    if "failed" in found:
        return [Finding("livekit", "gap", str(found["failed"]), "pip install -U 'avatar-engine[livekit]'")]
    return [Finding("livekit", "ok", ", ".join(f"{name} {version}" for name, version in found.items()))]


def _probe(code: str) -> dict[str, Any]:
    """Run Python code apart from us. Its last line as JSON; {'failed': why}; {'missing': module}."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"gave no answer within {_PROBE_LIMIT_S} s"}
    if done.returncode < 0:
        return {"failed": f"crashed ({signal.Signals(-done.returncode).name})"}
    errors = done.stderr.strip().splitlines()
    if done.returncode != 0:
        last = errors[-1] if errors else f"exit code {done.returncode}"
        if last.startswith("ModuleNotFoundError: No module named "):
            return {"missing": last.rsplit("'", 2)[1], "failed": last}
        return {"failed": last}
    lines = done.stdout.strip().splitlines()
    found: dict[str, Any] = json.loads(lines[-1]) if lines else {"failed": "said nothing"}
    return found
