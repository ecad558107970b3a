"""Waiting for servers that are not up yet: with growing pauses, saying what is waited for.

The pauses stay short, so that a service is back about a second after its server; what is said in
the log stays readable nevertheless.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from shared.process.structured_logs import get_logger

_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 1.0
_SAID_AGAIN_AFTER_SECONDS = 5.0

Result = TypeVar("Result")

_log = get_logger(__name__)


def wait_for(
    server: str,
    attempt: Callable[[], Result],
    errors: tuple[type[BaseException], ...],
    *,
    limit_seconds: float,
) -> Result:
    """Call `attempt` until it raises none of `errors`; return its result.

    Raises the last error when `limit_seconds` have passed.
    """
    give_up_at = time.monotonic() + limit_seconds
    waiting = _Waiting(server)
    for pause_seconds in _pauses():
        try:
            return attempt()
        except errors as error:
            if time.monotonic() + pause_seconds > give_up_at:
                raise
            waiting.say(error)
        time.sleep(pause_seconds)
    raise AssertionError("the pauses never end")


async def wait_for_async(
    server: str,
    attempt: Callable[[], Awaitable[Result]],
    errors: tuple[type[BaseException], ...],
) -> Result:
    """Await `attempt` until it raises none of `errors`; ends only by success or cancellation."""
    waiting = _Waiting(server)
    for pause_seconds in _pauses():
        try:
            return await attempt()
        except errors as error:
            waiting.say(error)
        await asyncio.sleep(pause_seconds)
    raise AssertionError("the pauses never end")


def _pauses() -> Iterator[float]:
    pause_seconds = _FIRST_PAUSE_SECONDS
    while True:
        yield pause_seconds
        pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)


class _Waiting:
    """Says in the log what is waited for, and why; every few seconds, not at each attempt."""

    def __init__(self, server: str) -> None:
        self._server = server
        self._said_at = float("-inf")

    def say(self, error: BaseException) -> None:
        if time.monotonic() - self._said_at >= _SAID_AGAIN_AFTER_SECONDS:
            self._said_at = time.monotonic()
            reason = str(error) or repr(error)
            _log.info("waiting for a server", server=self._server, reason=reason)
