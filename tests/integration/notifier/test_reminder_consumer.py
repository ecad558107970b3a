"""A reminder from its queue to its end in the ledger: PostgreSQL, Redis and simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count, pairwise
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine, Row, select

from services.notifier.account_events import AccountEvents
from services.notifier.linking.chat_links import unlink
from services.notifier.reminders import reminder_consumer
from services.notifier.reminders.due_together import RemindersOwner, identity_of
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.sending import delivery_states
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.tables import DELIVERIES
from services.notifier.telegram.client import TelegramClient
from services.notifier.telegram.errors import Accepted, Outcome
from services.notifier.translations import Translations
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import HABIT_DELETED, ReminderDueV1
from shared.contracts.topology import REMINDERS
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import RetryLater
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import (
    a_reminder,
    account_delivery,
    due_together,
    events_of,
    group_delivery,
    link_chat,
    new_account,
    raw_delivery,
    reminder_delivery,
)

_chat_ids = count(300_000)


@pytest.fixture
def make_consumer(
    engine: Engine, redis: Redis, telegram: TelegramClient
) -> Callable[[], ReminderConsumer]:
    def make() -> ReminderConsumer:
        desk = DeliveryDesk(engine, Claims(redis), SendLimits(redis), telegram)
        return ReminderConsumer(engine, desk, Translations())

    return make


@pytest.fixture
def consumer(make_consumer: Callable[[], ReminderConsumer]) -> ReminderConsumer:
    return make_consumer()


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


def begun_by_another(engine: Engine, reminder: ReminderDueV1) -> None:
    """Leave a reminder as a worker does that dies in the middle of its request."""
    with transaction(engine) as connection:
        delivery_states.begin(connection, [identity_of(reminder)], "another", reminder.account_id)


async def test_what_a_dead_worker_was_sending_is_unknown_and_told_once(
    engine: Engine,
    consumer: ReminderConsumer,
    person: TelegramPerson,
    account: str,
    chat_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reminder = a_reminder(account)
    begun_by_another(engine, reminder)
    with pytest.raises(RetryLater) as later:
        await consumer.handle(reminder_delivery(reminder))
    assert 80 < later.value.delay_seconds <= 90
    late = a_reminder(account)
    monkeypatch.setattr(delivery_states, "SENDING_LIMIT", timedelta(0))
    begun_by_another(engine, late)
    for _ in range(2):
        await consumer.handle(reminder_delivery(late, redelivered=True))
    assert person.messages(chat_id) == []
    ((event_type, body),) = events_of(engine, late.id)
    assert (event_type, body["outcome"]) == ("reminder.failed.v1", "unknown")


async def test_after_redis_lost_everything_nothing_is_sent_twice(
    redis: Redis, consumer: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
) -> None:
    reminder = a_reminder(account)
    await consumer.handle(reminder_delivery(reminder))
    await redis.flushdb()
    await consumer.handle(reminder_delivery(reminder, redelivered=True))
    assert len(person.messages(chat_id)) == 1


class TestDueTogether:
    async def test_what_is_due_together_is_one_message_and_each_reminder_ends(
        self,
        engine: Engine,
        consumer: ReminderConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminders = due_together(account, 3)
        for _ in range(2):
            await consumer.handle(group_delivery(reminders))
        (said,) = person.messages(chat_id)
        for reminder in reminders:
            assert reminder.action in said["text"]
            row = ledger_row(engine, reminder.id)
            assert row is not None
            assert (row.outcome, row.telegram_message_id) == ("sent", said["message_id"])
            assert [kind for kind, _ in events_of(engine, reminder.id)] == ["reminder.sent.v1"]

    async def test_what_came_alone_before_is_left_out_of_the_group(
        self,
        engine: Engine,
        consumer: ReminderConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminders = due_together(account, 3)
        await consumer.handle(reminder_delivery(reminders[1]))
        await consumer.handle(group_delivery(reminders))
        alone, together = person.messages(chat_id)
        assert "Habit 2." in alone["text"]
        assert "Habit 2." not in together["text"]
        assert all(outcome_of(engine, each.id) == "sent" for each in reminders)

    async def test_many_are_as_few_messages_as_telegram_allows_a_second_apart(
        self,
        engine: Engine,
        consumer: ReminderConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminders = due_together(account, 70)
        await consumer.handle(group_delivery(reminders))
        said = [each["text"] for each in person.messages(chat_id)]
        assert [text.splitlines()[0] for text in said] == [
            f"Time for 70 habits ({number}/{len(said)}):" for number in range(1, len(said) + 1)
        ]
        assert len(said) == 3
        for reminder in reminders:
            assert sum(f" {reminder.action}\n" in text for text in said) == 1
            assert outcome_of(engine, reminder.id) == "sent"
        instants = sorted(each["received_at_seconds"] for each in person.requests(chat_id=chat_id))
        assert all(later - earlier > 0.9 for earlier, later in pairwise(instants))

    async def test_a_large_group_lets_others_pass_and_goes_on_where_it_was(
        self,
        consumer: ReminderConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(reminder_consumer, "_LONGEST_AT_ONCE_SECONDS", 0.0)
        delivery = group_delivery(due_together(account, 40))
        with pytest.raises(RetryLater):
            await consumer.handle(delivery)
        assert len(person.messages(chat_id)) == 1
        await consumer.handle(delivery)
        assert [text["text"].splitlines()[0] for text in person.messages(chat_id)] == [
            f"Time for 40 habits ({number}/2):" for number in (1, 2)
        ]

    async def test_a_chat_that_is_gone_ends_the_whole_group(
        self,
        engine: Engine,
        consumer: ReminderConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        person.block(chat_id)
        reminders = due_together(account, 120)
        await consumer.handle(group_delivery(reminders))
        outcomes = {outcome_of(engine, each.id) for each in reminders}
        assert outcomes == {"chat_gone", "no_chat"}
        assert len(person.requests(chat_id=chat_id)) == 1
        assert [kind for kind, _ in events_of(engine, account)] == [
            "telegram.linked.v1",
            "telegram.blocked.v1",
        ]

    async def test_a_chat_that_was_taken_away_while_the_message_waited_gets_nothing(
        self, engine: Engine, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        owner = RemindersOwner(account, chat_id, [])
        with transaction(engine) as connection:
            assert owner.may_send(connection)
            unlink(connection, account, now())
            assert not owner.may_send(connection)


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


async def test_proof_that_comes_late_turns_unknown_into_sent(
    engine: Engine, consumer: ReminderConsumer, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reminder = a_reminder(account)
    owner = RemindersOwner(account, None, [reminder])
    monkeypatch.setattr(delivery_states, "SENDING_LIMIT", timedelta(0))
    begun_by_another(engine, reminder)
    await consumer.handle(reminder_delivery(reminder))
    assert outcome_of(engine, reminder.id) == "unknown"
    for _ in range(2):
        with transaction(engine) as connection:
            proof = delivery_states.end(
                connection, [identity_of(reminder)], "another", "sent", telegram_message_id=5
            )
            owner.record(connection, proof)
    assert outcome_of(engine, reminder.id) == "sent"
    told = [(kind, body["version"]) for kind, body in events_of(engine, reminder.id)]
    assert told == [("reminder.failed.v1", 2), ("reminder.sent.v1", 3)]


async def test_two_consumers_at_once_send_one(
    engine: Engine,
    make_consumer: Callable[[], ReminderConsumer],
    person: TelegramPerson,
    account: str,
    chat_id: int,
) -> None:
    reminder = a_reminder(account)
    consumers = [make_consumer() for _ in range(4)]
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
        with engine.connect() as connection:
            known = delivery_states.look(connection, [identity_of(sent), identity_of(waiting)])
        assert known.is_open(identity_of(sent))
        assert known.is_open(identity_of(waiting))
        kinds = [kind for kind, _ in events_of(engine, account)]
        assert kinds == ["telegram.linked.v1", "telegram.unlinked.v1"]

    async def test_an_account_erased_while_its_reminder_is_sent_leaves_no_ledger_row(
        self, engine: Engine, redis: Redis, account: str, chat_id: int
    ) -> None:
        class ErasesMeanwhile:
            async def send_message(self, *_: object) -> Outcome:
                erasure = account_delivery(account, deleted=True, version=2)
                await AccountEvents(engine).handle(erasure)
                return Accepted(5)

        desk = DeliveryDesk(engine, Claims(redis), SendLimits(redis), ErasesMeanwhile())
        reminder = a_reminder(account)
        await ReminderConsumer(engine, desk, Translations()).handle(reminder_delivery(reminder))
        assert ledger_row(engine, reminder.id) is None
        with engine.connect() as connection:
            assert delivery_states.look(connection, [identity_of(reminder)]).ended == {}


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
        await consumer.handle(raw_delivery(REMINDERS, broken))


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
