"""One's own habits and everybody's published ones, page by page."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, select, text

from services.habits.app import build_app
from services.habits.public_list.published_count import PublishedCount
from services.habits.read_model import published
from services.habits.tables import habits
from shared.database import new_engine
from shared.migrations import migrate
from tests.integration.habits.callers import Caller, body_of, find_key


@pytest.fixture
def engine(database: Callable[[str], str]) -> Iterator[Engine]:
    """A database for each test: the public list shows everybody's."""
    url = database("habits")
    migrate("habits", url)
    engine = new_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def client(engine: Engine) -> FlaskClient:
    return build_app(engine, find_key).test_client()


def walk(caller: Caller, first: str) -> Iterator[dict[str, Any]]:
    """Follow `next` to the end."""
    address: str | None = first
    while address is not None:
        page = body_of(caller.get(address))
        yield page
        address = page["next"]


def test_an_empty_list_has_one_empty_page(anna: Caller) -> None:
    empty: dict[str, Any] = {"count": 0, "next": None, "previous": None, "results": []}
    assert body_of(anna.get("/api/habit/")) == empty
    assert body_of(anna.get("/api/habit/?page=7")) == {**empty, "previous": _page(1)}


def test_a_page_has_5_habits_unless_told_otherwise(anna: Caller) -> None:
    created = [anna.create(action=f"Habit {number}") for number in range(6)]
    page = body_of(anna.get("/api/habit/"))
    assert page == {
        "count": 6,
        "next": _page(2),
        "previous": None,
        "results": created[:5],
    }
    assert body_of(anna.get("/api/habit/?page_size=100"))["results"] == created


def _page(number: int, size: int = 5) -> str:
    return f"http://localhost/api/habit/?page={number}&page_size={size}"


def test_following_next_meets_every_habit_once_oldest_first(anna: Caller) -> None:
    created = [anna.create(action=f"Habit {number}") for number in range(7)]
    pages = list(walk(anna, "/api/habit/?page_size=3"))
    assert [habit for page in pages for habit in page["results"]] == created
    assert [page["previous"] for page in pages] == [None, _page(1, 3), _page(2, 3)]
    assert [page["next"] for page in pages] == [_page(2, 3), _page(3, 3), None]


def test_a_full_last_page_has_no_next(anna: Caller) -> None:
    for _ in range(4):
        anna.create()
    assert body_of(anna.get("/api/habit/?page=2&page_size=2"))["next"] is None


def test_a_page_beyond_the_end_is_empty_and_leads_back_to_the_last(anna: Caller) -> None:
    for _ in range(6):
        anna.create()
    assert body_of(anna.get("/api/habit/?page=1000000")) == {
        "count": 6,
        "next": None,
        "previous": _page(2),
        "results": [],
    }


def test_links_lead_through_the_address_the_client_used(anna: Caller) -> None:
    for _ in range(2):
        anna.create()
    answer = anna.get(
        "/api/habit/?page_size=1", Host="habits.example:8443", X_Forwarded_Proto="https"
    )
    assert body_of(answer)["next"] == ("https://habits.example:8443/api/habit/?page=2&page_size=1")


def test_a_change_does_not_move_a_habit_in_the_list(anna: Caller) -> None:
    first, second = anna.create(), anna.create()
    anna.patch(first["id"], {"place": "Office"})
    ids = [habit["id"] for habit in body_of(anna.get("/api/habit/"))["results"]]
    assert ids == [first["id"], second["id"]]


def test_the_own_list_has_only_ones_own_published_or_not(anna: Caller, boris: Caller) -> None:
    boris.create(is_published=True)
    own = [anna.create(), anna.create(is_published=True)]
    assert body_of(anna.get("/api/habit/"))["results"] == own


def test_the_public_list_has_everybodys_published_habits_for_everybody(
    client: FlaskClient, anna: Caller, boris: Caller
) -> None:
    anna.create()
    published = [anna.create(is_published=True), boris.create(is_published=True)]
    boris.create(is_published=True)
    answer = client.get("/api/habit/public/?page_size=2")
    assert answer.get_json() == {
        "count": 3,
        "next": "http://localhost/api/habit/public/?page=2&page_size=2",
        "previous": None,
        "results": published,
    }


def test_a_long_public_list_is_not_counted_anew_for_every_reader(
    engine: Engine, anna: Caller
) -> None:
    for _ in range(3):
        anna.create(is_published=True)
    now = [0.0]
    count = PublishedCount(exact_up_to=2, kept_seconds=5, clock=lambda: now[0])

    def current() -> tuple[int, int]:
        statements: list[str] = []
        with engine.connect() as connection:
            event.listen(connection, "before_cursor_execute", lambda *a: statements.append(a[2]))
            return count.current(connection), len(statements)

    assert current() == (3, 2)
    anna.create(is_published=True)
    assert current() == (3, 1)
    now[0] = 5.0
    assert current() == (4, 2)


def test_a_short_public_list_is_counted_exactly(engine: Engine, anna: Caller) -> None:
    count = PublishedCount(exact_up_to=2, clock=lambda: 0.0)
    for expected in range(3):
        with engine.connect() as connection:
            assert count.current(connection) == expected
        anna.create(is_published=True)


def test_counting_the_public_list_reads_its_index_and_not_every_habit(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(text("SET enable_seqscan = off"))
        statement = select(habits.c.id).where(published()).limit(1001)
        sql = statement.compile(connection, compile_kwargs={"literal_binds": True})
        plan = "\n".join(connection.scalars(text(f"EXPLAIN {sql}")))
    assert "Index Only Scan using ix_habits_public" in plan


def test_a_habit_leaves_the_public_list_when_it_is_hidden_or_deleted(
    client: FlaskClient, anna: Caller
) -> None:
    hidden, deleted = anna.create(is_published=True), anna.create(is_published=True)
    anna.patch(hidden["id"], {"is_published": False})
    anna.delete(deleted["id"])
    assert body_of(client.get("/api/habit/public/"))["results"] == []


def test_the_public_list_tells_nothing_of_the_owner(client: FlaskClient, anna: Caller) -> None:
    bath = anna.create(is_pleasant=True, is_published=True)
    linked = anna.create(linked_habit_id=bath["id"], is_published=True)
    answer = client.get("/api/habit/public/")
    shown = {habit["id"]: habit for habit in body_of(answer)["results"]}
    assert shown[linked["id"]] == {**linked, "linked_habit_id": None}
    assert str(anna.account_id) not in answer.text
