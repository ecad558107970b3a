"""What a command stores beside its events: the public message, the actor, the metric."""

from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import Engine, select

from services.habits.tables import events, outbox
from tests.integration.habits.callers import WATER, Caller, body_of


def messages(engine: Engine, habit_id: str) -> list[tuple[str, dict[str, Any]]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(outbox.c.routing_key, outbox.c.body)
            .where(outbox.c.ordering_key == habit_id)
            .order_by(outbox.c.id)
        )
        return [(row.routing_key, row.body) for row in rows]


def message_of(caller: Caller, habit: dict[str, Any], **changed: object) -> dict[str, Any]:
    return {
        **habit,
        # While the owner's clock is not known, it is the date of `created_at`, wherever that was.
        "start_date": None,
        "timing_since": habit["created_at"],
        "owner_id": str(caller.account_id),
        "deleted": False,
        **changed,
    }


def test_each_version_is_announced_once_with_the_full_state(engine: Engine, anna: Caller) -> None:
    created = anna.create(reward="Tea")
    changed = body_of(anna.patch(created["id"], {"place": "Office"}))
    anna.delete(created["id"])
    told = messages(engine, created["id"])
    deleted_at = told[2][1]["updated_at"]
    assert deleted_at > changed["updated_at"]
    assert told == [
        ("habit.created.v2", message_of(anna, created)),
        ("habit.changed.v2", message_of(anna, changed)),
        (
            "habit.deleted.v2",
            message_of(
                anna,
                changed,
                deleted=True,
                version=3,
                updated_at=deleted_at,
                timing_since=deleted_at,
            ),
        ),
    ]


def test_a_lost_link_is_announced_as_a_change(engine: Engine, anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)
    linked = anna.create(linked_habit_id=bath["id"])
    anna.delete(bath["id"])
    assert messages(engine, linked["id"]) == [
        ("habit.created.v2", message_of(anna, linked)),
        ("habit.changed.v2", message_of(anna, anna.read(linked["id"]))),
    ]


def test_a_change_of_nothing_and_a_refused_one_announce_nothing(
    engine: Engine, anna: Caller
) -> None:
    habit_id = anna.create()["id"]
    anna.patch(habit_id, {"place": WATER["place"]})
    anna.patch(habit_id, {"duration_seconds": 121})
    anna.patch(habit_id, {"place": "Office"}, If_Match='"9"')
    assert [kind for kind, _body in messages(engine, habit_id)] == ["habit.created.v2"]


def test_an_event_records_who_asked_in_which_request(engine: Engine, anna: Caller) -> None:
    answer = anna.request("POST", "/api/habit/", {"X-Request-ID": "request-7"}, json=WATER)
    habit_id = body_of(answer)["id"]
    assert answer.headers["X-Request-ID"] == "request-7"
    with engine.connect() as connection:
        meta = connection.execute(
            select(events.c.meta).where(events.c.stream_id == UUID(habit_id))
        ).scalar_one()
        headers = connection.execute(
            select(outbox.c.headers).where(outbox.c.ordering_key == habit_id)
        ).scalar_one()
    assert meta == {
        "actor": str(anna.account_id),
        "channel": "api",
        "request_id": "request-7",
    }
    assert headers["cloudEvents:requestid"] == "request-7"
    assert headers["cloudEvents:source"] == "/services/habits"
    assert headers["cloudEvents:subject"] == habit_id


def test_a_failure_while_announcing_leaves_nothing_behind(
    app: Flask, engine: Engine, anna: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("no outbox")

    habit = anna.create()
    monkeypatch.setattr("services.habits.command_handling.public_events.announce", fail)
    answer = anna.patch(habit["id"], {"place": "Office"})
    assert answer.status_code == 500
    monkeypatch.undo()
    assert anna.read(habit["id"]) == habit
    assert body_of(anna.get(f"/api/habit/{habit['id']}/history/"))["count"] == 1
    assert len(messages(engine, habit["id"])) == 1


def test_events_are_counted_by_type(app: Flask, anna: Caller) -> None:
    def counted() -> float:
        line = 'habit_events_appended_total{type="habit.link_cleared"} '
        text = app.test_client().get("/metrics").text
        found = [row for row in text.splitlines() if row.startswith(line)]
        return float(found[0].removeprefix(line)) if found else 0

    before = counted()
    bath = anna.create(is_pleasant=True)["id"]
    for _ in range(2):
        anna.create(linked_habit_id=bath)
    anna.delete(bath)
    assert counted() == before + 2
