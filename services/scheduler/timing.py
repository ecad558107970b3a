"""On which dates and at which times a habit is reminded of, as a value. Pure."""

from dataclasses import dataclass
from datetime import date, time
from typing import Any

from pydantic import TypeAdapter

from shared.contracts.events import HabitStateV1, HabitStateV2
from shared.recurrence.schedules import EveryNDays, Schedule

# More have no place in what is kept of the announced ones, and habits allows no more.
MOST_SLOTS = 8


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of a date, earliest first, and which dates.

    A slot is an index into `times`. Without a `start_date`, dates count from the day of creation.
    `end_date` is the last date; `paused_until` is the first that counts again.
    """

    times: tuple[time, ...]
    schedule: Schedule
    start_date: date | None = None
    end_date: date | None = None
    paused_until: date | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for times that cannot be told apart by a slot."""
        if not 1 <= len(self.times) <= MOST_SLOTS:
            raise ValueError(f"a habit has 1 to {MOST_SLOTS} times")


_TIMINGS = TypeAdapter(Timing)


def timing_of(state: HabitStateV1 | HabitStateV2) -> Timing:
    """Return a habit's timing. Raises ValueError for one that nobody could follow."""
    if isinstance(state, HabitStateV1):
        return every_n_days(state.time, state.period_days)
    return Timing(
        times=tuple(state.times),
        schedule=state.schedule,
        start_date=state.start_date,
        end_date=state.end_date,
        paused_until=state.paused_until,
    )


def every_n_days(local_time: time, period_days: int) -> Timing:
    """Return the timing that the first version of a habit's events can tell."""
    return Timing((local_time,), EveryNDays(n=period_days))


def timing_columns(timing: Timing) -> dict[str, Any]:
    """Return the columns that keep a timing.

    What the first version can tell stands in columns of its own, which a process of the release
    before understands; `timing` is null unless there is more to it.
    """
    schedule = timing.schedule
    period_days = schedule.n if isinstance(schedule, EveryNDays) else 1
    plain = every_n_days(timing.times[0], period_days)
    return {
        "local_time": timing.times[0],
        "period_days": period_days,
        "timing": None if timing == plain else _TIMINGS.dump_python(timing, mode="json"),
    }


def read_timing(columns: dict[str, Any]) -> Timing:
    """Take the columns of a timing out of a row, and return it."""
    local_time, period_days = columns.pop("local_time"), columns.pop("period_days")
    document = columns.pop("timing")
    if document is None:
        return every_n_days(local_time, period_days)
    return _TIMINGS.validate_python(document)
