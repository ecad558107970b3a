"""While a release is rolled out, processes of the release before serve from the same database."""

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import flask
import pytest
import requests
from sqlalchemy import Engine, select, update

from deploy.local.ports import free_ports
from services.habits.app import build_app
from services.habits.tables import writing_level
from shared.database import transaction
from shared.migrations import migrate
from tests.integration.habits.callers import WATER, Caller, assert_problem, body_of, find_key
from tests.integration.habits.test_days import DONE, add, clear, put, recorded
from tests.integration.habits.test_erasure import told_of
from tests.integration.habits.test_grid_and_today import live_in
from tests.integration.habits.test_processes import LIMIT_SECONDS, answers, public_keys, wait_for

if TYPE_CHECKING:
    from flask.testing import FlaskClient

# The release that is out: processes of it run while this one is rolled out.
LAST_RELEASE = "df756f5868ea"
ROOT = Path(__file__).resolve().parents[3]

EVERY_3 = {"kind": "every_n_days", "n": 3}

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def habits_url(module_database: Callable[[str], str]) -> str:
    """Return the URL of a database as it is during a rollout."""
    url = module_database("habits")
    migrate("habits", url, before_rollout=True)
    return url


@pytest.fixture(scope="module")
def last_release(tmp_path_factory: pytest.TempPathFactory, habits_url: str) -> Iterator[str]:
    """Run the last release's HTTP process; yield its address."""
    directory = tmp_path_factory.mktemp("last_release")
    _check_out(directory)
    [port] = free_ports(1)
    with public_keys() as jwks_url, _serving(directory, habits_url, jwks_url, port):
        yield f"http://127.0.0.1:{port}"


def _check_out(directory: Path) -> None:
    archived = subprocess.run(
        ["git", "archive", LAST_RELEASE, "services", "shared"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if archived.returncode != 0:
        pytest.fail(
            f"the history lacks the last release {LAST_RELEASE}; fetch it whole"
            f" (git fetch --unshallow): {archived.stderr.decode()}"
        )
    with tarfile.open(fileobj=io.BytesIO(archived.stdout)) as archive:
        archive.extractall(directory, filter="data")


@contextmanager
def _serving(directory: Path, database_url: str, jwks_url: str, port: int) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "services.habits", "serve"],
        cwd=directory,
        env={
            **os.environ,
            "PYTHONPATH": str(directory),
            "DATABASE_URL": database_url,
            "RABBITMQ_URL": "amqp://127.0.0.1:1/",
            "JWKS_URL": jwks_url,
            "HTTP_PORT": str(port),
        },
    )
    try:
        wait_for(lambda: answers(f"http://127.0.0.1:{port}/readyz"), "the last release")
        yield
    finally:
        process.terminate()
        process.wait(LIMIT_SECONDS)


class _Answer(flask.Response):
    @property
    def text(self) -> str:
        return self.get_data(as_text=True)


class _Remote:
    """Flask's test client, as far as callers use it, for a process that runs elsewhere."""

    def __init__(self, address: str) -> None:
        self._address = address

    def open(self, path: str, *, method: str, headers: dict[str, str], **options: Any) -> _Answer:
        answer = requests.request(
            method, self._address + path, headers=headers, timeout=LIMIT_SECONDS, **options
        )
        return _Answer(answer.content, answer.status_code, dict(answer.headers))


@pytest.fixture
def old(last_release: str, anna: Caller) -> Caller:
    """Anna, served by the last release."""
    return Caller(cast("FlaskClient", _Remote(last_release)), anna.account_id)


def _changed(caller: Caller, habit_id: str, **changes: object) -> dict[str, Any]:
    answer = caller.patch(habit_id, changes)
    assert answer.status_code == 200, answer.text
    return body_of(answer)


def _history(caller: Caller, habit_id: str) -> dict[str, Any]:
    answer = caller.get(f"/api/habit/{habit_id}/history/")
    assert answer.status_code == 200, answer.text
    return body_of(answer)


