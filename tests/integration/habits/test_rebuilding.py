"""The read model is a function of the events: rebuilt, it is the same byte for byte."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Literal
from uuid import uuid4

import psycopg
import pytest
from alembic import command
from flask.testing import FlaskClient
from sqlalchemy import Engine, delete, insert, select, update

from services.habits.app import build_app
from services.habits.rebuild_read_model import rebuild_read_model
from services.habits.tables import days, habits, streams
from shared import instants
from shared.database import new_engine, transaction
from shared.migrations import alembic_config, migrate
from tests.integration.habits.callers import Caller, body_of, find_key
from tests.integration.habits.test_days import clear, put
from tests.integration.habits.test_erasure import erase


@pytest.fixture
def habits_url(database: Callable[[str], str]) -> str:
    url = database("habits")
    migrate("habits", url)
    return url


@pytest.fixture
def engine(habits_url: str) -> Iterator[Engine]:
    engine = new_engine(habits_url)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_app(engine, find_key).test_client()


def dump(url: str) -> bytes:
    """Return the read model as COPY writes it: every column of every row, as stored."""
    return _dump(url, "habits") + _dump(url, "days")


def _dump(url: str, table: Literal["habits", "days"]) -> bytes:
    with (
        psycopg.connect(url) as connection,
        connection.cursor().copy(
            f"COPY (SELECT * FROM {table} ORDER BY id) TO STDOUT (FORMAT binary)"  # noqa: S608
        ) as copy,
    ):
        return b"".join(bytes(block) for block in copy)


def live_through_everything(caller: Caller) -> None:
    bath = caller.create(action="Take a bath", is_pleasant=True, is_published=True)["id"]
    sofa = caller.create(action="Lie on the sofa", is_pleasant=True)["id"]
    caller.create(action="Ünïcödé 😀\ttab\nline", reward="Tea \\N", period_days=7)
    for number in range(3):
        linked = caller.create(action=f"Run {number}", linked_habit_id=bath)["id"]
        caller.patch(linked, {"time": "23:59:59", "duration_seconds": 1 + number})
        caller.patch(linked, {"place": "Office"} if number else {"linked_habit_id": sofa})
    caller.patch(caller.create(reward="Tea")["id"], {"reward": None, "is_pleasant": True})
    caller.delete(bath)
    caller.delete(caller.create()["id"])
    answer_for_days(caller)


def answer_for_days(caller: Caller) -> None:
    water, gone = caller.create()["id"], caller.create()["id"]
    put(caller, water, {"value": 2.125, "note": "Ünïcödé 😀"})
    put(caller, water, {"status": "skipped"})
    put(caller, gone, {"status": "done"})
    clear(caller, gone)
    put(caller, gone, {"status": "done"})
    caller.delete(gone)
    clear(caller, caller.create()["id"])


def test_the_rebuilt_table_is_the_table_that_was_byte_for_byte(
    engine: Engine, habits_url: str, client: FlaskClient, anna: Caller, boris: Caller
) -> None:
    gone = Caller(client)
    for caller in (anna, boris, gone):
        live_through_everything(caller)
    erase(engine, gone.account_id)
    before = dump(habits_url)
    with transaction(engine) as connection:
        connection.execute(delete(habits).where(habits.c.owner_id == anna.account_id))
        connection.execute(update(habits).values(place="damaged", version=99))
        connection.execute(delete(days).where(days.c.owner_id == anna.account_id))
        connection.execute(update(days).values(note="damaged", version=99))
        erased = connection.execute(select(streams.c.id).where(streams.c.erased_at.is_not(None)))
        connection.execute(insert(habits).values(_invented(erased.scalars().first())))
    assert dump(habits_url) != before
    assert rebuild_read_model(engine) == {"habits": 16, "days": 4}
    assert dump(habits_url) == before


def test_a_habit_from_before_it_was_kept_gets_the_instant_of_its_timing_from_its_events(
    engine: Engine, habits_url: str, client: FlaskClient
) -> None:
    live_through_everything(Caller(client))
    before = _dump(habits_url, "habits")
    with engine.connect() as connection, connection.begin():
        config = alembic_config("habits", habits_url)
        config.attributes["connection"] = connection
        command.downgrade(config, "0002")
    migrate("habits", habits_url)
    assert _dump(habits_url, "habits") == before


def _invented(habit_id: object) -> dict[str, object]:
    at = instants.now() - timedelta(days=1)
    return {
        "id": habit_id,
        "owner_id": uuid4(),
        "action": "Never happened",
        "place": "Nowhere",
        "time": "00:00",
        "duration_seconds": 1,
        "period_days": 1,
        "is_pleasant": False,
        "is_published": True,
        "created_at": at,
        "updated_at": at,
        "timing_since": at,
        "version": 1,
    }


def test_an_empty_store_makes_an_empty_table(engine: Engine) -> None:
    assert rebuild_read_model(engine) == {"habits": 0, "days": 0}


def test_rebuilding_while_the_service_writes_loses_nothing(
    engine: Engine, habits_url: str, client: FlaskClient
) -> None:
    stop = Event()

    def write(caller: Caller) -> int:
        written = 0
        while not stop.is_set():
            habit_id = caller.create()["id"]
            answer = caller.patch(habit_id, {"place": "Office"})
            assert answer.status_code == 200, answer.text
            if written % 3 == 0:
                caller.delete(habit_id)
            written += 1
        return written

    callers = [Caller(client.application.test_client()) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        writers = [pool.submit(write, caller) for caller in callers]
        try:
            for _ in range(10):
                rebuild_read_model(engine)
                assert client.get("/api/habit/public/").status_code == 200
        finally:
            stop.set()
        assert min(writer.result(timeout=30) for writer in writers) > 1
    after_writing = dump(habits_url)
    rebuild_read_model(engine)
    assert dump(habits_url) == after_writing
    for caller in callers:
        count = body_of(caller.get("/api/habit/"))["count"]
        assert count > 0
