"""Faults 3 to 6 and 15: relays that are killed and frozen, wake-ups and bindings that go."""

import asyncio
import os
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path

import aio_pika
import psycopg
import pytest
from prometheus_client import REGISTRY
from sqlalchemy import Engine, select, text

from services.scheduler.service import SERVICE
from shared.contracts.events import ACCOUNT_CHANGED
from shared.contracts.topology import (
    EVENTS_EXCHANGE,
    FEED_LOG,
    HABITS_EVENTS,
    NOTIFIER_EVENTS,
    SCHEDULER_EVENTS,
)
from shared.outbox import relay as relay_module
from shared.outbox.shard import FENCE_SECONDS, LOCK_NAMESPACE
from shared.outbox.table import OUTBOX
from tests.faults.queues import arrivals, first_seen
from tests.faults.rig import eventually
from tests.faults.service_process import ServiceProcess, service_process
from tests.faults.tcp_proxy import TcpProxy
from tests.integration.shared.outbox_story import (
    received,
    running_relay,
    store,
    until_empty,
    waiting,
)

# `FAULT_ROUNDS=20` for a long run.
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "4"))
PATIENCE_SECONDS = 60

Start = Callable[..., AbstractContextManager[ServiceProcess]]


@pytest.fixture
def start_relay(broker: str, outbox_url: str, tmp_path: Path) -> Start:
    """Give a function that runs a relay process; variables given to it win."""

    def start(**variables: str) -> AbstractContextManager[ServiceProcess]:
        environment = {"DATABASE_URL": outbox_url, "RABBITMQ_URL": broker, **variables}
        return service_process(partial(SERVICE.run, ["relay"]), environment, tmp_path / "relay.log")

    return start


@pytest.mark.short
@pytest.mark.timeout(120 + 20 * ROUNDS)
def test_a_relay_killed_between_confirm_and_delete_repeats_but_never_loses(
    outbox_url: str, outbox_engine: Engine, broker: str, start_relay: Start
) -> None:
    accounts = [f"account-{number}" for number in range(6)]
    with TcpProxy(outbox_url) as line:
        for number in range(ROUNDS):
            for account_id in accounts:
                store(outbox_engine, account_id, 2 * number + 1, 2 * number + 2)
            about_to_delete = line.hold_at(b"DELETE FROM outbox")
            with start_relay(DATABASE_URL=line.url) as doomed:
                assert about_to_delete.wait(PATIENCE_SECONDS)
                doomed.kill()
            line.cut()
            line.forward()
    with start_relay():
        eventually(lambda: waiting(outbox_engine) == 0, "the outbox is empty", PATIENCE_SECONDS)

    arrived = asyncio.run(arrivals(broker, SCHEDULER_EVENTS.name))
    in_order = list(range(1, 2 * ROUNDS + 1))
    assert first_seen(arrived) == dict.fromkeys(accounts, in_order)
    # What was confirmed in a killed relay's hands came again: the kills hit where they should.
    assert len(arrived) >= len(accounts) * len(in_order) + ROUNDS


@pytest.mark.timeout(400)
def test_a_frozen_relay_is_fenced_by_the_database_and_another_takes_its_shard(
    outbox_engine: Engine, broker: str, start_relay: Start
) -> None:
    with TcpProxy(broker) as line, ExitStack() as running:
        relays = {
            name: running.enter_context(start_relay(RABBITMQ_URL=line.url, PGAPPNAME=name))
            for name in ("relay-1", "relay-2", "relay-3")
        }
        for each in relays.values():
            each.wait_until_ready()
        with line.black_hole():
            store(outbox_engine, "a-1", 1)
            holder = relays.pop(name_of_holder(outbox_engine))
            holder.freeze()
        store(outbox_engine, "a-1", 2)
        # The database ends the frozen one's session after FENCE_SECONDS.
        eventually(
            lambda: waiting(outbox_engine) == 0,
            "another relay took the shard",
            # Well before the connection's own limit for idle transactions, a minute.
            FENCE_SECONDS + 30,
        )
        holder.thaw()
        for other in relays.values():
            other.kill()
        store(outbox_engine, "a-1", 3)
        eventually(lambda: waiting(outbox_engine) == 0, "the thawed one works", PATIENCE_SECONDS)
    # Whatever the frozen one had on its way is a duplicate, and can be told by its id.
    assert first_seen(asyncio.run(arrivals(broker, SCHEDULER_EVENTS.name))) == {"a-1": [1, 2, 3]}


