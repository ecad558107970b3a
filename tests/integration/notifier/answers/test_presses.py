"""Buttons below reminders, and what a press asks of habits; real servers, simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

from typing import Any

import pytest
from sqlalchemy import Engine

from services.notifier.answers.buttons import ReminderKey, button_data, press_data
from services.notifier.answers.day_events import DayEvents
from services.notifier.answers.reminder_messages import key_of
from services.notifier.linking.chat_links import unlink
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.update_handler import UpdateHandler
from shared.database import transaction
from shared.instants import now
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.answer_story import (
    chat_ids,
    commands_of,
    data_of,
    day_delivery,
    edits,
    sent,
)
from tests.integration.notifier.arrangements import (
    a_reminder,
    due_together,
    group_delivery,
    link_chat,
    new_account,
)
from tests.integration.notifier.updates import answers, new_update_id, press, take


class TestButtons:
    async def test_a_reminder_has_done_skip_and_snooze(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        reminder = await sent(reminders, account)
        [message] = person.messages(chat_id)
        [row] = message["buttons"]
        assert [(each["text"], each["callback_data"]) for each in row] == [
            ("Done", data_of(reminder)),
            ("Skip", data_of(reminder, "skipped")),
            ("Snooze", button_data("z", key_of(reminder))),
        ]

    async def test_with_a_target_there_is_one_more_and_each_slot_has_its_own(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        reminder = await sent(reminders, account, target_value=8, unit="glasses", slot=2)
        [message] = person.messages(chat_id)
        [row] = message["buttons"]
        assert [each["text"] for each in row] == ["Done", "Skip", "Snooze", "+1"]
        assert row[3]["callback_data"] == data_of(reminder, "progress")
        assert {each["callback_data"].rpartition(":")[2] for each in row} == {"2"}

    async def test_those_of_several_are_numbered_a_row_each(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        group = due_together(account, 2, locale="ru")
        await reminders.handle(group_delivery(group))
        [message] = person.messages(chat_id)
        rows = message["buttons"]
        assert [[each["text"] for each in row] for row in rows] == [
            ["1. Готово", "1. Пропустить", "1. Отложить"],
            ["2. Готово", "2. Пропустить", "2. Отложить"],
        ]

    async def test_a_crowd_of_short_ones_keeps_to_telegrams_hundred_buttons(
        self, reminders: ReminderConsumer, person: TelegramPerson, account: str, chat_id: int
    ) -> None:
        group = due_together(account, 30, place="b", reward=None, target_value=2)
        await reminders.handle(group_delivery(group))
        counts = [len(message["buttons"]) for message in person.messages(chat_id)]
        assert counts == [25, 5]


class TestPresses:
    @pytest.mark.parametrize("wish", ["done", "skipped", "cleared", "progress"])
    async def test_a_press_becomes_a_command_and_is_answered(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        handler: UpdateHandler,
        account: str,
        chat_id: int,
        wish: str,
    ) -> None:
        reminder, update_id = await sent(reminders, account, slot=1), new_update_id()
        take(handler, update_id, callback_query=press(chat_id, data_of(reminder, wish)))
        [command] = commands_of(engine, account)
        assert command == {
            "kind": "answer_day",
            "command_id": f"{update_id}:{wish}",
            "account_id": account,
            "habit_id": reminder.habit_id,
            "date": reminder.local_date.isoformat(),
            "slot": 1,
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
        other, other_chat = new_account(), next(chat_ids)
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

    async def test_pressing_what_is_recorded_shows_it_again_and_a_flood_once(
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
        for _ in range(5):
            take(handler, callback_query=pressed)
        first, again = edits(engine, chat_id)
        assert first["text"] == again["text"]


def test_the_longest_data_fits_into_telegrams_64_bytes() -> None:
    key = key_of(a_reminder(new_account()))
    assert len(press_data("done", ReminderKey(key.habit_id, key.local_date, 99)).encode()) <= 64
