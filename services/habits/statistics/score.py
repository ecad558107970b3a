"""The strength of a habit, from 0 to 1: the formula of Loop Habit Tracker. Pure.

Each day moves the score towards the share that was done of what the last days asked for; a day
weighs less the rarer the habit is. docs/statistics.md has the formula and where it departs from
Loop's.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache
from itertools import accumulate
from math import sqrt
from typing import NamedTuple

from services.habits.statistics.judged_days import (
    DONE,
    MISSED,
    NEUTRAL,
    OF_WEEK,
    PENDING,
    JudgedDay,
)
from shared.recurrence.schedules import (
    EveryNDays,
    Schedule,
    TimesPerWeek,
    Weekdays,
    scheduled_dates,
)

_HALF_LIFE_DAYS = 13
_DAYS_OF_A_WEEK = 7
_ASKED = (DONE, MISSED)
_WITHOUT_WEIGHT = (NEUTRAL, PENDING)


class _Pace(NamedTuple):
    """How many days are looked back on, and how much of the old score stays each day."""

    window: int
    remaining: float


def score_of(days: Sequence[JudgedDay]) -> float:
    """Return the score after a habit's days, from its first date on without a gap."""
    done = list(accumulate((day.amount for day in days), initial=0.0))
    asked = list(accumulate(map(_asked, days), initial=0.0))
    score = 0.0
    for end, day in enumerate(days, 1):
        if day.verdict in _WITHOUT_WEIGHT or day.schedule is None:
            continue
        window, remaining = _pace(day.schedule)
        begin = end - window
        if begin < 0:
            begin, early = 0, _before_start(days, day.schedule, -begin)
        else:
            early = 0
        demand = asked[end] - asked[begin] + early
        if demand:
            share = min(1.0, (done[end] - done[begin]) / demand)
            score = score * remaining + share * (1 - remaining)
    return score


def _asked(day: JudgedDay) -> float:
    """Return how much a date asks for: of a week's, each an equal share."""
    if day.verdict is OF_WEEK and isinstance(day.schedule, TimesPerWeek):
        return day.schedule.times / _DAYS_OF_A_WEEK
    return day.verdict in _ASKED


@cache
def _pace(schedule: Schedule) -> _Pace:
    match schedule:
        case EveryNDays(n):
            times, period = 1, n
        case Weekdays(weekdays):
            times, period = len(weekdays), _DAYS_OF_A_WEEK
        case TimesPerWeek(times):
            period = _DAYS_OF_A_WEEK
    is_daily = times == period
    window = 1 if is_daily else 2 * period
    return _Pace(window, 0.5 ** (sqrt(times / period) / _HALF_LIFE_DAYS))


def _before_start(days: Sequence[JudgedDay], schedule: Schedule, count: int) -> float:
    """Return how often so many days before the first would have been asked for.

    So a new habit gains its strength step by step: one day done is not all of a window.
    """
    if isinstance(schedule, TimesPerWeek):
        return count * schedule.times / _DAYS_OF_A_WEEK
    first_date = days[0].date
    # A whole number of periods back, so that the dates stay in step.
    earlier = first_date - timedelta(days=_pace(schedule).window)
    begin, end = first_date - timedelta(days=count), first_date - timedelta(days=1)
    return len(list(scheduled_dates(schedule, earlier, begin, end)))
