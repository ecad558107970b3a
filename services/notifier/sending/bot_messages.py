"""What the bot tells Telegram besides reminders, on its way through the queue `telegram.messages`.

It is stored in the transaction that caused it, in its final wording, and carried out once that is
committed. A `Send` is sent at most once, under the id it got here. An `Edit` or an `AnswerPress`
may be repeated: done twice, it is done once.
"""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Annotated, Literal, assert_never, cast

from pydantic import Field
from sqlalchemy import Connection

from services.notifier.telegram.client import Button
from shared.contracts.cloud_event import read_body
from shared.contracts.topology import TELEGRAM_MESSAGES
from shared.instants import to_json
from shared.outbox.table import add_message

# An answer that comes later than this only puzzles.
_SEND_WITHIN = timedelta(minutes=10)
# What a message shows matters for as long as it is looked at.
_EDIT_WITHIN = timedelta(days=1)
# Later, Telegram has told the person that nobody answered.
_ANSWER_WITHIN = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Send:
    """A new message, with a row of buttons if it asks something."""

    chat_id: int
    text: str
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class Edit:
    """What a message of the bot's shows from now on; without a text only its buttons change."""

    chat_id: int
    message_id: int
    text: str | None = None
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerPress:
    """What whoever pressed a button sees at once; Telegram shows up to 200 characters."""

    chat_id: int
    query_id: str
    text: str


Telling = Send | Edit | AnswerPress


@dataclass(frozen=True, slots=True, kw_only=True)
class BotMessageV1:
    """The stored form of a `Send`."""

    kind: Literal["question", "reply"]
    chat_id: int
    text: str
    buttons: tuple[Button, ...]
    produced_at: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEditV1:
    """The stored form of an `Edit`."""

    kind: Literal["edit"]
    chat_id: int
    message_id: int
    text: str | None
    buttons: tuple[Button, ...]
    produced_at: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PressAnswerV1:
    """The stored form of an `AnswerPress`."""

    kind: Literal["press_answer"]
    chat_id: int
    query_id: str
    text: str
    produced_at: datetime
    not_after: datetime


StoredTelling = BotMessageV1 | MessageEditV1 | PressAnswerV1

_STORED = cast("type[StoredTelling]", Annotated[StoredTelling, Field(discriminator="kind")])


def tell(connection: Connection, telling: Telling, at: datetime) -> None:
    """Have Telegram told once the transaction is committed; of one chat in order."""
    kind, valid_for = _kind_of(telling)
    body = {
        **asdict(telling),
        "kind": kind,
        "produced_at": to_json(at),
        "not_after": to_json(at + valid_for),
    }
    add_message(connection, TELEGRAM_MESSAGES, f"chat:{telling.chat_id}", body)


def read_telling(raw_body: bytes) -> StoredTelling:
    """Read a body that `tell` stored. Raises UnreadableMessage."""
    return read_body(_STORED, raw_body)


def _kind_of(telling: Telling) -> tuple[str, timedelta]:
    match telling:
        case Send():
            return "question" if telling.buttons else "reply", _SEND_WITHIN
        case Edit():
            return "edit", _EDIT_WITHIN
        case AnswerPress():
            return "press_answer", _ANSWER_WITHIN
        case _:
            assert_never(telling)
