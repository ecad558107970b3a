"""The internal message of the queue `habits.commands`: what somebody pressed below a reminder.

It is sent by the notifier to habits alone, through the default exchange, so it is no CloudEvent:
`habit.day_recorded.v1` and `habit.day_cleared.v1` tell everybody else what came of it.
"""

from dataclasses import dataclass
from datetime import date as local_date
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter

from shared.contracts.cloud_event import read_body

Wish = Literal["done", "skipped", "cleared"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDayV1:
    """What the account wants recorded of its habit's date; `at` is when it pressed.

    `command_id` names the press for ever: whoever has carried it out knows it when it comes again.
    `slot` counts the habit's times of a day from 0.
    """

    command_id: str
    account_id: UUID
    habit_id: UUID
    date: local_date
    slot: int
    wish: Wish
    at: AwareDatetime


_COMMANDS = TypeAdapter(AnswerDayV1)


def command_to_json(command: AnswerDayV1) -> dict[str, Any]:
    """Return the message's body as JSON-ready values; instants end in `Z`."""
    values: dict[str, Any] = _COMMANDS.dump_python(command, mode="json")
    return values


def read_command(raw_body: bytes) -> AnswerDayV1:
    """Read a body that `command_to_json` made; fields it does not know are ignored.

    Raises UnreadableMessage.
    """
    return read_body(AnswerDayV1, raw_body)
