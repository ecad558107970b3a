"""Which schedule a habit had on each of its dates, read out of its events. Pure.

What held when a date ended held for all of it: a change takes effect on the date it is made on.
Only a start that is moved back reaches into the past: the dates it adds have the schedule it came
with.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date as local_date
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import NamedTuple

from services.habits.habit_events import ActiveHabit, HabitEvent, HabitState, NoHabit, evolve
from shared.recurrence.schedules import Recurrence, Schedule, scheduled_dates

_ONE_DAY = timedelta(days=1)


class Span(NamedTuple):
    """From a date on: the schedule, or None while the habit is not in force.

    `first_date` is the date that every n days are counted from.
    """

    since: local_date
    schedule: Schedule | None
    first_date: local_date


def spans_in_force(
    events: Iterable[HabitEvent], date_of: Callable[[datetime], local_date]
) -> list[Span]:
    """Return a habit's spans, oldest first; the first begins on the first date in force.

    `date_of` tells the owner's date at an instant. It may go back from one event to the next, when
    the owner moves west; the later event then holds from its own date on.
    """
    told: list[_Told] = []
    state: HabitState = NoHabit()
    for event in events:
        state = evolve(state, event)
        _tell(told, date_of(event.at), _recurrence_at(state, date_of))
    spans: list[Span] = []
    for each, following in zip_longest(told, told[1:]):
        for span in _parts(each):
            is_over = following is not None and span.since >= following.since
            if not is_over and _differs(span, spans):
                spans.append(span)
    return spans


def dates_in_force(spans: Sequence[Span], last: local_date) -> Iterator[tuple[local_date, Span]]:
    """Yield every date from the first span's to `last`, with the span of that date."""
    for span, following in zip_longest(spans, spans[1:]):
        end = last.toordinal() + 1
        if following is not None:
            end = min(end, following.since.toordinal())
        for ordinal in range(span.since.toordinal(), end):
            yield local_date.fromordinal(ordinal), span


def dates_of(spans: Sequence[Span], first: local_date, last: local_date) -> Iterator[local_date]:
    """Yield the scheduled dates from `first` to `last`, both included, oldest first."""
    for span, following in zip_longest(spans, spans[1:]):
        if span.schedule is not None and span.since <= last:
            end = last if following is None else min(last, following.since - _ONE_DAY)
            begin = max(first, span.since)
            yield from scheduled_dates(span.schedule, span.first_date, begin, end)


def recurrence_of(habit: ActiveHabit) -> Recurrence | None:
    """Return on which dates the habit is due as it is now, None while it is archived."""
    if habit.archived_at is not None:
        return None
    details = habit.details
    return Recurrence(details.schedule, habit.first_date, details.end_date, details.paused_until)


@dataclass(frozen=True, slots=True)
class _Told:
    since: local_date
    recurrence: Recurrence | None


def _recurrence_at(
    state: HabitState, date_of: Callable[[datetime], local_date]
) -> Recurrence | None:
    if not isinstance(state, ActiveHabit):
        return None
    if state.created_on is None:
        state = replace(state, created_on=date_of(state.created_at))
    return recurrence_of(state)


def _tell(told: list[_Told], date: local_date, recurrence: Recurrence | None) -> None:
    beginning = told[0].since if told else date
    since = max(date, beginning)
    while told and told[-1].since >= since:
        told.pop()
    if recurrence is not None and recurrence.first_date < beginning:
        told.insert(0, _Told(recurrence.first_date, recurrence))
    told.append(_Told(since, recurrence))


def _parts(told: _Told) -> list[Span]:
    """Return the dates on which a recurrence is in force, and before and after them those not."""
    recurrence = told.recurrence
    out_of_force = Span(told.since, None, told.since)
    if recurrence is None:
        return [out_of_force]
    begin = max(told.since, recurrence.first_date, recurrence.paused_until or told.since)
    if recurrence.end_date is not None and recurrence.end_date < begin:
        return [out_of_force]
    parts = [Span(begin, recurrence.schedule, recurrence.first_date)]
    if told.since < begin:
        parts.insert(0, out_of_force)
    if recurrence.end_date is not None:
        over = recurrence.end_date + _ONE_DAY
        parts.append(Span(over, None, over))
    return parts


def _differs(span: Span, spans: Sequence[Span]) -> bool:
    if not spans:
        return span.schedule is not None
    before = spans[-1]
    if span.schedule is None:
        return before.schedule is not None
    return span[1:] != before[1:]
