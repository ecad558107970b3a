"""auth's public events, word for word: a change here is a change for other services."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.auth.accounts import change_profile, erase, register
from services.auth.tables import METADATA
from shared.contracts.cloud_event import body_to_json, read_body, read_event
from shared.contracts.events import AccountStateV1
from shared.database import new_engine, transaction
from shared.outbox.table import OUTBOX

GOLDEN = Path(__file__).parent
AT = datetime(2026, 5, 2, 5, 30, tzinfo=UTC)
CHOICES = {
    "quiet_from": time(22),
    "quiet_to": time(7),
    "day_starts_at": 3,
    "weekly_digest": True,
}


@pytest.fixture
def engine(database: Callable[[str], str]) -> Iterator[Engine]:
    engine = new_engine(database("auth"))
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


def golden(event_type: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((GOLDEN / f"{event_type}.json").read_text("utf-8"))
    return document


def test_the_life_of_an_account(engine: Engine) -> None:
    with transaction(engine) as connection:
        account = register(
            connection,
            email="ann@example.com",
            password_hash="none",  # pragma: allowlist secret
            time_zone="Europe/Berlin",
            locale="en",
            now=AT,
        )
        change_profile(connection, account.id, CHOICES, AT + timedelta(minutes=1))
        erase(connection, account.id, AT + timedelta(minutes=2))
        told = list(connection.execute(select(OUTBOX).order_by(OUTBOX.c.id)))

    assert [row.routing_key for row in told] == [
        "account.registered.v1",
        "account.changed.v1",
        "account.deleted.v1",
    ]
    for row in told:
        expected = {**golden(row.routing_key), "id": str(account.id)}
        assert row.body == expected
        event = read_event(row.headers, json.dumps(row.body).encode())
        assert (event.source, event.subject) == ("/services/auth", str(account.id))
        assert body_to_json(event.body) == expected


def test_what_the_release_before_told_is_read_with_defaults() -> None:
    told = golden("account.changed.v1")
    before = {name: told[name] for name in told if name not in CHOICES}

    account = read_body(AccountStateV1, json.dumps(before).encode())

    assert (account.quiet_from, account.quiet_to) == (None, None)
    assert (account.day_starts_at, account.weekly_digest) == (0, False)
