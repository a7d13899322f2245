"""What a session measures of itself, and its export; decides nothing."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from itertools import count

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

KEPT = 2048
"""Samples kept of each distribution: about a minute of frames."""


@dataclass(slots=True)
class Distribution:
    """The last values of something, for percentiles, and their count since the beginning."""

    count: int = 0
    total: float = 0.0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, value: float) -> None:
        self.count += 1
        self.total += value
        self._recent.append(value)

    def quantile(self, share: float) -> float:
        """Of the recent values; 0 when there are none."""
        ordered = sorted(self._recent)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


@dataclass(slots=True)
class SessionFigures:
    """One session. Seconds, counts, bits a second."""

    added_latency_s: Distribution = field(default_factory=Distribution)  # first sample in -> its frame captured
    playback_start_s: Distribution = field(default_factory=Distribution)  # first sample in -> queued to WebRTC
    video_offset_s: Distribution = field(default_factory=Distribution)  # frame captured minus when it was due
    packet_late_s: Distribution = field(default_factory=Distribution)  # packet arrival minus its tick
    encode_s: Distribution = field(default_factory=Distribution)
    frames_sent: int = 0
    frames_repeated: int = 0  # sent again because nothing had moved
    frames_dropped: int = 0  # too late, or belonging to speech that was cut off
    frames_skipped: int = 0  # left out because the line is narrow
    frames_refused: int = 0  # the native source did not take them
    audio_underruns: int = 0
    audio_queue_s: float = 0.0
    video_queue: int = 0
    interruptions: int = 0
    pauses: int = 0
    keyframe_requests: int = 0
    target_bitrate_bps: int = 0
    frame_divisor: int = 1  # every so many frames is sent
    picture_shrink: int = 1  # of the width and height
    sent_bytes: int = 0
    own_encoder: int = 0  # 1: our H.264; 0: WebRTC encodes
    encoder_trial_s: float = 0.0  # a picture of this size through our encoder, measured before it was chosen or not
    segments_started: int = 0
    segments_finished: int = 0

    def rows(self) -> Iterable[tuple[str, float]]:
        """Name and value of every figure; distributions as p50 and p95."""
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Distribution):
                yield f"{item.name}_p50", value.quantile(0.50)
                yield f"{item.name}_p95", value.quantile(0.95)
            else:
                yield item.name, float(value)


_numbers = count(1)
_sessions: dict[int, tuple[str, SessionFigures]] = {}


def register(figures: SessionFigures) -> None:
    """Include a session in the export, under a name of its own in this process."""
    _sessions[id(figures)] = f"session-{next(_numbers)}", figures


def unregister(figures: SessionFigures) -> None:
    _sessions.pop(id(figures), None)


class SessionCollector(Collector):
    """All sessions of this process as gauges, one label `session`; asked anew for every scrape."""

    def collect(self) -> Iterable[Metric]:
        """One family per figure."""
        families: dict[str, GaugeMetricFamily] = {}
        for session, figures in list(_sessions.values()):
            for name, value in figures.rows():
                if name not in families:
                    families[name] = GaugeMetricFamily(f"avatar_{name}", name.replace("_", " "), labels=["session"])
                families[name].add_metric([session], value)
        return families.values()


_collector = SessionCollector()


def expose(registry: CollectorRegistry = REGISTRY) -> None:
    """Have the sessions in Prometheus' registry: what `prometheus_client` and LiveKit's servers serve. Again: nothing."""
    with contextlib.suppress(ValueError):  # it is there already
        registry.register(_collector)


def prometheus_text() -> str:
    """All sessions in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(SessionCollector())
    text: bytes = generate_latest(registry)
    return text.decode()
