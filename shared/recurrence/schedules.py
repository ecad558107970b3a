"""A habit's schedule as a value, and the local dates it means.

Dates are calendar dates of the owner; a clock or a time zone never comes into it. A habit that is
done some times a week is due on every date: on which ones it is done is its owner's choice.
`kind` tells the schedules apart wherever they are written as JSON.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Literal

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class EveryNDays:
    """On the first date and on every n-th date after it."""

    kind: Literal["every_n_days"] = field(default="every_n_days", kw_only=True)
    n: int


@dataclass(frozen=True, slots=True)
class Weekdays:
    """On these days of the week, 1 (Monday) to 7 (Sunday), as ISO 8601 numbers them."""

    kind: Literal["weekdays"] = field(default="weekdays", kw_only=True)
    weekdays: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TimesPerWeek:
    """So many times from Monday to Sunday, on whichever dates."""

    kind: Literal["times_per_week"] = field(default="times_per_week", kw_only=True)
    times: int


Schedule = EveryNDays | Weekdays | TimesPerWeek


def schedule_to_json(schedule: Schedule) -> dict[str, Any]:
    """Return the schedule as JSON values, wherever it is stored or shown."""
    match schedule:
        case EveryNDays(n):
            return {"kind": schedule.kind, "n": n}
        case Weekdays(weekdays):
            return {"kind": schedule.kind, "weekdays": list(weekdays)}
        case TimesPerWeek(times):
            return {"kind": schedule.kind, "times": times}


def schedule_from_json(data: dict[str, Any]) -> Schedule:
    """Read what `schedule_to_json` made. Raises ValueError for a kind that is none of these."""
    match data:
        case {"kind": "every_n_days", "n": n}:
            return EveryNDays(n)
        case {"kind": "weekdays", "weekdays": weekdays}:
            return Weekdays(tuple(weekdays))
        case {"kind": "times_per_week", "times": times}:
            return TimesPerWeek(times)
        case _:
            raise ValueError(f"{data!r} is no schedule")


def is_scheduled(schedule: Schedule, first_date: date, day: date) -> bool:
    """Whether the schedule that begins on `first_date` means this date."""
    if day < first_date:
        return False
    match schedule:
        case EveryNDays(n):
            return (day - first_date).days % n == 0
        case Weekdays(weekdays):
            return day.isoweekday() in weekdays
        case TimesPerWeek():
            return True


def scheduled_dates(schedule: Schedule, first_date: date, begin: date, end: date) -> Iterator[date]:
    """Yield the dates the schedule means from `begin` to `end`, both included, oldest first."""
    day = max(begin, first_date)
    while day <= end:
        if is_scheduled(schedule, first_date, day):
            yield day
        if day == date.max:
            return
        day += _ONE_DAY


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A schedule from its first date to its end; dates before `paused_until` do not count."""

    schedule: Schedule
    first_date: date
    end_date: date | None = None
    paused_until: date | None = None

    def dates(self, begin: date, end: date) -> Iterator[date]:
        """Yield the dates it means from `begin` to `end`, both included, oldest first."""
        begin = max(begin, self.paused_until or begin)
        end = min(end, self.end_date or end)
        return scheduled_dates(self.schedule, self.first_date, begin, end)
