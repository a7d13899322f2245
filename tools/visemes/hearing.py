"""Only lets the network hear a whole recording: what it believes of every hop, undecided."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from avatar_engine.systems.log_mel import HOP
from avatar_engine.systems.viseme_posteriors import Posteriors, PosteriorStreams


def heard(streams: PosteriorStreams, samples: npt.NDArray[np.float32], ahead: bool) -> Posteriors:
    """Beliefs (1, delay_frames + hops, ...) of 16 kHz samples (n,), a last hop filled up with silence; the first
    `delay_frames` rows speak of the silence before them."""
    later = streams.ahead_frames if ahead else streams.delay_frames
    hops = -(-len(samples) // HOP) + later
    slot = streams.open()
    seen = streams.push(np.array([slot]), np.pad(samples, (0, hops * HOP - len(samples)))[None], ahead)
    streams.close(slot)
    return seen
