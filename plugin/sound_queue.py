"""WebRTC's queue of sound, with one more promise than LiveKit's class gives: any thread may empty it."""

from __future__ import annotations

from livekit import rtc


class SoundQueue(rtc.AudioSource):
    """Filled on the loop it was made for; `clear_queue` may be called from anywhere and returns when it is empty.

    The native queue has a lock of its own; only the Python side's wake-up for `wait_for_playout` belongs to one loop.
    Nobody waits for that here, so there is nobody to wake.
    """

    def _release_waiter(self) -> None:
        """Nobody to wake."""

    async def wait_for_playout(self) -> None:
        """Would never return."""
        raise NotImplementedError("a publisher knows from its own books when a sample is heard")
