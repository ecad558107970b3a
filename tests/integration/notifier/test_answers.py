"""Answers to reminders: buttons, presses, edits, silence; PostgreSQL, Redis, simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
from datetime import date
from itertools import count
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy import Engine, select

from services.notifier.account_events import AccountEvents
from services.notifier.answers.buttons import ReminderKey, press_data
from services.notifier.answers.day_events import DayEvents, refresh
from services.notifier.answers.reminder_messages import key_of
from services.notifier.bot_router import new_update_handler
from services.notifier.linking.chat_links import unlink
from services.notifier.reminders import due_together as owners
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.reminders.reminder_texts import ReminderMessage, ReminderPart
from services.notifier.sending.claims import Claims
from services.notifier.sending.delivery import DeliveryDesk
from services.notifier.sending.delivery_states import Ended
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.sending.rate_limits import SendLimits
from services.notifier.tables import DELIVERIES, HEARD_DAYS, REMINDER_MESSAGES
from services.notifier.telegram.client import TelegramClient
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import (
    HABIT_DAY_CLEARED,
    HABIT_DAY_RECORDED,
    HabitDayStateV1,
    ReminderDueV1,
)
from shared.contracts.topology import NOTIFIER_DAYS, TELEGRAM_MESSAGES
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery, RetryLater
from shared.outbox.table import OUTBOX
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.arrangements import (
    a_reminder,
    account_delivery,
    delivery_of,
    due_together,
    events_of,
    group_delivery,
    json_delivery,
    link_chat,
    new_account,
    reminder_delivery,
    said_to,
)
from tests.integration.notifier.updates import answers, new_update_id, press, take

_chat_ids = count(700_000)


@pytest.fixture
def desk(engine: Engine, redis: Redis, telegram: TelegramClient) -> DeliveryDesk:
    return DeliveryDesk(engine, Claims(redis), SendLimits(redis), telegram)


@pytest.fixture
def reminders(engine: Engine, desk: DeliveryDesk) -> ReminderConsumer:
    return ReminderConsumer(engine, desk, Translations())


@pytest.fixture
def messages(
    engine: Engine, desk: DeliveryDesk, redis: Redis, telegram: TelegramClient
) -> MessageConsumer:
    return MessageConsumer(
        engine,
        desk,
        SendLimits(redis),
        telegram,
        lambda connection, edit: refresh(connection, edit, Translations()),
    )


@pytest.fixture
def days(engine: Engine) -> DayEvents:
    return DayEvents(engine, Translations())


@pytest.fixture
def handler(engine: Engine) -> UpdateHandler:
    return new_update_handler(engine)


@pytest.fixture
def chat_id(person: TelegramPerson) -> int:
    return person.create_chat(next(_chat_ids))


@pytest.fixture
def account(engine: Engine, chat_id: int) -> str:
    """An account with a linked chat."""
    account_id = new_account()
    link_chat(engine, account_id, chat_id)
    return account_id


def day_delivery(reminder: ReminderDueV1, status: str | None, **changed: Any) -> Delivery:
    values: dict[str, Any] = {
        "habit_id": reminder.habit_id,
        "owner_id": reminder.account_id,
        "date": reminder.local_date,
        "status": status,
        "value": None,
        "target_value": None,
        "unit": None,
        "slots": [],
        "note": None,
        "channel": "telegram",
        "recorded_at": now(),
        "cleared": status is None,
        "version": 1,
        **changed,
    }
    event_type = HABIT_DAY_CLEARED if status is None else HABIT_DAY_RECORDED
    return delivery_of(event_type, HabitDayStateV1(**values), NOTIFIER_DAYS)


def commands_of(engine: Engine, account_id: str) -> list[dict[str, Any]]:
    query = (
        select(OUTBOX.c.body)
        .where(OUTBOX.c.ordering_key == account_id, OUTBOX.c.routing_key == "habits.commands")
        .order_by(OUTBOX.c.id)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


def edits(engine: Engine, chat_id: int) -> list[dict[str, Any]]:
    return [told for told in said_to(engine, chat_id) if told["kind"] == "edit"]


def texts_of(buttons: list[dict[str, Any]]) -> list[tuple[int, str]]:
    return [(button["row"], button["text"]) for button in buttons]


def data_of(reminder: ReminderDueV1, wish: Any = "done") -> str:
    return press_data(wish, key_of(reminder))


def outcome_of(engine: Engine, reminder: ReminderDueV1) -> str | None:
    query = select(DELIVERIES.c.outcome).where(DELIVERIES.c.reminder_id == reminder.id)
    with engine.connect() as connection:
        return connection.scalar(query)


async def sent(reminders: ReminderConsumer, account: str, **changed: Any) -> ReminderDueV1:
    reminder = a_reminder(account, **changed)
    await reminders.handle(reminder_delivery(reminder))
    return reminder


class TestButtons:
    async def test_a_reminder_has_done_and_skip(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        reminder = await sent(reminders, account)
        [message] = person.messages(chat_id)
        [row] = message["buttons"]
        assert [(each["text"], each["callback_data"]) for each in row] == [
            ("Done", data_of(reminder)),
            ("Skip", data_of(reminder, "skipped")),
        ]

    async def test_those_of_several_are_numbered_a_row_each(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        group = due_together(account, 2, locale="ru")
        await reminders.handle(group_delivery(group))
        [message] = person.messages(chat_id)
        rows = message["buttons"]
        assert [[each["text"] for each in row] for row in rows] == [
            ["1. Готово", "1. Пропустить"],
            ["2. Готово", "2. Пропустить"],
        ]

    async def test_a_crowd_of_short_ones_keeps_to_telegrams_hundred_buttons(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        group = due_together(account, 60, place="b", reward=None)
        await reminders.handle(group_delivery(group))
        counts = [len(message["buttons"]) for message in person.messages(chat_id)]
        assert counts == [45, 15]


class TestPresses:
    @pytest.mark.parametrize("wish", ["done", "skipped", "cleared"])
    async def test_a_press_becomes_a_command_and_is_answered(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        handler: UpdateHandler,
        account: str,
        chat_id: int,
        wish: str,
    ) -> None:
        reminder, update_id = await sent(reminders, account), new_update_id()
        take(handler, update_id, callback_query=press(chat_id, data_of(reminder, wish)))
        [command] = commands_of(engine, account)
        assert command == {
            "command_id": f"{update_id}:{wish}",
            "account_id": account,
            "habit_id": reminder.habit_id,
            "date": reminder.local_date.isoformat(),
            "slot": 0,
            "wish": wish,
            "at": command["at"],
        }
        assert answers(engine, chat_id) == ["Noted ✓"]

    async def test_an_update_that_comes_twice_asks_once(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        handler: UpdateHandler,
        account: str,
        chat_id: int,
    ) -> None:
        reminder, update_id = await sent(reminders, account), new_update_id()
        for _ in range(2):
            take(handler, update_id, callback_query=press(chat_id, data_of(reminder)))
        assert len(commands_of(engine, account)) == 1

    async def test_a_chat_that_is_not_linked_asks_nothing(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        handler: UpdateHandler,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        with transaction(engine) as connection:
            unlink(connection, account, now())
        take(handler, callback_query=press(chat_id, data_of(reminder)))
        assert commands_of(engine, account) == []
        assert answers(engine, chat_id) == ["This button no longer works."]

    async def test_a_chat_of_another_account_asks_nothing(
        self, engine: Engine, reminders: ReminderConsumer, handler: UpdateHandler, account: str
    ) -> None:
        reminder = await sent(reminders, account)
        other, other_chat = new_account(), next(_chat_ids)
        link_chat(engine, other, other_chat)
        take(handler, callback_query=press(other_chat, data_of(reminder)))
        assert commands_of(engine, account) == commands_of(engine, other) == []
        assert answers(engine, other_chat) == ["This button no longer works."]

    @pytest.mark.parametrize(
        "forge",
        [
            lambda data: data[:-3],
            lambda data: f"{data}:1",
            lambda data: data.replace(":260131:", ":269931:"),
            lambda data: data.replace(":260131:", ":260201:"),
            lambda data: data[:-1] + "7",
            lambda _data: f"d:{'!' * 22}:260131:0",
            lambda _data: "d:",
            lambda _data: "d",
        ],
    )
    async def test_forged_and_truncated_data_ask_nothing(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        handler: UpdateHandler,
        account: str,
        chat_id: int,
        forge: Any,
    ) -> None:
        data = data_of(await sent(reminders, account))
        take(handler, callback_query=press(chat_id, forge(data)))
        assert commands_of(engine, account) == []
        assert answers(engine, chat_id) == ["This button no longer works."]

    async def test_pressing_what_is_recorded_shows_it_again(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        handler: UpdateHandler,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        [message] = person.messages(chat_id)
        await days.handle(day_delivery(reminder, "done"))
        pressed = press(chat_id, data_of(reminder), message["message_id"])
        take(handler, callback_query=pressed)
        first, again = edits(engine, chat_id)
        assert first["text"] == again["text"]


class TestEdits:
    async def test_a_recorded_day_is_shown_and_can_be_undone(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        [message] = person.messages(chat_id)
        await days.handle(day_delivery(reminder, "done"))
        await days.handle(day_delivery(reminder, None, version=2))
        await days.handle(day_delivery(reminder, "skipped", version=3, channel="api"))
        done, cleared, skipped = edits(engine, chat_id)
        assert {each["message_id"] for each in (done, cleared, skipped)} == {message["message_id"]}
        assert done["text"] == message["text"] + "\n✓ Done"
        assert texts_of(done["buttons"]) == [(0, "Undo")]
        assert done["buttons"][0]["data"] == data_of(reminder, "cleared")
        assert cleared["text"] == message["text"]
        assert texts_of(cleared["buttons"]) == [(0, "Done"), (0, "Skip")]
        assert skipped["text"] == message["text"] + "\n– Skipped (elsewhere)"

    async def test_duplicates_and_older_states_edit_nothing(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        await days.handle(day_delivery(reminder, "done", version=2))
        await days.handle(day_delivery(reminder, "done", version=2))
        await days.handle(day_delivery(reminder, "skipped", version=1))
        assert len(edits(engine, chat_id)) == 1

    async def test_of_several_the_others_keep_their_buttons(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        group = due_together(account, 3)
        await reminders.handle(group_delivery(group))
        await days.handle(day_delivery(group[1], "done"))
        [edit] = edits(engine, chat_id)
        assert texts_of(edit["buttons"]) == [
            (1, "1. Done"),
            (1, "1. Skip"),
            (2, "2. Undo"),
            (3, "3. Done"),
            (3, "3. Skip"),
        ]
        assert f"\n\n✓ 2. {group[1].action}\n\n3. " in edit["text"]

    async def test_part_of_a_days_target_is_no_answer(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        await days.handle(day_delivery(reminder, "partial"))
        [edit] = edits(engine, chat_id)
        assert texts_of(edit["buttons"]) == [(0, "Done"), (0, "Skip")]

    async def test_a_chat_that_was_the_accounts_before_is_never_edited(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        link_chat(engine, account, next(_chat_ids))
        await days.handle(day_delivery(reminder, "done"))
        assert edits(engine, chat_id) == []

    async def test_what_is_recorded_while_its_message_is_sent_is_shown_then(
        self,
        engine: Engine,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = a_reminder(account)
        with transaction(engine) as connection:
            message = ReminderMessage(None, (ReminderPart(reminder, 0, reminder.action),))
            owner = owners.RemindersOwner(account, chat_id, [reminder], message, Translations())
            assert owner.may_send(connection)
        await days.handle(day_delivery(reminder, "done"))
        assert edits(engine, chat_id) == []
        with transaction(engine) as connection:
            owner.record(connection, {owners.identity_of(reminder): an_end(77)})
        [edit] = edits(engine, chat_id)
        assert (edit["message_id"], texts_of(edit["buttons"])) == (77, [(0, "Undo")])

    async def test_an_edit_that_is_overtaken_shows_the_latest(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        messages: MessageConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        await days.handle(day_delivery(reminder, "done"))
        await days.handle(day_delivery(reminder, "skipped", version=2))
        first, second = edits(engine, chat_id)
        for edit in (second, first):
            await carried_out(messages, edit)
        [message] = person.messages(chat_id)
        assert message["text"].endswith("– Skipped")

    async def test_an_edit_is_dropped_once_the_chat_is_not_the_accounts(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        messages: MessageConsumer,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        await days.handle(day_delivery(reminder, "done"))
        with transaction(engine) as connection:
            unlink(connection, account, now())
        [edit] = edits(engine, chat_id)
        await carried_out(messages, edit)
        [message] = person.messages(chat_id)
        assert "✓" not in message["text"]

    async def test_a_message_that_is_deleted_is_let_be(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        messages: MessageConsumer,
        account: str,
        chat_id: int,
        person: TelegramPerson,
    ) -> None:
        reminder = await sent(reminders, account)
        person.reset()
        person.create_chat(chat_id)
        await days.handle(day_delivery(reminder, "done"))
        [edit] = edits(engine, chat_id)
        await carried_out(messages, edit)


class TestSilence:
    @pytest.mark.parametrize("status", ["done", "skipped"])
    async def test_what_is_answered_is_not_reminded_of_and_told_to_nobody(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        person: TelegramPerson,
        account: str,
        chat_id: int,
        status: str,
    ) -> None:
        reminder = a_reminder(account)
        await days.handle(day_delivery(reminder, status))
        await reminders.handle(reminder_delivery(reminder))
        assert person.messages(chat_id) == []
        assert outcome_of(engine, reminder) == "answered"
        assert events_of(engine, reminder.id) == []

    @pytest.mark.parametrize("status", ["partial", None])
    async def test_what_is_not_answered_is_reminded_of(
        self,
        reminders: ReminderConsumer,
        days: DayEvents,
        person: TelegramPerson,
        account: str,
        chat_id: int,
        status: str | None,
    ) -> None:
        reminder = a_reminder(account)
        await days.handle(day_delivery(reminder, "done"))
        await days.handle(day_delivery(reminder, status, version=2))
        await reminders.handle(reminder_delivery(reminder))
        assert len(person.messages(chat_id)) == 1

    async def test_another_date_is_another_reminder(
        self,
        reminders: ReminderConsumer,
        days: DayEvents,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = a_reminder(account)
        await days.handle(day_delivery(reminder, "done", date=date(2026, 1, 30)))
        await reminders.handle(reminder_delivery(reminder))
        assert len(person.messages(chat_id)) == 1

    async def test_of_several_only_what_is_answered_is_left_out(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        person: TelegramPerson,
        account: str,
        chat_id: int,
    ) -> None:
        group = due_together(account, 3)
        await days.handle(day_delivery(group[0], "done"))
        await reminders.handle(group_delivery(group))
        [message] = person.messages(chat_id)
        assert len(message["buttons"]) == 2
        outcomes = [outcome_of(engine, each) for each in group]
        assert outcomes == [
            "answered",
            "sent",
            "sent",
        ]

    async def test_it_is_checked_again_in_the_transaction_of_the_send(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        person: TelegramPerson,
        account: str,
        chat_id: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        reminder = a_reminder(account)
        await days.handle(day_delivery(reminder, "done"))
        with monkeypatch.context() as patched:
            # As if the day were recorded right after the look-up.
            patched.setattr(
                "services.notifier.reminders.reminder_consumer.answered_among",
                lambda *_: frozenset(),
            )
            with pytest.raises(RetryLater):
                await reminders.handle(reminder_delivery(reminder))
        await reminders.handle(reminder_delivery(reminder))
        assert person.messages(chat_id) == []
        assert outcome_of(engine, reminder) == "answered"


async def test_of_an_erased_account_nothing_is_kept_and_nothing_comes_back(
    engine: Engine, reminders: ReminderConsumer, days: DayEvents, account: str
) -> None:
    reminder = await sent(reminders, account)
    await days.handle(day_delivery(reminder, "done"))
    await AccountEvents(engine).handle(account_delivery(account, deleted=True, version=2))
    await days.handle(day_delivery(reminder, None, version=2))
    for table in (REMINDER_MESSAGES, HEARD_DAYS):
        with engine.connect() as connection:
            rows = connection.execute(select(table).where(table.c.account_id == account)).all()
        assert rows == []


async def test_what_is_no_day_is_unreadable(days: DayEvents, account: str) -> None:
    with pytest.raises(UnreadableMessage):
        await days.handle(account_delivery(account))


def test_the_longest_data_fits_into_telegrams_64_bytes() -> None:
    key = key_of(a_reminder(new_account()))
    assert len(press_data("done", ReminderKey(key.habit_id, key.local_date, 99)).encode()) <= 64


def an_end(message_id: int) -> Ended:
    at = now()
    return Ended(outcome="sent", at=at, attempts=1, first_at=at, telegram_message_id=message_id)


async def carried_out(messages: MessageConsumer, told: dict[str, Any]) -> None:
    """Carry an edit out, also when the chat has to wait."""
    for _ in range(20):
        try:
            await messages.handle(json_delivery(TELEGRAM_MESSAGES, told))
        except RetryLater as later:
            await asyncio.sleep(later.delay_seconds)
        else:
            return
    pytest.fail("not carried out")
