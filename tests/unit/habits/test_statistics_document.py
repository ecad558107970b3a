"""The worked example of docs/statistics.md is what the code says."""

import re
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

from services.habits.days.day_events import DayStatus
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import ActiveHabit, HabitCreated, evolve_all
from services.habits.schedule_spans import Span
from services.habits.statistics.judged_days import Answer, judged_days
from services.habits.statistics.statistics import Statistics, statistics_of
from shared.recurrence.schedules import EveryNDays

DOCUMENT = Path(__file__).parents[3] / "docs" / "statistics.md"
ROW = re.compile(
    r"^\| (2026-\d\d-\d\d) \| (\w*) ?\| (\w+) \| (\d+) \| (\d\.\d{6}) \|$", re.MULTILINE
)
FIGURE = re.compile(r"^- `([a-z_0-9.]+)`: ([0-9.]+)$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    found = ROW.findall(DOCUMENT.read_text())
    assert len(found) == 7
    return found


_CREATED = HabitCreated(
    habit_id=UUID(int=1),
    owner_id=UUID(int=2),
    details=HabitDetails(action="Tea", place="Kitchen", times=(time(8),), duration_seconds=60),
    at=datetime(2026, 1, 5, tzinfo=UTC),
)
HABIT = cast("ActiveHabit", evolve_all([_CREATED]))


def computed(as_of: date, today: date) -> tuple[Statistics, str]:
    first = date.fromisoformat(rows()[0][0])
    spans = [Span(first, EveryNDays(1), first)]
    recorded = {date.fromisoformat(day): status for day, status, *_ in rows() if status}
    answers = {day: Answer(DayStatus(status)) for day, status in recorded.items() if day <= as_of}

    def was_there(_: date) -> bool:
        return True

    judged = judged_days(spans, answers, as_of=as_of, today=today, was_there=was_there)
    found = statistics_of(HABIT, spans, answers, as_of=as_of, today=today, was_there=was_there)
    return found, list(judged)[-1].verdict.name.lower()


def test_each_row_of_the_example_is_computed() -> None:
    today = date.fromisoformat(rows()[-1][0])
    for day, _, counts_as, streak, score in rows():
        found, verdict = computed(date.fromisoformat(day), today)
        assert (verdict, str(found.streaks.current), f"{found.score:.6f}") == (
            counts_as,
            streak,
            score,
        )


def test_the_figures_of_the_example_are_computed() -> None:
    today = date.fromisoformat(rows()[-1][0])
    found, _ = computed(today, today)
    week = found.completion[7]
    assert dict(FIGURE.findall(DOCUMENT.read_text())) == {
        "current_streak": str(found.streaks.current),
        "longest_streak": str(found.streaks.longest),
        "completion.7.done": str(week.done),
        "completion.7.scheduled": str(week.scheduled),
        "completion.7.rate": str(week.rate),
        "total_done": str(found.total_done),
        "score": f"{found.score:.6f}",
    }


def test_the_day_after_the_undone_day_ends_the_streak() -> None:
    today = date.fromisoformat(rows()[-1][0])
    found, verdict = computed(today, today + timedelta(days=1))
    assert (verdict, found.streaks.current) == ("missed", 0)
