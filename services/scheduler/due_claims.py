"""Which habits are due, and taking them for one tick.

A claim locks accounts, not habits: whoever changes a habit or its schedule holds its account's
lock, so a claimed account's habits stay as they were read. Both queries read rows that are due,
and none that are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ARRAY, Connection, Select, Text, cast, func, select

from services.scheduler.habit_rows import habit_of
from services.scheduler.schedule import Habit, Owner
from services.scheduler.tables import ACCOUNTS, HABITS, WAITING_REMINDERS


@dataclass(frozen=True, slots=True)
class Claim:
    """Due habits, their owners by account id, and the instant by which they were due."""

    habits: list[Habit]
    owners: dict[str, Owner]
    at: datetime


def claim_due(connection: Connection, batch_size: int, most_habits: int) -> Claim | None:
    """Lock the accounts of the longest overdue habits; None when there are none to be had.

    `batch_size` due habits decide which accounts are claimed. All that is due of these is taken,
    account by account, about `most_habits` at most; the other accounts are due for the next claim.
    """
    rows = [dict(row) for row in connection.execute(accounts_query(batch_size)).mappings()]
    if not rows:
        return None
    at: datetime = max(row.pop("claimed_at") for row in rows)
    owners = {row["account_id"]: Owner(**row) for row in rows}
    query = habits_query(list(owners), at, most_habits)
    habits = [habit_of(row) for row in connection.execute(query).mappings()]
    return Claim(habits if len(habits) < most_habits else _whole_accounts(habits), owners, at)


def accounts_query(batch_size: int) -> Select[tuple[object, ...]]:
    """Return the query that locks the accounts of due habits, the longest overdue first.

    An account comes once for each of its due habits. `statement_timestamp()`, not
    `clock_timestamp()`: the index can be searched for a value only when it stays the same for the
    length of the statement.
    """
    return (
        select(ACCOUNTS, func.statement_timestamp().label("claimed_at"))
        .join(HABITS, HABITS.c.account_id == ACCOUNTS.c.account_id)
        .where(HABITS.c.next_due_at <= func.statement_timestamp())
        .order_by(HABITS.c.next_due_at)
        .limit(batch_size)
        .with_for_update(of=ACCOUNTS, skip_locked=True)
    )


def habits_query(
    account_ids: Sequence[str], due_until: datetime, limit: int
) -> Select[tuple[object, ...]]:
    """Return the query for the due habits of claimed accounts, one account after the other."""
    ids = cast(account_ids, ARRAY(Text))
    return (
        select(HABITS)
        .where(HABITS.c.account_id == func.any(ids), HABITS.c.next_due_at <= due_until)
        .order_by(func.array_position(ids, HABITS.c.account_id), HABITS.c.next_due_at)
        .limit(limit)
        .with_for_update(of=HABITS)
    )


def _whole_accounts(habits: list[Habit]) -> list[Habit]:
    """Leave out the last account, which may be cut short, unless it is the only one."""
    last = habits[-1].account_id
    return [habit for habit in habits if habit.account_id != last] or habits


def seconds_to_next_due(connection: Connection) -> float | None:
    """Return how long until something is due, by the database's clock; None when nothing waits."""
    habit = select(func.min(HABITS.c.next_due_at)).scalar_subquery()
    waiting = select(func.min(WAITING_REMINDERS.c.due_at)).scalar_subquery()
    query = select(func.least(habit, waiting), func.clock_timestamp())
    next_due_at, now = connection.execute(query).one()
    return None if next_due_at is None else (next_due_at - now).total_seconds()