def name_of_holder(engine: Engine) -> str:
    """Return the name of the relay that holds a shard while it waits for the broker."""
    query = text(
        "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid)"
        " WHERE locktype = 'advisory' AND classid = :namespace AND granted"
        " AND datname = current_database() AND clock_timestamp() - state_change > '0.3 s'"
    )
    found: list[str] = []

    def holds() -> bool:
        with engine.connect() as connection:
            found.extend(connection.scalars(query, {"namespace": LOCK_NAMESPACE}))
        return bool(found)

    eventually(holds, "a relay holds a shard", PATIENCE_SECONDS, pause_seconds=0.02)
    return found[0]


async def test_an_open_transaction_in_another_database_holds_nothing_up(
    outbox_url: str, outbox_engine: Engine, broker: str, database: Callable[[str], str]
) -> None:
    with psycopg.connect(database("elsewhere")) as elsewhere:
        elsewhere.execute("CREATE TABLE written (at timestamptz DEFAULT now())")
        async with running_relay(outbox_url, broker):
            store(outbox_engine, "a-1", 1)
            assert len(await received(broker, 1)) == 1


async def test_after_the_listener_is_cut_polling_delivers_and_then_wake_ups_again(
    outbox_url: str, outbox_engine: Engine, broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running_relay(outbox_url, broker):
        first = await listener(outbox_engine)
        with outbox_engine.begin() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": first})
        store(outbox_engine, "a-1", 1)
        assert len(await received(broker, 1)) == 1

        monkeypatch.setattr(relay_module, "POLL_SECONDS", 3600.0)
        await listener(outbox_engine, unlike=first)
        for version in (2, 3, 4):
            store(outbox_engine, "a-1", version)
            assert len(await received(broker, 1)) == 1, "only a wake-up can have brought it"


async def listener(engine: Engine, unlike: int | None = None) -> int:
    """Wait for the session that listens; return its process id."""
    query = text(
        "SELECT pid FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'outbox-watch'"
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            with engine.connect() as connection:
                pid = connection.scalar(query)
            if pid is not None and pid != unlike:
                return int(pid)
            await asyncio.sleep(0.05)


async def test_what_no_queue_takes_any_more_is_kept_in_order_and_counted(
    outbox_url: str, outbox_engine: Engine, broker: str
) -> None:
    queues = (SCHEDULER_EVENTS.name, NOTIFIER_EVENTS.name, HABITS_EVENTS.name)
    before = unroutable()
    async with running_relay(outbox_url, broker):
        await rebind(broker, *queues, FEED_LOG.name, bound=False)
        store(outbox_engine, "a-1", 1, 2)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while unroutable() < before + 2:
                await asyncio.sleep(0.05)
        with outbox_engine.connect() as connection:
            kept = connection.scalars(select(OUTBOX.c.body["version"].as_integer()))
            assert sorted(kept) == [1, 2]
    # Nothing is published meanwhile: an event that one of two queues takes counts as delivered.
    await rebind(broker, *queues, bound=True)
    async with running_relay(outbox_url, broker):
        await until_empty(outbox_engine)
    for queue in queues:
        assert first_seen(await arrivals(broker, queue)) == {"a-1": [1, 2]}


def unroutable() -> float:
    return REGISTRY.get_sample_value("outbox_unroutable_total", {"type": ACCOUNT_CHANGED}) or 0.0


async def rebind(broker: str, *queues: str, bound: bool) -> None:
    async with await aio_pika.connect(broker) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange(EVENTS_EXCHANGE, ensure=False)
        for name in queues:
            queue = await channel.get_queue(name, ensure=False)
            key = "#" if name == FEED_LOG.name else ACCOUNT_CHANGED
            await (queue.bind if bound else queue.unbind)(exchange, key)
