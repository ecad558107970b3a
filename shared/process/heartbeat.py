"""Whether an event loop still moves: a process that is there may be stuck all the same.

The loop beats every second; a probe asks from another thread how long ago that was. The limit is
generous: a loop on a machine with much to do is late, a stuck one never comes back.
"""

import asyncio
import time

BEAT_SECONDS = 1.0
STUCK_SECONDS = 30.0


class Heartbeat:
    """Beats while the loop runs that `beat` was started on."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    async def beat(self) -> None:
        """Beat until cancelled."""
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def is_felt(self) -> bool:
        """Whether the last beat is recent."""
        return time.monotonic() - self._last < STUCK_SECONDS
