"""A line between participants and their server that can be narrowed: a relay of UDP datagrams in a process of its own.

`python -m tests.livekit.line FROM_HOST TO_HOST PORT` takes datagrams at FROM_HOST:PORT and passes them on to
TO_HOST:PORT, every sender through a queue of a third of a second and a way of some milliseconds that never are quite the
same; answers go back at once. Each line of its input is the rate from then on in kbit/s, 0 for any.
"""

from __future__ import annotations

import heapq
import random
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
QUEUE_S = 0.33
WAY_S = (0.010, 0.015)
"""WebRTC clears some of its states only when it hears of another round trip time, as it does everywhere but on loopback."""
HEADERS = 42
"""Bytes of Ethernet, IP and UDP that a line carries with each datagram."""
ROOMY = 1 << 21


@dataclass(slots=True)
class Sender:
    """One participant: its socket towards the server, and when the line has sent all it was given."""

    address: tuple[str, int]
    onward: socket.socket
    free_s: float = 0.0
    arrives_s: float = 0.0


@dataclass(slots=True)
class Relay:
    """All senders behind one address."""

    front: socket.socket
    to: tuple[str, int]
    bytes_s: float = 0.0
    waiting: list[tuple[float, int, Sender, bytes]] = field(default_factory=list)
    count: int = 0

    def take(self, sender: Sender, data: bytes, now_s: float) -> None:
        """Queue a datagram, or drop it where the queue is full."""
        begins_s = max(now_s, sender.free_s)
        if begins_s - now_s > QUEUE_S:
            return
        sender.free_s = begins_s + ((len(data) + HEADERS) / self.bytes_s if self.bytes_s else 0.0)
        sender.arrives_s = max(sender.arrives_s, sender.free_s + random.uniform(*WAY_S))
        self.count += 1
        heapq.heappush(self.waiting, (sender.arrives_s, self.count, sender, data))

    def pass_on(self, now_s: float) -> float | None:
        """Send what is due; says how long to wait for the next."""
        while self.waiting and self.waiting[0][0] <= now_s:
            _, _, sender, data = heapq.heappop(self.waiting)
            sender.onward.sendto(data, self.to)
        return max(0.0, self.waiting[0][0] - now_s) if self.waiting else None


def main(from_host: str, to_host: str, port: int) -> None:
    """Until the input ends."""
    front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    front.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOMY)
    front.bind((from_host, port))
    relay = Relay(front, (to_host, port))
    senders: dict[tuple[str, int], Sender] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(front, selectors.EVENT_READ)
        selector.register(sys.stdin, selectors.EVENT_READ)
        print("ready", flush=True)
        while True:
            for key, _ in selector.select(relay.pass_on(time.monotonic())):
                if key.fileobj is sys.stdin:
                    line = sys.stdin.readline()
                    if not line:
                        return
                    relay.bytes_s = int(line) * 1000 / 8
                elif key.fileobj is front:
                    data, address = front.recvfrom(65536)
                    if address not in senders:
                        onward = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                        onward.bind((to_host, 0))
                        senders[address] = Sender(address, onward)
                        selector.register(onward, selectors.EVENT_READ, senders[address])
                    relay.take(senders[address], data, time.monotonic())
                else:
                    front.sendto(key.fileobj.recv(65536), key.data.address)  # type: ignore[union-attr]


@dataclass(slots=True)
class Line:
    """The running relay."""

    process: subprocess.Popen[str]

    def narrow(self, kbit: int) -> None:
        """So many kbit/s from now on, 0 for any."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{kbit}\n")
        self.process.stdin.flush()


@contextmanager
def running(from_host: str, to_host: str, port: int) -> Iterator[Line]:
    """A relay for the length of a with-block."""
    command = [sys.executable, "-m", "tests.livekit.line", from_host, to_host, str(port)]
    process = subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield Line(process)
    finally:
        process.stdin.close()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
