"""What a chat says of reminders that are to come again later: a question and its answer.

The scheduler owns time: it gets a command through the outbox, and whether the reminder comes again
is its to decide. The message tells at once until when it sleeps.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.notifier.answers.heard_days import is_heard
from services.notifier.answers.press_talk import answer, reminder_of, show_again
from services.notifier.answers.reminder_messages import ask_snooze, note_asleep
from services.notifier.answers.snoozes import MOST_SNOOZES, asleep_until, choices_at
from services.notifier.sending.bot_messages import Telling
from services.notifier.telegram.updates import Pressed
from services.notifier.translations import Translations
from services.notifier.update_router import PressHandler, Turn
from shared.contracts.reminder_commands import (
    ReminderCommandV1,
    Snooze,
    SnoozeUntil,
    command_to_json,
)
from shared.contracts.topology import SCHEDULER_COMMANDS
from shared.outbox.table import add_message


class SnoozeTalk:
    """Handlers of presses, for the router."""

    def __init__(self, translations: Translations) -> None:
        self._translations = translations

    def ask(self, turn: Turn, press: Pressed, data: str) -> Sequence[Telling]:
        """Ask in the reminder's message when it is to come again."""
        reminder = reminder_of(turn, press, data)
        if reminder is None:
            return [answer(press, turn.texts.old_button())]
        if reminder.asleep_until is None and reminder.snoozes >= MOST_SNOOZES:
            return self._told(turn, press, turn.texts.snoozed_enough())
        if _is_open(turn, reminder):
            ask_snooze(turn.connection, reminder.reminder_id, asks=True)
            return self._told(turn, press, turn.texts.snooze_question())
        return self._told(turn, press, turn.texts.noted())

    def think_better(self, turn: Turn, press: Pressed, data: str) -> Sequence[Telling]:
        """Ask no longer."""
        reminder = reminder_of(turn, press, data)
        if reminder is None:
            return [answer(press, turn.texts.old_button())]
        ask_snooze(turn.connection, reminder.reminder_id, asks=False)
        return self._told(turn, press, turn.texts.noted())

    def chooser(self, until: SnoozeUntil) -> PressHandler:
        """Return the handler of one choice; only an open question takes it, so twice is once."""

        def choose(turn: Turn, press: Pressed, data: str) -> Sequence[Telling]:
            reminder = reminder_of(turn, press, data)
            if reminder is None:
                return [answer(press, turn.texts.old_button())]
            if not (reminder.asks_snooze and _is_open(turn, reminder)):
                return self._told(turn, press, turn.texts.noted())
            if until not in choices_at(turn.at, reminder.time_zone):
                return self._told(turn, press, turn.texts.too_late_for_tonight())
            _command(turn, reminder, until)
            comes_at = asleep_until(until, turn.at, reminder.time_zone)
            note_asleep(turn.connection, reminder.reminder_id, comes_at)
            return self._told(turn, press, turn.texts.noted())

        return choose

    def _told(self, turn: Turn, press: Pressed, text: str) -> Sequence[Telling]:
        return [answer(press, text), *show_again(turn, press, self._translations)]


def _is_open(turn: Turn, reminder: Row[Any]) -> bool:
    """Whether it waits for its answer, and does not sleep already."""
    is_unanswered = is_heard(
        turn.connection, reminder.habit_id, reminder.local_date, reminder.slot, "cleared"
    )
    return is_unanswered and reminder.asleep_until is None


def _command(turn: Turn, reminder: Row[Any], until: SnoozeUntil) -> None:
    command = ReminderCommandV1(
        command_id=f"{turn.update_id}:snooze",
        account_id=UUID(reminder.account_id),
        at=turn.at,
        wish=Snooze(
            habit_id=UUID(reminder.habit_id),
            date=reminder.local_date,
            slot=reminder.slot,
            until=until,
        ),
    )
    add_message(turn.connection, SCHEDULER_COMMANDS, reminder.account_id, command_to_json(command))
