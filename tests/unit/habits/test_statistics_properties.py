"""Streaks and rates against a walker that looks at every date anew, over random histories.

The walker knows the rules by their words only: it asks for each date which event was the last one
of that date or before, and for the account's dates it watches the clock hour by hour.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as local_time
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.habits.account_clock import AccountClock, ZonePeriod
from services.habits.days.day_events import DayStatus
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import (
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitUnarchived,
)
from services.habits.statistics.judged_days import Answer
from services.habits.statistics.lived_dates import LivedDates
from services.habits.schedule_spans import spans_in_force
from services.habits.statistics.statistics import statistics_of

HABIT, OWNER = UUID(int=1), UUID(int=2)
BEGIN = datetime(2011, 12, 10, 12, tzinfo=UTC)  # Samoa leaves out 30 December
LENGTH = 45
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ["UTC", "Pacific/Apia", "Pacific/Honolulu", "Pacific/Kiritimati", "America/New_York"]
DETAILS = HabitDetails(action="Tea", place="Kitchen", time=local_time(8), duration_seconds=60)

hours = st.integers(0, LENGTH * 24)


@dataclass
class History:
    clock: AccountClock
    events: list[HabitEvent]
    answers: dict[date, Answer]
    as_of: date
    today: date


@st.composite
def histories(draw: st.DrawFn) -> History:
    moves = sorted(draw(st.sets(hours, max_size=4)))
    clock = AccountClock(
        tuple(ZonePeriod(BEGIN + hour * HOUR, draw(st.sampled_from(ZONES))) for hour in moves)
    )
    events = draw(_events())
    first = clock.date_of(BEGIN)
    dates = st.integers(-2, LENGTH).map(lambda days: first + days * DAY)
    status = st.sampled_from([DayStatus.DONE] * 6 + [DayStatus.SKIPPED, DayStatus.PARTIAL])
    today = draw(dates)
    as_of = draw(st.just(today) | dates)
    answers = draw(st.dictionaries(dates, status.map(Answer), max_size=LENGTH))
    for number in range(draw(st.integers(0, LENGTH))):
        answers.setdefault(first + number * DAY, Answer(DayStatus.DONE))
    answers = {day: answer for day, answer in answers.items() if day <= as_of}
    return History(clock, events, answers, as_of, today)


@st.composite
def _events(draw: st.DrawFn) -> list[HabitEvent]:
    created = HabitCreated(habit_id=HABIT, owner_id=OWNER, details=DETAILS, at=BEGIN)
    events: list[HabitEvent] = [created]
    archived = deleted = False
    for hour in sorted(draw(st.lists(hours, max_size=6))):
        at = BEGIN + hour * HOUR
        kind = draw(st.sampled_from(["period", "archive", "delete"]))
        if deleted:
            events.append(HabitRestored(at=at))
            deleted = False
        elif kind == "period":
            events.append(HabitChanged.of({"period_days": draw(st.integers(1, 7))}, at))
        elif kind == "archive":
            events.append(HabitUnarchived(at=at) if archived else HabitArchived(at=at))
            archived = not archived
        else:
            events.append(HabitDeleted(at=at))
            deleted = True
    return events


class Walker:
    """Judges one date at a time; slow, and nothing is carried from one date to the next."""

    def __init__(self, history: History) -> None:
        self._history = history
        clock = history.clock
        self.first = clock.date_of(BEGIN)
        self.dates = [
            self.first + number * DAY for number in range((history.as_of - self.first).days + 1)
        ]
        around = range(-72, (LENGTH + 5) * 24)
        self._had = {clock.date_of(BEGIN + hour * HOUR) for hour in around}
        self.judged = [each for each in map(self.judge, self.dates) if each is not None]

    def is_scheduled(self, day: date) -> bool:
        period, archived, deleted = 1, False, False
        last = max(
            number
            for number, event in enumerate(self._history.events)
            if number == 0 or self._history.clock.date_of(event.at) <= day
        )
        for event in self._history.events[: last + 1]:
            if isinstance(event, HabitChanged):
                period = event.changes["period_days"]
            archived = isinstance(event, HabitArchived) or (
                archived and not isinstance(event, HabitUnarchived)
            )
            deleted = isinstance(event, HabitDeleted)
        if archived or deleted or day < self.first:
            return False
        recorded = day in self._history.answers
        return (day - self.first).days % period == 0 and (recorded or day in self._had)

    def judge(self, day: date) -> bool | None:
        """Whether it was done, None where that is not asked."""
        answer = self._history.answers.get(day)
        if not self.is_scheduled(day) or (answer and answer.status is DayStatus.SKIPPED):
            return None
        if answer and answer.status is DayStatus.DONE:
            return True
        return False if day < self._history.today else None

    def longest(self) -> int:
        return max((self._run(begin) for begin in range(len(self.judged))), default=0)

    def current(self) -> int:
        backwards = self.judged[::-1]
        return backwards.index(False) if False in backwards else len(backwards)

    def completion(self, last_days: int) -> tuple[int, int]:
        begin = self._history.as_of - last_days * DAY
        found = [self.judge(day) for day in self.dates if day > begin]
        return found.count(True), len(found) - found.count(None)

    def _run(self, begin: int) -> int:
        rest = self.judged[begin:]
        return rest.index(False) if False in rest else len(rest)


@settings(max_examples=60, deadline=None)
@given(histories())
def test_streaks_and_rates_are_those_of_the_walker(history: History) -> None:
    walker = Walker(history)
    found = statistics_of(
        HABIT,
        spans_in_force(history.events, history.clock.date_of),
        history.answers,
        as_of=history.as_of,
        today=history.today,
        was_there=LivedDates(history.clock).__contains__,
    )
    assert (found.streaks.current, found.streaks.longest) == (walker.current(), walker.longest())
    for last_days, completion in found.completion.items():
        assert (completion.done, completion.scheduled) == walker.completion(last_days)
    assert 0 <= found.score <= 1
    assert len(found.year) == 365
    assert [day.date for day in found.year if day.scheduled] == [
        day for day in walker.dates[-365:] if walker.is_scheduled(day)
    ]
