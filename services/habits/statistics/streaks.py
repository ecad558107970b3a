"""Streaks and rates of what was asked of a habit: its scheduled dates, or its weeks. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date as local_date
from datetime import timedelta

from services.habits.statistics.asked_periods import AskedPeriod


@dataclass(frozen=True, slots=True)
class Streaks:
    """In scheduled dates, or weeks, done with none missed between them; `current` is the last."""

    current: int
    longest: int


@dataclass(frozen=True, slots=True)
class Completion:
    """How many of the scheduled dates, or weeks, were done; neutral ones are not among them."""

    done: int
    scheduled: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None if nothing was asked."""
        return self.done / self.scheduled if self.scheduled else None


def streaks_of(periods: Iterable[AskedPeriod]) -> Streaks:
    """Return the streaks of what was asked, oldest first."""
    current = longest = 0
    for period in periods:
        if period.is_done:
            current += 1
        else:
            longest, current = max(longest, current), 0
    return Streaks(current, max(longest, current))


def completion_of(periods: Iterable[AskedPeriod], as_of: local_date, last_days: int) -> Completion:
    """Return how much was done of what ends within the last so many days."""
    begin = as_of - min(timedelta(days=last_days - 1), as_of - local_date.min)
    recent = [period.is_done for period in periods if period.last_date >= begin]
    return Completion(sum(recent), len(recent))
