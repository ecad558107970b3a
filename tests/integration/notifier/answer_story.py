"""What happens around answers to reminders: days are told, edits carried out, rows looked at."""

import asyncio
from itertools import count
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.notifier.answers.buttons import press_data
from services.notifier.answers.reminder_messages import key_of
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.sending.delivery_states import Ended
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.tables import DELIVERIES
from shared.contracts.events import (
    HABIT_DAY_CLEARED,
    HABIT_DAY_RECORDED,
    HabitDayStateV1,
    ReminderDueV1,
)
from shared.contracts.topology import NOTIFIER_DAYS, TELEGRAM_MESSAGES
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from shared.outbox.table import OUTBOX
from tests.integration.notifier.arrangements import (
    a_reminder,
    delivery_of,
    json_delivery,
    reminder_delivery,
    said_to,
)

chat_ids = count(700_000)


def day_delivery(reminder: ReminderDueV1, status: str | None, **changed: Any) -> Delivery:
    values: dict[str, Any] = {
        "habit_id": reminder.habit_id,
        "owner_id": reminder.account_id,
        "date": reminder.local_date,
        "status": status,
        "value": None,
        "target_value": None,
        "unit": None,
        "slots": [],
        "note": None,
        "channel": "telegram",
        "recorded_at": now(),
        "cleared": status is None,
        "version": 1,
        **changed,
    }
    event_type = HABIT_DAY_CLEARED if status is None else HABIT_DAY_RECORDED
    return delivery_of(event_type, HabitDayStateV1(**values), NOTIFIER_DAYS)


def commands_of(engine: Engine, account_id: str) -> list[dict[str, Any]]:
    query = (
        select(OUTBOX.c.body)
        .where(OUTBOX.c.ordering_key == account_id, OUTBOX.c.routing_key == "habits.commands")
        .order_by(OUTBOX.c.id)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


def edits(engine: Engine, chat_id: int) -> list[dict[str, Any]]:
    return [told for told in said_to(engine, chat_id) if told["kind"] == "edit"]


def texts_of(buttons: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(button["row"], button["text"]) for button in buttons]


def data_of(reminder: ReminderDueV1, wish: Any = "done") -> str:
    return press_data(wish, key_of(reminder))


def outcome_of(engine: Engine, reminder: ReminderDueV1) -> str | None:
    query = select(DELIVERIES.c.outcome).where(DELIVERIES.c.reminder_id == reminder.id)
    with engine.connect() as connection:
        return connection.scalar(query)


async def sent(reminders: ReminderConsumer, account: str, **changed: Any) -> ReminderDueV1:
    reminder = a_reminder(account, **changed)
    await reminders.handle(reminder_delivery(reminder))
    return reminder


def an_end(message_id: int) -> Ended:
    at = now()
    return Ended(outcome="sent", at=at, attempts=1, first_at=at, telegram_message_id=message_id)


async def carried_out(messages: MessageConsumer, told: dict[str, Any]) -> None:
    """Carry an edit out, also when the chat has to wait."""
    for _ in range(20):
        try:
            await messages.handle(json_delivery(TELEGRAM_MESSAGES, told))
        except RetryLater as later:
            await asyncio.sleep(later.delay_seconds)
        else:
            return
    pytest.fail("not carried out")