@pytest.mark.parametrize("first", ["old", "new"])
def test_what_one_release_writes_the_other_reads_and_changes(
    old: Caller, anna: Caller, first: str
) -> None:
    here, there = (old, anna) if first == "old" else (anna, old)
    bath = here.create(is_pleasant=True)["id"]
    habit_id = there.create(linked_habit_id=bath, is_published=True)["id"]
    _changed(here, habit_id, place="Office", time="08:00", is_published=False)
    changed = _changed(there, habit_id, duration_seconds=90, period_days=2)
    assert changed["version"] == 3
    assert here.delete(bath).status_code == 204
    assert _common(there.read(habit_id)) == _common(here.read(habit_id))
    assert there.read(habit_id)["linked_habit_id"] is None
    told = [_history(caller, habit_id)["results"] for caller in (here, there)]
    assert [entry["type"] for entry in told[0]] == ["created", "changed", "changed", "link_cleared"]
    known = [[told_before(entry) for entry in entries] for entries in told]
    assert known[0] == known[1]
    assert there.delete(habit_id).status_code == 204


def told_before(entry: dict[str, Any]) -> dict[str, Any]:
    """Return what the last release tells of a change."""
    return {name: entry[name] for name in ("version", "type", "at", "changes")}


def _common(habit: dict[str, Any]) -> dict[str, Any]:
    """Return what both releases tell of a habit."""
    known = {"action", "place", "time", "period_days", "reward", "linked_habit_id", "version"}
    return {name: habit[name] for name in sorted(known)}


def test_both_releases_change_one_habit_at_once_and_no_change_is_lost(
    old: Caller, anna: Caller
) -> None:
    habit_id = anna.create()["id"]

    def change(number: int) -> int:
        caller = old if number % 2 else anna
        version: int = _changed(caller, habit_id, place=f"Room {number}")["version"]
        return version

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(change, range(40))) == list(range(2, 42))
    assert _common(old.read(habit_id)) == _common(anna.read(habit_id))


def test_what_is_new_waits_until_the_last_release_is_gone(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    with _allowed_level(engine, 1):
        # Nobody has been told of a higher one yet.
        newcomer = Caller(build_app(engine, find_key).test_client(), anna.account_id)
        for answer in (
            put(newcomer, habit_id, DONE),
            add(newcomer, habit_id, 1),
            newcomer.patch(habit_id, {"unit": "glasses"}),
            newcomer.request("POST", f"/api/habit/{habit_id}/archive/"),
        ):
            assert_problem(answer, 503, "upgrade_in_progress")
        assert recorded(newcomer, habit_id) == []
        assert clear(newcomer, habit_id).status_code == 204
    assert put(newcomer, habit_id, DONE).status_code == 201


def test_schedules_wait_until_the_last_release_is_gone(engine: Engine, anna: Caller) -> None:
    live_in(engine, anna, "Asia/Tokyo")
    habit = anna.create(period_days=2)
    for changes in (
        {"schedule": {"kind": "weekdays", "weekdays": [1]}},
        {"times": ["07:30", "21:00"]},
        {"paused_until": "2027-01-01"},
        {"follow_up_minutes": 30},
    ):
        assert_problem(anna.patch(habit["id"], changes), 503, "upgrade_in_progress")
    assert anna.read(habit["id"]) == habit
    assert anna.put(habit["id"], {**WATER, "schedule": EVERY_3}).status_code == 200
    with _allowed_level(engine, 3):
        assert anna.patch(habit["id"], {"times": ["07:30", "21:00"]}).status_code == 200
    told = told_of(engine, habit["id"])
    assert [each["type"] for each in told] == [
        *("habit.created.v1", "habit.changed.v1", "habit.changed.v2")
    ]
    # What was created while its date could not be stored has the same first date.
    assert told[-1]["start_date"] == habit["start_date"]


@contextmanager
def _allowed_level(engine: Engine, level: int) -> Iterator[None]:
    with transaction(engine) as connection:
        usual = connection.execute(select(writing_level.c.level)).scalar_one()
        connection.execute(update(writing_level).values(level=level))
    try:
        yield
    finally:
        with transaction(engine) as connection:
            connection.execute(update(writing_level).values(level=usual))
