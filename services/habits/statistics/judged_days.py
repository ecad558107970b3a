"""What each date of a habit counts as, given the schedule of that date and its answer. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date as local_date
from decimal import Decimal
from enum import Enum, auto
from typing import NamedTuple

from services.habits.days.day_events import DayStatus
from services.habits.statistics.schedule_spans import DailySchedule, Span, dates_in_force
from shared.recurrence.schedules import is_scheduled


class Answer(NamedTuple):
    """What is recorded of a date."""

    status: DayStatus
    value: Decimal | None = None
    target_value: Decimal | None = None


class Verdict(Enum):
    """`FREE`: nothing was asked. `NEUTRAL`: skipped, not over, or the habit was not in force."""

    DONE = auto()
    MISSED = auto()
    FREE = auto()
    NEUTRAL = auto()


# Python 3.11 looks a member up slowly, and ten years of days ask for many.
DONE, MISSED, FREE, NEUTRAL = Verdict
_IS_DONE, _IS_SKIPPED = DayStatus.DONE, DayStatus.SKIPPED


class JudgedDay(NamedTuple):
    """`amount`: how much of what a date asks for was done, from 0 to 1."""

    date: local_date
    schedule: DailySchedule | None
    scheduled: bool
    verdict: Verdict
    amount: float


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
    first_date = spans[0].since
    for date, schedule in dates_in_force(spans, as_of):
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
    schedule: DailySchedule | None, *, scheduled: bool, status: DayStatus | None, is_over: bool
) -> Verdict:
    if schedule is None or status is _IS_SKIPPED:
        return NEUTRAL
    if status is _IS_DONE:
        return DONE if scheduled else FREE
    if not is_over:
        return NEUTRAL
    return MISSED if scheduled else FREE


def _amount(answer: Answer | None) -> float:
    if answer is None or answer.status is _IS_SKIPPED:
        return 0.0
    if answer.status is _IS_DONE:
        return 1.0
    if answer.value is None or answer.target_value is None:
        return 0.0
    return min(1.0, float(answer.value / answer.target_value))
