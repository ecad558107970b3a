"""The relay on a real PostgreSQL and RabbitMQ."""

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import aio_pika
import pytest
from sqlalchemy import Engine, delete, select, text

from shared.contracts.events import ACCOUNT_CHANGED, REMINDER_SENT, ReminderSentV1
from shared.contracts.topology import SCHEDULER_EVENTS, TELEGRAM_MESSAGES
from shared.database import transaction
from shared.messaging.broker_topology import declare_topology
from shared.outbox import relay as relay_module
from shared.outbox.relay import LOCK_NAMESPACE, POLL_SECONDS
from shared.outbox.table import OUTBOX, SHARDS, add_event, add_message
from tests.integration.shared.outbox_story import (
    LONG_AGO,
    account,
    received,
    running_relay,
    store,
    until_empty,
    waiting,
)


@pytest.fixture
def broker(vhost: Callable[[str], str]) -> str:
    url = vhost("relay")
    asyncio.run(declare_topology(url, [SCHEDULER_EVENTS, TELEGRAM_MESSAGES]))
    return url


async def test_a_committed_event_arrives_with_its_cloud_event_headers(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    store(engine, "a-1", 1)
    async with running_relay(outbox_url, broker):
        [message] = await received(broker, 1)
    assert message.headers["cloudEvents:type"] == ACCOUNT_CHANGED
    assert message.headers["cloudEvents:subject"] == "a-1"
    assert message.headers["cloudEvents:specversion"] == "1.0"
    assert message.headers["cloudEvents:id"] == message.message_id
    assert message.content_type == "application/json"
    assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    assert message.routing_key == ACCOUNT_CHANGED
    assert waiting(engine) == 0


async def test_an_event_of_a_rolled_back_transaction_never_leaves(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    with suppress(ZeroDivisionError), transaction(engine) as connection:
        add_event(connection, "/services/test", ACCOUNT_CHANGED, "a-1", account("a-1", 1))
        raise ZeroDivisionError
    store(engine, "a-1", 2)
    async with running_relay(outbox_url, broker):
        [message] = await received(broker, 1)
    assert b'"version": 2' in message.body


async def test_events_of_one_aggregate_arrive_in_order_from_two_relays(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    async with running_relay(outbox_url, broker), running_relay(outbox_url, broker):
        for version in range(1, 31):
            store(engine, "a-1", version)
            store(engine, "a-2", version)
        messages = await received(broker, 60)
    for subject in ("a-1", "a-2"):
        bodies = [m.body for m in messages if m.headers["cloudEvents:subject"] == subject]
        versions = [json.loads(body)["version"] for body in bodies]
        assert versions == list(range(1, 31))


async def test_the_median_from_commit_to_queue_is_that_of_a_wake_up_not_of_polling(
    engine: Engine, outbox_url: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 30.0)
    async with running_relay(outbox_url, broker):
        store(engine, "warm-up", 1)
        await received(broker, 1)
        lags = []
        for number in range(1, 16):
            began = time.monotonic()
            store(engine, f"a-{number}", 1)
            assert len(await received(broker, 1)) == 1
            lags.append(time.monotonic() - began)
    # Five seconds are far from the 30 s of polling and from any jitter of a busy machine.
    assert statistics.median(lags) < 5


async def test_polling_delivers_when_the_wake_up_is_lost(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    async with running_relay(outbox_url, broker):
        await asyncio.sleep(2 * POLL_SECONDS)
        with engine.begin() as connection:  # no wake-up after this commit
            add_event(connection, "/services/test", ACCOUNT_CHANGED, "a-1", account("a-1", 1))
        assert len(await received(broker, 1)) == 1


async def test_a_shard_held_by_another_relay_is_left_alone_and_taken_over_when_freed(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    store(engine, "a-1", 1)
    with engine.connect() as holder, holder.begin():
        for shard in range(SHARDS):
            holder.execute(
                text("SELECT pg_advisory_xact_lock(:namespace, :shard)"),
                {"namespace": LOCK_NAMESPACE, "shard": shard},
            )
        async with running_relay(outbox_url, broker):
            await asyncio.sleep(4 * POLL_SECONDS)
            assert waiting(engine) == 1
            holder.rollback()
            assert len(await received(broker, 1)) == 1


async def test_an_event_of_a_consumed_type_waits_for_its_queue(
    engine: Engine, outbox_url: str, vhost: Callable[[str], str]
) -> None:
    broker = vhost("unbound")
    await declare_topology(broker, [])  # the exchange, but no queue
    store(engine, "a-1", 1)
    async with running_relay(outbox_url, broker):
        await asyncio.sleep(1)
        assert waiting(engine) == 1
        await declare_topology(broker, [SCHEDULER_EVENTS])
        assert len(await received(broker, 1)) == 1


async def test_a_public_event_without_any_subscriber_is_done_with(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    body = ReminderSentV1(
        id="h:2026-01-01",
        habit_id="h",
        account_id="a",
        local_date=LONG_AGO.date(),
        due_at=LONG_AGO,
        sent_at=LONG_AGO,
        attempts=1,
    )
    with transaction(engine) as connection:
        add_event(connection, "/services/test", REMINDER_SENT, "h", body)
    async with running_relay(outbox_url, broker):
        await until_empty(engine)


async def test_an_internal_message_goes_straight_to_its_queue(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    with transaction(engine) as connection:
        message_id = add_message(connection, TELEGRAM_MESSAGES, "chat-1", {"text": "привет"})
    async with running_relay(outbox_url, broker):
        [message] = await received(broker, 1, TELEGRAM_MESSAGES.name)
    assert message.message_id == message_id
    assert "привет".encode() in message.body


async def test_a_row_that_was_sent_but_not_deleted_is_sent_again_with_the_same_id(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    store(engine, "a-1", 1)
    with engine.connect() as connection:
        row = connection.execute(select(OUTBOX)).one()
    async with running_relay(outbox_url, broker):
        [first] = await received(broker, 1)
        await until_empty(engine)
        with engine.begin() as connection:  # as after a crash between confirm and commit
            values = {k: v for k, v in row._mapping.items() if k != "id"}
            connection.execute(OUTBOX.insert().values(values))
        [second] = await received(broker, 1)
    assert first.message_id == second.message_id
    uuid.UUID(str(first.message_id))
    with engine.begin() as connection:
        connection.execute(delete(OUTBOX))
