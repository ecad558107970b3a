"""A message as a handler gets it, and what a handler may raise to have it again."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.cloud_event import CloudEvent, read_event
from shared.contracts.topology import WorkQueue


class RetryLater(Exception):
    """Have this message again after about `delay_seconds`; does not count as an attempt."""

    def __init__(self, delay_seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.delay_seconds = delay_seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message as it came from a queue. `redelivered` is the broker's flag."""

    queue: WorkQueue
    message_id: str
    headers: Mapping[str, Any]
    body: bytes
    redelivered: bool
    attempt: int
    content_type: str | None
    message_type: str | None

    def event(self) -> CloudEvent:
        """Read the message as a public event. Raises UnreadableMessage."""
        return read_event(self.headers, self.body)


Handler = Callable[[Delivery], Awaitable[None]]
