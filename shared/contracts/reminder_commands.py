"""The internal message of the queue `scheduler.commands`: when somebody wants to be reminded.

It is sent by the notifier to the scheduler alone, through the default exchange, so it is no
CloudEvent: a reminder that comes again is told by `reminder.due.v1`, as every other.
"""

from dataclasses import dataclass
from datetime import date as local_date
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter

from shared.contracts.cloud_event import read_body

SnoozeUntil = Literal["10m", "1h", "tonight"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snooze:
    """Remind of the habit's date and slot again; `tonight` is 20:00 of the account's day of then.

    A habit's date and slot can be snoozed three times; what is asked beyond changes nothing.
    """

    kind: Literal["snooze"] = "snooze"
    habit_id: UUID
    date: local_date
    slot: int
    until: SnoozeUntil


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """Remind of nothing until then: `today` ends with the account's local date of then, None now.

    What would have come in the meantime does not come later.
    """

    kind: Literal["mute"] = "mute"
    until: AwareDatetime | Literal["today"] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReminderCommandV1:
    """What an account wants of its reminders; `at` is when it pressed or wrote.

    `command_id` names the press for ever: whoever has carried it out knows it when it comes again.
    """

    command_id: str
    account_id: UUID
    at: AwareDatetime
    wish: Snooze | Mute


_COMMANDS = TypeAdapter(ReminderCommandV1)


def command_to_json(command: ReminderCommandV1) -> dict[str, Any]:
    """Return the message's body as JSON-ready values; instants end in `Z`."""
    values: dict[str, Any] = _COMMANDS.dump_python(command, mode="json")
    return values


def read_command(raw_body: bytes) -> ReminderCommandV1:
    """Read a body that `command_to_json` made; fields it does not know are ignored.

    Raises UnreadableMessage.
    """
    return read_body(ReminderCommandV1, raw_body)
