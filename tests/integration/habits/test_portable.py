"""An account's habits leave as a file, and come in from files of ours and of Loop Habit Tracker."""

import asyncio
import io
import json
import sqlite3
import threading
import uuid
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, text

from services.habits.asked_questions import AskedQuestions
from services.habits.days.day_commands import DayCommands
from services.habits.days.day_queries import DayQueries
from services.habits.days.stored_days import DAYS
from services.habits.erasure import erase_account
from services.habits.event_store import EventStore
from services.habits.portable import import_work
from services.habits.portable.exported_lines import exported_lines
from services.habits.portable.import_work import Importing
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.stored_events import HABITS
from services.habits.tables import imports, outbox
from services.habits.telegram_commands import handle_telegram_commands
from services.habits.undo.undo_commands import UndoCommands
from shared.contracts.topology import HABITS_COMMANDS
from shared.database import transaction
from shared.instants import now
from tests.integration.habits.callers import Caller, assert_problem, body_of
from tests.integration.habits.test_days import DONE, put
from tests.integration.habits.test_history import history
from tests.integration.habits.test_pressed_answers import delivery

YESTERDAY = (now().date() - timedelta(days=1)).isoformat()


def exported(caller: Caller) -> bytes:
    answer = caller.get("/api/habit/export/")
    assert answer.status_code == 200, answer.text
    assert answer.content_type == "application/x-ndjson"
    return answer.get_data()


def upload(
    caller: Caller, payload: bytes, kind: str = "application/x-ndjson", query: str = ""
) -> Any:
    return caller.request(
        "POST", f"/api/habit/import/{query}", {"Content-Type": kind}, data=payload
    )


def take_in(
    engine: Engine, caller: Caller, payload: bytes, kind: str = "application/x-ndjson"
) -> dict[str, Any]:
    """Upload a file, take it in as the process `consume` does, and return the report."""
    answer = upload(caller, payload, kind)
    assert answer.status_code == 202, answer.text
    assert body_of(answer)["status"] == "pending"
    import_id = body_of(answer)["id"]
    importing(engine).run(caller.account_id, uuid.UUID(import_id))
    return report(caller, import_id)


def importing(engine: Engine) -> Importing:
    return Importing(engine, EventStore(HABITS), EventStore(DAYS))


def report(caller: Caller, import_id: str) -> dict[str, Any]:
    return body_of(caller.get(f"/api/habit/import/{import_id}/"))


def all_of(caller: Caller) -> list[dict[str, Any]]:
    """Return everything that is shown of an account's habits, without ids and versions."""
    shown: list[dict[str, Any]] = []
    names: dict[str, str] = {}
    for archived in ("false", "true"):
        page = body_of(caller.get(f"/api/habit/?page_size=100&archived={archived}"))
        for habit in page["results"]:
            names[habit["id"]] = habit["action"]
            path = f"/api/habit/{habit['id']}"
            today = now().date()
            query = f"?from={today - timedelta(days=300)}&to={today}"
            days = body_of(caller.get(f"{path}/days/{query}"))["results"]
            stats = body_of(caller.get(f"{path}/stats/"))
            shown.append({"habit": habit, "days": days, "stats": stats})
    unlike = ("id", "habit_id", "version", "updated_at", "channel")
    for each in shown:
        linked = each["habit"]["linked_habit_id"]
        each["habit"]["linked_habit_id"] = names.get(linked)
        each["habit"]["archived_at"] = each["habit"]["archived_at"] is not None
        for told in (each["habit"], each["stats"], *each["days"]):
            for name in unlike:
                told.pop(name, None)
    return shown


@pytest.fixture
def lived(anna: Caller) -> Caller:
    """Anna, with habits of every kind that have been changed and answered for."""
    bath = anna.create(action="Bath", is_pleasant=True)["id"]
    start = (now().date() - timedelta(days=40)).isoformat()
    water = anna.create(
        action="Вода", linked_habit_id=bath, target_value=2.5, unit="l", start_date=start
    )["id"]
    anna.patch(water, {"schedule": {"kind": "times_per_week", "times": 3}})
    anna.patch(water, {"times": ["07:00", "19:00"], "follow_up_minutes": 30})
    old = anna.create(action="Old", is_published=True, start_date=start)["id"]
    gone = anna.create(action="Gone")["id"]
    for number in range(1, 30):
        date = (now().date() - timedelta(days=number)).isoformat()
        body = DONE if number % 3 else {"value": 1.125, "note": "half"}
        assert put(anna, water, body if number % 7 else {"status": "skipped"}, date).status_code
        put(anna, old, DONE, date)
    put(anna, water, {"status": "skipped", "note": "ill"}, YESTERDAY)
    anna.request("DELETE", f"/api/habit/{old}/days/{YESTERDAY}/", {})
    anna.request("POST", f"/api/habit/{old}/archive/")
    anna.delete(gone)
    return anna


