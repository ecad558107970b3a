"""Streaks and rates against a walker that looks at every date anew, over random histories.

The walker knows the rules by their words only: it asks for each date which event was the last one
of that date or before, and for the account's dates it watches the clock hour by hour.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as local_time
from operator import itemgetter
from typing import cast
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from services.habits.account_clock import AccountClock, ZonePeriod
from services.habits.days.day_events import DayStatus
from services.habits.habit_details import DetailChanges, HabitDetails
from services.habits.habit_events import (
    ActiveHabit,
    HabitArchived,
    HabitChanged,
    HabitCreated,
    HabitDeleted,
    HabitEvent,
    HabitRestored,
    HabitState,
    HabitUnarchived,
    evolve_all,
)
from services.habits.schedule_spans import spans_in_force
from services.habits.statistics.judged_days import Answer
from services.habits.statistics.lived_dates import LivedDates
from services.habits.statistics.statistics import statistics_of
from shared.recurrence.schedules import EveryNDays, TimesPerWeek, Weekdays

HABIT, OWNER = UUID(int=1), UUID(int=2)
BEGIN = datetime(2011, 12, 10, 12, tzinfo=UTC)  # Samoa leaves out 30 December
LENGTH = 45
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ["UTC", "Pacific/Apia", "Pacific/Honolulu", "Pacific/Kiritimati", "America/New_York"]
DETAILS = HabitDetails(action="Tea", place="Kitchen", times=(local_time(8),), duration_seconds=60)

hours = st.integers(0, LENGTH * 24)
some_dates = st.integers(-10, LENGTH).map(lambda days: BEGIN.date() + timedelta(days))
schedules = st.one_of(
    st.builds(EveryNDays, st.integers(1, 7)),
    st.builds(
        Weekdays, st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))
    ),
    st.builds(TimesPerWeek, st.integers(1, 7)),
)
timings = st.fixed_dictionaries(
    {"schedule": schedules},
    optional={
        "start_date": st.none() | some_dates,
        "end_date": st.none() | some_dates,
        "paused_until": st.none() | some_dates,
    },
).map(lambda changes: cast("DetailChanges", changes))


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
    details = replace(DETAILS, **draw(timings))
    created = HabitCreated(habit_id=HABIT, owner_id=OWNER, details=details, at=BEGIN)
    events: list[HabitEvent] = [created]
    archived = deleted = False
    for hour in sorted(draw(st.lists(hours, max_size=6))):
        at = BEGIN + hour * HOUR
        kind = draw(st.sampled_from(["timing", "timing", "archive", "delete"]))
        if deleted:
            events.append(HabitRestored(at=at))
            deleted = False
        elif kind == "timing":
            events.append(HabitChanged.of(draw(timings), at))
        elif kind == "archive":
            events.append(HabitUnarchived(at=at) if archived else HabitArchived(at=at))
            archived = not archived
        else:
            events.append(HabitDeleted(at=at))
            deleted = True
    return events


class Walker:
    """Judges one date or one week at a time; nothing is carried from one to the next."""

    def __init__(self, history: History) -> None:
        self._history = history
        clock = history.clock
        self.created_on = clock.date_of(BEGIN)
        first = self.created_on - 12 * DAY
        self.dates = [first + number * DAY for number in range((history.as_of - first).days + 1)]
        around = range(-14 * 24, (LENGTH + 5) * 24)
        self._had = {clock.date_of(BEGIN + hour * HOUR) for hour in around}
        self._told: list[tuple[date, HabitState]] = []
        beginning = self.created_on
        for number, event in enumerate(history.events, 1):
            state = evolve_all(history.events[:number])
            self._told.append((max(clock.date_of(event.at), beginning), state))
            if _is_kept(state):
                beginning = min(beginning, self.start_of(state))
        found = [*map(self.judge, self.dates), *map(self.judge_week, self.dates)]
        self.judged = sorted((each for each in found if each is not None), key=itemgetter(0))

    def start_of(self, state: HabitState) -> date:
        assert isinstance(state, ActiveHabit)
        return state.details.start_date or self.created_on

    def details_on(self, day: date) -> HabitDetails | None:
        """Return what held on a date, None where the habit was not in force."""
        latest = [state for since, state in self._told if since <= day][-1:]
        # A start that is moved back brings its own schedule to the dates it adds.
        opening = [
            state for _, state in self._told if _is_kept(state) and self.start_of(state) <= day
        ][:1]
        for state in latest or opening:
            if not _is_kept(state) or self.start_of(state) > day:
                return None
            assert isinstance(state, ActiveHabit)
            details = state.details
            is_over = details.end_date is not None and details.end_date < day
            is_paused = details.paused_until is not None and day < details.paused_until
            return None if is_over or is_paused else details
        return None

    def is_scheduled(self, day: date) -> bool:
        details = self.details_on(day)
        if details is None or not (day in self._history.answers or day in self._had):
            return False
        match details.schedule:
            case EveryNDays(n):
                return (day - (details.start_date or self.created_on)).days % n == 0
            case Weekdays(weekdays):
                return day.weekday() + 1 in weekdays
            case TimesPerWeek():
                return True

    def judge(self, day: date) -> tuple[date, bool] | None:
        """Whether it was done, None where that is not asked of the date alone."""
        status = self._status(day)
        if not self.is_scheduled(day) or self._times(day) or status is DayStatus.SKIPPED:
            return None
        if status is DayStatus.DONE:
            return day, True
        return (day, False) if day < self._history.today else None

    def judge_week(self, day: date) -> tuple[date, bool] | None:
        """Whether the week was done, told by its last date; None for every other date."""
        as_of, today = self._history.as_of, self._history.today
        sunday = day + (6 - day.weekday()) * DAY
        if day != min(sunday, as_of):
            return None
        week = [sunday - number * DAY for number in range(7)]
        asked = [each for each in week if each <= as_of and self._times(each)]
        if not asked:
            return None
        statuses = [self._status(each) for each in asked]
        to_come = sum(each > as_of for each in week)
        demand = min(
            self._times(asked[0]), len(asked) - statuses.count(DayStatus.SKIPPED) + to_come
        )
        is_done = statuses.count(DayStatus.DONE) >= demand
        is_over = sunday <= as_of and sunday < today
        return (day, is_done) if demand and (is_done or is_over) else None

    def longest(self) -> int:
        return max((self._run(begin) for begin in range(len(self.judged))), default=0)

    def current(self) -> int:
        backwards = [is_done for _, is_done in self.judged[::-1]]
        return backwards.index(False) if False in backwards else len(backwards)

    def completion(self, last_days: int) -> tuple[int, int]:
        begin = self._history.as_of - last_days * DAY
        found = [is_done for day, is_done in self.judged if day > begin]
        return found.count(True), len(found)

    def _run(self, begin: int) -> int:
        rest = [is_done for _, is_done in self.judged[begin:]]
        return rest.index(False) if False in rest else len(rest)

    def _status(self, day: date) -> DayStatus | None:
        answer = self._history.answers.get(day)
        return answer and answer.status

    def _times(self, day: date) -> int:
        """Return how often a week asks for it by the schedule of the date, 0 if by dates."""
        details = self.details_on(day)
        match details and details.schedule:
            case TimesPerWeek(times):
                return times
            case _:
                return 0


def _is_kept(state: HabitState) -> bool:
    return isinstance(state, ActiveHabit) and state.archived_at is None


def _latest(events: list[HabitEvent]) -> ActiveHabit:
    """Return the habit as it is read; that it may be gone does not matter to its past."""
    state = evolve_all(events)
    if isinstance(state, ActiveHabit):
        return state
    state = evolve_all([*events, HabitRestored(at=BEGIN)])
    assert isinstance(state, ActiveHabit)
    return state


@settings(max_examples=60, deadline=None)
@given(histories())
def test_streaks_and_rates_are_those_of_the_walker(history: History) -> None:
    walker = Walker(history)
    found = statistics_of(
        _latest(history.events),
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
        day for day in walker.dates if walker.is_scheduled(day)
    ]
