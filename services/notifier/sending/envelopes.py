"""What the desk is given to deliver, whom it asks on the way, and its answer that it is not yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection

from services.notifier.sending.delivery_states import Ends
from services.notifier.telegram.client import Button


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What becomes one message in Telegram, and where it goes.

    It may stand for several of ours, each of which has an identity that names it for ever. `kind`
    is for the metrics.
    """

    identities: tuple[str, ...]
    account_id: str | None = None
    kind: str
    chat_id: int
    text: str
    buttons: tuple[Button, ...] = ()
    not_after: datetime


class Owner(Protocol):
    """Whose messages they are; it takes part in the transactions of beginning and end."""

    def may_send(self, connection: Connection) -> bool:
        """Whether the messages may still go to their chat; what they belong to stays till then."""

    def lock(self, connection: Connection) -> bool:
        """Keep what the messages belong to from going; False when it has gone: it was erased."""

    def record(self, connection: Connection, ends: Ends) -> None:
        """Write down how messages ended: each once, and again when proof comes after `unknown`."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Not sent; may be tried again after `delay_seconds`."""

    delay_seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class ChatWaits(NotYet):
    """Not sent, because the chat may not be written to before that time."""
