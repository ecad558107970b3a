"""Carries out what was pressed below reminders, from the queue `habits.commands`: each press once.

A command and that it has been handled are one transaction, so whatever repeats it does no harm. A
press that was overtaken by a later one of the same day changes nothing any more. What cannot be
done, because the habit is gone, is not the account's or has no such date, is no error: the person
has been answered, and pressing again is always possible.
"""

import asyncio

from sqlalchemy import Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from services.habits.days.day import ClearDay, DayCommand, DayRefused, SetStatus
from services.habits.days.day_commands import DayCommands, DayRequest
from services.habits.days.day_events import Channel, DayStatus
from services.habits.habit import HabitRefusal
from services.habits.owners import AccountErased, lock_owner
from services.habits.tables import handled_commands
from shared.contracts.day_commands import AnswerDayV1, Wish, read_command
from shared.database import transaction
from shared.messaging.deliveries import Delivery, Handler
from shared.process.structured_logs import get_logger

_log = get_logger(__name__)

_COMMANDS: dict[Wish, DayCommand] = {
    "done": SetStatus(DayStatus.DONE, keeps=True),
    "skipped": SetStatus(DayStatus.SKIPPED, keeps=True),
    "cleared": ClearDay(),
}


def handle_pressed_answers(engine: Engine, days: DayCommands) -> Handler:
    """Return the handler of the queue `habits.commands`."""

    async def handle(delivery: Delivery) -> None:
        command = read_command(delivery.body)
        try:
            await asyncio.to_thread(_carry_out, engine, days, command)
        except AccountErased:
            _log.info("a press of an erased account", command_id=command.command_id)

    return handle


def _carry_out(engine: Engine, days: DayCommands, command: AnswerDayV1) -> None:
    with transaction(engine) as connection:
        lock_owner(connection, command.account_id)
        if _is_overtaken(connection, command) or not _is_new(connection, command):
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


def _is_new(connection: Connection, command: AnswerDayV1) -> bool:
    noted = connection.scalar(
        insert(handled_commands)
        .values(
            command_id=command.command_id,
            account_id=command.account_id,
            habit_id=command.habit_id,
            date=command.date,
            pressed_at=command.at,
        )
        .on_conflict_do_nothing()
        .returning(handled_commands.c.command_id)
    )
    return noted is not None
