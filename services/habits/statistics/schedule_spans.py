"""Which schedule a habit had on each of its dates, read out of its events. Pure.

What held when a date ended held for all of it: a change takes effect on the date it is made on.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date as local_date
from datetime import datetime
from itertools import zip_longest

from services.habits.habit_events import ActiveHabit, HabitEvent, HabitState, NoHabit, evolve
from shared.recurrence.schedules import EveryNDays, Weekdays

DailySchedule = EveryNDays | Weekdays


@dataclass(frozen=True, slots=True)
class Span:
    """From a date on: the schedule, or None while the habit is archived or deleted."""

    since: local_date
    schedule: DailySchedule | None


def spans_in_force(
    events: Iterable[HabitEvent], date_of: Callable[[datetime], local_date]
) -> list[Span]:
    """Return a habit's spans, oldest first; the first begins on the habit's first date.

    `date_of` tells the owner's date at an instant. It may go back from one event to the next, when
    the owner moves west; the later event then holds from its own date on.
    """
    spans: list[Span] = []
    state: HabitState = NoHabit()
    for event in events:
        state = evolve(state, event)
        schedule = _schedule_of(state)
        since = max(date_of(event.at), spans[0].since) if spans else date_of(event.at)
        spans = [span for span in spans if span.since < since]
        if not spans or spans[-1].schedule != schedule:
            spans.append(Span(since, schedule))
    return spans


def dates_in_force(
    spans: Sequence[Span], last: local_date
) -> Iterator[tuple[local_date, DailySchedule | None]]:
    """Yield every date from the first span's to `last`, with the schedule of that date."""
    for span, following in zip_longest(spans, spans[1:]):
        end = last.toordinal() + 1
        if following is not None:
            end = min(end, following.since.toordinal())
        for ordinal in range(span.since.toordinal(), end):
            yield local_date.fromordinal(ordinal), span.schedule


def _schedule_of(state: HabitState) -> DailySchedule | None:
    if not isinstance(state, ActiveHabit) or state.archived_at is not None:
        return None
    return EveryNDays(state.details.period_days)
