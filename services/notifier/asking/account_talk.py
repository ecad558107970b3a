"""Commands about habits and reminders: what is asked of other services, through the outbox.

Only the chat's link says for whom. habits and auth reply (see `reply_events`); what is asked of
the scheduler is told at once, because nothing can come of it but what was asked.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.notifier.asking.open_questions import note_asked
from services.notifier.hints import hint, is_due
from services.notifier.linking.chat_links import linked_account
from services.notifier.sending.bot_messages import Send, Telling
from services.notifier.update_router import CommandHandler, Turn
from shared.contracts import account_commands, day_commands, reminder_commands
from shared.contracts.account_commands import SetTimeZoneV1
from shared.contracts.day_commands import AskHabitsV1, HabitsCommand, UndoLastV1
from shared.contracts.reminder_commands import Mute, ReminderCommandV1
from shared.contracts.topology import AUTH_COMMANDS, HABITS_COMMANDS, SCHEDULER_COMMANDS
from shared.outbox.table import add_message

# Whoever asks the same again before the answer can have come is asked to wait by silence.
_ASKED_AGAIN_AFTER = timedelta(seconds=2)
LONGEST_MUTE_HOURS = 72
_HOURS = re.compile(r"([0-9]{1,3})\s*[hч]", re.IGNORECASE)

Question = Literal["today", "stats"]


def asker(question: Question) -> CommandHandler:
    """Return the handler of a command that asks habits something."""

    def ask(turn: Turn, _argument: str | None) -> Sequence[Telling]:
        account_id = linked_account(turn.connection, turn.chat.id)
        if account_id is None:
            return not_linked(turn)
        if not is_due(turn.connection, turn.chat.id, question, turn.at, _ASKED_AGAIN_AFTER):
            return []
        command = AskHabitsV1(
            command_id=f"{turn.update_id}:{question}",
            account_id=UUID(account_id),
            question=question,
            at=turn.at,
        )
        _ask_habits(turn, command)
        return []

    return ask


def undo(turn: Turn, _argument: str | None) -> Sequence[Telling]:
    """Have the account's last change undone; the answer tells what that was."""
    account_id = linked_account(turn.connection, turn.chat.id)
    if account_id is None:
        return not_linked(turn)
    command_id = f"{turn.update_id}:undo"
    _ask_habits(turn, UndoLastV1(command_id=command_id, account_id=UUID(account_id), at=turn.at))
    return []


def set_time_zone(turn: Turn, argument: str | None) -> Sequence[Telling]:
    """Have the account live in another time zone; the answer tells which one that is."""
    account_id = linked_account(turn.connection, turn.chat.id)
    if account_id is None:
        return not_linked(turn)
    if argument is None:
        return hint(turn, "timezone", turn.texts.how_to_set_time_zone())
    command = SetTimeZoneV1(
        command_id=f"{turn.update_id}:timezone",
        account_id=UUID(account_id),
        time_zone=argument,
        at=turn.at,
    )
    note_asked(turn.connection, command.command_id, account_id, turn.chat.id, turn.at)
    body = account_commands.command_to_json(command)
    add_message(turn.connection, AUTH_COMMANDS, account_id, body)
    return []


def mute(turn: Turn, argument: str | None) -> Sequence[Telling]:
    """Have no reminders sent for some hours or the rest of the day, or have them sent again."""
    account_id = linked_account(turn.connection, turn.chat.id)
    if account_id is None:
        return not_linked(turn)
    match read_span((argument or "").lower()):
        case None:
            return hint(turn, "mute", turn.texts.how_to_mute(LONGEST_MUTE_HOURS))
        case "off":
            return _mute(turn, account_id, None, turn.texts.muted_no_more())
        case "today":
            return _mute(turn, account_id, "today", turn.texts.muted_today())
        case hours:
            until = turn.at + timedelta(hours=hours)
            return _mute(turn, account_id, until, turn.texts.muted_for(hours))


def read_span(said: str) -> Literal["off", "today"] | int | None:
    """Return for how many hours, or until when, reminders are not wanted; None for anything else.

    The words are those of the bot's languages.
    """
    if said in {"off", "выкл"}:
        return "off"
    if said in {"today", "сегодня"}:
        return "today"
    hours = _HOURS.fullmatch(said)
    return int(hours[1]) if hours and 1 <= int(hours[1]) <= LONGEST_MUTE_HOURS else None


def not_linked(turn: Turn) -> Sequence[Telling]:
    """Say that the chat is nobody's."""
    return hint(turn, "not linked", turn.texts.not_linked())


def _ask_habits(turn: Turn, command: HabitsCommand) -> None:
    account_id = str(command.account_id)
    note_asked(turn.connection, command.command_id, account_id, turn.chat.id, turn.at)
    body = day_commands.command_to_json(command)
    add_message(turn.connection, HABITS_COMMANDS, account_id, body)


def _mute(
    turn: Turn, account_id: str, until: datetime | Literal["today"] | None, told: str
) -> Sequence[Telling]:
    command = ReminderCommandV1(
        command_id=f"{turn.update_id}:mute",
        account_id=UUID(account_id),
        at=turn.at,
        wish=Mute(until=until),
    )
    body = reminder_commands.command_to_json(command)
    add_message(turn.connection, SCHEDULER_COMMANDS, account_id, body)
    return [Send(turn.chat.id, told)]
