"""Reminders, deliveries and events, as the tests of the notifier need them."""

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_clock
from typing import Any

from sqlalchemy import Connection, Engine, select

from services.notifier.linking.chat_links import link
from services.notifier.sending.delivery_states import Ended, Ends
from services.notifier.sending.envelopes import Envelope
from shared.contracts.cloud_event import CloudEvent, body_to_json
from shared.contracts.events import (
    ACCOUNT_CHANGED,
    ACCOUNT_DELETED,
    REMINDER_DUE,
    AccountStateV1,
    EventBody,
    ReminderDueV1,
)
from shared.contracts.reminder_group import RemindersDueTogetherV1, group_to_json
from shared.contracts.topology import NOTIFIER_EVENTS, REMINDERS, WorkQueue
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery
from shared.outbox.table import OUTBOX

WATER = ReminderDueV1(
    id="",
    habit_id="",
    account_id="",
    local_date=date(2026, 1, 31),
    local_time=wall_clock(7, 30),
    time_zone="Europe/Berlin",
    due_at=datetime(2026, 1, 31, 6, 30, tzinfo=UTC),
    not_after=datetime(2126, 1, 31, 7, 30, tzinfo=UTC),
    action="Drink a glass of water",
    place="Kitchen",
    reward="A biscuit",
    linked_action=None,
    locale="en",
)


def new_account() -> str:
    return str(uuid.uuid4())


def an_envelope(chat_id: int, **changed: Any) -> Envelope:
    """Return a message of its own, good for a minute."""
    values: dict[str, Any] = {
        "identities": (f"test:{uuid.uuid4()}",),
        "kind": "reminder",
        "chat_id": chat_id,
        "text": "hello",
        "not_after": now() + timedelta(minutes=1),
    }
    return Envelope(**{**values, **changed})


class Witness:
    """The owner of messages: keeps nothing but what it is told, and may forbid to send."""

    def __init__(self, *, exists: bool = True, allows: bool = True) -> None:
        self.told: list[tuple[str, str]] = []
        self._exists = exists
        self._allows = allows

    def lock(self, connection: Connection) -> bool:
        return self._exists

    def may_send(self, connection: Connection) -> bool:
        return self._exists and self._allows

    def record(self, connection: Connection, ends: Ends) -> None:
        self.told += [(identity, end.outcome) for identity, end in ends.items()]


def the_end(ends: Any) -> Ended:
    """Return the one end of what the desk says."""
    assert isinstance(ends, Mapping), ends
    (end,) = ends.values()
    assert isinstance(end, Ended)
    return end


def a_reminder(account_id: str, **changed: Any) -> ReminderDueV1:
    habit_id = str(uuid.uuid4())
    at = now()
    values: dict[str, Any] = {
        "id": f"{habit_id}:2026-01-31",
        "habit_id": habit_id,
        "account_id": account_id,
        "due_at": at,
        "not_after": at + timedelta(minutes=1),
    }
    return replace(WATER, **{**values, **changed})


def delivery_of(
    event_type: str,
    body: EventBody,
    queue: WorkQueue,
    *,
    redelivered: bool = False,
    produced_at: datetime | None = None,
) -> Delivery:
    event = CloudEvent(
        id=str(uuid.uuid4()),
        type=event_type,
        source="/services/test",
        subject="test",
        time=produced_at or now(),
        body=body,
    )
    return raw_delivery(queue, event_bytes(event), redelivered=redelivered, headers=event.headers())


def raw_delivery(
    queue: WorkQueue,
    body: bytes,
    *,
    headers: dict[str, str] | None = None,
    redelivered: bool = False,
) -> Delivery:
    return Delivery(
        queue=queue,
        message_id=str(uuid.uuid4()),
        headers=headers or {},
        body=body,
        redelivered=redelivered,
        attempt=1,
        content_type="application/json",
        message_type=None,
    )


def json_delivery(queue: WorkQueue, body: dict[str, Any]) -> Delivery:
    return raw_delivery(queue, json.dumps(body).encode())


def event_bytes(event: CloudEvent) -> bytes:

    return json.dumps(body_to_json(event.body)).encode()


def reminder_delivery(reminder: ReminderDueV1, **options: Any) -> Delivery:
    return delivery_of(REMINDER_DUE, reminder, REMINDERS, **options)


def group_delivery(reminders: Sequence[ReminderDueV1]) -> Delivery:
    """Return the reminders of one account and instant as they come together from the queue."""
    return json_delivery(REMINDERS, group_to_json(a_group(reminders)))


def a_group(reminders: Sequence[ReminderDueV1]) -> RemindersDueTogetherV1:
    first = reminders[0]
    return RemindersDueTogetherV1(
        account_id=first.account_id,
        due_at=first.due_at,
        not_after=first.not_after,
        locale=first.locale,
        reminders=tuple(reminders),
    )


def due_together(account_id: str, count: int, **changed: Any) -> list[ReminderDueV1]:
    """Return reminders of one account and one instant, each with an action of its own."""
    at = now()
    common = {"due_at": at, "not_after": at + timedelta(minutes=1), **changed}
    return [
        a_reminder(account_id, action=f"Habit {number}.", **common)
        for number in range(1, count + 1)
    ]


def account_delivery(account_id: str, **changed: Any) -> Delivery:
    at = now()
    values: dict[str, Any] = {
        "id": account_id,
        "time_zone": "UTC",
        "locale": "en",
        "is_active": True,
        "created_at": at,
        "updated_at": at,
        "deleted": False,
        "version": 1,
        **changed,
    }
    event_type = ACCOUNT_DELETED if values["deleted"] else ACCOUNT_CHANGED
    return delivery_of(event_type, AccountStateV1(**values), NOTIFIER_EVENTS)


def link_chat(engine: Engine, account_id: str, chat_id: int) -> None:
    with transaction(engine) as connection:
        link(connection, account_id, chat_id, now())


def events_of(engine: Engine, subject: str) -> list[tuple[str, dict[str, Any]]]:
    """List the events stored for an aggregate: type and body, in order."""
    query = (
        select(OUTBOX.c.routing_key, OUTBOX.c.body)
        .where(OUTBOX.c.ordering_key == subject)
        .order_by(OUTBOX.c.id)
    )
    with engine.connect() as connection:
        return [(row.routing_key, row.body) for row in connection.execute(query)]


def said_to(engine: Engine, chat_id: int) -> list[dict[str, Any]]:
    """List the bot's messages that are stored for a chat."""
    return [body for _, body in events_of(engine, f"chat:{chat_id}")]


def eventually(condition: Callable[[], bool], what: str, seconds: float = 15) -> None:
    """Wait until something is so; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not in {seconds} s: {what}"
        time.sleep(0.05)
