"""The internal messages of the queue `notifier.replies`: what came of what a chat asked for.

Each is sent by the service that carried the command out, in the transaction in which it did, so it
may come twice and is known by its `command_id`. The notifier words it in the account's language and
shows it in the chat that had asked.
"""

from dataclasses import dataclass
from datetime import date as local_date
from datetime import time as local_time
from typing import Annotated, Any, Literal, cast
from uuid import UUID

from pydantic import AwareDatetime, Field, TypeAdapter

from shared.contracts.cloud_event import read_body

# What fits into one message of Telegram's, with texts of usual length.
MOST_HABITS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DueTodayV1:
    """A habit that is due today, at which times, and what is recorded of the day."""

    action: str
    times: tuple[local_time, ...]
    status: Literal["done", "skipped", "partial"] | None
    value: int | float | None
    target_value: int | float | None
    unit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TodayReplyV1:
    """What is due on the account's `date`, by time; `more` habits are due besides those listed."""

    kind: Literal["today"] = "today"
    command_id: str
    account_id: UUID
    date: local_date
    habits: tuple[DueTodayV1, ...]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HabitStatsV1:
    """A habit's streaks, counted in `unit`, and how much of the last 30 days was done (0 to 1)."""

    action: str
    unit: Literal["day", "week"]
    current_streak: int
    longest_streak: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsReplyV1:
    """The statistics of the account's habits; it has `more` besides those listed."""

    kind: Literal["stats"] = "stats"
    command_id: str
    account_id: UUID
    habits: tuple[HabitStatsV1, ...]
    more: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoReplyV1:
    """What was undone: a change of the habit `action`, or of its `date`.

    `change` is the type of the event that was undone, such as `habit.changed` or `day.recorded`,
    and null when there was nothing to undo; `refused` tells why it could not be.
    """

    kind: Literal["undo"] = "undo"
    command_id: str
    account_id: UUID
    change: str | None
    action: str | None = None
    date: local_date | None = None
    changed_at: AwareDatetime | None = None
    refused: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeZoneReplyV1:
    """The time zone the account lives in by now; null when there is none of the name it gave."""

    kind: Literal["time_zone"] = "time_zone"
    command_id: str
    account_id: UUID
    time_zone: str | None


Reply = TodayReplyV1 | StatsReplyV1 | UndoReplyV1 | TimeZoneReplyV1

_ANY = cast("type[Reply]", Annotated[Reply, Field(discriminator="kind")])
_REPLIES: TypeAdapter[Reply] = TypeAdapter(_ANY)


def reply_to_json(reply: Reply) -> dict[str, Any]:
    """Return the message's body as JSON-ready values."""
    values: dict[str, Any] = _REPLIES.dump_python(reply, mode="json")
    return values


def read_reply(raw_body: bytes) -> Reply:
    """Read a body that `reply_to_json` made; fields it does not know are ignored.

    Raises UnreadableMessage.
    """
    return read_body(_ANY, raw_body)
