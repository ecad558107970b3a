"""What becomes of overdue occurrences: one is announced, the rest are missed. Pure.

The newest is announced when it is not older than the grace; everything before it is missed. So
after an outage a habit is reminded of at most once, late.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice, takewhile

from services.scheduler.recurrence import (
    Occurrence,
    Recurrence,
    next_occurrence,
    occurrences_from,
)


@dataclass(frozen=True, slots=True)
class Overdue:
    """What to do about a habit's overdue occurrences, and which comes after them."""

    due: Occurrence | None
    missed: list[Occurrence]
    following: Occurrence


def settle_overdue(
    recurrence: Recurrence,
    first: Occurrence,
    *,
    until: datetime,
    now: datetime,
    grace: timedelta,
    limit: int,
) -> Overdue:
    """Settle the occurrences from the overdue `first` to `until`, at most `limit` of them.

    With more than `limit`, all of these are missed, since a newer one is overdue too; `following`
    is then overdue itself.
    """
    passed = list(
        islice(
            takewhile(lambda each: each.due_at <= until, occurrences_from(recurrence, first)), limit
        )
    )
    newest = passed[-1]
    following = next_occurrence(recurrence, newest.due_at, newest.local_date)
    if following.due_at > until and now - newest.due_at <= grace:
        return Overdue(due=newest, missed=passed[:-1], following=following)
    return Overdue(due=None, missed=passed, following=following)
