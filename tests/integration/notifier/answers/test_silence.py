"""What is answered is not reminded of; PostgreSQL, Redis, simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

from datetime import date

import pytest
from sqlalchemy import Engine

from services.notifier.answers.day_events import DayEvents
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from shared.messaging.deliveries import RetryLater
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.answer_story import (
    day_delivery,
    outcome_of,
)
from tests.integration.notifier.arrangements import (
    a_reminder,
    due_together,
    events_of,
    group_delivery,
    reminder_delivery,
)


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
