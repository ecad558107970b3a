"""The internal message of the queue `reminders`: all that an account is to be reminded of at once.

It is sent by the scheduler to the notifier alone, through the default exchange, so it is no
CloudEvent: `reminder.due.v1` tells everybody else of each reminder. What is due together is told
together, so one account costs Telegram and the others one message, however many habits it has.

A reminder is known by its own id, whichever message brings it: an account's reminders of one
instant may come in several groups, twice, or beside the single event.
"""

from dataclasses import dataclass
from typing import Any

from pydantic import AwareDatetime, TypeAdapter

from shared.contracts.cloud_event import read_body
from shared.contracts.events import ReminderDueV1
from shared.instants import to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class RemindersDueTogetherV1:
    """One or more reminders of one account and one instant; not to be sent after `not_after`."""

    account_id: str
    due_at: AwareDatetime
    not_after: AwareDatetime
    locale: str
    reminders: tuple[ReminderDueV1, ...]

    def __post_init__(self) -> None:
        """Raise ValueError for a group that is none: empty, or of several accounts or instants."""
        if not self.reminders:
            raise ValueError("a group has at least one reminder")
        if len({reminder.id for reminder in self.reminders}) < len(self.reminders):
            raise ValueError("a reminder is in a group once")
        if any(self._differs(reminder) for reminder in self.reminders):
            raise ValueError("a group's reminders have its account, its instant and its end")

    @property
    def identity(self) -> str:
        """The account and the instant: what orders its groups, and names them in the logs."""
        return f"{self.account_id}@{to_json(self.due_at)}"

    def _differs(self, reminder: ReminderDueV1) -> bool:
        return (reminder.account_id, reminder.due_at, reminder.not_after) != (
            self.account_id,
            self.due_at,
            self.not_after,
        )


_GROUPS = TypeAdapter(RemindersDueTogetherV1)


def group_to_json(group: RemindersDueTogetherV1) -> dict[str, Any]:
    """Return the message's body as JSON-ready values; instants end in `Z`."""
    values: dict[str, Any] = _GROUPS.dump_python(group, mode="json")
    return values


def read_group(raw_body: bytes) -> RemindersDueTogetherV1:
    """Read a body that `group_to_json` made; fields it does not know are ignored.

    Raises UnreadableMessage.
    """
    return read_body(RemindersDueTogetherV1, raw_body)
