"""Reading a file of ours: its lines by habit. Pure."""

import json

from services.habits.portable.carried_habits import CarriedHabit, Rejected
from services.habits.portable.exported_lines import FORMAT, VERSION


class UnreadableFile(Exception):
    """The file cannot be taken at all; the text says why."""


def check_ndjson(payload: bytes) -> None:
    """Raise UnreadableFile unless the file begins as ours do."""
    first = _parsed(payload.split(b"\n", 1)[0])
    if first.get("type") != FORMAT:
        raise UnreadableFile("It is neither an export of ours nor a file of Loop Habit Tracker's.")
    if first.get("version") != VERSION:
        raise UnreadableFile("It was written by a newer release.")


def read_ndjson(payload: bytes) -> tuple[list[CarriedHabit], list[Rejected]]:
    """Return the habits of a file, in its order, and the lines that belong to none."""
    habits: dict[str, CarriedHabit] = {}
    rejected: list[Rejected] = []
    is_whole = False
    for number, line in enumerate(payload.splitlines()[1:], 2):
        if not line.strip():
            continue
        told = _parsed(line)
        is_whole = told.get("type") == "end"
        if is_whole:
            continue
        habit_id, date = told.get("habit_id"), told.get("date")
        if not isinstance(habit_id, str) or not isinstance(date, str | None):
            rejected.append(Rejected(f"line {number}", "It is no line of an export."))
            continue
        habit = habits.setdefault(habit_id, CarriedHabit(habit_id))
        lines = habit.habit_lines if date is None else habit.day_lines[date]
        lines.append(line)
    if not is_whole:
        rejected.append(Rejected("the end of the file", "It is missing: the file was cut off."))
    return list(habits.values()), rejected


def _parsed(line: bytes) -> dict[str, object]:
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}
