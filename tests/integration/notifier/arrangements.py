"""Reminders, deliveries and events, as the tests of the notifier need them."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as wall_clock
from typing import Any

from sqlalchemy import Engine, select

from services.notifier.linking.chat_links import link
from services.notifier.sending.message_states import Message
from shared.contracts.cloud_event import CloudEvent, body_to_json
from shared.contracts.events import (
    ACCOUNT_CHANGED,
    ACCOUNT_DELETED,
    REMINDER_DUE,
    AccountStateV1,
    EventBody,
    ReminderDueV1,
)
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


def a_message(identity: str | None = None, **changed: Any) -> Message:
    """Return a message produced now, good for a minute."""
    produced_at = now()
    values: dict[str, Any] = {
        "identity": identity or f"test:{uuid.uuid4()}",
        "produced_at": produced_at,
        "not_after": produced_at + timedelta(minutes=1),
    }
    return Message(**{**values, **changed})


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
