"""The scheduler's public events, word for word: a change here is a change for other services."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from services.scheduler.announcing import Circumstances, announce
from services.scheduler.habit_rows import state_columns
from services.scheduler.overdue import Overdue
from services.scheduler.recurrence import Occurrence
from services.scheduler.reminder_messages import ReminderMessage, messages_about
from services.scheduler.tables import ACCOUNTS, HABITS, METADATA, OUTBOX
from shared.contracts.cloud_event import read_event
from shared.contracts.events import ReminderDueV1
from shared.contracts.reminder_group import read_group
from shared.database import new_engine, transaction
from tests.unit.scheduler.states import habit, habit_state_v2, instant, owner, timing

GOLDEN = Path(__file__).parent
HABIT_ID = "3f0c1d52-5d1e-4c3a-9d7e-0c8f2f1b6a11"
ACCOUNT_ID = "8a5b7c1e-2f64-4b0c-8b4e-6d1f0e9a7c22"
NOW = instant("2026-05-02T05:30:00.020")
TYPES = ["reminder.missed.v1", "reminder.due.v1"]


def golden(event_type: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / f"{event_type}.json").read_text("utf-8"))
    return document


def reminders() -> list[ReminderMessage]:
    missed = Occurrence(date(2026, 5, 1), instant("2026-05-01T05:30"))
    due = Occurrence(date(2026, 5, 2), instant("2026-05-02T05:30"))
    following = Occurrence(date(2026, 5, 3), instant("2026-05-03T05:30"))
    return messages_about(
        habit(habit_id=HABIT_ID, account_id=ACCOUNT_ID, timing=timing("07:30"), reward=None),
        owner(account_id=ACCOUNT_ID, time_zone="Europe/Berlin", locale="ru"),
        Overdue(due=[due], missed=[missed], following=following, announced=None),
        linked_action="Watch a film",
        now=NOW,
        grace=timedelta(hours=1),
    )


def test_what_is_stored_for_the_broker_is_the_golden_message(
    database: Callable[[str], str],
) -> None:
    engine = new_engine(database("scheduler"))
    METADATA.create_all(engine)
    row = state_columns(habit_state_v2(id=HABIT_ID, owner_id=ACCOUNT_ID))

    with transaction(engine) as connection:
        connection.execute(ACCOUNTS.insert().values(account_id=ACCOUNT_ID))
        connection.execute(HABITS.insert().values(row))
        announce(connection, reminders(), Circumstances(NOW, {}))
    with engine.connect() as connection:
        stored = connection.execute(select(OUTBOX).order_by(OUTBOX.c.id)).all()
    engine.dispose()

    *events, group = stored
    assert [message.routing_key for message in events] == TYPES
    for message in events:
        document = golden(message.routing_key)
        assert message.body == document["body"]
        assert document["headers"].items() <= message.headers.items()
        assert message.exchange == "events"
    assert (group.exchange, group.routing_key) == ("", "reminders")
    together = read_group(json.dumps(group.body).encode())
    assert [each for each in reminders() if isinstance(each, ReminderDueV1)] == list(
        together.reminders
    )


@pytest.mark.parametrize("event_type", TYPES)
def test_the_golden_message_can_still_be_read(event_type: str) -> None:
    document = golden(event_type)
    headers = document["headers"] | {
        "cloudEvents:id": "1",
        "cloudEvents:time": "2026-05-02T05:30:00Z",
    }

    event = read_event(headers, json.dumps(document["body"]).encode())

    assert event.body in reminders()
