"""Reminders are put off where they arrive; PostgreSQL, Redis, simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.notifier.answers import snooze_talk
from services.notifier.answers.buttons import button_data
from services.notifier.answers.day_events import DayEvents
from services.notifier.answers.reminder_messages import key_of
from services.notifier.reminders.reminder_consumer import ReminderConsumer
from services.notifier.update_handler import UpdateHandler
from shared.contracts.events import ReminderDueV1
from shared.outbox.table import OUTBOX
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.answer_story import chat_ids, day_delivery, edits, sent, texts_of
from tests.integration.notifier.arrangements import link_chat, new_account, reminder_delivery
from tests.integration.notifier.updates import answers, new_update_id, press, take

OPEN = [(0, "Done"), (0, "Skip"), (0, "Snooze")]


class Buttons:
    """Presses of the buttons below one reminder, in its message."""

    def __init__(self, handler: UpdateHandler, chat_id: int, message_id: int) -> None:
        self._handler = handler
        self.chat_id = chat_id
        self.message_id = message_id

    def press(self, prefix: str, reminder: ReminderDueV1, update_id: int | None = None) -> None:
        data = button_data(prefix, key_of(reminder))
        pressed = press(self.chat_id, data, self.message_id)
        take(self._handler, update_id, callback_query=pressed)


@pytest.fixture
async def reminder(reminders: ReminderConsumer, account: str) -> ReminderDueV1:
    # It is never later than 19:30 in all of these.
    return await sent(reminders, account, time_zone="UTC")


@pytest.fixture
def buttons(
    handler: UpdateHandler, person: TelegramPerson, reminder: ReminderDueV1, chat_id: int
) -> Buttons:
    [message] = person.messages(chat_id)
    return Buttons(handler, chat_id, message["message_id"])


@pytest.fixture
def early(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it be before half past seven in the evening."""
    monkeypatch.setattr(snooze_talk, "choices_at", lambda *_: ("10m", "1h", "tonight"))


def wishes(engine: Engine, account_id: str) -> list[dict[str, Any]]:
    query = (
        select(OUTBOX.c.body)
        .where(OUTBOX.c.ordering_key == account_id, OUTBOX.c.routing_key == "scheduler.commands")
        .order_by(OUTBOX.c.id)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize(("prefix", "until"), [("z1", "10m"), ("z2", "1h"), ("z3", "tonight")])
async def test_a_choice_becomes_a_command_and_the_message_tells_until_when(
    engine: Engine,
    buttons: Buttons,
    reminder: ReminderDueV1,
    chat_id: int,
    prefix: str,
    until: str,
) -> None:
    update_id = new_update_id()
    buttons.press("z", reminder)
    buttons.press(prefix, reminder, update_id)
    asked, asleep = edits(engine, chat_id)
    assert texts_of(asked["buttons"])[:2] == [(0, "10 min"), (0, "1 h")]
    assert texts_of(asked["buttons"])[-1] == (0, "Back")
    assert "\n💤 Until " in asleep["text"]
    assert texts_of(asleep["buttons"]) == [(0, "Done"), (0, "Skip")]
    [command] = wishes(engine, reminder.account_id)
    assert command["command_id"] == f"{update_id}:snooze"
    assert command["wish"] == {
        "kind": "snooze",
        "habit_id": reminder.habit_id,
        "date": reminder.local_date.isoformat(),
        "slot": 0,
        "until": until,
    }
    if until == "tonight":
        assert asleep["text"].endswith("💤 Until 20:00")


async def test_a_choice_that_is_pressed_twice_is_one_wish(
    engine: Engine, buttons: Buttons, reminder: ReminderDueV1
) -> None:
    buttons.press("z", reminder)
    for _ in range(2):
        buttons.press("z1", reminder)
    assert len(wishes(engine, reminder.account_id)) == 1


async def test_without_a_question_no_choice_counts_and_back_asks_no_longer(
    engine: Engine, buttons: Buttons, reminder: ReminderDueV1, chat_id: int
) -> None:
    buttons.press("z1", reminder)
    buttons.press("z", reminder)
    buttons.press("z0", reminder)
    assert texts_of(edits(engine, chat_id)[-1]["buttons"]) == OPEN
    buttons.press("z1", reminder)
    assert wishes(engine, reminder.account_id) == []


async def test_tonight_is_over_when_it_has_come(
    engine: Engine,
    buttons: Buttons,
    reminder: ReminderDueV1,
    chat_id: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snooze_talk, "choices_at", lambda *_: ("10m", "1h"))
    buttons.press("z", reminder)
    buttons.press("z3", reminder)
    assert wishes(engine, reminder.account_id) == []
    told = answers(engine, chat_id)[-1]
    assert told == "It is too late for tonight. Please choose another time."


async def test_what_is_answered_meanwhile_is_not_put_off(
    engine: Engine, days: DayEvents, buttons: Buttons, reminder: ReminderDueV1, chat_id: int
) -> None:
    buttons.press("z", reminder)
    await days.handle(day_delivery(reminder, "done"))
    buttons.press("z1", reminder)
    assert wishes(engine, reminder.account_id) == []
    assert texts_of(edits(engine, chat_id)[-1]["buttons"]) == [(0, "Undo")]


async def test_it_can_be_put_off_three_times(
    engine: Engine,
    reminders: ReminderConsumer,
    handler: UpdateHandler,
    person: TelegramPerson,
    reminder: ReminderDueV1,
    chat_id: int,
) -> None:
    for number in range(4):
        again = replace(
            reminder,
            id=f"{reminder.id}:{number}",
            kind="snoozed",
            not_after=reminder.not_after + timedelta(minutes=10),
        )
        await reminders.handle(reminder_delivery(again))
        buttons = Buttons(handler, chat_id, person.messages(chat_id)[-1]["message_id"])
        buttons.press("z", again)
        buttons.press("z1", again)
    assert len(wishes(engine, reminder.account_id)) == 3
    assert "Three times is as often as it can be put off." in answers(engine, chat_id)
    assert texts_of(edits(engine, chat_id)[-1]["buttons"]) == [(0, "Done"), (0, "Skip")]


@pytest.mark.parametrize("prefix", ["z", "z0", "z1"])
async def test_another_accounts_chat_puts_nothing_off(
    engine: Engine, handler: UpdateHandler, reminder: ReminderDueV1, prefix: str
) -> None:
    other_chat = next(chat_ids)
    link_chat(engine, new_account(), other_chat)
    Buttons(handler, other_chat, 1).press(prefix, reminder)
    assert answers(engine, other_chat) == ["This button no longer works."]
    assert wishes(engine, reminder.account_id) == []
