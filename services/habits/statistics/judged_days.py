"""What each date of a habit counts as, given the schedule of that date and its answer. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date as local_date
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from services.habits.days.day_events import DayStatus
from services.habits.schedule_spans import Span, dates_in_force
from shared.recurrence.schedules import Schedule, TimesPerWeek, is_scheduled


class Answer(NamedTuple):
    """What is recorded of a date."""

    status: DayStatus
    value: Decimal | None = None
    target_value: Decimal | None = None


class Verdict(Enum):
    """What a date counts as.

    `FREE`: nothing was asked. `NEUTRAL`: skipped, or the habit was not in force. `PENDING`: not
    over. `OF_WEEK`: one of the dates of a week that asks for some of them, done or not.
    """

    DONE = auto()
    MISSED = auto()
    FREE = auto()
    NEUTRAL = auto()
    PENDING = auto()
    OF_WEEK = auto()


# Python 3.11 looks a member up slowly, and ten years of days ask for many.
DONE, MISSED, FREE, NEUTRAL, PENDING, OF_WEEK = Verdict
_IS_DONE, _IS_SKIPPED = DayStatus.DONE, DayStatus.SKIPPED


class JudgedDay(NamedTuple):
    """`amount`: how much of what a date asks for was done, from 0 to 1; 1 is all of it."""

    date: local_date
    schedule: Schedule | None
    scheduled: bool
    verdict: Verdict
    amount: float

    @property
    def is_done(self) -> bool:
        """Whether all of it was done, wherever it counts."""
        return self.amount == 1.0


def judged_days(
    spans: Sequence[Span],
    answers: Mapping[local_date, Answer],
    *,
    as_of: local_date,
    today: local_date,
    was_there: Callable[[local_date], bool],
) -> Iterator[JudgedDay]:
    """Yield a habit's dates up to `as_of`, without a gap; dates before `today` are over.

    `was_there` tells whether the owner had the date at all: a flight or a zone can leave one out.
    """
    for date, (_, schedule, first_date) in dates_in_force(spans, as_of):
        answer = answers.get(date)
        scheduled = (
            schedule is not None
            and is_scheduled(schedule, first_date, date)
            and (answer is not None or was_there(date))
        )
        verdict = _verdict(
            schedule, scheduled=scheduled, status=answer and answer.status, is_over=date < today
        )
        yield JudgedDay(date, schedule, scheduled, verdict, _amount(answer))


def _verdict(
    schedule: Schedule | None, *, scheduled: bool, status: DayStatus | None, is_over: bool
) -> Verdict:
    if schedule is None or status is _IS_SKIPPED:
        return NEUTRAL
    if status is not _IS_DONE and not is_over:
        return PENDING
    if isinstance(schedule, TimesPerWeek):
        return OF_WEEK
    if status is _IS_DONE:
        return DONE if scheduled else FREE
    return MISSED if scheduled else FREE


def _amount(answer: Answer | None) -> float:
    if answer is None or answer.status is _IS_SKIPPED:
        return 0.0
    if answer.status is _IS_DONE:
        return 1.0
    if answer.value is None or answer.target_value is None:
        return 0.0
    return min(1.0, float(answer.value / answer.target_value))
