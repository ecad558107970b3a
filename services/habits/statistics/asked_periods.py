"""What was asked of a habit and is decided: scheduled dates, and weeks of some days each. Pure.

A week is from Monday to Sunday, as ISO 8601 has it. It asks for so many days as its schedule says,
but for no more than there were: not those that were skipped or on which the habit was not in force.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date as local_date
from datetime import timedelta
from typing import NamedTuple

from services.habits.statistics.judged_days import DONE, MISSED, NEUTRAL, JudgedDay
from shared.recurrence.schedules import TimesPerWeek

_DAYS_OF_A_WEEK = 7


class AskedPeriod(NamedTuple):
    """A date or a week, by its last date, that was done or is over."""

    last_date: local_date
    is_done: bool


@dataclass(slots=True)
class _Week:
    """`available`: so many of its days could have been done so far."""

    sunday: local_date
    times: int = 0
    available: int = 0
    done: int = 0


def asked_periods(
    days: Iterable[JudgedDay], *, as_of: local_date, today: local_date
) -> Iterator[AskedPeriod]:
    """Yield what was asked of a habit's days, oldest first; what is not decided is left out."""
    week: _Week | None = None
    for day in days:
        schedule = day.schedule
        if week is not None and day.date > week.sunday:
            yield from _decided(week, as_of=as_of, today=today)
            week = None
        if isinstance(schedule, TimesPerWeek):
            week = week or _Week(day.date + timedelta(days=_DAYS_OF_A_WEEK - day.date.isoweekday()))
            week.times = schedule.times
            week.available += day.verdict is not NEUTRAL
            week.done += day.is_done
        elif day.verdict is DONE or day.verdict is MISSED:
            yield AskedPeriod(day.date, day.verdict is DONE)
    if week is not None:
        yield from _decided(week, as_of=as_of, today=today)


def _decided(week: _Week, *, as_of: local_date, today: local_date) -> Iterator[AskedPeriod]:
    to_come = max(0, (week.sunday - as_of).days)
    demand = min(week.times, week.available + to_come)
    is_done = week.done >= demand
    is_over = week.sunday <= as_of and week.sunday < today
    if demand > 0 and (is_done or is_over):
        yield AskedPeriod(min(week.sunday, as_of), is_done)
