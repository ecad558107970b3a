"""What becomes of overdue occurrences: the newest of each slot is announced, the rest are missed.

The newest is announced when it is not older than the grace; everything before it is missed. So
after an outage a habit is reminded of each of its times at most once, late. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.scheduler.announced import Announced, announced_with
from services.scheduler.recurrence import Occurrence, Recurrence, occurrence_after


@dataclass(frozen=True, slots=True)
class Overdue:
    """What to do about a habit's overdue occurrences, and what comes after them, if anything."""

    due: list[Occurrence]
    missed: list[Occurrence]
    following: Occurrence | None
    announced: Announced | None


def settle_overdue(
    recurrence: Recurrence,
    first: Occurrence,
    announced: Announced | None,
    *,
    until: datetime,
    now: datetime,
    grace: timedelta,
    limit: int,
    comes_at: Callable[[datetime], datetime] = lambda due_at: due_at,
) -> Overdue:
    """Settle the occurrences from the overdue `first` to `until`, at most `limit` of them.

    The grace begins when a reminder may come, which quiet hours put off: `comes_at`.
    With more than `limit`, those that have a newer one of their slot among them are missed;
    `following` is then overdue itself. `limit` is more than a date has slots.
    """
    passed: list[Occurrence] = []
    following: Occurrence | None = first
    covered = announced
    while following is not None and following.due_at <= until:
        if len(passed) == limit:
            return _all_missed(passed, announced)
        passed.append(following)
        covered = announced_with(covered, following.local_date, following.slot)
        following = occurrence_after(recurrence, following, covered)
    newest = {each.slot: each for each in passed}
    due = [
        each
        for each in passed
        if newest[each.slot] is each and now - comes_at(each.due_at) <= grace
    ]
    missed = [each for each in passed if each not in due]
    return Overdue(due, missed, following, covered)


def _all_missed(passed: list[Occurrence], announced: Announced | None) -> Overdue:
    """Miss what has a newer one of its slot; what comes after them is still to be settled."""
    newest = {each.slot: number for number, each in enumerate(passed)}
    left = min(newest.values())
    missed = passed[:left]
    for each in missed:
        announced = announced_with(announced, each.local_date, each.slot)
    return Overdue([], missed, passed[left], announced)
