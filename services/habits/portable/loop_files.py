"""Reading files of Loop Habit Tracker: its CSV export (a zip) and its backup (a SQLite file).

Made after its formats of version 2: habits with a frequency of `numerator` times in `denominator`
days, entries with 0 for no, 1 for one that it has filled in itself, 2 for done, 3 for skipped, and
thousandths for what is measured. Loop knows no place, and its CSV no time: both are asked for.
Entries that it filled in itself are not taken. A habit that is due less often than once a week is
not taken: there is no such schedule here.
"""

import csv
import io
import json
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from services.habits.portable.carried_habits import CarriedHabit, Rejected
from services.habits.portable.ndjson_files import UnreadableFile
from services.habits.upcasting import JsonObject

ZIP_MAGIC = b"PK\x03\x04"
SQLITE_MAGIC = b"SQLite format 3\x00"

MOST_ENTRIES = 4000
MOST_UNPACKED_BYTES = 64 * 1024 * 1024
LARGEST_RATIO = 200
MOST_STEPS = 50_000_000

_DAYS_OF_A_WEEK = 7
_DONE, _SKIPPED = 2, 3
_CODES = {"YES_MANUAL": _DONE, "SKIP": _SKIPPED}


@dataclass(slots=True)
class _LoopHabit:
    name: str
    question: str
    numerator: int
    denominator: int
    is_measured: bool
    target: Decimal | None
    unit: str
    is_archived: bool
    time: str | None = None
    entries: list[tuple[str, int, str]] = field(default_factory=list)


