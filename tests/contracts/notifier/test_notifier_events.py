"""The notifier's public events, word for word: a change here is a change for other services."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from deploy.api_docs.event_examples import EVENT_EXAMPLES
from services.notifier.linking.chat_links import block, link, unlink
from services.notifier.reminders.ledger import record
from services.notifier.sending.delivery_states import Ended, Outcome
from services.notifier.tables import METADATA
from shared.contracts.cloud_event import body_to_json, read_body, read_event
from shared.contracts.events import AccountStateV1, ChatLinkStateV1, ReminderDueV1
from shared.database import new_engine, transaction
from shared.outbox.table import OUTBOX

GOLDEN = Path(__file__).parent
ACCOUNT_ID = "8a5b7c1e-2f64-4b0c-8b4e-6d1f0e9a7c22"
HABIT_ID = "3f0c1d52-5d1e-4c3a-9d7e-0c8f2f1b6a11"
DUE_AT = datetime(2026, 5, 2, 5, 30, tzinfo=UTC)
AT = datetime(2026, 5, 2, 5, 30, 0, 20_000, tzinfo=UTC)
REMINDER = ReminderDueV1(
    id=f"{HABIT_ID}:2026-05-02",
    habit_id=HABIT_ID,
    account_id=ACCOUNT_ID,
    local_date=date(2026, 5, 2),
    local_time=time(7, 30),
    time_zone="Europe/Berlin",
    due_at=DUE_AT,
    not_after=datetime(2026, 5, 2, 6, 30, tzinfo=UTC),
    action="Drink a glass of water",
    place="Kitchen",
    reward=None,
    linked_action=None,
    locale="en",
)


@pytest.fixture
def engine(database: Callable[[str], str]) -> Iterator[Engine]:
    engine = new_engine(database("notifier"))
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def golden(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))
    return document


def stored(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(select(OUTBOX).order_by(OUTBOX.c.id)))


def assert_golden(
    row: Any, event_type: str, name: str, subject: str, *, ordering_key: str | None = None
) -> None:
    assert row.exchange == "events"
    assert row.routing_key == event_type
    assert row.ordering_key == (ordering_key or subject)
    assert row.body == golden(name)
    event = read_event(row.headers, json.dumps(golden(name)).encode())
    assert event.type == event_type
    assert event.subject == subject
    assert event.source == "/services/notifier"
    assert event.id == str(row.message_id)
    assert body_to_json(event.body) == golden(name)


def test_a_chats_link(engine: Engine) -> None:
    with transaction(engine) as connection:
        link(connection, ACCOUNT_ID, 123456789, AT)
        block(connection, 123456789, datetime(2026, 5, 2, 6, 30, tzinfo=UTC))
        unlink(connection, ACCOUNT_ID, datetime(2026, 5, 2, 7, 30, tzinfo=UTC))
    types = ["telegram.linked.v1", "telegram.blocked.v1", "telegram.unlinked.v1"]
    for row, event_type in zip(stored(engine), types, strict=True):
        # Of the account's line, in which releases without a subject of its own put it.
        subject = f"chat-link/{ACCOUNT_ID}"
        assert_golden(row, event_type, event_type, subject, ordering_key=ACCOUNT_ID)


def test_a_link_told_before_it_had_an_id_is_readable() -> None:
    told = golden("telegram.linked.v1")
    before = {name: value for name, value in told.items() if name != "id"}
    assert body_to_json(read_body(ChatLinkStateV1, json.dumps(before).encode())) == told


def test_an_account_and_its_link_are_two_aggregates() -> None:
    """A consumer that keeps the highest version of each subject loses neither."""
    account, link = EVENT_EXAMPLES["account.changed.v1"], EVENT_EXAMPLES["telegram.linked.v1"]
    assert isinstance(account.body, AccountStateV1)
    assert isinstance(link.body, ChatLinkStateV1)
    assert link.body.account_id == account.body.id
    assert link.subject == link.body.id != account.subject


def failed(outcome: Outcome, reason: str) -> Ended:
    return Ended(outcome=outcome, reason=reason, at=AT, attempts=1, first_at=AT)


@pytest.mark.parametrize(
    ("end", "event_type", "name"),
    [
        (
            Ended(outcome="sent", telegram_message_id=7, at=AT, attempts=2, first_at=AT),
            "reminder.sent.v1",
            "reminder.sent.v1",
        ),
        (
            failed("chat_gone", "Forbidden: Forbidden: bot was blocked by the user"),
            "reminder.failed.v1",
            "reminder.failed.v1.refused",
        ),
        (
            failed("unknown", "TimedOut: Timed out (ReadTimeout)"),
            "reminder.failed.v1",
            "reminder.failed.v1.unknown",
        ),
        (
            failed("expired", "its time has passed"),
            "reminder.failed.v1",
            "reminder.failed.v1.expired",
        ),
    ],
    ids=["sent", "refused", "unknown", "expired"],
)
def test_a_reminders_end(engine: Engine, end: Ended, event_type: str, name: str) -> None:
    with transaction(engine) as connection:
        record(connection, [(REMINDER, end)])
    (row,) = stored(engine)
    assert_golden(row, event_type, name, REMINDER.id)