def test_what_is_exported_and_imported_elsewhere_is_the_same(
    engine: Engine, lived: Caller, boris: Caller
) -> None:
    told = take_in(engine, boris, exported(lived))
    assert (told["status"], told["rejected"]) == ("done", [])
    assert told["imported"] == 3 + 29 + 28
    assert all_of(boris) == all_of(lived)
    with engine.connect() as connection:
        bodies = connection.execute(select(outbox.c.body, outbox.c.routing_key)).all()
    mine = [row for row in bodies if row.body.get("owner_id") == str(boris.account_id)]
    assert len(mine) == 3 + 29 + 28


def test_what_comes_in_names_its_channel_and_is_reminded_of_from_now_on(
    engine: Engine, anna: Caller, boris: Caller
) -> None:
    put(anna, anna.create()["id"], DONE)
    began = now()
    take_in(engine, boris, exported(anna))
    [habit] = body_of(boris.get("/api/habit/"))["results"]
    entries = history(boris, habit["id"])["results"]
    assert {entry["channel"] for entry in entries} == {"import"}
    with engine.connect() as connection:
        [told] = connection.execute(
            select(outbox.c.body).where(outbox.c.ordering_key == habit["id"])
        ).scalars()
    assert datetime.fromisoformat(told["timing_since"]) >= began
    assert_problem(boris.request("POST", "/api/habit/undo/"), 409, "nothing_to_undo")


