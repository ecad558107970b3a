"""What people ask of their account in Telegram is carried out once, and replied to."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.auth.accounts import account_by_id, change_profile, erase, register, set_active
from services.auth.telegram_commands import handle_telegram_commands
from services.auth.time_zones import zone_called
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import AUTH_COMMANDS, NOTIFIER_REPLIES
from shared.database import new_engine, transaction
from shared.instants import now, to_json
from shared.messaging.deliveries import Delivery
from shared.outbox.table import OUTBOX


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = new_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def account_id(engine: Engine) -> uuid.UUID:
    with transaction(engine) as connection:
        return register(
            connection,
            email="ann@example.com",
            password_hash="-",
            time_zone="UTC",
            locale="en",
            now=now(),
        ).id


def say(engine: Engine, account_id: uuid.UUID, time_zone: str, **changed: Any) -> None:
    body = {
        "command_id": str(uuid.uuid4()),
        "account_id": str(account_id),
        "time_zone": time_zone,
        "at": to_json(now()),
        **changed,
    }
    delivery = Delivery(
        queue=AUTH_COMMANDS,
        message_id=str(uuid.uuid4()),
        headers={},
        body=json.dumps(body).encode(),
        redelivered=False,
        attempt=1,
        content_type="application/json",
        message_type=None,
    )

    async def handle() -> None:
        await handle_telegram_commands(engine)(delivery)

    asyncio.run(handle())


def zone_of(engine: Engine, account_id: uuid.UUID) -> str:
    with engine.connect() as connection:
        return account_by_id(connection, account_id).time_zone


def told(engine: Engine) -> list[str | None]:
    """List the time zones that the notifier is told of."""
    query = select(OUTBOX.c.body).where(OUTBOX.c.routing_key == NOTIFIER_REPLIES.name)
    with engine.connect() as connection:
        return [body["time_zone"] for body in connection.scalars(query.order_by(OUTBOX.c.id))]


@pytest.mark.parametrize("typed", ["America/New_York", "america/new york", " America/NEW_YORK "])
def test_a_time_zone_is_taken_over_however_it_is_typed(
    engine: Engine, account_id: uuid.UUID, typed: str
) -> None:
    say(engine, account_id, typed)
    assert zone_of(engine, account_id) == "America/New_York"
    assert told(engine) == ["America/New_York"]


@pytest.mark.parametrize("typed", ["Mars/Olympus", "../../etc/passwd", "Factory", "", "Europe"])
def test_what_is_no_time_zone_changes_nothing_and_is_said_so(
    engine: Engine, account_id: uuid.UUID, typed: str
) -> None:
    say(engine, account_id, typed)
    assert zone_of(engine, account_id) == "UTC"
    assert told(engine) == [None]
    assert zone_called(typed) is None


def test_a_wish_that_comes_again_does_not_undo_what_was_changed_since(
    engine: Engine, account_id: uuid.UUID
) -> None:
    say(engine, account_id, "Asia/Tokyo", command_id="7:timezone")
    with transaction(engine) as connection:
        change_profile(connection, account_id, {"time_zone": "Europe/Berlin"}, now())
    say(engine, account_id, "Asia/Tokyo", command_id="7:timezone")
    long_ago = to_json(now() - timedelta(hours=25))
    say(engine, account_id, "Asia/Tokyo", at=long_ago)
    assert zone_of(engine, account_id) == "Europe/Berlin"
    assert told(engine) == ["Asia/Tokyo"]


def test_of_an_account_that_is_gone_or_disabled_nothing_is_changed(
    engine: Engine, account_id: uuid.UUID
) -> None:
    with transaction(engine) as connection:
        set_active(connection, account_id, is_active=False, now=now())
    say(engine, account_id, "Asia/Tokyo")
    assert zone_of(engine, account_id) == "UTC"
    with transaction(engine) as connection:
        erase(connection, account_id, now())
    say(engine, account_id, "Asia/Tokyo")
    assert told(engine) == []


def test_what_is_no_command_is_unreadable(engine: Engine, account_id: uuid.UUID) -> None:
    with pytest.raises(UnreadableMessage):
        say(engine, account_id, "Asia/Tokyo", at="yesterday")
