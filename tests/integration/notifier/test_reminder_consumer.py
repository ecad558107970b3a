"""A reminder from its queue to its end in the ledger: PostgreSQL, Redis and simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine, Row, select

from services.notifier.account_events import AccountEvents
from services.notifier.linking.chat_links import unlink
from services.notifier.reminders.ledger import record
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.message_states import Claim, Done, Unknown
from services.notifier.sending.once_each import OnceEach
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.tables import DELIVERIES
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import HABIT_DELETED
from shared.contracts.topology import REMINDERS
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import RetryLater
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import (
    a_message,
    a_reminder,
    account_delivery,
    events_of,
    link_chat,
    new_account,
    raw_delivery,
    reminder_delivery,
)

_chat_ids = count(300_000)


@pytest.fixture
def make_consumer(
    engine: Engine, redis: Redis, telegram: TelegramClient
) -> Callable[[OnceEach | None], ReminderConsumer]:
    def make(once_each: OnceEach | None = None) -> ReminderConsumer:
        desk = DeliveryDesk(once_each or OnceEach(redis), SendLimits(redis), telegram)
        return ReminderConsumer(engine, desk, Translations())

    return make


@pytest.fixture
def consumer(make_consumer: Callable[[OnceEach | None], ReminderConsumer]) -> ReminderConsumer:
    return make_consumer(None)


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    # Never the id of another test: the database of this file remembers them.
    return person.create_chat(next(_chat_ids))


@pytest.fixture
def account(engine: Engine, chat_id: int) -> str:
    """An account with a linked chat."""
    account_id = new_account()
    link_chat(engine, account_id, chat_id)
    return account_id


def ledger_row(engine: Engine, reminder_id: str) -> Row[Any] | None:
    with engine.connect() as connection:
        return connection.execute(
            select(DELIVERIES).where(DELIVERIES.c.reminder_id == reminder_id)
        ).one_or_none()


def outcome_of(engine: Engine, reminder_id: str) -> str | None:
    row = ledger_row(engine, reminder_id)
    return None if row is None else row.outcome


async def test_a_reminder_is_sent_and_its_end_written_and_told(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    (said,) = person.messages(chat_id)
    for words in ("Drink a glass of water", "Kitchen", "07:30", "A biscuit"):
        assert words in said["text"]
    row = ledger_row(engine, reminder.id)
    assert row is not None
    assert (row.outcome, row.attempts, row.reason) == ("sent", 1, None)
    assert row.telegram_message_id == said["message_id"]
    assert row.due_at <= row.received_at <= row.sent_at + timedelta(seconds=0.1)
    ((event_type, body),) = events_of(engine, reminder.id)
    assert event_type == "reminder.sent.v1"
    assert (body["attempts"], body["version"]) == (1, 2)


async def test_a_reminder_speaks_the_accounts_language(
    consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    await consumer.handle(reminder_delivery(a_reminder(account, locale="ru")))
    assert "Пора:" in person.messages(chat_id)[0]["text"]


async def test_a_duplicate_is_sent_and_told_once(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    reminder = a_reminder(account)
    for _ in range(3):
        await consumer.handle(reminder_delivery(reminder))
    assert len(person.messages(chat_id)) == 1
    assert len(events_of(engine, reminder.id)) == 1


async def test_after_a_crash_before_the_ledger_only_the_ledger_is_written(
    engine: Engine,
    redis: Redis,
    consumer: ReminderConsumer,
    person: TelegramPerson,
    account: str,
    chat_id: int,
) -> None:
    reminder = a_reminder(account)
    once_each = OnceEach(redis)
    claim = await once_each.claim(a_message(f"reminder:{reminder.id}"))
    assert isinstance(claim, Claim)
    await once_each.begin_sending(claim)
    await once_each.settle_done(claim, 99)
    await consumer.handle(reminder_delivery(reminder, redelivered=True))
    assert person.messages(chat_id) == []
    row = ledger_row(engine, reminder.id)
    assert row is not None
    assert (row.outcome, row.telegram_message_id) == ("sent", 99)


async def test_after_redis_lost_everything_the_ledger_still_knows_what_was_sent(
    redis: Redis, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    await redis.flushdb()
    # As if nothing had ever been lost: only the ledger can know.
    await OnceEach(redis).provision()
    await consumer.handle(reminder_delivery(reminder))
    assert len(person.messages(chat_id)) == 1


async def test_after_redis_lost_everything_an_older_reminder_is_unknown_not_repeated(
    engine: Engine,
    redis: Redis,
    consumer: ReminderConsumer,
    person: TelegramPerson,
    account: str,
    chat_id: int,
) -> None:
    produced_at = now() - timedelta(seconds=30)
    await redis.flushdb()
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder, redelivered=True, produced_at=produced_at))
    assert person.messages(chat_id) == []
    ((event_type, body),) = events_of(engine, reminder.id)
    assert (event_type, body["outcome"]) == ("reminder.failed.v1", "unknown")


async def test_the_reminder_goes_to_the_chat_that_is_linked_now(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    new_chat = person.create_chat(next(_chat_ids))
    link_chat(engine, account, new_chat)
    await consumer.handle(reminder_delivery(a_reminder(account)))
    assert person.messages(chat_id) == []
    assert len(person.messages(new_chat)) == 1


async def test_a_chat_that_went_to_another_account_gets_nothing_of_the_old_one(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    link_chat(engine, new_account(), chat_id)
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    assert person.messages(chat_id) == []
    assert outcome_of(engine, reminder.id) == "no_chat"


async def test_without_a_chat_a_reminder_ends_as_failed(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    with transaction(engine) as connection:
        unlink(connection, account, now())
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    ((event_type, body),) = events_of(engine, reminder.id)
    assert (event_type, body["outcome"]) == ("reminder.failed.v1", "refused")
    assert body["reason"] == "no chat is linked"
    link_chat(engine, account, chat_id)
    await consumer.handle(reminder_delivery(reminder))
    assert person.messages(chat_id) == []


@pytest.mark.parametrize("linked", [True, False])
async def test_a_late_reminder_ends_as_expired(
    engine: Engine,
    consumer: ReminderConsumer,
    person: TelegramPerson,
    account: str,
    chat_id: int,
    linked: bool,  # noqa: FBT001
) -> None:
    late = now() - timedelta(seconds=1)
    owner = account if linked else new_account()
    reminder = a_reminder(owner, due_at=late, not_after=late)
    await consumer.handle(reminder_delivery(reminder))
    assert person.messages(chat_id) == []
    ((event_type, body),) = events_of(engine, reminder.id)
    assert (event_type, body["outcome"]) == ("reminder.failed.v1", "expired")
    assert outcome_of(engine, reminder.id) == "expired"


@pytest.mark.parametrize("fault", ["blocked", "chat_not_found"])
async def test_a_chat_that_is_gone_is_noted_and_told(
    engine: Engine,
    consumer: ReminderConsumer,
    person: TelegramPerson,
    account: str,
    chat_id: int,
    fault: str,
) -> None:
    person.fault(fault, method="sendMessage")
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    assert [kind for kind, _ in events_of(engine, account)] == [
        "telegram.linked.v1",
        "telegram.blocked.v1",
    ]
    ((_, body),) = events_of(engine, reminder.id)
    assert body["outcome"] == "refused"
    next_one = a_reminder(account)
    await consumer.handle(reminder_delivery(next_one))
    assert outcome_of(engine, next_one.id) == "no_chat"


async def test_an_account_follows_its_chat_and_the_message_is_sent_there(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    new_id = person.migrate(chat_id, next(_chat_ids))
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    assert len(person.messages(new_id)) == 1
    assert outcome_of(engine, reminder.id) == "sent"
    _, body = events_of(engine, account)[-1]
    assert body["chat_id"] == str(new_id)


async def test_a_chat_that_keeps_moving_is_tried_later(
    consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    person.fault("migrated", method="sendMessage", migrate_to_chat_id=chat_id, times=10)
    with pytest.raises(RetryLater):
        await consumer.handle(reminder_delivery(a_reminder(account)))


async def test_what_is_surely_not_sent_comes_again_later(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str
) -> None:
    person.fault("too_many_requests", method="sendMessage", retry_after_seconds=7)
    reminder = a_reminder(account)
    with pytest.raises(RetryLater) as later:
        await consumer.handle(reminder_delivery(reminder))
    assert later.value.delay_seconds == 7
    assert ledger_row(engine, reminder.id) is None


async def test_a_broken_answer_ends_as_unknown(
    engine: Engine, consumer: ReminderConsumer, person: TelegramPerson, account: str
) -> None:
    person.fault("drop_after_recording", method="sendMessage")
    reminder = a_reminder(account)
    for _ in range(2):
        await consumer.handle(reminder_delivery(reminder))
    ((event_type, body),) = events_of(engine, reminder.id)
    assert (event_type, body["outcome"]) == ("reminder.failed.v1", "unknown")
    assert len(person.requests()) == 1


async def test_proof_that_comes_late_turns_unknown_into_sent(engine: Engine, account: str) -> None:
    reminder, at = a_reminder(account), now()
    unknown = Unknown(reason="ReadTimeout", at=at, attempts=1, first_claimed_at=at)
    done = Done(telegram_message_id=5, at=at, attempts=1, first_claimed_at=at)
    with transaction(engine) as connection:
        assert record(connection, reminder, unknown) is True
        assert record(connection, reminder, done) is True
        assert record(connection, reminder, unknown) is False
        assert record(connection, reminder, done) is False
    assert outcome_of(engine, reminder.id) == "sent"
    told = [(kind, body["version"]) for kind, body in events_of(engine, reminder.id)]
    assert told == [("reminder.failed.v1", 2), ("reminder.sent.v1", 3)]


async def test_two_consumers_at_once_send_one(
    engine: Engine,
    make_consumer: Callable[[OnceEach | None], ReminderConsumer],
    person: TelegramPerson,
    account: str,
    chat_id: int,
) -> None:
    reminder = a_reminder(account)
    consumers = [make_consumer(None) for _ in range(4)]
    ends = await asyncio.gather(
        *(consumer.handle(reminder_delivery(reminder)) for consumer in consumers),
        return_exceptions=True,
    )
    assert all(end is None or isinstance(end, RetryLater) for end in ends)
    assert len(person.messages(chat_id)) == 1
    assert len(events_of(engine, reminder.id)) == 1


class TestErasure:
    async def test_an_erased_account_gets_nothing_and_leaves_nothing(
        self,
        engine: Engine,
        redis: Redis,
        consumer: ReminderConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        sent, waiting = a_reminder(account), a_reminder(account)
        await consumer.handle(reminder_delivery(sent))
        erasure = account_delivery(account, deleted=True, version=2)
        await AccountEvents(engine).handle(erasure)
        await AccountEvents(engine).handle(erasure)
        await consumer.handle(reminder_delivery(waiting))
        assert len(person.messages(chat_id)) == 1
        assert ledger_row(engine, sent.id) is None
        assert ledger_row(engine, waiting.id) is None
        assert await OnceEach(redis).look(f"reminder:{waiting.id}") is None
        kinds = [kind for kind, _ in events_of(engine, account)]
        assert kinds == ["telegram.linked.v1", "telegram.unlinked.v1"]

    async def test_an_account_erased_while_its_reminder_is_sent_leaves_no_ledger_row(
        self, engine: Engine, consumer: ReminderConsumer, account: str
    ) -> None:
        reminder, at = a_reminder(account), now()
        await AccountEvents(engine).handle(account_delivery(account, deleted=True, version=2))
        done = Done(telegram_message_id=5, at=at, attempts=1, first_claimed_at=at)
        consumer._record(reminder, done, 5)
        assert ledger_row(engine, reminder.id) is None


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"[]", b"{}", b'{"id": 5}'], ids=["empty", "cut", "list", "{}", "number"]
)
async def test_what_is_no_reminder_is_unreadable(
    consumer: ReminderConsumer, account: str, broken: bytes
) -> None:
    good = reminder_delivery(a_reminder(account))
    with pytest.raises(UnreadableMessage):
        await consumer.handle(replace(good, body=broken))
    with pytest.raises(UnreadableMessage):
        await consumer.handle(raw_delivery(REMINDERS, good.body))


async def test_another_event_is_unreadable(consumer: ReminderConsumer, engine: Engine) -> None:
    other = account_delivery(new_account())
    with pytest.raises(UnreadableMessage):
        await consumer.handle(other)
    habit = replace(
        reminder_delivery(a_reminder(new_account())),
        headers={**other.headers, "cloudEvents:type": HABIT_DELETED},
    )
    with pytest.raises(UnreadableMessage):
        await AccountEvents(engine).handle(habit)
    reminder = reminder_delivery(a_reminder(new_account()))
    with pytest.raises(UnreadableMessage):
        await AccountEvents(engine).handle(reminder)
