"""The two forms in which a habit's schedule can be written, and the one it is kept in. Pure.

`time` and `period_days` are enough for one time every n days; `times` and `schedule` can say more.
Whoever writes both has to say the same with both. What is written is laid over the habit as it is,
so a lone `time` moves the first of its times and leaves the others.
"""

from datetime import time as local_time
from typing import cast

from services.habits.habit_details import DAILY, DetailChanges, HabitDetails
from shared.recurrence.schedules import EveryNDays, Schedule

MISSING = "Missing data for required field."
TIMES_DISAGREE = "`time` is the first of `times`: write one of them, or both alike."
SCHEDULES_DISAGREE = (
    "`period_days` is `n` of a schedule `every_n_days`, and null for the other kinds:"
    " write one of them, or both alike."
)
NOT_THE_FIRST = "Must be before the habit's other times; write `times` to change them all."


class WrittenDetails(DetailChanges, total=False):
    """What a request says of a habit, in either form."""

    time: local_time
    period_days: int | None


HabitChanges = WrittenDetails | DetailChanges


class FormsDisagree(Exception):
    """Both forms are written and contradict each other; `errors` has the messages by field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(errors)
        self.errors = errors


def whole_habit(written: WrittenDetails) -> HabitDetails:
    """Return the habit that is written, with defaults for the rest. Raises FormsDisagree."""
    changes: DetailChanges = {"schedule": DAILY}
    changes.update(changes_written(written, None))
    if "times" not in changes:
        raise FormsDisagree({"time": [MISSING]})
    return HabitDetails(**changes)


def changes_written(asked: HabitChanges, now: HabitDetails | None) -> DetailChanges:
    """Return what is written in the form that is kept; `now` is the habit it is written of.

    Raises FormsDisagree.
    """
    written = cast("WrittenDetails", asked)
    rest = {name: value for name, value in written.items() if name not in ("time", "period_days")}
    changes = cast("DetailChanges", rest)
    if "time" in written:
        changes["times"] = _times(written, now)
    if "period_days" in written:
        changes["schedule"] = _schedule(written, now)
    return changes


def _times(written: WrittenDetails, now: HabitDetails | None) -> tuple[local_time, ...]:
    time = written["time"]
    if "times" in written:
        times = written["times"]
        if times[:1] != (time,):
            raise FormsDisagree({"time": [TIMES_DISAGREE], "times": [TIMES_DISAGREE]})
        return times
    others = now.times[1:] if now is not None else ()
    if others and time >= others[0]:
        raise FormsDisagree({"time": [NOT_THE_FIRST], "times": [NOT_THE_FIRST]})
    return (time, *others)


def _schedule(written: WrittenDetails, now: HabitDetails | None) -> Schedule:
    period_days = written["period_days"]
    schedule = written.get("schedule")
    if schedule is None and period_days is not None:
        return EveryNDays(period_days)
    if schedule is None:
        schedule = now.schedule if now is not None else DAILY
    if period_days != (schedule.n if isinstance(schedule, EveryNDays) else None):
        raise FormsDisagree({"period_days": [SCHEDULES_DISAGREE], "schedule": [SCHEDULES_DISAGREE]})
    return schedule
