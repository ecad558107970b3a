"""getUpdates: a long poll, of which there is one at a time.

As on the real Telegram a new poll ends the one before it with 409, so two pollers keep throwing
each other out, and setting a webhook ends a poll as well.
"""

import time
from typing import Any

from deploy.telegram_simulator.world import World

MAX_LIMIT = 100
MAX_TIMEOUT_SECONDS = 50

BY_ANOTHER_POLL = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)
BY_WEBHOOK = "Conflict: terminated by setWebhook request"


class PollTerminated(Exception):
    """Another request ended this poll; the message says which, in Telegram's words."""


class Polling:
    """The one open poll."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._open: object | None = None
        self._reason = BY_ANOTHER_POLL

    def terminate(self, reason: str) -> None:
        """End the open poll, if there is one."""
        if self._open is not None:
            self._open = None
            self._reason = reason
            self._world.changes.announce()

    async def next_updates(
        self, offset: int, limit: int, timeout_seconds: float
    ) -> list[dict[str, Any]]:
        """Confirm what is before the offset; return what is pending, or wait for it."""
        self.terminate(BY_ANOTHER_POLL)
        self._open = poll = object()
        try:
            if offset and self._world.updates.confirm_before(offset):
                self._world.changes.announce()
            return await self._wait(poll, limit, time.monotonic() + timeout_seconds)
        finally:
            if self._open is poll:
                self._open = None

    async def _wait(self, poll: object, limit: int, deadline: float) -> list[dict[str, Any]]:
        changes = self._world.changes
        while True:
            version = changes.version
            if self._open is not poll:
                raise PollTerminated(self._reason)
            if pending := self._world.updates.pending(limit):
                return pending
            if not await changes.wait_beyond(version, max(0, deadline - time.monotonic())):
                return []
