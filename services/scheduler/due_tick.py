"""The tick: announces what is due and moves each habit on, in one transaction.

Any number of replicas may tick. A due row is claimed by its row lock, and replicas skip each
other's (`FOR UPDATE SKIP LOCKED`); a replica that dies gives its rows back unchanged. What is due
is decided by the database's clock, so replicas need not agree about the time. A habit that cannot
be settled is parked with its reason, so that it cannot stop the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Select, func, select

from services.scheduler.announcing import announce, count_announced
from services.scheduler.overdue import settle_overdue
from services.scheduler.placement import Placement, place
from services.scheduler.projection import linked_actions, owners_by_id
from services.scheduler.reminder_messages import ReminderMessage, messages_about
from services.scheduler.schedule import Habit, Owner, Parked, Scheduled, recurrence_of
from services.scheduler.tables import HABITS
from shared.database import transaction
from shared.process.structured_logs import get_logger

BATCH_SIZE = 200
# After a long outage a habit has one overdue occurrence for each day: a transaction takes this
# many of one habit, and stops taking habits after this many in all; the rest stay due for the
# next one.
MAX_OVERDUE_PER_HABIT = 400
MAX_OVERDUE_PER_TRANSACTION = 2_000

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be announced about one habit, and its new place."""

    messages: list[ReminderMessage]
    placement: Placement


def tick(engine: Engine, grace: timedelta, batch_size: int = BATCH_SIZE) -> int:
    """Announce what is due, at most `batch_size` habits; return how many habits were due."""
    with transaction(engine) as connection:
        habits, now = _claim(connection, batch_size)
        if now is None:
            return 0
        settled = _settle_all(connection, habits, now, grace)
        announced = announce(connection, [each for one in settled for each in one.messages])
        place(connection, [one.placement for one in settled])
    count_announced(announced)
    _report_parked(settled)
    return len(habits)


def claim_query(batch_size: int) -> Select[tuple[object, ...]]:
    """Return the query that locks due habits, the longest overdue first.

    `statement_timestamp()`, not `clock_timestamp()`: the index can be searched for a value only
    when it stays the same for the length of the statement.
    """
    return (
        select(HABITS, func.statement_timestamp().label("claimed_at"))
        .where(HABITS.c.next_due_at <= func.statement_timestamp())
        .order_by(HABITS.c.next_due_at)
        .limit(batch_size)
        .with_for_update(of=HABITS, skip_locked=True)
    )


def seconds_to_next_due(connection: Connection) -> float | None:
    """Return how long until the next habit is due, by the database's clock; None without any."""
    query = select(func.min(HABITS.c.next_due_at), func.clock_timestamp())
    next_due_at, now = connection.execute(query).one()
    return None if next_due_at is None else (next_due_at - now).total_seconds()


def _claim(connection: Connection, batch_size: int) -> tuple[list[Habit], datetime | None]:
    """Lock and return due habits, and the instant by which they were."""
    rows = [dict(row) for row in connection.execute(claim_query(batch_size)).mappings()]
    claimed_at = [row.pop("claimed_at") for row in rows]
    return [Habit(**row) for row in rows], claimed_at[0] if claimed_at else None


def _settle_all(
    connection: Connection, habits: Sequence[Habit], now: datetime, grace: timedelta
) -> list[Settled]:
    # Read after the claim: whoever changes an owner changes its habits too, under locks that are
    # ours now.
    owners = owners_by_id(connection, (habit.account_id for habit in habits))
    actions = linked_actions(connection, habits)
    settled: list[Settled] = []
    taken = 0
    for habit in habits:
        if taken >= MAX_OVERDUE_PER_TRANSACTION:
            break
        owner = owners[habit.account_id]
        settled.append(_settle_or_park(habit, owner, actions.get(habit.habit_id), now, grace))
        taken += len(settled[-1].messages)
    return settled


def _settle_or_park(
    habit: Habit, owner: Owner, linked_action: str | None, now: datetime, grace: timedelta
) -> Settled:
    try:
        return _settle(habit, owner, linked_action, now, grace)
    except Exception as error:  # whatever is wrong with one habit, the others go on
        reason = f"{type(error).__name__}: {error}"
        return Settled([], Placement(habit.habit_id, Parked(reason), habit.last_local_date))


def _settle(
    habit: Habit, owner: Owner, linked_action: str | None, now: datetime, grace: timedelta
) -> Settled:
    upcoming = habit.upcoming()
    if upcoming is None or habit.anchor_date is None or owner.time_zone is None:
        raise ValueError(f"habit {habit.habit_id} is due without a schedule")
    overdue = settle_overdue(
        recurrence_of(habit, owner.time_zone, habit.anchor_date),
        upcoming,
        until=now,
        now=now,
        grace=grace,
        limit=MAX_OVERDUE_PER_HABIT,
    )
    messages = messages_about(
        habit, owner, overdue, linked_action=linked_action, now=now, grace=grace
    )
    following = Scheduled(anchor_date=habit.anchor_date, occurrence=overdue.following)
    return Settled(messages, Placement(habit.habit_id, following, messages[-1].local_date))


def _report_parked(settled: Sequence[Settled]) -> None:
    for one in settled:
        if isinstance(one.placement.plan, Parked):
            _log.error(
                "habit parked", habit_id=one.placement.habit_id, reason=one.placement.plan.reason
            )
