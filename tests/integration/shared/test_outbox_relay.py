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
from structlog.testing import capture_logs

from shared.contracts.events import ACCOUNT_CHANGED, REMINDER_SENT, ReminderSentV1
from shared.contracts.topology import FEED_LOG, SCHEDULER_EVENTS, TELEGRAM_MESSAGES, WorkQueue
from shared.database import transaction
from shared.messaging.broker_topology import declare_topology
from shared.outbox import relay as relay_module
from shared.outbox import shard as shard_module
from shared.outbox.shard import LOCK_NAMESPACE
from shared.outbox.table import OUTBOX, add_event, add_message
from shared.outbox.wake_ups import SHARDS
from tests.integration.shared.outbox_story import (
    LONG_AGO,
    account,
    received,
    running_relay,
    store,
    until_empty,
    waiting,
)

GONE = WorkQueue("gone")


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
        await asyncio.sleep(1)  # it is at rest
        with engine.begin() as connection:  # no wake-up after this commit
            add_event(connection, "/services/test", ACCOUNT_CHANGED, "a-1", account("a-1", 1))
        assert len(await received(broker, 1)) == 1


async def test_a_shard_held_by_another_relay_is_left_alone_and_taken_over_when_freed(
    engine: Engine, outbox_url: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.2)
    store(engine, "a-1", 1)
    with engine.connect() as holder, holder.begin():
        for shard in range(SHARDS):
            holder.execute(
                text("SELECT pg_advisory_xact_lock(:namespace, :shard)"),
                {"namespace": LOCK_NAMESPACE, "shard": shard},
            )
        async with running_relay(outbox_url, broker):
            await asyncio.sleep(1)
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


async def test_what_no_queue_takes_rests_and_delays_nothing_but_its_own_aggregates(
    engine: Engine, outbox_url: str, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shard_module, "BATCH_SIZE", 5)
    stuck = [f"stuck-{number}" for number in range(40)]
    with transaction(engine) as connection:
        for key in stuck:
            add_message(connection, GONE, key, {})
            add_message(connection, TELEGRAM_MESSAGES, key, {"behind": key})
        for number in range(SHARDS * 2):
            add_message(connection, TELEGRAM_MESSAGES, f"free-{number}", {"free": number})
    with capture_logs() as logs:
        async with running_relay(outbox_url, broker):
            free = await received(broker, SHARDS * 2, TELEGRAM_MESSAGES.name)
            # It rests for a second, then for two; meanwhile polling tries in vain.
            await asyncio.sleep(3)
    assert sorted(json.loads(each.body)["free"] for each in free) == list(range(SHARDS * 2))
    assert waiting(engine) == 2 * len(stuck)
    said = [each["again_in_seconds"] for each in logs if each["event"].startswith("kept")]
    assert said in ([1, 2], [1, 2, 4])

    await declare_topology(broker, [GONE])
    async with running_relay(outbox_url, broker):
        behind = await received(broker, len(stuck), TELEGRAM_MESSAGES.name)
        assert len(await received(broker, len(stuck), GONE.name)) == len(stuck)
    assert sorted(json.loads(each.body)["behind"] for each in behind) == sorted(stuck)


async def test_a_relay_at_rest_leaves_the_database_alone(
    engine: Engine, outbox_url: str, broker: str
) -> None:
    def transactions() -> int:
        query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        with engine.connect() as connection:
            return int(connection.scalar(text(query)) or 0)

    async with running_relay(outbox_url, broker):
        await asyncio.sleep(2)
        before = transactions()
        await asyncio.sleep(4)
        # One look at all shards every two seconds; a poll of each four times a second would be 64.
        assert transactions() - before < 12


async def test_also_an_event_that_only_the_feed_takes_waits_for_its_queue(
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
        add_message(connection, TELEGRAM_MESSAGES, "chat-1", {})
    async with running_relay(outbox_url, broker):
        # What is stored behind it leaves; it stays.
        assert len(await received(broker, 1, TELEGRAM_MESSAGES.name)) == 1
        assert waiting(engine) == 1
        await declare_topology(broker, [FEED_LOG])
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
