"""Which local dates a schedule means, against a walker that only counts."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.recurrence.schedules import (
    EveryNDays,
    Schedule,
    TimesPerWeek,
    Weekdays,
    is_scheduled,
    scheduled_dates,
)

MONDAY = date(2026, 1, 5)

_dates = st.dates(date(2020, 1, 1), date(2030, 12, 31))
_schedules = st.one_of(
    st.integers(1, 7).map(EveryNDays),
    st.sets(st.integers(1, 7), min_size=1).map(lambda days: Weekdays(tuple(sorted(days)))),
    st.integers(1, 7).map(TimesPerWeek),
)


def walked(schedule: Schedule, first: date, end: date) -> set[date]:
    """Walk from the first date on, day by day."""
    found, day, left = set(), first, 0
    while day <= end:
        match schedule:
            case EveryNDays(n):
                if left == 0:
                    found.add(day)
                    left = n
                left -= 1
            case Weekdays(weekdays):
                if day.weekday() + 1 in weekdays:
                    found.add(day)
            case TimesPerWeek():
                found.add(day)
        day += timedelta(days=1)
    return found


@given(_schedules, _dates, _dates, st.integers(0, 62))
def test_the_dates_are_those_of_a_walk_from_the_first(
    schedule: Schedule, first: date, begin: date, days: int
) -> None:
    end = begin + timedelta(days=days)
    expected = [day for day in sorted(walked(schedule, first, end)) if day >= begin]
    assert list(scheduled_dates(schedule, first, begin, end)) == expected


def test_weekdays_are_counted_from_monday() -> None:
    week = [MONDAY + timedelta(days=day) for day in range(7)]
    assert [day for day in week if is_scheduled(Weekdays((1, 7)), MONDAY, day)] == [
        week[0],
        week[6],
    ]


@pytest.mark.parametrize("schedule", [EveryNDays(1), Weekdays((1,)), TimesPerWeek(3)])
def test_nothing_is_due_before_the_first_date_or_after_the_end_of_time(schedule: Schedule) -> None:
    before = MONDAY - timedelta(days=7)
    assert not is_scheduled(schedule, MONDAY, before)
    assert list(scheduled_dates(schedule, MONDAY, before, before)) == []
    assert len(list(scheduled_dates(EveryNDays(1), date.max, MONDAY, date.max))) == 1
