"""Each guard is needed: the same arrangement breaks its promise once the guard is taken out.

So a test that relies on a guard cannot pass by accident. Each test runs its arrangement twice, with
the guard and without. Guards are taken out here, by other SQL or another part in their place; the
product has no switch for it.
"""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine

from services.auth import sessions
from services.auth.accounts import account_by_id
from services.notifier import update_handler
from services.notifier.sending import delivery
from services.notifier.sending.rate_limits import SendLimits
from services.scheduler import announcing, due_tick, projection
from services.scheduler.overdue import Overdue, settle_overdue
from shared.contracts.events import REMINDER_DUE, REMINDER_MISSED
from shared.database import new_engine
from shared.outbox.shard import Shard
from tests.faults import guards_outbox, guards_projection, guards_repetitions, guards_sending
from tests.faults.guards_projection import UnguardedRecord, UnguardedUpsert
from tests.faults.guards_sending import NoLimits, Parts, Seen
from tests.integration.auth import conftest as auth_parts
from tests.integration.scheduler import conftest as scheduler_parts

# More fixtures of the parts' own tests, besides those of conftest.py.
migrated_url = scheduler_parts.migrated_url
scheduler_engine = scheduler_parts.engine
migrated_database = auth_parts.migrated_database

_chat_ids = count(1)


@pytest.fixture
def auth_engine(migrated_database: str) -> Iterator[Engine]:
    engine = new_engine(migrated_database)
    yield engine
    engine.dispose()


@pytest.fixture
def parts(notifier_engine: Engine, redis: Redis) -> Parts:
    return Parts(notifier_engine, redis)


async def test_without_the_condition_on_the_state_two_workers_send_one_message_twice(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await guards_sending.two_workers_get_one_message(parts) == 1

    guards_sending.without_the_condition_on_the_state(monkeypatch)
    assert await guards_sending.two_workers_get_one_message(parts) == 2


async def test_without_the_point_of_no_return_a_death_in_the_middle_makes_a_second_request(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = await guards_sending.a_worker_dies_in_the_middle(parts, monkeypatch)
    assert seen == Seen(1, "unknown")

    guards_sending.without_the_point_of_no_return(monkeypatch, times=1)
    seen = await guards_sending.a_worker_dies_in_the_middle(parts, monkeypatch)
    assert seen == Seen(2, "sent")


async def test_without_the_shield_a_lost_broker_leaves_a_sent_message_unknown(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = await guards_sending.the_broker_cuts_the_handler_off(parts, monkeypatch)
    assert seen == Seen(1, "sent")

    unshielded = {**vars(asyncio), "shield": lambda task: task}
    monkeypatch.setattr(delivery, "asyncio", SimpleNamespace(**unshielded))
    seen = await guards_sending.the_broker_cuts_the_handler_off(parts, monkeypatch)
    assert seen == Seen(1, "unknown")


async def test_without_not_after_a_message_is_sent_when_its_time_has_passed(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await guards_sending.its_time_passes_while_it_waits(parts) == 0

    monkeypatch.setattr(delivery, "now", lambda: guards_sending.BEFORE_ANY_TIME_PASSED)
    assert await guards_sending.its_time_passes_while_it_waits(parts) == 1


async def test_without_the_rate_limit_a_chat_gets_more_than_telegram_allows(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    burst = await guards_sending.many_messages_for_one_chat(parts, monkeypatch, SendLimits)
    assert 0 < burst.requests <= burst.allowed

    burst = await guards_sending.many_messages_for_one_chat(parts, monkeypatch, NoLimits)
    assert burst.requests > burst.allowed


async def test_without_the_common_pause_a_replica_sends_into_the_silence_after_a_429(
    parts: Parts,
) -> None:
    assert await guards_sending.telegram_says_429(parts, SendLimits) == 0
    await parts.redis.flushdb()
    assert await guards_sending.telegram_says_429(parts, NoLimits) == 1


def test_without_its_stored_id_an_update_that_comes_twice_is_answered_twice(
    notifier_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange = guards_repetitions.replies_to_an_update_that_comes_twice
    assert arrange(notifier_engine, next(_chat_ids)) == 1

    monkeypatch.setattr(update_handler, "_is_new", lambda *_: True)
    assert arrange(notifier_engine, next(_chat_ids)) == 2


def test_without_the_account_s_lock_one_refresh_token_has_two_successors(
    auth_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        assert guards_repetitions.successors_of_a_token_used_twice(auth_engine, patch) == 1

    monkeypatch.setattr(sessions, "locked_account", account_by_id)
    assert guards_repetitions.successors_of_a_token_used_twice(auth_engine, monkeypatch) == 2


def test_without_the_version_guard_what_comes_late_overwrites_what_is_newer(
    scheduler_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert guards_projection.kept_of_changes_that_come_in_disorder(scheduler_engine) == "Balcony"
    assert guards_projection.is_deleted_though_a_change_comes_late(scheduler_engine)

    monkeypatch.setattr(projection, "insert", UnguardedUpsert)
    assert guards_projection.kept_of_changes_that_come_in_disorder(scheduler_engine) == "Garden"
    assert not guards_projection.is_deleted_though_a_change_comes_late(scheduler_engine)


def test_without_the_grace_a_reminder_is_announced_however_late(
    scheduler_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def for_ever(*args: Any, **options: Any) -> Overdue:
        return settle_overdue(*args, **{**options, "grace": timedelta.max})

    assert guards_projection.announced_beyond_the_grace(scheduler_engine) == [REMINDER_MISSED]

    monkeypatch.setattr(due_tick, "settle_overdue", for_ever)
    assert guards_projection.announced_beyond_the_grace(scheduler_engine) == [REMINDER_DUE]


def test_without_the_record_s_key_an_occurrence_computed_twice_is_announced_twice(
    scheduler_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrange = guards_projection.announced_of_an_occurrence_computed_twice
    assert arrange(scheduler_engine) == [REMINDER_DUE]

    monkeypatch.setattr(announcing, "insert", UnguardedRecord)
    assert arrange(scheduler_engine) == [REMINDER_DUE, REMINDER_DUE]


async def test_without_the_shard_lock_two_relays_send_the_same_rows(
    outbox_engine: Engine, outbox_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_lock(_self: Shard, connection: psycopg.AsyncConnection) -> bool:
        return True

    assert await guards_outbox.two_relays_on_one_shard(outbox_engine, outbox_url) == 1

    monkeypatch.setattr(Shard, "_lock", no_lock)
    assert await guards_outbox.two_relays_on_one_shard(outbox_engine, outbox_url) == 2


async def test_a_reader_that_remembers_a_position_misses_what_the_outbox_delivers(
    outbox_engine: Engine, outbox_url: str
) -> None:
    committed, published = await guards_outbox.relay_beside_writers(outbox_engine, outbox_url)
    assert published == committed

    committed, seen = await guards_outbox.cursor_beside_writers(outbox_engine)
    assert seen < committed
