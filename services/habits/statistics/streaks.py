"""Streaks and rates of a habit's judged days. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.habits.statistics.judged_days import DONE, MISSED, JudgedDay


@dataclass(frozen=True, slots=True)
class Streaks:
    """In scheduled dates done with none missed between them; `current` ends with the last day."""

    current: int
    longest: int


@dataclass(frozen=True, slots=True)
class Completion:
    """How many of the scheduled dates were done; those that are neutral are not among them."""

    done: int
    scheduled: int

    @property
    def rate(self) -> float | None:
        """From 0 to 1; None if nothing was asked."""
        return self.done / self.scheduled if self.scheduled else None


def streaks_of(days: Iterable[JudgedDay]) -> Streaks:
    """Return the streaks of a habit's days, oldest first."""
    current = longest = 0
    for day in days:
        if day.verdict is DONE:
            current += 1
        elif day.verdict is MISSED:
            longest, current = max(longest, current), 0
    return Streaks(current, max(longest, current))


def completion_of(days: Sequence[JudgedDay], last_days: int) -> Completion:
    """Return how much of the last so many days was done; `days` have no gap."""
    verdicts = [day.verdict for day in days[-last_days:]]
    done = verdicts.count(DONE)
    return Completion(done, done + verdicts.count(MISSED))
