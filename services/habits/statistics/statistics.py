"""A habit's statistics as of a date, from its spans and its answers. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as local_date
from decimal import Decimal
from uuid import UUID

from services.habits.days.day_events import DayStatus
from services.habits.habit_events import ActiveHabit
from services.habits.schedule_spans import Span
from services.habits.statistics.asked_periods import asked_periods
from services.habits.statistics.judged_days import Answer, JudgedDay, judged_days
from services.habits.statistics.score import score_of
from services.habits.statistics.streaks import Completion, Streaks, completion_of, streaks_of
from shared.recurrence.schedules import TimesPerWeek

COMPLETION_DAYS = (7, 30, 365)
DAYS_OF_A_YEAR = 365


@dataclass(frozen=True, slots=True)
class YearDay:
    """One date of the year that ends with the statistics."""

    date: local_date
    scheduled: bool
    status: DayStatus | None
    value: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """`completion` by the number of the last days; totals are of all dates, extra ones too."""

    habit_id: UUID
    counts_weeks: bool
    streaks: Streaks
    completion: dict[int, Completion]
    total_done: int
    total_value: Decimal
    score: float
    year: list[YearDay]


def statistics_of(
    habit: ActiveHabit,
    spans: Sequence[Span],
    answers: Mapping[local_date, Answer],
    *,
    as_of: local_date,
    today: local_date,
    was_there: Callable[[local_date], bool],
) -> Statistics:
    """Return the statistics of a habit; `answers` are those of dates up to `as_of`."""
    days = list(judged_days(spans, answers, as_of=as_of, today=today, was_there=was_there))
    periods = list(asked_periods(days, as_of=as_of, today=today))
    values = (answer.value for answer in answers.values() if answer.value is not None)
    return Statistics(
        habit_id=habit.id,
        counts_weeks=isinstance(habit.details.schedule, TimesPerWeek),
        streaks=streaks_of(periods),
        completion={
            last_days: completion_of(periods, as_of, last_days) for last_days in COMPLETION_DAYS
        },
        total_done=[answer.status for answer in answers.values()].count(DayStatus.DONE),
        total_value=sum(values, Decimal(0)),
        score=score_of(days),
        year=_year(days, answers, as_of),
    )


def _year(
    days: Sequence[JudgedDay], answers: Mapping[local_date, Answer], as_of: local_date
) -> list[YearDay]:
    scheduled = {day.date for day in days[-DAYS_OF_A_YEAR:] if day.scheduled}
    last = as_of.toordinal()
    dates = map(local_date.fromordinal, range(max(1, last - DAYS_OF_A_YEAR + 1), last + 1))
    return [_year_day(date, answers.get(date), scheduled=date in scheduled) for date in dates]


def _year_day(date: local_date, answer: Answer | None, *, scheduled: bool) -> YearDay:
    if answer is None:
        return YearDay(date, scheduled, None, None)
    return YearDay(date, scheduled, answer.status, answer.value)
