"""Everybody's published habits: searched, in several orders, copied."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, text

from services.habits.app import build_app
from services.habits.rebuild_read_model import rebuild_read_model
from shared.database import new_engine
from shared.migrations import migrate
from tests.integration.habits.callers import (
    Caller,
    assert_invalid,
    assert_problem,
    body_of,
    find_key,
)
from tests.integration.habits.test_too_many_habits import fill


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


def public(client: FlaskClient, query: str = "") -> list[str]:
    answer = client.get(f"/api/habit/public/{query}")
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["count"] == len(answer.get_json()["results"])
    return [habit["action"] for habit in answer.get_json()["results"]]


def copy(caller: Caller, habit_id: str, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return caller.request("POST", f"/api/habit/public/{habit_id}/copy/", named)


def test_it_is_searched_for_text_in_any_case_that_stands_for_itself(
    client: FlaskClient, anna: Caller
) -> None:
    anna.create(action="Drink WATER", place="Kitchen", is_published=True)
    anna.create(action="Run", place="By the water", is_published=True)
    anna.create(action="Do 100%_of\\it", place="Office", is_published=True)
    anna.create(action="Secret water", is_published=False)
    assert public(client, "?q=water") == ["Drink WATER", "Run"]
    assert public(client, "?q=KITCH") == ["Drink WATER"]
    assert public(client, "?q=%25") == public(client, "?q=_") == ["Do 100%_of\\it"]
    assert public(client, "?q=%5C") == ["Do 100%_of\\it"]
    assert public(client, "?q=nothing") == []
    page = client.get("/api/habit/public/?q=water&page_size=1&order=newest").get_json()
    assert (page["count"], page["results"][0]["action"]) == (2, "Run")
    assert client.get(page["next"]).get_json()["results"][0]["action"] == "Drink WATER"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?q=", "q"),
        ("?q=%20", "q"),
        ("?q=%00", "q"),
        (f"?q={'x' * 101}", "q"),
        ("?order=best", "order"),
    ],
)
def test_what_cannot_be_searched_for_is_named(client: FlaskClient, query: str, field: str) -> None:
    assert_invalid(client.get(f"/api/habit/public/{query}"), field)


def test_the_order_is_asked_for(engine: Engine, client: FlaskClient, anna: Caller) -> None:
    ids = [anna.create(action=name, is_published=True)["id"] for name in ("A", "B", "C")]
    assert public(client) == public(client, "?order=oldest") == ["A", "B", "C"]
    assert public(client, "?order=newest") == ["C", "B", "A"]
    for habit_id in (ids[1], ids[2], ids[1]):
        assert copy(anna, habit_id).status_code == 201
    assert public(client, "?order=copied") == ["B", "C", "A"]
    anna.delete(ids[1])
    anna.request("POST", f"/api/habit/{ids[1]}/restore/")
    assert public(client, "?order=copied") == ["B", "C", "A"]
    rebuild_read_model(engine)
    assert public(client, "?order=copied") == ["B", "C", "A"]


def test_a_copy_is_ones_own_unpublished_and_unlinked(anna: Caller, boris: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    source = anna.create(linked_habit_id=bath, is_published=True, unit="glasses", target_value=2)
    answer = copy(boris, source["id"])
    assert answer.status_code == 201
    made = body_of(answer)
    assert answer.headers["ETag"] == '"1"'
    assert boris.read(made["id"]) == made
    assert answer.headers["Location"].endswith(f"/api/habit/{made['id']}/")
    assert made["id"] != source["id"]
    assert (made["is_published"], made["linked_habit_id"], made["version"]) == (False, None, 1)
    own = {"id", "is_published", "linked_habit_id", "created_at", "updated_at", "version"}
    assert {name: made[name] for name in made.keys() - own} == {
        name: source[name] for name in source.keys() - own
    }
    assert anna.read(source["id"]) == source


def test_what_is_not_published_is_not_copied(client: FlaskClient, anna: Caller) -> None:
    hidden, archived = anna.create()["id"], anna.create(is_published=True)["id"]
    anna.request("POST", f"/api/habit/{archived}/archive/")
    for habit_id in (hidden, archived, "0b8f2a44-7c1d-4e5a-9a53-2f6f1f0c9d11"):
        assert_problem(copy(anna, habit_id), 404, "not_found")
    assert client.post(f"/api/habit/public/{hidden}/copy/").status_code == 401


def test_a_repeated_copy_makes_one_habit(anna: Caller) -> None:
    source = anna.create(is_published=True)["id"]
    first, again = (copy(anna, source, Idempotency_Key="a") for _ in range(2))
    assert body_of(first) == body_of(again)
    assert body_of(anna.get("/api/habit/"))["count"] == 2


def test_a_full_account_copies_nothing(engine: Engine, anna: Caller, boris: Caller) -> None:
    source = anna.create(is_published=True)["id"]
    fill(engine, boris, 1000)
    assert_problem(copy(boris, source), 400, "too_many_habits")


_OF_ORDERS = ("ix_habits_public_created_at_id",)


def test_searching_and_each_order_have_an_index(engine: Engine) -> None:
    public_habits = "SELECT id FROM habits WHERE is_published AND archived_at IS NULL"
    asked = {
        "ix_habits_public_created_at_id": " ORDER BY created_at DESC, id DESC LIMIT 5",
        "ix_habits_public_search": " AND (action ILIKE '%water%' OR place ILIKE '%water%')",
    }
    with engine.connect() as connection:
        for setting in ("enable_seqscan", "enable_sort"):
            connection.execute(text(f"SET LOCAL {setting} = off"))
        for index, which in asked.items():
            plan = connection.execute(text(f"EXPLAIN {public_habits}{which}")).scalars()
            assert index in "\n".join(plan)
            if index in _OF_ORDERS:
                # In a table without rows any index will do.
                connection.execute(text(f"DROP INDEX {index}"))
