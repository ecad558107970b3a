"""The examples in the AsyncAPI document look like what the services really store for the broker."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, MetaData, select

import services.auth.tables
import services.habits.tables
import services.notifier.tables
import services.scheduler.tables
from deploy.api_docs.asyncapi import build_asyncapi
from services.auth.accounts import change_profile, erase, register
from services.habits.days.day_messages import announce as announce_days
from services.habits.habit_events import ActiveHabit, DeletedHabit, evolve_all
from services.habits.public_events import announce as announce_habit
from services.notifier.linking.chat_links import block, link, unlink
from services.notifier.reminders.ledger import record
from services.notifier.sending.delivery_states import Ended
from services.scheduler.announcing import Circumstances
from services.scheduler.announcing import announce as announce_reminders
from services.scheduler.habit_rows import state_columns
from shared.contracts.events import EVENT_TYPES
from shared.database import new_engine, transaction
from shared.outbox.table import OUTBOX
from tests.contracts.habits.test_day_events import HISTORIES as DAY_HISTORIES
from tests.contracts.habits.test_day_events import message_after
from tests.contracts.habits.test_habit_messages import HISTORIES
from tests.contracts.notifier.test_notifier_events import ACCOUNT_ID, REMINDER
from tests.contracts.scheduler.test_reminder_events import HABIT_ID, reminders
from tests.unit.scheduler.states import habit_state_v2
from tests.value_kinds import kind_of

_AT = datetime(2026, 5, 2, 5, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Sent:
    """A message as it is, or as the document shows it."""

    headers: dict[str, str]
    body: dict[str, Any]

    def attributes(self) -> dict[str, str]:
        """Return what makes events of this type alike; the subject by what it is made of."""
        about = self.headers["cloudEvents:subject"]
        for field in ("id", "account_id", "habit_id", "date"):
            if self.body.get(field):
                about = about.replace(self.body[field], f"<{field}>")
        kinds = {name: kind_of(value) for name, value in self.headers.items()}
        kinds.pop("cloudEvents:requestid", None)  # where the work came from a request
        named = ("cloudEvents:specversion", "cloudEvents:type", "cloudEvents:source")
        return {**kinds, **{name: self.headers[name] for name in named}, "about": about}


def _tell_of_accounts(connection: Connection) -> None:
    account = register(
        connection,
        email="ann@example.com",
        password_hash="-",
        time_zone="UTC",
        locale="en",
        now=_AT,
    )
    change_profile(connection, account.id, {"locale": "ru"}, _AT)
    erase(connection, account.id, _AT)


def _tell_of_habits(connection: Connection) -> None:
    for history in HISTORIES.values():
        after = evolve_all(history)
        assert isinstance(after, ActiveHabit | DeletedHabit)
        announce_habit(connection, history[-1], after)
        announce_habit(connection, history[-1], after, in_version_1=True)
    announce_days(connection, [message_after(history) for history in DAY_HISTORIES.values()])


def _tell_of_due_reminders(connection: Connection) -> None:
    tables = services.scheduler.tables
    row = state_columns(habit_state_v2(id=HABIT_ID, owner_id=ACCOUNT_ID))
    connection.execute(tables.ACCOUNTS.insert().values(account_id=ACCOUNT_ID))
    connection.execute(tables.HABITS.insert().values(row))
    announce_reminders(connection, reminders(), Circumstances(_AT, {}))


def _tell_of_chats_and_ends(connection: Connection) -> None:
    link(connection, ACCOUNT_ID, 123456789, _AT)
    block(connection, 123456789, _AT.replace(hour=6))
    unlink(connection, ACCOUNT_ID, _AT.replace(hour=7))
    sent = Ended(outcome="sent", telegram_message_id=7, at=_AT, attempts=1, first_at=_AT)
    record(connection, [(REMINDER, sent)])
    other = replace(REMINDER, id=f"{REMINDER.habit_id}:2026-05-03", local_date=date(2026, 5, 3))
    refused = Ended(outcome="chat_gone", reason="Forbidden: gone", at=_AT, attempts=1, first_at=_AT)
    record(connection, [(other, refused)])


_TELLERS: dict[str, tuple[MetaData, Callable[[Connection], None]]] = {
    "auth": (services.auth.tables.METADATA, _tell_of_accounts),
    "habits": (services.habits.tables.metadata, _tell_of_habits),
    "scheduler": (services.scheduler.tables.METADATA, _tell_of_due_reminders),
    "notifier": (services.notifier.tables.METADATA, _tell_of_chats_and_ends),
}


@pytest.fixture(scope="module")
def sent(module_database: Callable[[str], str]) -> dict[str, list[Sent]]:
    """Every message that the services store when they are told to, by its type."""
    found: dict[str, list[Sent]] = {}
    for service, (tables, tell) in _TELLERS.items():
        engine = new_engine(module_database(service))
        tables.create_all(engine)
        with transaction(engine) as connection:
            tell(connection)
        with engine.connect() as connection:
            for row in connection.execute(select(OUTBOX)):
                found.setdefault(row.routing_key, []).append(Sent(row.headers, row.body))
        engine.dispose()
    return found


@pytest.fixture(scope="module")
def documented() -> dict[str, Sent]:
    messages = build_asyncapi()["components"]["messages"].values()
    return {
        message["name"]: Sent(message["examples"][0]["headers"], message["examples"][0]["payload"])
        for message in messages
    }


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_example_looks_like_what_is_really_sent(
    sent: dict[str, list[Sent]], documented: dict[str, Sent], event_type: str
) -> None:
    example = documented[event_type]
    assert sent[event_type]
    for real in sent[event_type]:
        assert example.attributes() == real.attributes()
        assert example.body.keys() == real.body.keys()
        for name, value in real.body.items():
            if value is not None and example.body[name] is not None:
                assert kind_of(example.body[name]) == kind_of(value), name
