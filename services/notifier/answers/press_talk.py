"""What a press below a reminder asks of habits: a command through the outbox, in its transaction.

Only the chat's link says whose habits it may answer for. The press is answered at once; what came
of it the message shows when habits has told.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row

from services.notifier.answers.buttons import read_key
from services.notifier.answers.heard_days import is_heard, lock_answers
from services.notifier.answers.reminder_messages import (
    Place,
    find,
    note_sent,
    shown_now,
)
from services.notifier.hints import is_due
from services.notifier.linking.chat_links import linked_account
from services.notifier.sending.bot_messages import AnswerPress, Telling
from services.notifier.telegram.updates import Pressed
from services.notifier.translations import Translations
from services.notifier.update_router import PressHandler, Turn
from shared.contracts.day_commands import AnswerDayV1, Wish, command_to_json
from shared.contracts.topology import HABITS_COMMANDS
from shared.outbox.table import add_message

_SHOWN_AGAIN_AFTER = timedelta(seconds=5)


class PressTalk:
    """Handlers of presses, for the router."""

    def __init__(self, translations: Translations) -> None:
        self._translations = translations

    def handler(self, wish: Wish) -> PressHandler:
        """Return the handler of the buttons with that wish."""

        def handle(turn: Turn, press: Pressed, data: str) -> Sequence[Telling]:
            reminder = reminder_of(turn, press, data)
            if reminder is None:
                return [answer(press, turn.texts.old_button())]
            _command(turn, reminder, wish)
            noted = answer(press, turn.texts.noted())
            return [noted, *self._shown_again(turn, press, reminder, wish)]

        return handle

    def _shown_again(
        self, turn: Turn, press: Pressed, reminder: Row[Any], wish: Wish
    ) -> Sequence[Telling]:
        """Show what is as it was asked to be: no event will come of it, and no other edit."""
        if not is_heard(
            turn.connection, reminder.habit_id, reminder.local_date, reminder.slot, wish
        ):
            return []
        # Whoever presses on and on is shown it once: nothing has changed meanwhile.
        name = f"shown {press.message_id}"
        if not is_due(turn.connection, turn.chat.id, name, turn.at, _SHOWN_AGAIN_AFTER):
            return []
        return show_again(turn, press, self._translations)


def reminder_of(turn: Turn, press: Pressed, data: str) -> Row[Any] | None:
    """Return the reminder whose button was pressed, if it was the chat's account's.

    Whoever sends, hears of days or edits for the account waits until the commit.
    """
    key = read_key(data)
    account_id = linked_account(turn.connection, turn.chat.id)
    if key is None or account_id is None:
        return None
    lock_answers(turn.connection, account_id)
    reminder = find(turn.connection, account_id, key, press.message_id)
    if reminder is not None and reminder.telegram_message_id is None:
        # Telegram's answer was lost; the message came all the same.
        note_sent(turn.connection, [reminder.reminder_id], press.message_id)
    return reminder


def show_again(turn: Turn, press: Pressed, translations: Translations) -> Sequence[Telling]:
    """Have the message whose button was pressed show what is so by now."""
    edit = shown_now(turn.connection, Place(turn.chat.id, press.message_id), translations)
    return [edit] if edit else []


def answer(press: Pressed, text: str) -> AnswerPress:
    """Tell at once whoever pressed a button."""
    return AnswerPress(press.chat.id, press.query_id, text)


def _command(turn: Turn, reminder: Row[Any], wish: Wish) -> None:
    command = AnswerDayV1(
        command_id=f"{turn.update_id}:{wish}",
        account_id=UUID(reminder.account_id),
        habit_id=UUID(reminder.habit_id),
        date=reminder.local_date,
        slot=reminder.slot,
        wish=wish,
        at=turn.at,
    )
    add_message(turn.connection, HABITS_COMMANDS, reminder.account_id, command_to_json(command))
