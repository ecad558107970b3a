"""The operator's command for parked habits: `unpark`, once what parked them has been mended."""

import argparse
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, Engine, select

from services.scheduler.rescheduling import reschedule_some
from services.scheduler.schedule import Habit
from services.scheduler.settings import Settings
from services.scheduler.tables import HABITS
from shared.database import new_engine


def run_command(settings: Settings, arguments: Sequence[str]) -> None:
    """Run the command as typed, its own name first."""
    engine = new_engine(settings.database_url, pool_size=1)
    try:
        run_unpark(engine, settings.grace, arguments[1:])
    finally:
        engine.dispose()


def run_unpark(engine: Engine, grace: timedelta, arguments: Sequence[str]) -> None:
    """List what is parked, or schedule it anew. Raises SystemExit when it stays parked."""
    parser = argparse.ArgumentParser(prog="python -m services.scheduler unpark")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("habit_id", nargs="?", help="this habit")
    which.add_argument("--all", action="store_true", help="every parked habit")
    options = parser.parse_args(arguments)
    if options.habit_id is None and not options.all:
        _print_parked(engine)
        return
    meant = None if options.all else HABITS.c.habit_id == options.habit_id
    unparked, left = unpark(engine, grace, meant)
    print(f"unparked: {unparked}")
    if left or (options.habit_id and not unparked):
        _print_parked(engine)
        raise SystemExit("still parked" if left else f"{options.habit_id} is not parked")


def unpark(
    engine: Engine, grace: timedelta, meant: ColumnElement[bool] | None = None
) -> tuple[int, int]:
    """Schedule parked habits anew, all or the ones meant; return how many are, and are not, now."""
    before = parked(engine, meant)
    habit_ids = {habit_id for habit_id, _, _ in before}

    def is_meant(habit: Habit) -> bool:
        return habit.parked_reason is not None and habit.habit_id in habit_ids

    for account_id in sorted({account_id for _, account_id, _ in before}):
        reschedule_some(engine, account_id, is_meant, grace)
    left = len(parked(engine, meant))
    return len(before) - left, left


def parked(engine: Engine, meant: ColumnElement[bool] | None = None) -> list[tuple[str, str, str]]:
    """Return the parked habits: id, account, and why each cannot be scheduled."""
    query = (
        select(HABITS.c.habit_id, HABITS.c.account_id, HABITS.c.parked_reason)
        .where(HABITS.c.parked_reason.is_not(None))
        .order_by(HABITS.c.habit_id)
    )
    with engine.connect() as connection:
        rows = connection.execute(query if meant is None else query.where(meant))
        return [(row.habit_id, row.account_id, row.parked_reason) for row in rows]


def _print_parked(engine: Engine) -> None:
    for habit_id, account_id, reason in parked(engine):
        print(f"{habit_id}  account {account_id}  {reason}")