def check_zip(payload: bytes) -> None:
    """Raise UnreadableFile for a zip that is none of Loop's, or that unpacks to too much."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError) as error:
        raise UnreadableFile("The zip file is damaged.") from error
    if len(infos) > MOST_ENTRIES:
        raise UnreadableFile(f"The zip file has more than {MOST_ENTRIES} entries.")
    unpacked = sum(info.file_size for info in infos)
    if unpacked > MOST_UNPACKED_BYTES or unpacked > LARGEST_RATIO * max(len(payload), 1024):
        raise UnreadableFile("The zip file unpacks to too much.")
    if "Habits.csv" not in {info.filename for info in infos}:
        raise UnreadableFile("The zip file has no Habits.csv, so it is none of Loop's.")


def read_zip(payload: bytes, time: str, place: str) -> tuple[list[CarriedHabit], list[Rejected]]:
    """Return the habits of a CSV export. Raises UnreadableFile."""
    try:
        with zipfile.ZipFile(io.BytesIO(payload)) as archive:
            habits = list(_habits_of_zip(archive))
    except (zipfile.BadZipFile, csv.Error, KeyError, ValueError, ArithmeticError) as error:
        raise UnreadableFile("The zip file is none of Loop's.") from error
    return _carried(habits, time, place)


def read_sqlite(payload: bytes, time: str, place: str) -> tuple[list[CarriedHabit], list[Rejected]]:
    """Return the habits of a backup. Raises UnreadableFile."""
    with tempfile.NamedTemporaryFile(suffix=".db") as file:
        file.write(payload)
        file.flush()
        try:
            connection = sqlite3.connect(f"file:{file.name}?mode=ro&immutable=1", uri=True)
            try:
                habits = _habits_of_sqlite(connection)
            finally:
                connection.close()
        except (sqlite3.Error, ValueError, TypeError, ArithmeticError) as error:
            raise UnreadableFile("The file is no backup of Loop's.") from error
    return _carried(habits, time, place)


def _habits_of_zip(archive: zipfile.ZipFile) -> Iterator[_LoopHabit]:
    folders = {
        name.split(" ", 1)[0].split("/", 1)[0]: name
        for name in archive.namelist()
        if name.endswith("/Checkmarks.csv")
    }
    for row in _rows(archive, "Habits.csv"):
        is_measured = row.get("Type", "") in ("1", "NUMERICAL")
        habit = _LoopHabit(
            name=row["Name"],
            question=row.get("Question", ""),
            numerator=int(row["FrequencyNumerator"]),
            denominator=int(row["FrequencyDenominator"]),
            is_measured=is_measured,
            target=Decimal(row["Target Value"]) if is_measured else None,
            unit=row.get("Unit", ""),
            is_archived=row.get("Archived?", "").lower() in ("true", "1"),
        )
        checkmarks = folders.get(row["Position"])
        for entry in _rows(archive, checkmarks) if checkmarks else ():
            value = entry["Value"]
            code = _CODES.get(value)
            if code is None and value.lstrip("-").isdigit():
                code = int(value)
            if code is not None:
                habit.entries.append((entry["Date"], code, entry.get("Notes") or ""))
        yield habit


def _rows(archive: zipfile.ZipFile, name: str) -> Iterator[dict[str, str]]:
    with archive.open(name) as file:
        yield from csv.DictReader(io.TextIOWrapper(file, "utf-8-sig", newline=""))


def _habits_of_sqlite(connection: sqlite3.Connection) -> list[_LoopHabit]:
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1_000_000)
    steps = iter(range(MOST_STEPS // 10_000))
    connection.set_progress_handler(lambda: next(steps, None) is None, 10_000)
    connection.row_factory = sqlite3.Row
    kinds = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name IN (?, ?)"
    if connection.execute(kinds, ("Habits", "Repetitions")).fetchone()[0] != 2:  # noqa: PLR2004
        raise UnreadableFile("The file is no backup of Loop's.")
    habits = {row["id"]: _of_row(dict(row)) for row in connection.execute("SELECT * FROM Habits")}
    for row in connection.execute("SELECT * FROM Repetitions ORDER BY timestamp"):
        told = dict(row)
        date = datetime.fromtimestamp(told["timestamp"] / 1000, UTC).date().isoformat()
        if told["habit"] in habits:
            notes = str(told.get("notes") or "")
            habits[told["habit"]].entries.append((date, int(told["value"]), notes))
    return list(habits.values())


def _of_row(row: dict[str, Any]) -> _LoopHabit:
    is_measured = row.get("type") == 1
    hour, minute = row.get("reminder_hour"), row.get("reminder_min")
    return _LoopHabit(
        name=str(row["name"]),
        question=str(row.get("question") or ""),
        numerator=int(row["freq_num"]),
        denominator=int(row["freq_den"]),
        is_measured=is_measured,
        target=Decimal(str(row["target_value"])) if is_measured else None,
        unit=str(row.get("unit") or ""),
        is_archived=bool(row.get("archived")),
        time=None if hour is None or minute is None else f"{hour:02d}:{minute:02d}:00",
    )


def _carried(
    habits: list[_LoopHabit], time: str, place: str
) -> tuple[list[CarriedHabit], list[Rejected]]:
    carried: list[CarriedHabit] = []
    rejected: list[Rejected] = []
    for number, habit in enumerate(habits):
        schedule = _schedule(habit.numerator, habit.denominator)
        if schedule is None:
            due = f"{habit.numerator} times in {habit.denominator} days"
            rejected.append(Rejected(habit.name, f"It is due {due}: there is no such schedule."))
            continue
        carried.append(_lines_of(f"loop-{number}", habit, schedule, habit.time or time, place))
    return carried, rejected


def _schedule(numerator: int, denominator: int) -> JsonObject | None:
    """Return the schedule that asks for so many times in so many days, None if there is none."""
    if numerator >= denominator:
        return {"kind": "every_n_days", "n": 1}
    if numerator == 1 and denominator < _DAYS_OF_A_WEEK:
        return {"kind": "every_n_days", "n": denominator}
    if denominator == _DAYS_OF_A_WEEK and numerator >= 1:
        return {"kind": "times_per_week", "times": numerator}
    return None


def _lines_of(
    habit_id: str, habit: _LoopHabit, schedule: JsonObject, time: str, place: str
) -> CarriedHabit:
    dates = [date for date, value, _ in habit.entries if value >= _DONE]
    first = min(dates, default=datetime.now(UTC).date().isoformat())
    noon = min(datetime.fromisoformat(f"{first}T12:00:00+00:00"), datetime.now(UTC))
    at = noon.isoformat().replace("+00:00", "Z")
    carried = CarriedHabit(habit_id)
    unit = habit.unit.strip()[:32] or "times"
    target = str(habit.target.quantize(Decimal("0.001"))) if habit.target else None
    details = {
        "action": habit.name,
        "place": place,
        "times": [time],
        "duration_seconds": 60,
        "schedule": schedule,
        "is_pleasant": False,
        "reward": None,
        "linked_habit_id": None,
        "is_published": False,
        "target_value": target,
        "unit": unit if habit.is_measured else None,
        "start_date": None,
        "end_date": None,
        "paused_until": None,
        "follow_up_minutes": None,
    }
    _add(carried, None, "habit.created", {"at": at, "created_on": first, "details": details}, 3)
    for date, value, note in habit.entries:
        record = _record(habit, value, note, time, details)
        if record is not None:
            _add(carried, date, "day.recorded", {"at": at, "record": record}, 1)
    if habit.is_archived:
        later = datetime.now(UTC) - timedelta(seconds=1)
        archived_at = max(noon, later).isoformat().replace("+00:00", "Z")
        _add(carried, None, "habit.archived", {"at": archived_at}, 1)
    return carried


def _record(
    habit: _LoopHabit, value: int, note: str, time: str, details: JsonObject
) -> JsonObject | None:
    if value == _SKIPPED:
        status, amount = "skipped", None
    elif habit.is_measured and value > _SKIPPED:
        amount = Decimal(value) / 1000
        is_less = habit.target is not None and amount < habit.target
        status = "partial" if is_less else "done"
    elif not habit.is_measured and value == _DONE:
        status, amount = "done", None
    else:
        return None
    return {
        "status": status,
        "value": None if amount is None else str(amount.quantize(Decimal("0.001"))),
        "target_value": details["target_value"],
        "unit": details["unit"],
        "slots": [{"time": time, "done": status == "done"}],
        "note": note.strip() or None,
    }


def _add(
    carried: CarriedHabit, date: str | None, kind: str, data: JsonObject, schema_version: int
) -> None:
    line = {"type": kind, "schema_version": schema_version, "habit_id": carried.id, "data": data}
    lines = carried.habit_lines if date is None else carried.day_lines[date]
    lines.append(json.dumps(line).encode())
