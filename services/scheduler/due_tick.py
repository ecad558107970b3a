"""The tick: announces what is due and moves each habit on, in one transaction.

Any number of replicas may tick. Accounts with something due are claimed by their row locks, and
those that another replica or the handler of an event holds are skipped; a replica that dies gives
its own back unchanged. All that is due of a claimed account is taken, so that its reminders of one
instant are announced together. What is due is decided by the database's clock, so replicas need
not agree about the time. A habit that cannot be settled is parked with its reason, so that it
cannot stop the others.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from sqlalchemy import Connection, Engine

from services.scheduler.announcing import Circumstances, announce, count_announced
from services.scheduler.due_claims import Claim, claim_due
from services.scheduler.overdue import settle_overdue
from services.scheduler.projection import linked_actions
from services.scheduler.quiet_hours import end_of_quiet
from services.scheduler.recurrence import Recurrence
from services.scheduler.reminder_messages import ReminderMessage, messages_about
from services.scheduler.schedule import Habit, Owner, Parked, follow_ups_of, following_plan
from services.scheduler.schedule_entries import ScheduleEntry, write_entries
from shared.database import transaction
from shared.process.structured_logs import get_logger

BATCH_SIZE = 500
MAX_HABITS_PER_TRANSACTION = 2_000
# After a long outage a habit has one overdue occurrence for each day: a transaction takes this
# many of one habit, stops taking an account's habits after this many, and stops taking accounts
# after this many in all; the rest stay due for the next one.
MAX_OVERDUE_PER_HABIT = 400
MAX_OVERDUE_PER_ACCOUNT = 10_000
MAX_OVERDUE_PER_TRANSACTION = 2_000

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Settled:
    """What is to be announced about one habit, and its new entry in the schedule."""

    messages: list[ReminderMessage]
    entry: ScheduleEntry


def tick(engine: Engine, grace: timedelta, batch_size: int = BATCH_SIZE) -> int:
    """Announce what is due of a batch of accounts; return how many habits were due."""
    with transaction(engine) as connection:
        claim = claim_due(connection, batch_size, MAX_HABITS_PER_TRANSACTION)
        if claim is None:
            return 0
        settled = _settle_all(connection, claim, grace)
        messages = [each for one in settled for each in one.messages]
        circumstances = Circumstances(claim.at, claim.owners, follow_ups_of(claim.habits))
        announced = announce(connection, messages, circumstances)
        write_entries(connection, [one.entry for one in settled])
    count_announced(announced)
    _report_parked(settled)
    return len(claim.habits)


def _settle_all(connection: Connection, claim: Claim, grace: timedelta) -> list[Settled]:
    actions = linked_actions(connection, claim.habits)
    settled: list[Settled] = []
    taken = 0
    for account_id, habits in groupby(claim.habits, key=attrgetter("account_id")):
        if taken >= MAX_OVERDUE_PER_TRANSACTION:
            break
        begun_at = taken
        for habit in habits:
            if taken - begun_at >= MAX_OVERDUE_PER_ACCOUNT:
                break
            owner = claim.owners[account_id]
            action = actions.get(habit.habit_id)
            settled.append(_settle_or_park(habit, owner, action, claim.at, grace))
            taken += len(settled[-1].messages)
    return settled


def _settle_or_park(
    habit: Habit, owner: Owner, linked_action: str | None, now: datetime, grace: timedelta
) -> Settled:
    try:
        return _settle(habit, owner, linked_action, now, grace)
    except Exception as error:  # whatever is wrong with one habit, the others go on
        reason = f"{type(error).__name__}: {error}"
        return Settled([], ScheduleEntry(habit.habit_id, Parked(reason), habit.announced))


def _settle(
    habit: Habit, owner: Owner, linked_action: str | None, now: datetime, grace: timedelta
) -> Settled:
    if habit.upcoming is None or habit.anchor_date is None or owner.time_zone is None:
        raise ValueError(f"habit {habit.habit_id} is due without a schedule")
    overdue = settle_overdue(
        Recurrence(owner.time_zone, habit.timing, habit.anchor_date),
        habit.upcoming,
        habit.announced,
        until=now,
        now=now,
        grace=grace,
        limit=MAX_OVERDUE_PER_HABIT,
        comes_at=lambda due_at: end_of_quiet(owner, due_at) or due_at,
    )
    messages = messages_about(
        habit, owner, overdue, linked_action=linked_action, now=now, grace=grace
    )
    following = following_plan(habit.anchor_date, overdue.following)
    return Settled(messages, ScheduleEntry(habit.habit_id, following, overdue.announced))


def _report_parked(settled: Sequence[Settled]) -> None:
    for one in settled:
        if isinstance(one.entry.plan, Parked):
            _log.error("habit parked", habit_id=one.entry.habit_id, reason=one.entry.plan.reason)
