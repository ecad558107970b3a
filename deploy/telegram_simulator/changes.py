"""Wakes those who wait for something to change: open long polls, the page, the saving of state.

A waiter names the version it has seen, so a change between looking and waiting is never missed.
"""

import asyncio


class Changes:
    """A counter that goes up with each change, and a way to wait for it to pass a value."""

    def __init__(self) -> None:
        self.version = 0
        self._changed = asyncio.Event()

    def announce(self) -> None:
        self.version += 1
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_beyond(self, version: int, timeout_seconds: float | None = None) -> bool:
        """Return True once the version is greater, False when the time is over before."""
        try:
            async with asyncio.timeout(timeout_seconds):
                while self.version <= version:
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True
