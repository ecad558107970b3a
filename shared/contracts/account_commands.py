"""The internal message of the queue `auth.commands`: what an account wants of itself in Telegram.

It is sent by the notifier to auth alone, through the default exchange, so it is no CloudEvent:
`account.changed.v1` tells everybody else, and a reply the notifier (see shared.contracts.replies).
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, TypeAdapter

from shared.contracts.cloud_event import read_body


@dataclass(frozen=True, slots=True, kw_only=True)
class SetTimeZoneV1:
    """The account lives in this time zone from now on; its name is as somebody typed it.

    `command_id` names the wish for ever: whoever has carried it out knows it when it comes again.
    """

    command_id: str
    account_id: UUID
    time_zone: str
    at: AwareDatetime


_COMMANDS = TypeAdapter(SetTimeZoneV1)


def command_to_json(command: SetTimeZoneV1) -> dict[str, Any]:
    """Return the message's body as JSON-ready values; instants end in `Z`."""
    values: dict[str, Any] = _COMMANDS.dump_python(command, mode="json")
    return values


def read_command(raw_body: bytes) -> SetTimeZoneV1:
    """Read a body that `command_to_json` made; fields it does not know are ignored.

    Raises UnreadableMessage.
    """
    return read_body(SetTimeZoneV1, raw_body)
