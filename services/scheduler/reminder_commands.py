"""Carries out the commands of the queue `scheduler.commands`, each once: snooze and mute.

A command and that it has been handled are one transaction, so whatever repeats it does no harm.
What cannot be done, because the habit is gone or has been put off often enough, is no error.
"""

import asyncio
from datetime import date, datetime, time, timedelta

from sqlalchemy import Connection, Engine, or_, select, union_all, update
from sqlalchemy.dialects.postgresql import insert

from services.scheduler.projection import lock_habit, lock_owner
from services.scheduler.recurrence import instant_of
from services.scheduler.reminder_messages import SNOOZE
from services.scheduler.schedule import Owner
from services.scheduler.tables import ACCOUNTS, HANDLED_COMMANDS, REMINDERS, WAITING_REMINDERS
from services.scheduler.waiting_reminders import of_slot, put_off
from shared.contracts.reminder_commands import Mute, ReminderCommandV1, Snooze, read_command
from shared.database import transaction
from shared.messaging.deliveries import Delivery, Handler
from shared.process.structured_logs import get_logger
from shared.recurrence.local_dates import local_date_at, zone_named

MOST_SNOOZES = 3

_ONE_DAY = timedelta(days=1)
_TONIGHT = time(20)
_SPANS = {"10m": timedelta(minutes=10), "1h": timedelta(hours=1)}

_log = get_logger(__name__)


def handle_reminder_commands(engine: Engine) -> Handler:
    """Return the handler of the queue `scheduler.commands`."""

    async def handle(delivery: Delivery) -> None:
        await asyncio.to_thread(carry_out, engine, read_command(delivery.body))

    return handle


def carry_out(engine: Engine, command: ReminderCommandV1) -> None:
    """Do what a command asks for, unless it has been done. Raises UnknownTimeZone."""
    with transaction(engine) as connection:
        owner = lock_owner(connection, str(command.account_id))
        if owner.deleted or not _is_new(connection, command):
            return
        match command.wish:
            case Snooze() as wish:
                _snooze(connection, owner, wish, command.at)
            case Mute(until=until):
                end = command.at if until is None else until
                if not isinstance(end, datetime):
                    end = _end_of_today(owner, command.at)
                _mute(connection, owner, command.at, end)


def _is_new(connection: Connection, command: ReminderCommandV1) -> bool:
    noted = connection.scalar(
        insert(HANDLED_COMMANDS)
        .values(command_id=command.command_id, account_id=str(command.account_id))
        .on_conflict_do_nothing()
        .returning(HANDLED_COMMANDS.c.command_id)
    )
    return noted is not None


def _snooze(connection: Connection, owner: Owner, wish: Snooze, at: datetime) -> None:
    habit = lock_habit(connection, str(wish.habit_id))
    if habit is None or habit.account_id != owner.account_id:
        _log.info("a snooze of no habit of the account", habit_id=str(wish.habit_id))
        return
    number = 1 + _snoozes(connection, habit.habit_id, wish.date, wish.slot)
    if number > MOST_SNOOZES or not 0 <= wish.slot < len(habit.timing.times):
        _log.info("a snooze without effect", habit_id=habit.habit_id, number=number)
        return
    put_off(
        connection,
        habit_id=habit.habit_id,
        local_date=wish.date,
        slot=wish.slot,
        again=f"{SNOOZE}{number}",
        account_id=owner.account_id,
        local_time=habit.timing.times[wish.slot],
        due_at=_snoozed_until(owner, wish, at),
    )


def _snoozes(connection: Connection, habit_id: str, local_date: date, slot: int) -> int:
    """Return how often a date and slot has been put off, announced since or not."""
    announced = select(REMINDERS.c.again).where(
        REMINDERS.c.habit_id == habit_id,
        REMINDERS.c.local_date == local_date,
        REMINDERS.c.slot == slot,
    )
    waiting = select(WAITING_REMINDERS.c.again).where(of_slot(habit_id, local_date, slot))
    known = connection.scalars(union_all(announced, waiting))
    return max((int(each[1:]) for each in known if each.startswith(SNOOZE)), default=0)


def _snoozed_until(owner: Owner, wish: Snooze, at: datetime) -> datetime:
    """Return when it comes again; when tonight has been, in an hour."""
    if wish.until == "tonight" and owner.time_zone is not None:
        zone = zone_named(owner.time_zone)
        tonight = instant_of(at.astimezone(zone).date(), _TONIGHT, zone)
        if tonight > at:
            return tonight
    return at + _SPANS.get(wish.until, _SPANS["1h"])


def _end_of_today(owner: Owner, at: datetime) -> datetime:
    zone_name = owner.time_zone or "UTC"
    return instant_of(local_date_at(at, zone_name) + _ONE_DAY, time(), zone_named(zone_name))


def _mute(connection: Connection, owner: Owner, at: datetime, until: datetime) -> None:
    """Note until when, unless something later has been asked for."""
    connection.execute(
        update(ACCOUNTS)
        .where(
            ACCOUNTS.c.account_id == owner.account_id,
            or_(ACCOUNTS.c.muted_at.is_(None), ACCOUNTS.c.muted_at < at),
        )
        .values(muted_at=at, muted_until=until)
    )
