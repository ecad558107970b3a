"""An event as it enters the log, read from a message of any type: the log knows no catalogue.

Whose event it is, is said in its body: by `account_id`, by `owner_id`, or, of an account's own
events, by the subject.
"""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from shared.contracts.cloud_event import UnreadableMessage, read_attributes
from shared.messaging.deliveries import Delivery

# What an index entry holds with ease.
_LONGEST_NAME = 500
_LARGEST_VERSION = 2**31 - 1

# What is gone of an event once its account is erased; its position, id and type stay.
ERASED = ("subject", "account_id", "version", "data", "request_id", "traceparent")

# Names of fields that hold identifiers, instants, dates or one of a few words of ours.
_NOT_WRITTEN_BY_PEOPLE = frozenset(
    {"id", "account_id", "owner_id", "habit_id", "linked_habit_id", "date", "time", "times"}
    | {"status", "channel", "time_zone", "locale", "schedule"}
)
_ENDINGS_OF_SUCH = ("_at", "_since", "_date", "_until")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """An event; `data` is the JSON text of its body, None where nothing of it may be kept.

    `outlives_account`: it only says that something has ended, and stays when its account is erased.
    """

    event_id: str
    type: str
    source: str
    subject: str | None
    account_id: str | None
    version: int | None
    time: datetime
    data: str | None
    request_id: str | None
    traceparent: str | None
    ends_account: bool
    outlives_account: bool

    def blanked(self) -> Self:
        """Return what may be kept of the event of an erased account: that it was there."""
        nothing: dict[str, Any] = dict.fromkeys(ERASED)
        return replace(self, **nothing)


def read_entry(delivery: Delivery) -> LogEntry:
    """Read a message. Raises UnreadableMessage for what is no CloudEvent with a JSON body."""
    attributes = read_attributes(delivery.headers)
    if delivery.headers.get("cloudEvents:specversion") != "1.0":
        raise UnreadableMessage("attribute specversion is not 1.0")
    for name in ("id", "type", "source", "subject", "request_id", "traceparent"):
        _require_storable(name, getattr(attributes, name) or "")
    text, body = _read_json(delivery.body)
    ends_account = attributes.type.startswith("account.deleted.")
    members = body if isinstance(body, dict) else {}
    return LogEntry(
        event_id=attributes.id,
        type=attributes.type,
        source=attributes.source,
        subject=attributes.subject,
        account_id=_account_of(attributes.type, attributes.subject, members),
        version=_version(members.get("version")),
        time=attributes.time,
        data=text,
        request_id=attributes.request_id,
        traceparent=attributes.traceparent,
        ends_account=ends_account,
        outlives_account=ends_account or is_blank_end(members),
    )


def is_blank_end(members: dict[str, Any]) -> bool:
    """Whether a body says that something has ended, and holds nothing that somebody wrote."""
    has_ended = (
        members.get("deleted") is True
        or members.get("cleared") is True
        or members.get("status") == "unlinked"
    )
    return has_ended and not any(_may_be_text(*member) for member in members.items())


def _may_be_text(name: str, value: object) -> bool:
    if not value or isinstance(value, (bool, int, float)):
        return False
    return name not in _NOT_WRITTEN_BY_PEOPLE and not name.endswith(_ENDINGS_OF_SUCH)


def _account_of(event_type: str, subject: str, members: dict[str, Any]) -> str | None:
    for name in ("account_id", "owner_id"):
        if isinstance(members.get(name), str):
            return str(members[name])
    return subject if event_type.startswith("account.") else None


def _version(value: object) -> int | None:
    if isinstance(value, int) and 0 <= value <= _LARGEST_VERSION:
        return int(value)
    return None


def _require_storable(name: str, text: str) -> None:
    if len(text) > _LONGEST_NAME or "\x00" in text:
        raise UnreadableMessage(f"attribute {name} is too long, or has a NUL")


def _read_json(body: bytes) -> tuple[str, object]:
    try:
        text = body.decode()
        return text, json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise UnreadableMessage("the body is not JSON") from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
