"""Messages show what was recorded of a reminder's day; PostgreSQL, Redis, simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

from dataclasses import replace
from datetime import time

import pytest
from sqlalchemy import Engine, select

from services.notifier.account_events import AccountEvents
from services.notifier.answers.day_events import DayEvents
from services.notifier.answers.heard_days import answered_among
from services.notifier.linking.chat_links import unlink
from services.notifier.reminders import due_together as owners
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.reminders.reminder_texts import ReminderMessage, ReminderPart
from services.notifier.sending.message_consumer import MessageConsumer
from services.notifier.tables import HEARD_DAYS, REMINDER_MESSAGES
from services.notifier.translations import Translations
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import DaySlotV1
from shared.database import transaction
from shared.instants import now
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.answer_story import (
    an_end,
    carried_out,
    chat_ids,
    data_of,
    day_delivery,
    edits,
    sent,
    texts_of,
)
from tests.integration.notifier.arrangements import (
    a_reminder,
    account_delivery,
    due_together,
    group_delivery,
    link_chat,
    reminder_delivery,
)


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
        assert texts_of(cleared["buttons"]) == [(0, "Done"), (0, "Skip"), (0, "Snooze")]
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
            (1, "1. Snooze"),
            (2, "2. Undo"),
            (3, "3. Done"),
            (3, "3. Skip"),
            (3, "3. Snooze"),
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
        assert texts_of(edit["buttons"]) == [(0, "Done"), (0, "Skip"), (0, "Snooze")]

    async def test_progress_is_shown_until_the_target_is_reached(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account, target_value=8, unit="glasses")
        drunk = {"target_value": 8, "unit": "glasses"}
        await days.handle(day_delivery(reminder, "partial", value=3, **drunk))
        await days.handle(day_delivery(reminder, "done", value=8, version=2, **drunk))
        part, whole = edits(engine, chat_id)
        assert part["text"].endswith("\n3 of 8 glasses")
        assert texts_of(part["buttons"])[-1] == (0, "+1")
        assert whole["text"].endswith("\n8 of 8 glasses\n✓ Done")
        assert texts_of(whole["buttons"]) == [(0, "Undo")]

    async def test_what_was_drunk_before_the_reminder_is_shown_with_it(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = a_reminder(account, target_value=2.5, locale="ru")
        await days.handle(day_delivery(reminder, "partial", value=1.5, target_value=2.5))
        await reminders.handle(reminder_delivery(reminder))
        [edit] = edits(engine, chat_id)
        assert edit["text"].endswith("\n1,5 из 2,5")

    async def test_a_slot_that_is_done_is_shown_in_its_own_message_alone(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        morning = await sent(reminders, account)
        evening = replace(morning, id=f"{morning.id}:1", slot=1)
        slots = [DaySlotV1(time=time(7), done=True), DaySlotV1(time=time(19), done=False)]
        await days.handle(day_delivery(morning, "partial", slots=slots))
        [edit] = edits(engine, chat_id)
        assert texts_of(edit["buttons"]) == [(0, "Undo")]
        with engine.connect() as connection:
            assert answered_among(connection, [morning, evening]) == {morning.id}

    async def test_a_chat_that_was_the_accounts_before_is_never_edited(
        self,
        engine: Engine,
        reminders: ReminderConsumer,
        days: DayEvents,
        account: str,
        chat_id: int,
    ) -> None:
        reminder = await sent(reminders, account)
        link_chat(engine, account, next(chat_ids))
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
