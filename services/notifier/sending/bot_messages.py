"""What the bot says besides reminders, on its way through the queue `telegram.messages`.

A message is stored in the transaction that caused it, in its final wording. Its identity is the id
it got then, whatever Telegram update or request it came from.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from services.notifier.telegram.client import Button
from shared.contracts.topology import TELEGRAM_MESSAGES
from shared.instants import to_json
from shared.outbox.table import add_message

# An answer that comes later than this only puzzles.
_VALID_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotMessageV1:
    """The body of the internal message."""

    kind: Literal["question", "reply"]
    chat_id: int
    text: str
    buttons: tuple[Button, ...]
    produced_at: datetime
    not_after: datetime


def say(connection: Connection, chat_id: int, text: str, at: datetime) -> None:
    """Have a text sent to a chat once the transaction is committed."""
    _add(connection, "reply", chat_id, text, (), at)


def ask(
    connection: Connection, chat_id: int, text: str, buttons: tuple[Button, ...], at: datetime
) -> None:
    """Have a question with buttons sent to a chat once the transaction is committed."""
    _add(connection, "question", chat_id, text, buttons, at)


def _add(  # noqa: PLR0917 - private, called twice above
    connection: Connection,
    kind: Literal["question", "reply"],
    chat_id: int,
    text: str,
    buttons: tuple[Button, ...],
    at: datetime,
) -> None:
    body = {
        "kind": kind,
        "chat_id": chat_id,
        "text": text,
        "buttons": [asdict(button) for button in buttons],
        "produced_at": to_json(at),
        "not_after": to_json(at + _VALID_FOR),
    }
    add_message(connection, TELEGRAM_MESSAGES, f"chat:{chat_id}", body)