def test_a_killed_import_goes_on_where_it_was_and_doubles_nothing(
    engine: Engine, lived: Caller, boris: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = upload(boris, exported(lived))
    import_id = uuid.UUID(body_of(answer)["id"])
    append = Importing._append_days

    def killed(self: Importing, *arguments: Any) -> None:
        append(self, *arguments)
        raise SystemExit

    monkeypatch.setattr(Importing, "_append_days", killed)
    with pytest.raises(SystemExit):
        importing(engine).run(boris.account_id, import_id)
    assert report(boris, str(import_id))["status"] == "running"
    monkeypatch.undo()
    workers = [
        threading.Thread(target=importing(engine).run, args=(boris.account_id, import_id))
        for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    importing(engine).run(boris.account_id, import_id)
    assert report(boris, str(import_id))["status"] == "done"
    assert all_of(boris) == all_of(lived)


def changed(payload: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    lines = [json.loads(line) for line in payload.splitlines()]
    for line in lines:
        change(line)
    return b"\n".join(json.dumps(line).encode() for line in lines)


def _set(path: str, value: object) -> Callable[[dict[str, Any]], None]:
    *parents, last = path.split(".")

    def change(line: dict[str, Any]) -> None:
        told: Any = line
        for name in parents:
            told = told.get(name, {}) if isinstance(told, dict) else {}
        if isinstance(told, dict) and told.get(last, told) is not None and last in told:
            told[last] = value

    return change


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data.details.action", ""),
        ("data.details.action", "x" * 256),
        ("data.details.action", "a\x00b"),
        ("data.details.action", "\ud800"),
        ("data.details.action", 5),
        ("data.details.duration_seconds", 100_000),
        ("data.details.times", []),
        ("data.details.is_published", "maybe"),
        ("data.at", "2999-01-01T00:00:00Z"),
        ("data.at", "yesterday"),
        ("data", None),
        ("type", "habit.exploded"),
        ("schema_version", 99),
    ],
)
def test_what_cannot_be_taken_is_reported_and_the_rest_is_taken(
    engine: Engine, anna: Caller, boris: Caller, path: str, value: object
) -> None:
    anna.create(action="Good")
    good = exported(anna).splitlines()
    bad = anna.create(action="Bad")["id"]
    lines = exported(anna).splitlines()
    bad_lines = b"\n".join(line for line in lines if bad.encode() in line)
    payload = b"\n".join([*good[:-1], changed(bad_lines, _set(path, value)), good[-1]])
    told = take_in(engine, boris, payload)
    assert (told["status"], told["imported"]) == ("done", 1)
    assert len(told["rejected"]) == 1
    assert told["rejected"][0]["reason"]
    assert [each["habit"]["action"] for each in all_of(boris)] == ["Good"]


def test_days_that_break_a_rule_are_left_out(engine: Engine, anna: Caller, boris: Caller) -> None:
    habit_id = anna.create(action="Run")["id"]
    put(anna, habit_id, {"value": 3, "note": "easy"})
    for wrong in (
        _set("date", "2999-01-01"),
        _set("date", "2001-01-01"),
        _set("data.record.value", "-1"),
        _set("data.record.note", "x" * 1001),
    ):
        told = take_in(engine, boris, changed(exported(anna), wrong))
        assert (told["imported"], len(told["rejected"])) == (1, 1)


def test_a_file_that_was_cut_off_is_told(engine: Engine, anna: Caller, boris: Caller) -> None:
    anna.create()
    payload = b"\n".join(exported(anna).splitlines()[:-1])
    told = take_in(engine, boris, payload)
    assert (told["status"], told["imported"]) == ("done", 1)
    assert told["rejected"][0]["what"] == "the end of the file"


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return packed.getvalue()


LOOP_HABITS = """Position,Name,Type,Question,Description,FrequencyNumerator,\
FrequencyDenominator,Color,Unit,Target Type,Target Value,Archived?
001,"Meditate, long",YES_NO,Did you?,,1,1,#FF8F00,,,,false
002,Run,NUMERICAL,How far?,,3,7,#E64A19,km,AT_LEAST,5.0,false
003,Pay rent,YES_NO,,,1,30,#E64A19,,,,false
004,Old,YES_NO,,,1,2,#E64A19,,,,true
"""
LOOP = {
    "Habits.csv": LOOP_HABITS,
    "001 Meditate, long/Checkmarks.csv": (
        "Date,Value,Notes\n2026-01-04,SKIP,\n2026-01-03,YES_AUTO,\n2026-01-02,YES_MANUAL,calm\n"
        "2026-01-01,NO,\n"
    ),
    "002 Run/Checkmarks.csv": "Date,Value,Notes\n2026-01-05,5500,\n2026-01-04,500,slow\n",
}


def test_loops_csv_export_comes_in(engine: Engine, anna: Caller) -> None:
    told = take_in(engine, anna, zipped(LOOP), "application/zip")
    assert (told["status"], told["imported"]) == ("done", 3 + 2 + 2)
    assert [each["what"] for each in told["rejected"]] == ["Pay rent"]
    shown = {each["habit"]["action"]: each for each in _by_day(anna)}
    meditate, run = shown["Meditate, long"], shown["Run"]
    assert (meditate["habit"]["start_date"], meditate["habit"]["time"]) == (
        "2026-01-02",
        "09:00:00",
    )
    assert [(day["date"], day["status"], day["note"]) for day in meditate["days"]] == [
        ("2026-01-02", "done", "calm"),
        ("2026-01-04", "skipped", None),
    ]
    assert run["habit"]["schedule"] == {"kind": "times_per_week", "times": 3}
    assert (run["habit"]["target_value"], run["habit"]["unit"]) == (5, "km")
    assert [(day["value"], day["status"]) for day in run["days"]] == [
        (0.5, "partial"),
        (5.5, "done"),
    ]


def _by_day(caller: Caller) -> list[dict[str, Any]]:
    found = body_of(caller.get("/api/habit/?page_size=100"))["results"]
    query = "days/?from=2026-01-01&to=2026-01-31"
    return [
        {"habit": each, "days": body_of(caller.get(f"/api/habit/{each['id']}/{query}"))["results"]}
        for each in found
    ]


def test_loops_backup_comes_in_with_its_reminders(
    engine: Engine, anna: Caller, tmp_path: Path
) -> None:
    path = tmp_path / "Loop.db"
    backup = sqlite3.connect(path)
    backup.execute(
        "CREATE TABLE Habits (id INTEGER PRIMARY KEY, archived INTEGER, color INTEGER,"
        " description TEXT, freq_den INTEGER, freq_num INTEGER, name TEXT, position INTEGER,"
        " reminder_hour INTEGER, reminder_min INTEGER, reminder_days INTEGER, type INTEGER,"
        " target_type INTEGER, target_value REAL, unit TEXT, question TEXT, uuid TEXT)"
    )
    backup.execute(
        "CREATE TABLE Repetitions (id INTEGER PRIMARY KEY, habit INTEGER, timestamp INTEGER,"
        " value INTEGER, notes TEXT)"
    )
    backup.execute(
        "INSERT INTO Habits (id, name, freq_num, freq_den, type, archived, reminder_hour,"
        " reminder_min) VALUES (1, 'Read', 1, 3, 0, 0, 21, 5)"
    )
    at = int(datetime(2026, 1, 3, tzinfo=UTC).timestamp() * 1000)
    backup.execute("INSERT INTO Repetitions VALUES (1, 1, ?, 2, 'a page')", (at,))
    backup.commit()
    backup.close()
    told = take_in(engine, anna, path.read_bytes(), "application/vnd.sqlite3")
    assert (told["status"], told["imported"], told["rejected"]) == ("done", 2, [])
    [read] = _by_day(anna)
    assert (read["habit"]["time"], read["habit"]["period_days"]) == ("21:05:00", 3)
    assert [(day["date"], day["note"]) for day in read["days"]] == [("2026-01-03", "a page")]


def test_a_file_comes_as_a_form_too(anna: Caller) -> None:
    sent = {"file": (io.BytesIO(zipped(LOOP)), "Loop.zip")}
    answer = anna.request(
        "POST", "/api/habit/import/", {}, data=sent, content_type="multipart/form-data"
    )
    assert answer.status_code == 202
    assert_problem(upload(anna, zipped(LOOP), "application/zip"), 409, "import_under_way")


def test_bombs_giants_and_strangers_are_refused(anna: Caller) -> None:
    bomb = zipped({"Habits.csv": "0" * 80_000_000})
    many = zipped({f"{number}": "" for number in range(4001)})
    for payload in (bomb, many, zipped({"a": "b"}), b"PK\x03\x04damaged", b"hello", b"{}", b""):
        assert_problem(upload(anna, payload, "application/octet-stream"), 400, "unreadable_file")
    giant = b"{" + b" " * (17 * 1024 * 1024)
    assert_problem(upload(anna, giant), 413, "body_too_large")
    assert_problem(upload(anna, b"hello", "text/plain"), 415, "unsupported_media_type")


def test_a_file_that_only_looks_like_a_backup_fails(engine: Engine, anna: Caller) -> None:
    told = take_in(engine, anna, b"SQLite format 3\x00nonsense", "application/octet-stream")
    assert (told["status"], told["rejected"][0]["what"]) == ("failed", "the file")


def test_an_import_is_its_accounts_and_goes_with_it(
    engine: Engine, anna: Caller, boris: Caller
) -> None:
    anna.create()
    import_id = body_of(upload(anna, exported(anna)))["id"]
    assert_problem(boris.get(f"/api/habit/import/{import_id}/"), 404, "not_found")
    with transaction(engine) as connection:
        erase_account(connection, anna.account_id, 2, now())
    with engine.connect() as connection:
        mine = select(imports.c.id).where(imports.c.account_id == anna.account_id)
        assert connection.execute(mine).all() == []
    assert anna.get("/api/habit/export/").status_code == 401


def test_a_full_account_takes_no_more(
    engine: Engine, anna: Caller, boris: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_work, "MOST_HABITS", 1)
    for name in ("A", "B"):
        anna.create(action=name)
    told = take_in(engine, boris, exported(anna))
    assert told["imported"] == 1
    assert told["rejected"] == [{"what": "B", "reason": import_work.FULL}]


def test_the_upload_reaches_the_process_that_takes_it_in(
    engine: Engine, anna: Caller, boris: Caller
) -> None:
    anna.create(action="Run")
    import_id = body_of(upload(boris, exported(anna)))["id"]
    with engine.connect() as connection:
        to_commands = outbox.c.routing_key == HABITS_COMMANDS.name
        bodies = connection.scalars(select(outbox.c.body).where(to_commands)).all()
    [message] = [body for body in bodies if body["command_id"] == import_id]
    days, habits = EventStore(DAYS), EventStore(HABITS)
    handle = handle_telegram_commands(
        engine,
        DayCommands(engine, days),
        UndoCommands(engine, habits, days),
        AskedQuestions(engine, DayQueries(engine, habits), StatisticsQueries(engine, habits)),
        importing(engine),
    )

    async def deliver() -> None:
        await handle(delivery(json.dumps(message).encode()))

    asyncio.run(deliver())
    assert report(boris, import_id) == {
        "id": import_id,
        "status": "done",
        "imported": 1,
        "rejected": [],
    }


def test_an_export_of_many_rows_is_read_by_a_cursor(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    put(anna, habit_id, DONE)
    lines = exported_lines(engine, anna.account_id, now())
    assert json.loads(next(lines))["type"] == "habits-export"
    with engine.connect() as connection:
        next(lines)
        cursors = connection.scalar(
            text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'FETCH%'")
        )
    lines.close()
    assert cursors
