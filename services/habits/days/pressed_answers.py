"""Carries out what was pressed below reminders, each press once.

A command and that it has been handled are one transaction, so whatever repeats it does no harm. A
press that was overtaken by a later one of the same day changes nothing any more. What cannot be
done, because the habit is gone, is not the account's or has no such date, is no error: the person
has been answered, and pressing again is always possible.
"""

from decimal import Decimal

from sqlalchemy import Connection, Engine, select

from services.habits.days.day import AddValue, ClearDay, DayCommand, DayRefused, SetStatus
from services.habits.days.day_commands import DayCommands, DayRequest
from services.habits.days.day_events import Channel, DayStatus
from services.habits.habit import HabitRefusal
from services.habits.handled_commands import note_command
from services.habits.owners import lock_owner
from services.habits.tables import handled_commands
from shared.contracts.day_commands import AnswerDayV1, Wish
from shared.database import transaction
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)

_COMMANDS: dict[Wish, DayCommand] = {
    "done": SetStatus(DayStatus.DONE, keeps=True),
    "skipped": SetStatus(DayStatus.SKIPPED, keeps=True),
    "cleared": ClearDay(),
    "progress": AddValue(Decimal(1)),
}


def carry_out_press(engine: Engine, days: DayCommands, command: AnswerDayV1) -> None:
    """Record what was pressed, unless that has been done. Raises AccountErased."""
    with transaction(engine) as connection:
        lock_owner(connection, command.account_id)
        # What adds up is overtaken by nothing.
        is_overtaken = command.wish != "progress" and _is_overtaken(connection, command)
        if is_overtaken or not note_command(
            connection, command, habit_id=command.habit_id, date=command.date
        ):
            return
        request = DayRequest(
            habit_id=command.habit_id, date=command.date, command=_COMMANDS[command.wish]
        )
        try:
            days.answer_in(connection, command.account_id, request, Channel.TELEGRAM)
        except (HabitRefusal, DayRefused) as refusal:
            _log.info("a press without effect", reason=repr(refusal))


def _is_overtaken(connection: Connection, command: AnswerDayV1) -> bool:
    """Whether a later press of the day has been handled; the owner's lock keeps it so."""
    later = (
        select(handled_commands.c.command_id)
        .where(
            handled_commands.c.habit_id == command.habit_id,
            handled_commands.c.date == command.date,
            handled_commands.c.account_id == command.account_id,
            handled_commands.c.pressed_at > command.at,
        )
        .limit(1)
    )
    return connection.scalar(later) is not None
